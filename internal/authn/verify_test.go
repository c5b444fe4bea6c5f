package authn_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mpauth/internal/authn"
	"mpauth/internal/seal"
)

// verify asks the door of gateways.
func (f *fixture) verify(t *testing.T, query, authorization string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/verify"+query, nil)
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	w := httptest.NewRecorder()
	f.Middleware(authn.Verify(f.accounts)).ServeHTTP(w, r)
	require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
	return w
}

func (f *fixture) requireAdmitted(t *testing.T, query, authorization string) {
	t.Helper()
	w := f.verify(t, query, authorization)
	require.Equal(t, http.StatusNoContent, w.Code, "%s: %s", query, w.Body)
	require.Equal(t, f.user.String(), w.Header().Get("X-Mpauth-User"))
	require.Equal(t, app, w.Header().Get("X-Mpauth-App"))
	require.Equal(t, f.session.String(), w.Header().Get("X-Mpauth-Session"))
	require.Empty(t, w.Body.String())
}

// requireRefused wants a status and a JSON body with these members, and nobody named.
func (f *fixture) requireRefused(t *testing.T, query, authorization string, status int, want map[string]any) {
	t.Helper()
	w := f.verify(t, query, authorization)
	require.Equal(t, status, w.Code, "%s: %s", query, w.Body)
	require.Equal(t, "application/json", w.Header().Get("Content-Type"))
	for _, name := range []string{"X-Mpauth-User", "X-Mpauth-App", "X-Mpauth-Session"} {
		require.NotContains(t, w.Header(), name)
	}
	var body map[string]any
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &body))
	require.NotEmpty(t, body["message"])
	delete(body, "message")
	require.Equal(t, want, body)
	if status == http.StatusUnauthorized {
		require.Equal(t, "Bearer", w.Header().Get("WWW-Authenticate"))
	} else {
		require.NotContains(t, w.Header(), "Www-Authenticate")
	}
}

func TestVerifyAdmitsByStepAndNeed(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	bearer := "Bearer " + f.mint(t)
	lacks := func(have string, need ...any) map[string]any {
		return map[string]any{"code": "AUTH_STEP_REQUIRED", "action": "AUTHORIZE", "have": have, "need": need, "next": need[0]}
	}
	for _, query := range []string{"", "?step=ONE", "?step=", "?need=", "?need=,"} {
		f.requireAdmitted(t, query, bearer)
	}
	require.Zero(t, f.trips.Count(), "being logged in is known without a query")
	f.requireRefused(t, "?step=TWO", bearer, http.StatusForbidden, lacks("ONE", "PROFILE"))
	f.requireRefused(t, "?step=THREE", bearer, http.StatusForbidden, lacks("ONE", "PROFILE", "PHONE"))
	f.requireRefused(t, "?need=PHONE", bearer, http.StatusForbidden, lacks("ONE", "PHONE"))
	f.requireRefused(t, "?step=TWO&need=PHONE", bearer, http.StatusForbidden, lacks("ONE", "PROFILE", "PHONE"))

	f.db.Ent().User.UpdateOneID(f.user).SetNickname("Ann").ExecX(t.Context())
	f.trips.Reset()
	f.requireAdmitted(t, "?step=TWO&need=PROFILE", bearer)
	require.Equal(t, 1, f.trips.Count(), f.trips.String())
	f.requireRefused(t, "?step=THREE", bearer, http.StatusForbidden, lacks("TWO", "PHONE"))
	f.requireRefused(t, "?need=PROFILE,PHONE", bearer, http.StatusForbidden, lacks("TWO", "PHONE"))

	number := f.accounts.Phones.Seal([]byte("+8613800000000"), seal.Place{Table: "users", Column: "phone_sealed", Row: f.user.String()})
	f.db.Ent().User.UpdateOneID(f.user).SetPhoneSealed(number).ExecX(t.Context())
	f.requireAdmitted(t, "?step=THREE&need=PROFILE,PHONE", bearer)
}

func TestVerifyRefuses(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	bearer := "Bearer " + f.mint(t)
	says := func(code, action string) map[string]any { return map[string]any{"code": code, "action": action} }

	f.requireRefused(t, "", "", http.StatusUnauthorized, says("UNAUTHENTICATED", "RELOGIN"))
	f.requireRefused(t, "?step=nonsense", "", http.StatusUnauthorized, says("UNAUTHENTICATED", "RELOGIN"))
	f.requireRefused(t, "", "Bearer "+flip(bearer[7:]), http.StatusUnauthorized, says("UNAUTHENTICATED", "RELOGIN"))
	for _, query := range []string{"?step=two", "?step=4", "?step=ZERO", "?need=EMAIL", "?need=phone", "?need=PHONE,EMAIL"} {
		f.requireRefused(t, query, bearer, http.StatusBadRequest, says("BAD_INPUT", "NONE"))
	}

	f.db.Ent().Session.DeleteOneID(f.session).ExecX(t.Context()) // ended elsewhere, and not yet heard of
	f.requireRefused(t, "?step=TWO", bearer, http.StatusUnauthorized, says("SESSION_REVOKED", "RELOGIN"))
	f.Revocations.EndSession(f.session, f.now)
	f.requireRefused(t, "", bearer, http.StatusUnauthorized, says("SESSION_REVOKED", "RELOGIN"))

	f.now = f.now.Add(10 * time.Minute)
	f.requireRefused(t, "", bearer, http.StatusUnauthorized, says("TOKEN_EXPIRED", "REFRESH"))
}

func TestVerifyWithoutTheDatabase(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	bearer := "Bearer " + f.mint(t)
	require.NoError(t, f.db.SQL.Close())
	f.requireAdmitted(t, "?step=ONE", bearer)
	require.Empty(t, f.log.String())
	f.requireRefused(t, "?step=TWO", bearer, http.StatusInternalServerError, map[string]any{"code": "INTERNAL", "action": "NONE"})
	require.Contains(t, f.log.String(), "database is closed", "the log says what the answer does not")
	f.now = f.now.Add(2 * time.Second)
	f.requireRefused(t, "?step=ONE", bearer, http.StatusServiceUnavailable, map[string]any{"code": "UNAVAILABLE", "action": "RETRY"})
}
