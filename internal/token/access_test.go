package token_test

import (
	"errors"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"mpauth/internal/token"
)

// The set of claims, byte for byte. Whoever adds one must come by here and ask whether it is personal data, and whether replicas that run the
// release before can read it.
func TestAccessTokenSaysExactlyThis(t *testing.T) {
	t.Parallel()
	raw := mint(t, access(t, options(t, &clock{at: start()})))
	segments := strings.Split(raw, ".")
	require.Len(t, segments, 3)
	require.Equal(t, `{"alg":"EdDSA","kid":"k1","typ":"at+jwt"}`, decode(t, segments[0]))
	require.Equal(t, `{"iss":"https://auth.example.cn","aud":"https://api.example.cn","sub":"0198b5a2-7c1e-7d33-9b0a-3f1f5f3c2a10",`+
		`"client_id":"wx0123456789abcdef","sid":"0198b5a2-7c1e-7d33-9b0a-3f1f5f3c2a11","jti":"00000000-0000-4000-8000-000000000000",`+
		`"ver":3,"iat":1772366400,"exp":1772367000}`, decode(t, segments[1]))
	require.Equal(t, forge(goodHeader, goodPayload(), signingKey("k1", 1)), raw, "Ed25519 is deterministic, and so is the token")
}

func TestVerifyReturnsWhatMintWasGiven(t *testing.T) {
	t.Parallel()
	c := &clock{}
	rapid.Check(t, func(t *rapid.T) {
		c.at = start().Add(time.Duration(rapid.Int64Range(0, int64(1000*time.Hour)).Draw(t, "later")))
		ring, err := token.NewKeyRing(c.now, signingKey("k1", 1))
		require.NoError(t, err)
		lifetime := time.Duration(rapid.Int64Range(int64(time.Second), int64(time.Hour)).Draw(t, "ttl"))
		a, err := token.NewAccess(token.AccessOptions{Issuer: issuer, Audience: audience, TTL: lifetime, Keys: ring, Now: c.now})
		require.NoError(t, err)
		text := rapid.StringN(1, 40, -1)
		subject, client, sid := text.Draw(t, "subject"), text.Draw(t, "client"), text.Draw(t, "session")
		version := rapid.Int64Min(0).Draw(t, "version")

		raw, answered, err := a.Mint(subject, client, sid, version)
		require.NoError(t, err)
		require.Equal(t, lifetime, answered)
		claims, err := a.Verify(raw)
		require.NoError(t, err)
		require.NotEmpty(t, claims.ID)
		require.Equal(t, token.Claims{
			Issuer: issuer, Audience: audience, Subject: subject, ClientID: client, SessionID: sid, ID: claims.ID, Version: version,
			IssuedAt: c.at.Truncate(time.Second), ExpiresAt: c.at.Add(lifetime).Truncate(time.Second),
		}, claims)
	})
}

func TestEachTokenHasItsOwnIdentifier(t *testing.T) {
	t.Parallel()
	o := options(t, &clock{at: start()})
	o.Rand = nil
	a := access(t, o)
	first, err := a.Verify(mint(t, a))
	require.NoError(t, err)
	second, err := a.Verify(mint(t, a))
	require.NoError(t, err)
	require.NotEqual(t, first.ID, second.ID)
}

func TestTokenExpires(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		after time.Duration
		want  error
	}{
		"fresh":                           {0, nil},
		"last moment":                     {ttl - time.Nanosecond, nil},
		"over, but clocks may differ":     {ttl, nil},
		"last moment of the leeway":       {ttl + leeway - time.Nanosecond, nil},
		"over":                            {ttl + leeway, token.ErrExpired},
		"long over":                       {90 * 24 * time.Hour, token.ErrExpired},
		"from a clock ahead by a leeway":  {-leeway, nil},
		"from a clock ahead by more":      {-leeway - time.Nanosecond, token.ErrInvalid},
		"from a clock that is hours away": {-59 * time.Minute, token.ErrInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &clock{at: start()}
			a := access(t, options(t, c))
			raw := mint(t, a)
			c.advance(tt.after)
			_, err := a.Verify(raw)
			require.Equal(t, tt.want, err)
		})
	}
}

// ErrExpired tells a client to refresh. It must never tell a stranger that the rest of a token was good.
func TestExpiredAndSomethingElseIsInvalid(t *testing.T) {
	t.Parallel()
	c := &clock{at: start()}
	o := options(t, c)
	raw := mint(t, access(t, o))
	c.advance(2 * ttl)
	_, err := access(t, o).Verify(raw)
	require.Equal(t, token.ErrExpired, err)

	other := o
	other.Issuer = "https://other.example.cn"
	_, err = access(t, other).Verify(raw)
	require.Equal(t, token.ErrInvalid, err)

	other = o
	other.Audience = "https://other.example.cn"
	_, err = access(t, other).Verify(raw)
	require.Equal(t, token.ErrInvalid, err)

	other = o
	other.Keys = keyRing(t, c, signingKey("k1", 2))
	_, err = access(t, other).Verify(raw)
	require.Equal(t, token.ErrInvalid, err)
}

// A token is good at one API only, also where several share issuer and keys.
func TestAudiencesDoNotMix(t *testing.T) {
	t.Parallel()
	c := &clock{at: start()}
	audiences := []string{"https://api.example.cn", "https://admin.example.cn", "https://shop.example.cn"}
	for _, from := range audiences {
		for _, at := range audiences {
			o := options(t, c)
			o.Audience = from
			raw := mint(t, access(t, o))
			o.Audience = at
			_, err := access(t, o).Verify(raw)
			if from == at {
				require.NoError(t, err)
			} else {
				require.Equal(t, token.ErrInvalid, err, "token for %s accepted at %s", from, at)
			}
		}
	}
}

func TestMintRefuses(t *testing.T) {
	t.Parallel()
	c := &clock{at: start()}
	a := access(t, options(t, c))
	for name, call := range map[string]func() (string, time.Duration, error){
		"no subject":             func() (string, time.Duration, error) { return a.Mint("", appID, session, 0) },
		"no client":              func() (string, time.Duration, error) { return a.Mint(user, "", session, 0) },
		"no session":             func() (string, time.Duration, error) { return a.Mint(user, appID, "", 0) },
		"negative version":       func() (string, time.Duration, error) { return a.Mint(user, appID, session, -1) },
		"more than is accepted":  func() (string, time.Duration, error) { return a.Mint(strings.Repeat("u", 3000), appID, session, 0) },
		"randomness has failed":  func() (string, time.Duration, error) { return noRandomness(t, c).Mint(user, appID, session, 0) },
		"signing key has lapsed": func() (string, time.Duration, error) { return lapsed(t).Mint(user, appID, session, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			raw, _, err := call()
			require.Error(t, err)
			require.Empty(t, raw)
		})
	}
}

func noRandomness(t *testing.T, c *clock) *token.Access {
	o := options(t, c)
	o.Rand = iotest.ErrReader(errors.New("no randomness"))
	return access(t, o)
}

func lapsed(t *testing.T) *token.Access {
	c := &clock{at: start()}
	key := signingKey("k1", 1)
	key.VerifyUntil = start().Add(time.Minute)
	o := options(t, c)
	o.Keys = keyRing(t, c, key)
	a := access(t, o)
	c.advance(time.Minute)
	return a
}

func TestNewAccessRefuses(t *testing.T) {
	t.Parallel()
	good := options(t, &clock{at: start()})
	for want, change := range map[string]func(*token.AccessOptions){
		"no issuer":   func(o *token.AccessOptions) { o.Issuer = "" },
		"no audience": func(o *token.AccessOptions) { o.Audience = "" },
		"lifetime":    func(o *token.AccessOptions) { o.TTL = time.Second - 1 },
		"leeway 31s":  func(o *token.AccessOptions) { o.Leeway = 31 * time.Second },
		"leeway -1ns": func(o *token.AccessOptions) { o.Leeway = -1 },
		"no keys":     func(o *token.AccessOptions) { o.Keys = nil },
		"no clock":    func(o *token.AccessOptions) { o.Now = nil },
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			o := good
			change(&o)
			_, err := token.NewAccess(o)
			require.ErrorContains(t, err, want)
		})
	}
}

func BenchmarkMint(b *testing.B) {
	a := access(b, options(b, &clock{at: start()}))
	b.ReportAllocs()
	for b.Loop() {
		mint(b, a)
	}
}

func BenchmarkVerify(b *testing.B) {
	a := access(b, options(b, &clock{at: start()}))
	raw := mint(b, a)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.Verify(raw); err != nil {
			b.Fatal(err)
		}
	}
}
