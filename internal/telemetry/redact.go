package telemetry

import (
	"bytes"
	"crypto/sha256"
	"encoding"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const (
	redacted = "[redacted]"

	// The two attributes whose values are left as they are, if they have the right shape: a masked id is useless.
	requestIDKey = "request_id"
	traceIDKey   = "trace_id"
)

var traceID = regexp.MustCompile(`^[0-9a-f]{32}$`)

// secretNames are the names of attributes and fields that are never written, without regard to case, _ and -. Those of a
// WeChat login come first; the rest is what other systems call the same things.
var secretNames = map[string]bool{
	"sessionkey": true, "appsecret": true, "secret": true, "code": true, "jscode": true, "logincode": true, "phonecode": true,
	"iv": true, "encrypteddata": true, "rawdata": true, "signature": true, "nonce": true, "encodingaeskey": true,
	"phone": true, "phonenumber": true, "purephonenumber": true, "mobile": true,
	"token": true, "accesstoken": true, "refreshtoken": true, "idtoken": true, "jwt": true, "bearer": true,
	"authorization": true, "proxyauthorization": true, "cookie": true, "setcookie": true,
	"password": true, "passwd": true, "privatekey": true, "seed": true, "databaseurl": true, "dsn": true,
}

// secretEndings cover compound names such as wechat_secret and newSessionKey.
var secretEndings = []string{"secret", "sessionkey", "token", "password", "phonenumber", "privatekey"}

// personNames name people at WeChat. They are needed to follow one person through a log, so they are hashed, not dropped.
var personNames = map[string]bool{"openid": true, "unionid": true, "fromusername": true}

// plain appends name to buffer in small letters and without separators. The buffer is the caller's, because this runs for
// every attribute of every event.
func plain(buffer []byte, name string) []byte {
	for i := range len(name) {
		switch c := name[i]; {
		case c == '_' || c == '-' || c == '.' || c == ' ':
		case c >= 'A' && c <= 'Z':
			buffer = append(buffer, c+'a'-'A')
		default:
			buffer = append(buffer, c)
		}
	}
	return buffer
}

func isSecret(name string) bool {
	var buffer [32]byte
	name = string(plain(buffer[:0], name))
	return secretNames[name] || slices.ContainsFunc(secretEndings, func(ending string) bool { return strings.HasSuffix(name, ending) })
}

func isPerson(name string) bool {
	var buffer [32]byte
	return personNames[string(plain(buffer[:0], name))]
}

// redact is the ReplaceAttr of both handlers: slog calls it for every attribute outside and inside groups, and for time,
// level and message.
func redact(groups []string, attr slog.Attr) slog.Attr {
	name := attr.Key
	attr.Key = mask(name)
	switch {
	case name == requestIDKey && plainID.MatchString(attr.Value.String()),
		name == traceIDKey && traceID.MatchString(attr.Value.String()):
		return attr
	case isSecret(name) || slices.ContainsFunc(groups, isSecret):
		attr.Value = blot(attr.Value)
	case isPerson(name):
		attr.Value = slog.StringValue(Pseudonym(attr.Value.String()))
	default:
		attr.Value = redactValue(attr.Value)
	}
	return attr
}

// blot hides a value. Whether there was one at all is no secret and often the question.
func blot(value slog.Value) slog.Value {
	if value.Kind() == slog.KindBool || value.Kind() == slog.KindString && value.String() == "" {
		return value
	}
	return slog.StringValue(redacted)
}

func redactValue(value slog.Value) slog.Value {
	switch value.Kind() {
	case slog.KindString:
		return slog.StringValue(mask(value.String()))
	case slog.KindTime:
		return slog.TimeValue(value.Time().UTC())
	case slog.KindInt64, slog.KindUint64:
		if value.Kind() == slog.KindInt64 && value.Int64() < 10_000_000_000 { // fewer digits than a phone number
			return value
		}
		if text := value.String(); maskNumbers(text) != text {
			return slog.StringValue(maskNumbers(text))
		}
		return value
	case slog.KindAny:
		return redactAny(value.Any())
	}
	return value
}

// redactAny renders a value of any type and redacts what it finds inside. A value that cannot be rendered, or that panics
// when asked to, must not cost more than its attribute.
func redactAny(value any) (result slog.Value) {
	defer func() {
		if recover() != nil {
			result = slog.StringValue(fmt.Sprintf("[unprintable %T]", value))
		}
	}()
	switch typed := value.(type) {
	case nil:
		return slog.AnyValue(nil)
	case slog.Level:
		return slog.AnyValue(typed)
	case error:
		return slog.StringValue(mask(typed.Error()))
	case encoding.TextMarshaler:
		text, err := typed.MarshalText()
		if err != nil {
			panic(err)
		}
		return slog.StringValue(mask(string(text)))
	}
	if kind := reflect.TypeOf(value); kind.Kind() == reflect.Slice && kind.Elem().Kind() == reflect.Uint8 {
		return slog.StringValue("[" + strconv.Itoa(reflect.ValueOf(value).Len()) + " bytes]")
	}
	return slog.AnyValue(redactTree(tree(value)))
}

// tree returns a value as its JSON would be read: maps, lists, texts and numbers. Unexported fields are not in it.
func tree(value any) any {
	encoded, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	decoder := json.NewDecoder(bytes.NewReader(encoded))
	decoder.UseNumber() // a phone number is more digits than a float prints
	var decoded any
	if err := decoder.Decode(&decoded); err != nil {
		panic(err)
	}
	return decoded
}

func redactTree(node any) any {
	switch typed := node.(type) {
	case map[string]any:
		clean := make(map[string]any, len(typed))
		for name, value := range typed {
			switch {
			case isSecret(name):
				clean[mask(name)] = blot(slog.AnyValue(value)).Any()
			case isPerson(name):
				clean[mask(name)] = Pseudonym(fmt.Sprint(value))
			default:
				clean[mask(name)] = redactTree(value)
			}
		}
		return clean
	case []any:
		for i, value := range typed {
			typed[i] = redactTree(value)
		}
		return typed
	case string:
		return mask(typed)
	case json.Number:
		if text := maskNumbers(typed.String()); text != typed.String() {
			return text
		}
	}
	return node
}

// Pseudonym returns the same short text for the same person. An openid is long and random enough that its hash cannot be
// turned back by trying.
func Pseudonym(id string) string {
	if id == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(id))
	return "sha256:" + hex.EncodeToString(sum[:6])
}
