package adminauth_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"mpauth/internal/adminauth"
	"mpauth/internal/clientip"
	"mpauth/internal/database/databasetest"
	"mpauth/internal/fault"
)

// provider is an identity provider: a discovery document, keys, and tokens signed with them.
type provider struct {
	*httptest.Server
	rsa     *rsa.PrivateKey
	ecdsa   *ecdsa.PrivateKey
	fetched atomic.Int32 // how often the keys were
	down    atomic.Bool
}

func startProvider(t *testing.T) *provider {
	t.Helper()
	p := &provider{}
	var err error
	p.rsa, err = rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	p.ecdsa, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /realm/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]any{
			"issuer": p.issuer(), "jwks_uri": p.URL + "/keys",
			"id_token_signing_alg_values_supported": []string{"none", "HS256", "RS256", "ES256"}, // not for it to decide
		})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		p.fetched.Add(1)
		encode := base64.RawURLEncoding.EncodeToString
		x, y := p.ecdsa.X.FillBytes(make([]byte, 32)), p.ecdsa.Y.FillBytes(make([]byte, 32))
		answer(w, map[string]any{"keys": []any{
			map[string]any{"kty": "RSA", "kid": "r", "alg": "RS256", "n": encode(p.rsa.N.Bytes()), "e": "AQAB"},
			map[string]any{"kty": "EC", "kid": "e", "alg": "ES256", "crv": "P-256", "x": encode(x), "y": encode(y)},
		}})
	})
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.down.Load() {
			http.Error(w, "down", http.StatusBadGateway)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(p.Close)
	return p
}

func answer(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(body)
}

func (p *provider) issuer() string { return p.URL + "/realm" }

// claims are those of a good token; others come on top of them.
func (p *provider) claims(c *clock, others jwt.MapClaims) jwt.MapClaims {
	claims := jwt.MapClaims{
		"iss": p.issuer(), "aud": []string{"another", "mpauth-admin"}, "sub": "f2b1", "iat": c.Now().Unix(),
		"exp": c.Now().Add(5 * time.Minute).Unix(), "roles": []string{"everyone", "support-team"},
	}
	maps.Copy(claims, others)
	return claims
}

func sign(t *testing.T, method jwt.SigningMethod, kid string, key any, claims jwt.MapClaims) string {
	t.Helper()
	token := jwt.NewWithClaims(method, claims)
	if kid != "" {
		token.Header["kid"] = kid
	}
	raw, err := token.SignedString(key)
	require.NoError(t, err)
	return raw
}

func openOIDC(t *testing.T, p *provider, c *clock, claim string) *door {
	t.Helper()
	d := newDoor(newKeys(databasetest.Open(t, dialect.SQLite), c), c)
	d.OIDC = adminauth.NewOIDC(adminauth.OIDCOptions{
		Issuer: p.issuer(), Audience: "mpauth-admin", RolesClaim: claim, HTTP: p.Client(), Now: c.Now,
		Roles: map[string][]adminauth.Role{
			"support-team": {adminauth.Support}, "auditors": {adminauth.Auditor, adminauth.Support}, "": {adminauth.Privacy},
		},
	})
	return d
}

func TestATokenOfTheProviderOpens(t *testing.T) {
	t.Parallel()
	p, c := startProvider(t), newClock()
	d := openOIDC(t, p, c, "roles")
	for _, raw := range []string{
		sign(t, jwt.SigningMethodRS256, "r", p.rsa, p.claims(c, nil)),
		sign(t, jwt.SigningMethodES256, "e", p.ecdsa, p.claims(c, nil)),
		sign(t, jwt.SigningMethodPS256, "r", p.rsa, p.claims(c, jwt.MapClaims{"aud": "mpauth-admin"})),
	} {
		who, err := d.show(raw)
		require.NoError(t, err)
		require.Equal(t, "oidc:f2b1", who.String())
		require.Equal(t, []adminauth.Role{adminauth.Support}, who.Roles)
	}
	require.EqualValues(t, 1, p.fetched.Load(), "the keys are kept")
}

func TestTokensThatAreRefused(t *testing.T) {
	t.Parallel()
	p, c := startProvider(t), newClock()
	d := openOIDC(t, p, c, "roles")
	d.Limiter = nil
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	public, err := x509.MarshalPKIXPublicKey(p.rsa.Public())
	require.NoError(t, err)
	rs := func(others jwt.MapClaims) string {
		return sign(t, jwt.SigningMethodRS256, "r", p.rsa, p.claims(c, others))
	}
	without := func(name string) string {
		claims := p.claims(c, nil)
		delete(claims, name)
		return sign(t, jwt.SigningMethodRS256, "r", p.rsa, claims)
	}
	good := rs(nil)
	for name, raw := range map[string]string{
		"another issuer":               rs(jwt.MapClaims{"iss": p.URL}),
		"the issuer with a slash":      rs(jwt.MapClaims{"iss": p.issuer() + "/"}),
		"no issuer":                    without("iss"),
		"another audience":             rs(jwt.MapClaims{"aud": "mpauth"}),
		"no audience":                  without("aud"),
		"expired":                      rs(jwt.MapClaims{"exp": c.Now().Add(-time.Second).Unix()}),
		"without an end":               without("exp"),
		"of the future":                rs(jwt.MapClaims{"nbf": c.Now().Add(10 * time.Minute).Unix()}),
		"without a subject":            without("sub"),
		"a subject of two lines":       rs(jwt.MapClaims{"sub": "a\nb"}),
		"alg none":                     sign(t, jwt.SigningMethodNone, "r", jwt.UnsafeAllowNoneSignatureType, p.claims(c, nil)),
		"HS256 with the public key":    sign(t, jwt.SigningMethodHS256, "r", public, p.claims(c, nil)),
		"HS256 with the key's modulus": sign(t, jwt.SigningMethodHS256, "r", p.rsa.N.Bytes(), p.claims(c, nil)),
		"a stranger's key, known kid":  sign(t, jwt.SigningMethodRS256, "r", stranger, p.claims(c, nil)),
		"a stranger's key, no kid":     sign(t, jwt.SigningMethodRS256, "", stranger, p.claims(c, nil)),
		"an unknown kid":               sign(t, jwt.SigningMethodRS256, "x", p.rsa, p.claims(c, nil)),
		"the kid of the other key":     sign(t, jwt.SigningMethodRS256, "e", p.rsa, p.claims(c, nil)),
		"signed by nobody's EdDSA":     sign(t, jwt.SigningMethodEdDSA, "r", edwards, p.claims(c, nil)),
		"a changed signature":          good[:len(good)-8] + "AAAAAAAA",
		"without the signature":        good[:len(good)-342],
		"too long":                     rs(jwt.MapClaims{"more": string(make([]byte, 9<<10))}),
	} {
		_, err := d.show(raw)
		requireRefused(t, err, name)
	}
	_, err = d.show(good)
	require.NoError(t, err, "they did no harm")
	c.advance(5*time.Minute + time.Second)
	_, err = d.show(good)
	requireRefused(t, err, "its time is over now")
}

func TestRolesOfAToken(t *testing.T) {
	t.Parallel()
	p, c := startProvider(t), newClock()
	top, below := openOIDC(t, p, c, "roles"), openOIDC(t, p, c, "realm_access.roles")
	support, both := []adminauth.Role{adminauth.Support}, []adminauth.Role{adminauth.Support, adminauth.Auditor}
	for name, x := range map[string]struct {
		door  *door
		other jwt.MapClaims
		roles []adminauth.Role
	}{
		"one":             {top, nil, support},
		"a text":          {top, jwt.MapClaims{"roles": "support-team"}, support},
		"each once":       {top, jwt.MapClaims{"roles": []string{"auditors", "support-team"}}, both},
		"none of ours":    {top, jwt.MapClaims{"roles": []string{"everyone", "SUPPORT"}}, nil},
		"an empty list":   {top, jwt.MapClaims{"roles": []string{}}, nil},
		"no claim":        {top, jwt.MapClaims{"roles": nil}, nil},
		"not texts":       {top, jwt.MapClaims{"roles": []any{1, true, map[string]any{"a": "support-team"}, nil}}, nil},
		"an object":       {top, jwt.MapClaims{"roles": map[string]any{"support-team": true}}, nil},
		"inside":          {below, jwt.MapClaims{"realm_access": map[string]any{"roles": []string{"auditors"}}}, both},
		"a literal dot":   {below, jwt.MapClaims{"realm_access.roles": []string{"auditors"}}, both},
		"nothing inside":  {below, jwt.MapClaims{"realm_access": "auditors"}, nil},
		"the other claim": {below, nil, nil},
	} {
		who, err := x.door.show(sign(t, jwt.SigningMethodRS256, "r", p.rsa, p.claims(c, x.other)))
		if x.roles == nil {
			require.Equal(t, fault.Forbidden, fault.CodeOf(err), name)
			continue
		}
		require.NoError(t, err, name)
		require.Equal(t, x.roles, who.Roles, name)
	}
}

// A provider that is down makes nobody's token a wrong one, and costs one attempt each five seconds.
func TestAProviderThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	p, c := startProvider(t), newClock()
	d := openOIDC(t, p, c, "roles")
	raw := sign(t, jwt.SigningMethodRS256, "r", p.rsa, p.claims(c, nil))
	p.down.Store(true)
	_, err := d.show(raw)
	require.Equal(t, fault.Unavailable, fault.CodeOf(err))
	p.down.Store(false)
	_, err = d.show(raw)
	require.Equal(t, fault.Unavailable, fault.CodeOf(err), "it is left alone for a moment")
	c.advance(5 * time.Second)
	_, err = d.show(raw)
	require.NoError(t, err)

	p.down.Store(true)
	_, err = d.show(raw)
	require.NoError(t, err, "known keys are enough")
	_, err = d.show(sign(t, jwt.SigningMethodRS256, "new", p.rsa, p.claims(c, nil)))
	require.Equal(t, fault.Unavailable, fault.CodeOf(err), "a key that may be new cannot be looked up")
}

// Whoever leaves before the provider has answered, with whatever token, shuts nobody out.
func TestAnImpatientCallerKeepsTheProviderFromNobody(t *testing.T) {
	t.Parallel()
	p, c := startProvider(t), newClock()
	d := openOIDC(t, p, c, "roles")
	gone, leave := context.WithCancel(t.Context())
	leave()
	r := httptest.NewRequestWithContext(gone, http.MethodPost, "/graphql", nil)
	r.Header.Set("Authorization", "Bearer a.b.c")
	inner := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	clientip.Proxies{}.Middleware(d.Middleware(inner)).ServeHTTP(httptest.NewRecorder(), r)
	_, err := d.show(sign(t, jwt.SigningMethodRS256, "r", p.rsa, p.claims(c, nil)))
	require.NoError(t, err)
}

func TestADiscoveryDocumentOfAnotherIssuerIsNotBelieved(t *testing.T) {
	t.Parallel()
	p, c := startProvider(t), newClock()
	d := openOIDC(t, p, c, "roles")
	d.OIDC.Issuer += "/"
	_, err := d.show(sign(t, jwt.SigningMethodRS256, "r", p.rsa, p.claims(c, jwt.MapClaims{"iss": p.issuer() + "/"})))
	require.Equal(t, fault.Unavailable, fault.CodeOf(err))
	require.ErrorContains(t, err, "issuer")
}

func TestTokensCountAsRefusedToo(t *testing.T) {
	t.Parallel()
	p, c := startProvider(t), newClock()
	d := openOIDC(t, p, c, "roles")
	raw := sign(t, jwt.SigningMethodRS256, "x", p.rsa, p.claims(c, nil))
	for range 20 {
		_, err := d.show(raw)
		requireRefused(t, err)
	}
	before := p.fetched.Load()
	_, err := d.show(raw)
	require.Equal(t, fault.RateLimited, fault.CodeOf(err))
	require.Equal(t, before, p.fetched.Load(), "the provider is not asked")
}
