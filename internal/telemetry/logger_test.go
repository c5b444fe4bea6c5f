package telemetry_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"mpauth/internal/telemetry"
)

// Secrets as they look in life. Each is planted everywhere and must be found nowhere.
var (
	sessionKey   = "HyVFkGl5F5OQWJZZaNzBBg=="
	appSecret    = "4f1c2d3e4b5a69788796a5b4c3d2e1f0"
	loginCode    = "0a3Xk0Ga1bQ2cR3dS4eT5fU6gV7hW8iY"
	phoneCode    = strings.Repeat("e31968a7f94cc5ee", 4)
	jwt          = "eyJhbGciOiJFZERTQSIsImtpZCI6IjEifQ.eyJzdWIiOiIwMThmIn0.c2lnbmF0dXJlLW9mLXRoZS10b2tlbg"
	refreshToken = "AQAAAAEBj3v9cQJ2eLq0V7mXn1yTAAAAAAAAAAdHk3pQ9wZ1sX5vBn8mYc4Rt6UaLfEoDiGjKhJkWqOzVr"
	accessToken  = "57_AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-AbCdEfGhIjKlMnOpQrStUvWxYz_0123456789AbCdEfGhIjKlMn"
	ciphertext   = "CiyLU1Aw2KjvrjMdj8YKliAjtP4gsMZMQmRzooG2xrDcvSnxIMXFufNstNGTyaGS9uT5geRa0W4oTOb1WT7fJlAC"
	mobile       = "13812345678"
	openID       = "oGZUI0egBJY1zhBYw2KhdUfwVJJE"
	databaseURL  = "postgres://mpauth:pa55@word@db.example.com:5432/mpauth"
)

// canaries are the parts that must not appear: for what may be shortened, the part that is secret.
var canaries = []string{sessionKey, appSecret, loginCode, phoneCode, jwt, refreshToken, accessToken, ciphertext, mobile, openID, "pa55", "word@", "c0dec0de",
	jwt[40:], refreshToken[20:], accessToken[20:], ciphertext[20:], mobile[4:]}

func requireClean(t *testing.T, text string) {
	t.Helper()
	for _, canary := range canaries {
		require.NotContains(t, text, canary)
	}
}

// logged returns what both formats make of an event.
func logged(t *testing.T, log func(*slog.Logger)) string {
	t.Helper()
	var out bytes.Buffer
	log(telemetry.NewLogger(&out, "json", slog.LevelDebug))
	for line := range strings.Lines(out.String()) {
		require.True(t, json.Valid([]byte(line)), line)
	}
	log(telemetry.NewLogger(&out, "text", slog.LevelDebug))
	require.NotContains(t, out.String(), "!PANIC")
	return out.String()
}

func TestSecretNamesAreRedacted(t *testing.T) {
	t.Parallel()
	names := []string{"session_key", "sessionKey", "SessionKey", "new_session_key", "secret", "app_secret", "AppSecret", "wechat-secret", "code", "js_code", "jsCode",
		"token", "access_token", "accessToken", "refresh_token", "Authorization", "Cookie", "Set-Cookie", "phone", "phone_number", "purePhoneNumber",
		"iv", "encrypted_data", "encryptedData", "raw_data", "signature", "password", "nonce", "EncodingAESKey", "database_url", "private_key"}
	const short = "tiny" // looks like nothing, so that only the name can tell
	for _, name := range names {
		out := logged(t, func(log *slog.Logger) {
			log.Info("x", name, short)
			log.Info("x", slog.Group("login", slog.String(name, short)))
			log.Info("x", slog.Group(name, slog.String("current", short)))
			log.With(name, short).Info("x")
			log.WithGroup("login").With(name, short).Info("x")
			log.WithGroup(name).Info("x", "current", short)
			log.Info("x", "fields", map[string]any{name: short, "list": []any{map[string]string{name: short}}})
			log.Info("x", name, []byte(short))
			log.Info("x", name, 1234567)
			log.Info("x", name, struct{ X string }{short})
		})
		require.NotContains(t, out, short, name)
		require.NotContains(t, out, "1234567", name)
		require.Contains(t, out, "[redacted]", name)
	}
	type session struct {
		OpenID     string
		SessionKey string
		inner      string
	}
	out := logged(t, func(log *slog.Logger) {
		log.Info("x", "session", session{OpenID: openID, SessionKey: short, inner: short})
		log.Info("x", "session", &session{OpenID: openID, SessionKey: short, inner: short})
	})
	require.NotContains(t, out, short)
	require.NotContains(t, out, openID)
}

// The canary: every secret in every place where a careless line could put it, under names that tell nothing.
func TestSecretsAreMaskedWhereverTheyStand(t *testing.T) {
	t.Parallel()
	query := url.Values{"appid": {"wx1"}, "secret": {appSecret}, "js_code": {loginCode}, "code": {"c0de"}, "access_token": {accessToken}, "openid": {openID}}.Encode()
	texts := []string{
		sessionKey, appSecret, loginCode, phoneCode, jwt, refreshToken, accessToken, ciphertext, mobile, "+86" + mobile, "86" + mobile, "0086" + mobile, openID, databaseURL,
		"key is " + sessionKey + ".", "tel" + mobile + "/" + mobile + "," + mobile, "+86 138 1234 5678", "138-1234-5678", "(" + jwt + ")",
		"GET https://api.weixin.qq.com/sns/jscode2session?" + query, query,
		`Get "https://api.weixin.qq.com/sns/jscode2session?secret=` + appSecret + `&js_code=` + loginCode + `": dial tcp: timeout`,
		"Authorization: Bearer " + jwt, "bearer " + refreshToken, "cannot connect to " + databaseURL + ": refused",
		"/users/" + openID + "/x", "/sessions/" + refreshToken, "path/" + appSecret,
		`{"openid":"` + openID + `","session_key":"` + sessionKey + `"}`, fmt.Sprintf("%q", `{"session_key":"`+sessionKey+`","phoneNumber":"`+mobile+`"}`),
		fmt.Sprintf("%+v", struct{ SessionKey, Phone, Code string }{sessionKey, mobile, loginCode}),
		"https://h/p?x=1&code=c0dec0de&iv=c0dec0de", "code=c0dec0de", `{"code":"c0dec0de","x":1}`, `{\"iv\":\"c0dec0de\"}`, "Authorization: Bearer c0dec0de-c0dec0de",
		"user=mpauth password=pa55@word host=db", "password='pa55 word@'",
	}
	type holder struct {
		Note  string
		Notes []string
		Inner map[string]string
	}
	for _, text := range texts {
		out := logged(t, func(log *slog.Logger) {
			log.Info(text)
			log.Info("x", "note", text)
			log.With("note", text).WithGroup("g").Info("x", slog.Group("h", slog.String("note", text)))
			log.Info("x", "err", errors.New(text))
			log.Error("x", "err", fmt.Errorf("login: %w", fmt.Errorf("exchange: %w", errors.New(text))))
			log.Info("x", "err", errors.Join(errors.New("a"), errors.New(text)))
			log.Info("x", "value", holder{text, []string{text}, map[string]string{"a": text, text: "b"}})
			log.Info("x", "value", &holder{Note: text})
			log.Info("x", "value", []any{text, map[string]any{text: text}})
			log.Info("x", "value", stringer(text))
			log.Info("x", "value", marshaler(text))
			log.Info("x", "value", valuer(text))
			log.Info("x", "value", []byte(text))
			log.Info("x", "value", json.RawMessage(`"`+text+`"`))
			log.Info("x", text, "value")
		})
		requireClean(t, out)
	}
	out := logged(t, func(log *slog.Logger) {
		log.Info("x", "a", 13812345678, "b", uint64(8613812345678), "c", map[string]int{"d": 13812345678})
		location, err := url.Parse("https://u:pa55@h/p?" + query)
		require.NoError(t, err)
		log.Info("x", "url", location, "copy", *location)
	})
	requireClean(t, out)
}

type stringer string

func (s stringer) String() string { return string(s) }

type marshaler string

func (m marshaler) MarshalText() ([]byte, error) { return []byte(m), nil }

type valuer string

func (v valuer) LogValue() slog.Value { return slog.GroupValue(slog.String("note", string(v))) }

// What an operator needs to read is not a secret, however it looks.
func TestWhatIsNoSecretStays(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"018f7bfd-7102-7678-abb4-57b99d7cb593", "wx4f4bc4dec97d474b", "POST /graphql", "40029 invalid code, rid: 617833f5-4d39a245-36d3a896",
		"read secret: no such file or directory", "access_token: expired", "status code: 500", "dial tcp 127.0.0.1:5432: connect: connection refused",
		"2026-11-22T18:40:00.123456Z", "1700000000", "1700000000123", "silentLogin", "http://127.0.0.1:8080/playground", "/var/lib/mpauth/mpauth.db",
		"github.com/99designs/gqlgen/graphql/executor.(*Executor).DispatchOperation", "微信用户", "138****5678", "127.0.0.1:54321", "12345678901", "+0800",
	} {
		out := logged(t, func(log *slog.Logger) { log.Info("x", "note", text) })
		require.Equal(t, 2, strings.Count(out, text), "%s\n%s", text, out)
	}
	out := logged(t, func(log *slog.Logger) {
		log.Info("x", "phone", true, "token", "", "count", 42, "big", 17000000000000)
	})
	for _, want := range []string{`"phone":true`, "phone=true", `"token":""`, `token=""`, `"count":42`, "big=17000000000000"} {
		require.Contains(t, out, want)
	}
}

func TestOnePersonCanBeFollowedWithoutTheOpenid(t *testing.T) {
	t.Parallel()
	out := logged(t, func(log *slog.Logger) {
		log.Info("x", "openid", openID)
		log.Info("x", "open_id", openID)
		log.Info("the user "+openID+" again", "fields", map[string]string{"unionId": openID})
	})
	require.Equal(t, 8, strings.Count(out, "sha256:8312f09bb3c8"), out)
	requireClean(t, out)
}

func TestPhoneNumbersKeepWhatTellsThemApart(t *testing.T) {
	t.Parallel()
	for number, want := range map[string]string{
		"13812345678": "138****5678", "+8613812345678": "+86138****5678", "+14155550123": "+141****0123", "138 1234 5678": "138****5678",
	} {
		require.Contains(t, logged(t, func(log *slog.Logger) { log.Info("sent to " + number) }), "sent to "+want)
	}
}

// Nobody can write a line of our log by naming himself cleverly.
func TestNoLogInjection(t *testing.T) {
	t.Parallel()
	nasty := "a\r\nlevel=ERROR msg=\"forged\"\n{\"level\":\"ERROR\"}\x1b[2J\x00\u009b31m\u202eevil\u2028next\u0085\x7f\t"
	out := logged(t, func(log *slog.Logger) {
		log.Info(nasty, "note", nasty, nasty, nasty, "err", errors.New(nasty), "value", map[string]string{nasty: nasty})
	})
	require.Equal(t, 2, strings.Count(out, "\n"), "one line each")
	for _, forbidden := range []string{"\r", "\x1b", "\x00", "\u009b", "\u202e", "\u2028", "\u0085", "\x7f", "\t"} {
		require.NotContains(t, out, forbidden)
	}
	require.Contains(t, out, "forged", "it is told, but quoted")
}

func TestTimesAreUTC(t *testing.T) {
	t.Parallel()
	east := time.FixedZone("east", 8*3600)
	out := logged(t, func(log *slog.Logger) { log.Info("x", "at", time.Date(2026, 1, 2, 8, 0, 0, 0, east)) })
	require.Equal(t, 2, strings.Count(out, "2026-01-02T00:00:00"))
	require.Regexp(t, `(?m)^\{"time":"[0-9T:.-]+Z"`, out)
	require.Regexp(t, `(?m)^time=[0-9T:.-]+Z`, out)
}

func TestLevelIsHeld(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := telemetry.NewLogger(&out, "json", slog.LevelWarn)
	log.Info("quiet")
	log.Warn("loud")
	require.NotContains(t, out.String(), "quiet")
	require.Contains(t, out.String(), `"level":"WARN"`)
}

// A value that cannot be written costs its attribute and not the event.
func TestUnprintableValues(t *testing.T) {
	t.Parallel()
	var none *broken
	cycle := map[string]any{}
	cycle["self"] = cycle
	out := logged(t, func(log *slog.Logger) {
		log.Info("x", "a", none, "b", make(chan int), "c", cycle, "d", func() {}, "e", nil, "f", error(none), "last", "here")
	})
	require.Equal(t, 2, strings.Count(out, "here"))
	require.Contains(t, out, "[unprintable *telemetry_test.broken]")
	require.Contains(t, out, "[unprintable chan int]")
}

type broken struct{ text string }

func (b *broken) Error() string { return b.text }

func TestLongTextsAreCut(t *testing.T) {
	t.Parallel()
	out := logged(t, func(log *slog.Logger) { log.Info("x", "note", strings.Repeat("long ", 20000)) })
	require.Less(t, len(out), 40_000)
	require.Contains(t, out, "bytes more)")
}

func BenchmarkRequestEvent(b *testing.B) {
	var out bytes.Buffer
	log := telemetry.NewLogger(&out, "json", slog.LevelInfo)
	for b.Loop() {
		out.Reset()
		log.Info("request", "method", "POST", "route", "POST /graphql", "status", 200, "duration_ms", 3.25, "bytes", 812, "remote", "private",
			"operation", "silentLogin", "app_id", "wx4f4bc4dec97d474b", "user_id", "018f7bfd-7102-7678-abb4-57b99d7cb593", "request_id", "0123456789abcdef0123")
	}
}

func BenchmarkRequestEventWithoutRedaction(b *testing.B) {
	var out bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&out, nil))
	for b.Loop() {
		out.Reset()
		log.Info("request", "method", "POST", "route", "POST /graphql", "status", 200, "duration_ms", 3.25, "bytes", 812, "remote", "private",
			"operation", "silentLogin", "app_id", "wx4f4bc4dec97d474b", "user_id", "018f7bfd-7102-7678-abb4-57b99d7cb593", "request_id", "0123456789abcdef0123")
	}
}

// The planted secrets are single examples; these are all that have their shape.
func TestAnySecretOfAKnownShapeIsMasked(t *testing.T) {
	t.Parallel()
	shapes := map[string]*rapid.Generator[string]{
		"session key":   bytesAs(16, base64.StdEncoding.EncodeToString),
		"app secret":    bytesAs(16, hex.EncodeToString),
		"phone code":    bytesAs(32, hex.EncodeToString),
		"refresh token": bytesAs(61, base64.RawURLEncoding.EncodeToString),
		"ciphertext":    bytesAs(96, base64.StdEncoding.EncodeToString),
		"mobile":        rapid.StringMatching(`1[3-9][0-9]{9}`),
		"openid":        rapid.StringMatching(`o[A-Z][a-z][A-Za-z0-9_-]{25}`),
		"login code":    rapid.StringMatching(`0[a-z0-9A-Z]{31}`),
	}
	for name, shape := range shapes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				secret := shape.Draw(t, "secret")
				before := rapid.SampledFrom([]string{"", "x ", "(", `"`, "k=", "/", "微信"}).Draw(t, "before")
				after := rapid.SampledFrom([]string{"", " x", ")", `"`, "&k=v", "/", "。"}).Draw(t, "after")
				var out bytes.Buffer
				telemetry.NewLogger(&out, "json", slog.LevelInfo).Info("x", "note", before+secret+after)
				require.NotContains(t, out.String(), secret)
			})
		})
	}
}

// bytesAs encodes bytes as random as those of real secrets; rapid's own would favour zeros.
func bytesAs(length int, encode func([]byte) string) *rapid.Generator[string] {
	return rapid.Map(rapid.Uint64(), func(seed uint64) string {
		secret := make([]byte, length)
		_, _ = rand.NewChaCha8(sha256.Sum256([]byte(strconv.FormatUint(seed, 10)))).Read(secret)
		return encode(secret)
	})
}
