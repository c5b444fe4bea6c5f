package graph

import (
	"context"
	"crypto/ed25519"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"mpauth/internal/account"
	"mpauth/internal/authn"
	"mpauth/internal/database"
	"mpauth/internal/database/databasetest"
	"mpauth/internal/fault"
	"mpauth/internal/revocation"
	"mpauth/internal/token"
)

const app = "wx0000000000000000"

// The directive as a schema that builds on this one would use it: before the resolver, with the step
// and the facts that the field names. The person has a nickname and no phone.
func TestMustAuthDirective(t *testing.T) {
	t.Parallel()
	profile, phone := account.FactProfile, account.FactPhone
	cases := map[string]struct {
		step    *account.AuthStep
		need    []account.AuthFact
		lacking []string
	}{
		"a login is enough":          {new(account.StepOne), nil, nil},
		"a step that is reached":     {new(account.StepTwo), nil, nil},
		"a fact that is there":       {new(account.StepOne), []account.AuthFact{profile}, nil},
		"a step that is not reached": {new(account.StepThree), nil, []string{"PHONE"}},
		"a fact that is not there":   {new(account.StepOne), []account.AuthFact{phone}, []string{"PHONE"}},
		"facts alone ask no step":    {nil, []account.AuthFact{profile}, nil},
		"nothing asks the second":    {nil, nil, nil},
		"both, the fact named once":  {new(account.StepThree), []account.AuthFact{phone, profile}, []string{"PHONE"}},
	}
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		service, ctx := signedIn(t, db)
		r := &Resolver{Account: service}
		for name, c := range cases {
			resolved := false
			_, err := r.mustAuth(ctx, nil, func(context.Context) (any, error) { resolved = true; return nil, nil }, c.step, c.need)
			require.Equal(t, c.lacking == nil, resolved, name)
			if c.lacking == nil {
				require.NoError(t, err, name)
				continue
			}
			refused, ok := err.(*fault.Error)
			require.True(t, ok, name)
			require.Equal(t, fault.AuthStepRequired, refused.Code, name)
			require.Equal(t, &fault.Step{Have: "TWO", Need: c.lacking, Next: c.lacking[0]}, refused.Step, name)
		}
	})
}

func TestMustAuthDirectiveNeedsALogin(t *testing.T) {
	t.Parallel()
	var ctx context.Context
	capture := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { ctx = r.Context() })
	(&authn.Authenticator{}).Middleware(capture).ServeHTTP(nil, httptest.NewRequest(http.MethodPost, "/", nil))
	_, err := (&Resolver{}).mustAuth(ctx, nil, nil, new(account.StepOne), nil)
	require.Equal(t, fault.Unauthenticated, fault.CodeOf(err))
}

// signedIn is a service, and the context of a request of a person who has a nickname and no phone.
func signedIn(t *testing.T, db *database.DB) (*account.Service, context.Context) {
	t.Helper()
	now := time.Now().UTC().Truncate(time.Microsecond)
	user, identity, session := uuid.New(), uuid.New(), uuid.New()
	tables := db.Ent()
	require.NoError(t, tables.User.Create().SetID(user).SetAppGroup(app).SetNickname("Ann").SetCreatedAt(now).Exec(t.Context()))
	require.NoError(t, tables.Identity.Create().SetID(identity).SetUserID(user).SetAppID(app).SetOpenID("o1").
		SetCreatedAt(now).SetLastLoginAt(now).Exec(t.Context()))
	require.NoError(t, tables.Session.Create().SetID(session).SetUserID(user).SetIdentityID(identity).SetAppID(app).
		SetDeviceID("d1").SetRefreshedAt(now).SetIdleExpiresAt(now.Add(time.Hour)).SetExpiresAt(now.Add(time.Hour)).
		SetCreatedAt(now).SetLoginCodeHash(make([]byte, 32)).SetFirstLogin(true).Exec(t.Context()))

	keys, err := token.NewKeyRing(time.Now, token.SigningKey{ID: "k", Private: ed25519.NewKeyFromSeed(make([]byte, 32)), SignFrom: now.Add(-time.Hour)})
	require.NoError(t, err)
	access, err := token.NewAccess(token.AccessOptions{
		Issuer: "i", Audience: "a", TTL: time.Minute, Keys: keys, Now: time.Now, Rand: strings.NewReader(strings.Repeat("r", 64)),
	})
	require.NoError(t, err)
	feed := revocation.NewFeed(revocation.Options{DB: db, Window: time.Minute, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, feed.Look(t.Context()))
	apps, err := account.NewApps(account.App{AppID: app, Flow: account.Flow{account.FactProfile, account.FactPhone}})
	require.NoError(t, err)

	raw, _, err := access.Mint(user.String(), app, session.String(), 0)
	require.NoError(t, err)
	request := httptest.NewRequest(http.MethodPost, "/graphql", nil)
	request.Header.Set("Authorization", "Bearer "+raw)
	var ctx context.Context
	capture := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { ctx = r.Context() })
	(&authn.Authenticator{Access: access, Revocations: feed}).Middleware(capture).ServeHTTP(httptest.NewRecorder(), request)
	return account.New(account.Options{DB: db, Apps: apps, Now: time.Now}), ctx
}
