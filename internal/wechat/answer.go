package wechat

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"unicode/utf8"
)

// object is one JSON object with its names exactly as sent. encoding/json's structs are not used for data from outside: they
// match names in any case, let the last of two equal names win and replace bad UTF-8, and each has been an attack somewhere.
type object map[string]any

// maxDepth is far more nesting than any known answer has (three levels).
const maxDepth = 8

var errNotStrictJSON = errors.New("not one strict JSON object")

// parseObject reads exactly one JSON object: valid UTF-8, no name twice at any level, nothing after it.
func parseObject(data []byte) (object, error) {
	if !utf8.Valid(data) || !json.Valid(data) {
		return nil, errNotStrictJSON
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	value, err := readValue(decoder, maxDepth)
	if err != nil {
		return nil, errNotStrictJSON
	}
	parsed, ok := value.(object)
	if !ok {
		return nil, errNotStrictJSON
	}
	return parsed, nil
}

// readValue reads one value of already validated JSON.
func readValue(decoder *json.Decoder, depth int) (any, error) {
	token, err := decoder.Token()
	if err != nil {
		return nil, err
	}
	opening, nested := token.(json.Delim)
	if !nested {
		return token, nil
	}
	if depth == 0 {
		return nil, errNotStrictJSON
	}
	if opening == '[' {
		return readArray(decoder, depth-1)
	}
	return readObject(decoder, depth-1)
}

func readArray(decoder *json.Decoder, depth int) ([]any, error) {
	var values []any
	for decoder.More() {
		value, err := readValue(decoder, depth)
		if err != nil {
			return nil, err
		}
		values = append(values, value)
	}
	_, err := decoder.Token()
	return values, err
}

func readObject(decoder *json.Decoder, depth int) (object, error) {
	values := object{}
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return nil, err
		}
		name, isString := token.(string)
		if _, twice := values[name]; twice || !isString {
			return nil, errNotStrictJSON
		}
		if values[name], err = readValue(decoder, depth); err != nil {
			return nil, err
		}
	}
	_, err := decoder.Token()
	return values, err
}

// text returns the string called name, "" when there is none.
func (o object) text(name string) string {
	value, _ := o[name].(string)
	return value
}

// integer returns the whole number called name; a missing one is 0 and fine, anything else that is not a whole number is not.
func (o object) integer(name string) (int64, bool) {
	value, present := o[name]
	if !present {
		return 0, true
	}
	number, isNumber := value.(json.Number)
	if !isNumber {
		return 0, false
	}
	whole, err := number.Int64()
	return whole, err == nil
}

// child returns the object called name, an empty one when there is none.
func (o object) child(name string) object {
	value, _ := o[name].(object)
	return value
}

// keySize is the length of a decoded session key and of an IV: AES-128 in CBC mode.
const keySize = 16

// decodeBase64 takes the standard alphabet with padding and nothing else. The decoder of the standard library skips line
// breaks even when strict, which would give one value many spellings.
func decodeBase64(text string) ([]byte, bool) {
	if strings.ContainsAny(text, "\r\n") {
		return nil, false
	}
	decoded, err := base64.StdEncoding.Strict().DecodeString(text)
	return decoded, err == nil
}

// isSessionKey tells whether text is what WeChat documents a session_key to be: base64 of 16 bytes.
func isSessionKey(text string) bool {
	key, ok := decodeBase64(text)
	return ok && len(key) == keySize
}

// maxIdentifier bounds openids (28 characters today) and unionids.
const maxIdentifier = 128

// isIdentifier tells whether text can be an openid or unionid: printable ASCII of a sane length.
func isIdentifier(text string) bool {
	if text == "" || len(text) > maxIdentifier {
		return false
	}
	return !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
}
