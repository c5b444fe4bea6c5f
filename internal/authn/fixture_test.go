package authn_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"mpauth/internal/account"
	"mpauth/internal/authn"
	"mpauth/internal/database"
	"mpauth/internal/database/databasetest"
	"mpauth/internal/revocation"
	"mpauth/internal/seal"
	"mpauth/internal/token"
)

const app = "wx0000000000000001"

// fixture is what stands behind the door: tokens, the revocation feed, and a database with one person.
type fixture struct {
	authn.Authenticator
	accounts *account.Service
	db       *database.DB
	trips    *databasetest.Counter
	signing  *token.KeyRing
	log      bytes.Buffer
	now      time.Time

	user, session uuid.UUID
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{trips: new(databasetest.Counter), now: time.Now().UTC().Truncate(time.Second), user: uuid.New(), session: uuid.New()}
	f.db = databasetest.Open(t, dialect.SQLite, f.trips.Wrap)
	_, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	f.signing, err = token.NewKeyRing(f.clock, token.SigningKey{ID: "test", Private: private, SignFrom: f.now})
	require.NoError(t, err)
	f.Access = f.access(t, "mpauth", 10*time.Minute)
	f.Revocations = revocation.NewFeed(revocation.Options{
		DB: f.db, Window: 20 * time.Minute, Now: f.clock, Log: slog.New(slog.DiscardHandler),
	})
	phones, err := seal.NewKeyring(seal.Key{ID: 1, Secret: make([]byte, seal.SecretSize)})
	require.NoError(t, err)
	apps, err := account.NewApps(account.App{AppID: app, Flow: account.Flow{account.FactProfile, account.FactPhone}})
	require.NoError(t, err)
	f.accounts = account.New(account.Options{
		DB: f.db, Apps: apps, Phones: phones, Now: f.clock, Rand: rand.Reader,
		Log: slog.New(slog.NewTextHandler(&f.log, nil)),
	})
	f.store(t)
	require.NoError(t, f.Revocations.Look(t.Context()))
	f.trips.Reset()
	return f
}

func (f *fixture) clock() time.Time { return f.now }

func (f *fixture) access(t *testing.T, audience string, ttl time.Duration) *token.Access {
	t.Helper()
	access, err := token.NewAccess(token.AccessOptions{
		Issuer: "http://test", Audience: audience, TTL: ttl, Keys: f.signing, Now: f.clock, Rand: rand.Reader,
	})
	require.NoError(t, err)
	return access
}

// store makes the person with their session.
func (f *fixture) store(t *testing.T) {
	t.Helper()
	ctx, client := t.Context(), f.db.Ent()
	require.NoError(t, client.User.Create().SetID(f.user).SetAppGroup(app).SetEpoch(3).SetCreatedAt(f.now).Exec(ctx))
	identity := client.Identity.Create().SetUserID(f.user).SetAppID(app).SetOpenID("ann").
		SetCreatedAt(f.now).SetLastLoginAt(f.now).SaveX(ctx)
	require.NoError(t, client.Session.Create().SetID(f.session).SetUserID(f.user).SetIdentityID(identity.ID).SetAppID(app).
		SetDeviceID("phone").SetRefreshedAt(f.now).SetIdleExpiresAt(f.now.Add(time.Hour)).SetExpiresAt(f.now.Add(time.Hour)).
		SetCreatedAt(f.now).SetLoginCodeHash(f.session[:]).SetFirstLogin(true).Exec(ctx))
}

// mint is the person's access token.
func (f *fixture) mint(t *testing.T) string {
	t.Helper()
	raw, _, err := f.Access.Mint(f.user.String(), app, f.session.String(), 3)
	require.NoError(t, err)
	return raw
}

// ask sends a request through the middleware and tells what its handler sees.
func (f *fixture) ask(t *testing.T, headers ...string) (caller account.Caller, refusal error) {
	t.Helper()
	passed := false
	handler := f.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		passed = true
		caller, refusal = authn.Caller(r.Context())
	}))
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/graphql", nil)
	r.Header["Authorization"] = headers
	handler.ServeHTTP(httptest.NewRecorder(), r)
	require.True(t, passed, "the middleware refuses nobody itself")
	return caller, refusal
}

// flip changes a bit in the middle of the last part of a token.
func flip(raw string) string {
	changed := []byte(raw)
	changed[len(changed)-20] ^= 1
	return string(changed)
}

func base64url(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
