package admin_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	"github.com/stretchr/testify/require"

	"mpauth/graph/admin"
	"mpauth/internal/account"
	"mpauth/internal/adminauth"
	"mpauth/internal/clientip"
	"mpauth/internal/database/databasetest"
	"mpauth/internal/ratelimit"
)

// port is the administrators' port with nothing behind it but their keys, at a time that stands still.
type port struct {
	http.Handler
	keys    *adminauth.Keys
	limiter *ratelimit.Limiter
}

func newPort(t *testing.T) *port {
	t.Helper()
	now := time.Now()
	clock := func() time.Time { return now }
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	p := &port{
		keys: adminauth.NewKeys(adminauth.KeysOptions{
			DB: databasetest.Open(t, dialect.SQLite), Now: clock, Rand: rand.Reader, Log: log,
		}),
		limiter: ratelimit.New(1000, clock),
	}
	handler := admin.NewHandler(admin.Options{Keys: p.keys, Limiter: p.limiter, Log: log})
	authenticator := &adminauth.Authenticator{Keys: p.keys, Limiter: p.limiter}
	p.Handler = clientip.Proxies{}.Middleware(authenticator.Middleware(handler))
	return p
}

// key makes a key with roles.
func (p *port) key(t *testing.T, name string, roles ...adminauth.Role) string {
	t.Helper()
	root := adminauth.Administrator{Actor: account.Actor{Kind: "shell", Name: "test"}, Roles: adminauth.Roles()}
	_, secret, err := p.keys.Create(t.Context(), root, adminauth.NewKey{Name: name, Roles: roles, Days: 1, Reason: "test"})
	require.NoError(t, err)
	return secret.Reveal()
}

// ask returns the code of the answer, and the answer.
func (p *port) ask(t *testing.T, key, query string) (code, raw string) {
	t.Helper()
	body, err := json.Marshal(map[string]string{"query": query})
	require.NoError(t, err)
	r := httptest.NewRequest(http.MethodPost, "/graphql", bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	var answer struct {
		Errors []struct{ Extensions struct{ Code string } }
	}
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &answer))
	if len(answer.Errors) > 0 {
		code = answer.Errors[0].Extensions.Code
	}
	return code, w.Body.String()
}

// What is wrong with a query is for administrators too: a stranger's is answered alike, whatever it is.
func TestStrangersLearnNothing(t *testing.T) {
	t.Parallel()
	p := newPort(t)
	for _, query := range []string{
		`{ adminKeys { id } }`, `{ __schema { types { name } } }`, `{ __typename }`, `{ nonsense }`, `{ adminKeys { nonsense } }`, `{`,
		`mutation { eraseUser(input: {userId: "x", reason: "r"}) { userId } }`, strings.Repeat("{a", 20) + strings.Repeat("}", 20),
	} {
		code, raw := p.ask(t, "", query)
		require.Equal(t, "UNAUTHENTICATED", code, query)
		require.NotContains(t, raw, "data", query)
		require.NotContains(t, raw, "nonsense", query)
	}
}

func TestRolesOpenTheirOwnFields(t *testing.T) {
	t.Parallel()
	p := newPort(t)
	operator, auditor := p.key(t, "operator", adminauth.Operator), p.key(t, "auditor", adminauth.Auditor)
	code, raw := p.ask(t, operator, `{ adminKeys { name roles } }`)
	require.Empty(t, code, raw)
	require.Contains(t, raw, `{"name":"auditor","roles":["AUDITOR"]}`)
	code, raw = p.ask(t, auditor, `{ adminKeys { name roles } }`)
	require.Equal(t, "FORBIDDEN", code)
	require.Contains(t, raw, "this needs the role OPERATOR")
	require.NotContains(t, raw, "auditor")
	code, _ = p.ask(t, auditor, `{ __schema { types { name } } }`)
	require.Empty(t, code, "any administrator may see the schema")

	code, raw = p.ask(t, operator, `mutation { createAdminKey(input: {name: "more", roles: [OPERATOR, PRIVACY], reason: "r"}) { secret } }`)
	require.Equal(t, "FORBIDDEN", code, raw)
	code, raw = p.ask(t, operator, `mutation { createAdminKey(input: {name: "more", roles: [OPERATOR], days: 1, reason: "r"}) { secret key { id expiresAt } } }`)
	require.Empty(t, code, raw)
	var made struct {
		Data struct {
			CreateAdminKey struct {
				Secret string
				Key    struct{ ID string }
			}
		}
	}
	require.NoError(t, json.Unmarshal([]byte(raw), &made))
	code, raw = p.ask(t, made.Data.CreateAdminKey.Secret, `mutation { revokeAdminKey(id: "`+made.Data.CreateAdminKey.Key.ID+`", reason: "r") { name revokedAt } }`)
	require.Empty(t, code, raw)
	code, _ = p.ask(t, made.Data.CreateAdminKey.Secret, `{ adminKeys { name } }`)
	require.Equal(t, "UNAUTHENTICATED", code, "it has ended itself")
}

// What is not of its type is the mistake of whoever asks, and no defect of the server that wakes somebody.
func TestValuesOfTheWrongFormAreBadInput(t *testing.T) {
	t.Parallel()
	p := newPort(t)
	key := p.key(t, "ann", adminauth.Roles()...)
	for query, path := range map[string]string{
		`{ users(filter: {id: "x"}, reason: "r") { edges { cursor } } }`:              `["users","filter","id"]`,
		`{ users(filter: {createdFrom: "2026"}, reason: "r") { edges { cursor } } }`:  `["users","filter","createdFrom"]`,
		`mutation { unbindPhone(input: {userId: "x", reason: "r"}) { user { id } } }`: `["unbindPhone","input","userId"]`,
	} {
		code, raw := p.ask(t, key, query)
		require.Equal(t, "BAD_INPUT", code, raw)
		require.Contains(t, raw, `"path":`+path)
	}
}

func TestAdministratorsAreLimitedEachForThemselves(t *testing.T) {
	t.Parallel()
	p := newPort(t)
	ann, bob := p.key(t, "ann", adminauth.Operator), p.key(t, "bob", adminauth.Operator)
	for range 300 {
		code, raw := p.ask(t, ann, `{ __typename }`)
		require.Empty(t, code, raw)
	}
	code, raw := p.ask(t, ann, `{ __typename }`)
	require.Equal(t, "RATE_LIMITED", code)
	require.Contains(t, raw, `"retryAfterMs":200`)
	code, _ = p.ask(t, bob, `{ __typename }`)
	require.Empty(t, code)
	for range 60 {
		code, _ := p.ask(t, "", `{ __typename }`)
		require.Equal(t, "UNAUTHENTICATED", code)
	}
	code, _ = p.ask(t, "", `{ __typename }`)
	require.Equal(t, "RATE_LIMITED", code)
}
