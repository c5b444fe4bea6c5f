package graph

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	"github.com/99designs/gqlgen/graphql"
	"github.com/stretchr/testify/require"

	"mpauth/graph/front"
	"mpauth/graph/generated"
	"mpauth/graph/model"
	"mpauth/internal/account"
	"mpauth/internal/authn"
	"mpauth/internal/clientip"
	"mpauth/internal/database/databasetest"
	"mpauth/internal/fault"
	"mpauth/internal/ratelimit"
	"mpauth/internal/telemetry"
)

const (
	login   = `mutation{silentLogin(input:{code:"c"}){isNewUser}}`
	nothing = `{__typename}`
)

// verbs stands for the service: each verb succeeds, but a login ends as the test says.
type verbs struct {
	generated.QueryResolver
	login func(context.Context) error
}

func (v *verbs) Query() generated.QueryResolver       { return v }
func (v *verbs) Mutation() generated.MutationResolver { return v }

func (v *verbs) SilentLogin(ctx context.Context, _ account.SilentLoginInput) (*account.Login, error) {
	if err := v.login(ctx); err != nil {
		return nil, err
	}
	return &account.Login{User: &account.User{}}, nil
}

func (v *verbs) RefreshToken(context.Context, model.RefreshTokenInput) (*account.Login, error) {
	return &account.Login{User: &account.User{}}, nil
}

func (v *verbs) CheckSessionKey(context.Context) (account.SessionKeyStatus, error) {
	return account.SessionKeyValid, nil
}

func (v *verbs) Logout(context.Context, *model.LogoutInput) (*model.LogoutPayload, error) {
	return loggedOut(nil)
}
func (v *verbs) RevokeSession(context.Context, string) (*model.LogoutPayload, error) {
	return loggedOut(nil)
}

func (v *verbs) UpdateUser(context.Context, account.UpdateUserInput) (*model.UserPayload, error) {
	return changed(&account.User{}, nil)
}

func (v *verbs) UpdatePhone(context.Context, account.UpdatePhoneInput) (*model.UserPayload, error) {
	return changed(&account.User{}, nil)
}
func (v *verbs) UnbindPhone(context.Context) (*model.UserPayload, error) {
	return changed(&account.User{}, nil)
}

func (v *verbs) DeleteAccount(context.Context, model.FreshProofInput) (*model.ClosingPayload, error) {
	return closes(time.Now(), nil)
}

func (v *verbs) RestoreAccount(ctx context.Context, in account.SilentLoginInput) (*account.Login, error) {
	return v.SilentLogin(ctx, in)
}

func (v *verbs) ExportMyData(context.Context, model.FreshProofInput) (*account.DataExport, error) {
	return &account.DataExport{}, nil
}

func (v *verbs) RecordConsent(context.Context, account.ConsentInput) (*model.ConsentPayload, error) {
	return decided(nil, nil)
}

func (v *verbs) MergeAccounts(context.Context, string) (*account.Merge, error) {
	return &account.Merge{User: &account.User{}}, nil
}

func (v *verbs) UndoMerge(context.Context, string) (*model.UserPayload, error) {
	return changed(&account.User{}, nil)
}

// door is the endpoint with its limits, in front of verbs, at a time that stands still.
type door struct {
	http.Handler
	verbs  *verbs
	limits *Limits
	mu     sync.Mutex
	now    time.Time
	log    bytes.Buffer
}

func newDoor(t *testing.T) *door {
	t.Helper()
	d := &door{verbs: &verbs{login: func(context.Context) error { return nil }}, now: time.Now()}
	d.limits = NewLimits(ratelimit.New(1000, d.clock), clientip.FromContext)
	d.Handler = d.with(d.limits)
	return d
}

func (d *door) clock() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.now
}

func (d *door) advance(by time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.now = d.now.Add(by)
}

func (d *door) with(limits *Limits) http.Handler {
	log := slog.New(slog.NewTextHandler(&d.log, nil))
	errors := front.Presenter{Log: log}
	allow := func(ctx context.Context, _ any, next graphql.Resolver, _ *account.AuthStep, _ []account.AuthFact) (any, error) {
		return next(ctx)
	}
	server := front.New(front.Options{
		Schema: generated.NewExecutableSchema(generated.Config{
			Resolvers: d.verbs, Directives: generated.DirectiveRoot{MustAuth: allow},
		}),
		Log: log, Around: []graphql.OperationMiddleware{requireCaller(errors)}, First: rateLimit{limits, errors},
	})
	return telemetry.Requests(log, time.Now, strings.NewReader(strings.Repeat("r", 1<<20)), clientip.Proxies{}.Middleware(server))
}

// ask sends a query from an address, with the caller of ctx, and returns the wait that it is answered
// with; 0 when it was let through.
func (d *door) ask(t *testing.T, ctx context.Context, address, query string) time.Duration {
	t.Helper()
	body, err := json.Marshal(map[string]string{"query": query})
	require.NoError(t, err)
	r := httptest.NewRequest(http.MethodPost, "/graphql", bytes.NewReader(body)).WithContext(ctx)
	r.Header.Set("Content-Type", "application/json")
	r.RemoteAddr = address
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	var answer struct {
		Data   json.RawMessage
		Errors []struct {
			Extensions struct {
				Code         fault.Code
				Action       fault.Action
				Retryable    bool
				RetryAfterMs int64
			}
		}
	}
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &answer), "%s", w.Body)
	if len(answer.Errors) == 0 || answer.Errors[0].Extensions.Code != fault.RateLimited {
		return 0
	}
	require.Nil(t, answer.Data, "nothing has happened")
	refused := answer.Errors[0].Extensions
	require.Equal(t, fault.Retry, refused.Action)
	require.True(t, refused.Retryable)
	require.Positive(t, refused.RetryAfterMs)
	return time.Duration(refused.RetryAfterMs) * time.Millisecond
}

// exhaust asks n times, is let through each time, and then refused with a wait.
func (d *door) exhaust(t *testing.T, ctx context.Context, address, query string, n int, wait time.Duration) {
	t.Helper()
	for i := range n {
		require.Zero(t, d.ask(t, ctx, address, query), "%d of %d: %s", i, n, query)
	}
	require.Equal(t, wait, d.ask(t, ctx, address, query), query)
}

// nobody is the context of a request without a login; somebody is that of a person's.
func nobody(t *testing.T) (ctx context.Context) {
	t.Helper()
	capture := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { ctx = r.Context() })
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil)
	(&authn.Authenticator{}).Middleware(capture).ServeHTTP(httptest.NewRecorder(), r)
	return ctx
}

func somebody(t *testing.T) context.Context {
	t.Helper()
	_, ctx := signedIn(t, databasetest.Open(t, dialect.SQLite))
	_, err := authn.Caller(ctx)
	require.NoError(t, err)
	return ctx
}

// addresses are as many addresses as are asked for, so that the limit of one of them is out of the way.
func addresses(i int) string { return fmt.Sprintf("10.0.%d.%d:1", i/200, i%200) }
