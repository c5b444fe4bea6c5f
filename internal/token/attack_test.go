package token_test

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"mpauth/internal/token"
)

// The template of this file is good itself: without this, every refusal below could have another reason.
func TestTemplateIsAccepted(t *testing.T) {
	t.Parallel()
	_, err := access(t, options(t, &clock{at: start()})).Verify(forge(goodHeader, goodPayload(), signingKey("k1", 1)))
	require.NoError(t, err)
}

// Correctly signed with our key: only the header is at fault.
func TestHeaderProfile(t *testing.T) {
	t.Parallel()
	a := access(t, options(t, &clock{at: start()}))
	for name, header := range map[string]string{
		"alg none":                  `{"alg":"none","kid":"k1","typ":"at+jwt"}`,
		"alg None":                  `{"alg":"None","kid":"k1","typ":"at+jwt"}`,
		"alg in other case":         `{"alg":"eddsa","kid":"k1","typ":"at+jwt"}`,
		"alg HS256":                 `{"alg":"HS256","kid":"k1","typ":"at+jwt"}`,
		"alg ES256":                 `{"alg":"ES256","kid":"k1","typ":"at+jwt"}`,
		"alg Ed25519 (RFC 9864)":    `{"alg":"Ed25519","kid":"k1","typ":"at+jwt"}`,
		"alg missing":               `{"kid":"k1","typ":"at+jwt"}`,
		"alg empty":                 `{"alg":"","kid":"k1","typ":"at+jwt"}`,
		"alg null":                  `{"alg":null,"kid":"k1","typ":"at+jwt"}`,
		"alg a list":                `{"alg":["EdDSA"],"kid":"k1","typ":"at+jwt"}`,
		"alg twice":                 `{"alg":"none","alg":"EdDSA","kid":"k1","typ":"at+jwt"}`,
		"alg twice, once escaped":   `{"\u0061lg":"none","alg":"EdDSA","kid":"k1","typ":"at+jwt"}`,
		"alg in two cases":          `{"alg":"EdDSA","ALG":"none","kid":"k1","typ":"at+jwt"}`,
		"member in another case":    `{"Alg":"EdDSA","kid":"k1","typ":"at+jwt"}`,
		"kid missing":               `{"alg":"EdDSA","typ":"at+jwt"}`,
		"kid empty":                 `{"alg":"EdDSA","kid":"","typ":"at+jwt"}`,
		"kid null":                  `{"alg":"EdDSA","kid":null,"typ":"at+jwt"}`,
		"kid a number":              `{"alg":"EdDSA","kid":1,"typ":"at+jwt"}`,
		"kid unknown":               `{"alg":"EdDSA","kid":"k2","typ":"at+jwt"}`,
		"kid in another case":       `{"alg":"EdDSA","kid":"K1","typ":"at+jwt"}`,
		"kid a longer one":          `{"alg":"EdDSA","kid":"k1 ","typ":"at+jwt"}`,
		"kid a path":                `{"alg":"EdDSA","kid":"../../dev/null","typ":"at+jwt"}`,
		"kid an injection":          `{"alg":"EdDSA","kid":"k1' OR '1'='1","typ":"at+jwt"}`,
		"kid twice":                 `{"alg":"EdDSA","kid":"k2","kid":"k1","typ":"at+jwt"}`,
		"typ missing":               `{"alg":"EdDSA","kid":"k1"}`,
		"typ JWT":                   `{"alg":"EdDSA","kid":"k1","typ":"JWT"}`,
		"typ in another case":       `{"alg":"EdDSA","kid":"k1","typ":"AT+JWT"}`,
		"typ in full":               `{"alg":"EdDSA","kid":"k1","typ":"application/at+jwt"}`,
		"typ of a refresh token":    `{"alg":"EdDSA","kid":"k1","typ":"rt+jwt"}`,
		"typ of a logout token":     `{"alg":"EdDSA","kid":"k1","typ":"logout+jwt"}`,
		"jku":                       `{"alg":"EdDSA","kid":"k1","typ":"at+jwt","jku":"https://evil.example/jwks"}`,
		"jwk":                       `{"alg":"EdDSA","kid":"k1","typ":"at+jwt","jwk":{"kty":"OKP"}}`,
		"x5u":                       `{"alg":"EdDSA","kid":"k1","typ":"at+jwt","x5u":"https://evil.example/x5u"}`,
		"x5c":                       `{"alg":"EdDSA","kid":"k1","typ":"at+jwt","x5c":[]}`,
		"crit":                      `{"alg":"EdDSA","kid":"k1","typ":"at+jwt","crit":["exp"]}`,
		"b64":                       `{"alg":"EdDSA","kid":"k1","typ":"at+jwt","b64":false}`,
		"zip":                       `{"alg":"EdDSA","kid":"k1","typ":"at+jwt","zip":"DEF"}`,
		"cty":                       `{"alg":"EdDSA","kid":"k1","typ":"at+jwt","cty":"JWT"}`,
		"an unknown member":         `{"alg":"EdDSA","kid":"k1","typ":"at+jwt","x":1}`,
		"members in another order":  `{"typ":"at+jwt","kid":"k1","alg":"EdDSA"}`,
		"white space":               `{"alg": "EdDSA","kid":"k1","typ":"at+jwt"}`,
		"text after the header":     goodHeader + `{}`,
		"header is null":            `null`,
		"header is a list":          `["alg"]`,
		"header is a string":        `"alg"`,
		"header is empty":           ``,
		"header is cut":             goodHeader[:len(goodHeader)-1],
		"header is not UTF-8":       strings.Replace(goodHeader, "k1", "k1\xff", 1),
		"header has a trailing NUL": goodHeader + "\x00",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := a.Verify(forge(header, goodPayload(), signingKey("k1", 1)))
			require.Equal(t, token.ErrInvalid, err)
		})
	}
}

// Correctly signed with our key: only the payload is at fault.
func TestPayloadProfile(t *testing.T) {
	t.Parallel()
	a := access(t, options(t, &clock{at: start()}))
	iat, exp := fmt.Sprintf(`"iat":%d`, start().Unix()), fmt.Sprintf(`"exp":%d`, start().Add(ttl).Unix())
	payloads := map[string]string{
		"other issuer":          with(t, issuer, "https://other.example.cn"),
		"issuer with a slash":   with(t, issuer, issuer+"/"),
		"other audience":        with(t, audience, "https://other.example.cn"),
		"audience a list":       with(t, `"aud":"`+audience+`"`, `"aud":["`+audience+`"]`),
		"ver a string":          with(t, `"ver":3`, `"ver":"3"`),
		"ver negative":          with(t, `"ver":3`, `"ver":-1`),
		"ver a fraction":        with(t, `"ver":3`, `"ver":3.0`),
		"ver too large":         with(t, `"ver":3`, `"ver":9223372036854775808`),
		"iat a string":          with(t, iat, `"iat":"1772366400"`),
		"iat a fraction":        with(t, iat, iat+".5"),
		"iat in the future":     with(t, iat, fmt.Sprintf(`"iat":%d`, start().Add(leeway+time.Second).Unix())),
		"exp with an exponent":  with(t, exp, `"exp":2e10`),
		"exp a string":          with(t, exp, `"exp":"9999999999"`),
		"exp beyond all years":  with(t, exp, `"exp":9223372036854775807`),
		"exp 0":                 with(t, exp, `"exp":0`),
		"exp before iat":        with(t, iat, fmt.Sprintf(`"iat":%d`, start().Add(ttl+time.Second).Unix())),
		"exp twice":             with(t, exp, exp+`,"exp":9999999999`),
		"exp twice, escaped":    with(t, exp, exp+`,"e\u0078p":9999999999`),
		"sub twice":             with(t, `"ver":3`, `"ver":3,"sub":"somebody else"`),
		"SUB beside sub":        with(t, `"ver":3`, `"ver":3,"SUB":"somebody else"`),
		"Sub instead of sub":    with(t, `"sub"`, `"Sub"`),
		"a claim we never make": with(t, `"ver":3`, `"ver":3,"admin":true`),
		"nbf":                   with(t, `"ver":3`, `"ver":3,"nbf":1`),
		"white space":           with(t, `"ver":3`, `"ver": 3`),
		"an escaped letter":     with(t, `"ver":3`, `"\u0076er":3`),
		"not UTF-8 in a claim":  with(t, user, "\xff"),
		"lone surrogate":        with(t, user, `\ud800`),
		"ver minus 0":           with(t, `"ver":3`, `"ver":-0`),
		"not UTF-8":             with(t, `"ver":3`, "\"ver\":3,\"x\":\"\xff\""),
		"text after it":         goodPayload() + `{}`,
		"null":                  `null`,
		"a list":                `[` + goodPayload() + `]`,
		"empty object":          `{}`,
		"empty":                 ``,
	}
	var claims map[string]any
	require.NoError(t, json.Unmarshal([]byte(goodPayload()), &claims))
	for claim, value := range claims {
		text, err := json.Marshal(value)
		require.NoError(t, err)
		if number, ok := value.(float64); ok {
			text = fmt.Appendf(nil, "%d", int64(number))
		}
		for kind, other := range map[string]string{"null": "null", "true": "true", "an object": "{}", "a list": "[]", "empty": `""`} {
			payloads[claim+" "+kind] = with(t, `"`+claim+`":`+string(text), `"`+claim+`":`+other)
		}
		without := strings.Replace(goodPayload(), `"`+claim+`":`+string(text), "", 1)
		without = strings.NewReplacer(",,", ",", "{,", "{", ",}", "}").Replace(without)
		require.True(t, json.Valid([]byte(without)))
		payloads[claim+" missing"] = without
	}
	for name, payload := range payloads {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := a.Verify(forge(goodHeader, payload, signingKey("k1", 1)))
			require.Equal(t, token.ErrInvalid, err)
		})
	}
}

func TestSignatureAttacks(t *testing.T) {
	t.Parallel()
	c := &clock{at: start()}
	a := access(t, options(t, c))
	key := signingKey("k1", 1)
	raw := mint(t, a)
	signed, signature := raw[:strings.LastIndex(raw, ".")], raw[strings.LastIndex(raw, ".")+1:]

	hs256 := func(secret []byte) string {
		text := encode([]byte(`{"alg":"HS256","kid":"k1","typ":"at+jwt"}`)) + "." + encode([]byte(goodPayload()))
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(text))
		return text + "." + encode(mac.Sum(nil))
	}
	jwks := options(t, c).Keys.JWKS()
	for name, forged := range map[string]string{
		"no signature":                   signed + ".",
		"no signature, alg none":         encode([]byte(`{"alg":"none","kid":"k1","typ":"at+jwt"}`)) + "." + encode([]byte(goodPayload())) + ".",
		"two segments":                   signed,
		"four segments":                  raw + ".",
		"five segments (JWE)":            raw + "..",
		"JSON serialization":             `{"payload":"` + encode([]byte(goodPayload())) + `"}`,
		"HS256 with the public key":      hs256(publicOf(key)),
		"HS256 with the JWKS":            hs256(jwks),
		"another key under our kid":      forge(goodHeader, goodPayload(), signingKey("k1", 2)),
		"a signature of zeros":           signed + "." + encode(make([]byte, ed25519.SignatureSize)),
		"a cut signature":                raw[:len(raw)-4],
		"a longer signature":             raw + "AAAA",
		"another token's signature":      signed + "." + lastSegment(forge(goodHeader, with(t, user, "another user"), key)),
		"signature of the payload alone": signed + "." + encode(ed25519.Sign(key.Private, []byte(goodPayload()))),
		"signature first":                signature + "." + signed,
		"Bearer in front":                "Bearer " + raw,
		"a space behind":                 raw + " ",
		"empty":                          "",
		"dots":                           "..",
		"a NUL":                          raw + "\x00",
		"not ASCII":                      raw + "é",
		"full-width letter":              strings.Replace(raw, "e", "ｅ", 1),
		"invalid UTF-8":                  raw + "\xff",
		"a refresh token":                "AQAAAAEBmLWifB59M5sKPx9fPCoRAAAAAAAAAAMAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"padding":                        raw + "==",
		"standard alphabet":              signed + "." + strings.NewReplacer("-", "+", "_", "/").Replace(signature) + "+",
		"4 KB of dots":                   strings.Repeat(".", 4096),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := a.Verify(forged)
			require.Equal(t, token.ErrInvalid, err)
		})
	}
}

func lastSegment(raw string) string { return raw[strings.LastIndex(raw, ".")+1:] }

// One token has one spelling. The 64 bytes of a signature leave four spare bits in its last character, and decoders skip line breaks: a lenient
// reader accepts many strings for one token, and whoever remembers tokens by their text is deceived.
func TestOnlyOneSpellingVerifies(t *testing.T) {
	t.Parallel()
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	a := access(t, options(t, &clock{at: start()}))
	raw := mint(t, a)
	lenient := jwt.NewParser(jwt.WithTimeFunc(start))

	accepted, leniently := []string{}, 0
	try := func(variant string) {
		if _, err := a.Verify(variant); err == nil {
			accepted = append(accepted, variant)
		}
		if _, err := lenient.Parse(variant, func(*jwt.Token) (any, error) { return publicOf(signingKey("k1", 1)), nil }); err == nil {
			leniently++
		}
	}
	for _, last := range alphabet {
		try(raw[:len(raw)-1] + string(last))
	}
	for at := strings.LastIndex(raw, "."); at <= len(raw); at++ {
		for _, inserted := range []string{"\n", "\r", "\r\n", "=", " ", "\t"} {
			try(raw[:at] + inserted + raw[at:])
		}
	}
	require.Equal(t, []string{raw}, accepted)
	require.Greater(t, leniently, 100, "the variants prove nothing if a lenient parser refuses them too")
}

func TestHugeTokenIsRefusedUnread(t *testing.T) { // not parallel: it counts allocations
	a := access(t, options(t, &clock{at: start()}))
	for _, n := range []int{4096, 1 << 20} {
		// Correctly signed, so that size is all that speaks against it.
		raw := forge(goodHeader, with(t, user, strings.Repeat("u", n)), signingKey("k1", 1))
		_, err := a.Verify(raw)
		require.Equal(t, token.ErrInvalid, err)
		require.Zero(t, testing.AllocsPerRun(10, func() { _, _ = a.Verify(raw) }), "no work for what is too long")
	}
	fits := forge(goodHeader, with(t, user, strings.Repeat("u", 2000)), signingKey("k1", 1))
	_, err := a.Verify(fits)
	require.NoError(t, err)
}

func FuzzAccessVerify(f *testing.F) {
	a := access(f, options(f, &clock{at: start()}))
	raw := mint(f, a)
	for _, seed := range []string{
		raw, raw + "\n", raw[:40], "..", goodHeader, forge(goodHeader, `null`, signingKey("k1", 1)),
		forge(`{"alg":"none"}`, goodPayload(), signingKey("k1", 1)), forge(goodHeader, `{"exp":1e400}`, signingKey("k1", 1)),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, input string) {
		claims, err := a.Verify(input)
		switch {
		case err == nil:
			require.Equal(t, raw, input, "a token that was never minted")
		default:
			require.Contains(t, []error{token.ErrInvalid, token.ErrExpired}, err)
			require.Zero(t, claims)
		}
	})
}
