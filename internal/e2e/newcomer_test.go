package e2e_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestNewcomer is the first five minutes: nothing is set, and everything is there.
func TestNewcomer(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s settings) {
		p := start(t, s)
		require.Contains(t, p.stdout.String(), "DEVELOPMENT MODE")
		require.Contains(t, p.stdout.String(), p.url()+"/graphql")
		require.Contains(t, p.stdout.String(), p.url()+"/fakewechat/")
		fake := p.url() + "/fakewechat"

		person := firstSteps(t, p.url(), fake)
		plainRoutes(t, p.url(), person)
		onlyThisMachine(t, p.url())
		leaves(t, p.url(), person)

		ended := p.stop(t)
		require.Zero(t, ended.code, ended.stderr)
		again := start(t, s)
		require.False(t, logIn(t, again.url(), again.url()+"/fakewechat", "alice").isNew, "the second start forgot the person")
	})
}

// firstSteps goes the way of a person from their first login to a complete profile.
func firstSteps(t *testing.T, base, fake string) login {
	t.Helper()
	flow := must(t, base, "", `{ authFlow { appId flow } }`, nil)
	require.Equal(t, []any{"PROFILE", "PHONE"}, flow.at("authFlow.flow"))

	person := logIn(t, base, fake, "alice")
	require.True(t, person.isNew)
	a := must(t, base, person.token, me, nil)
	require.Equal(t, person.user, a.text("me.id"))
	require.Equal(t, "ONE", a.text("me.authStep"))
	require.Equal(t, []any{"PROFILE", "PHONE"}, a.at("me.missing"))

	a = ask(t, base, person.token, `{ mustAuth(step: THREE) { id } }`, nil)
	require.Equal(t, "AUTH_STEP_REQUIRED", a.code(), a.raw)

	a = must(t, base, person.token, updateUser, map[string]any{"name": "爱丽丝"})
	require.Equal(t, "爱丽丝", a.text("updateUser.user.nickname"))
	require.Equal(t, "TWO", a.text("updateUser.user.authStep"))

	code := newCode(t, fake, "phone-code", "alice")
	a = must(t, base, person.token, updatePhone, map[string]any{"code": code})
	require.Equal(t, "THREE", a.text("updatePhone.user.authStep"))
	require.Regexp(t, `^\+861\d{10}$`, a.text("updatePhone.user.phone.number"))
	require.Regexp(t, `^1\d\d\*{4}\d{4}$`, a.text("updatePhone.user.phone.masked"))

	list, _ := must(t, base, person.token, sessions, nil).at("sessions").([]any)
	require.Len(t, list, 1)

	old := person.token
	a = must(t, base, "", refreshToken, map[string]any{"token": person.refresh})
	person.token, person.refresh = a.text("refreshToken.token"), a.text("refreshToken.refreshToken")
	require.NotEqual(t, old, person.token)
	must(t, base, person.token, me, nil)
	return person
}

// plainRoutes are those that speak no GraphQL.
func plainRoutes(t *testing.T, base string, person login) {
	t.Helper()
	for _, path := range []string{"/livez", "/readyz"} {
		r := get(t, base+path)
		require.Equal(t, http.StatusOK, r.status)
		require.JSONEq(t, `{"status":"ok"}`, r.body)
	}
	var published struct{ Keys []map[string]string }
	require.NoError(t, json.Unmarshal([]byte(get(t, base+"/.well-known/jwks.json").body), &published))
	require.Len(t, published.Keys, 1)
	require.Equal(t, "OKP", published.Keys[0]["kty"])
	require.NotContains(t, published.Keys[0], "d", "a private key was published")

	require.Equal(t, http.StatusUnauthorized, get(t, base+"/verify").status)
	known := get(t, base+"/verify?step=THREE&need=PHONE", "Authorization", "Bearer "+person.token)
	require.Equal(t, http.StatusNoContent, known.status, known.body)
	require.Equal(t, person.user, known.header.Get("X-Mpauth-User"))

	index := get(t, base+"/")
	require.Equal(t, http.StatusOK, index.status)
	require.Contains(t, index.body, "wx0000000000demo00")
	require.Contains(t, index.body, "/playground")
	require.Equal(t, http.StatusNotFound, get(t, base+"/nothing").status)
	require.Equal(t, http.StatusMethodNotAllowed, get(t, base+"/graphql").status)
}

// onlyThisMachine is about pages elsewhere whose host name leads to this machine.
func onlyThisMachine(t *testing.T, base string) {
	t.Helper()
	for host, status := range map[string]int{
		"localhost": http.StatusOK, "LOCALHOST:1": http.StatusOK, "127.0.0.1": http.StatusOK, "[::1]:80": http.StatusOK,
		"evil.example": http.StatusMisdirectedRequest, "localhost.evil.example:80": http.StatusMisdirectedRequest,
		"10.0.0.1": http.StatusMisdirectedRequest, "127.0.0.1.nip.io": http.StatusMisdirectedRequest,
	} {
		for _, path := range []string{"/livez", "/", "/fakewechat/", "/.well-known/jwks.json"} {
			r := get(t, base+path, "Host", host)
			require.Equal(t, status, r.status, "%s%s", host, path)
			require.Equal(t, "dev", r.header.Get("X-Auth-Mode"))
		}
	}
}

// leaves is the last step.
func leaves(t *testing.T, base string, person login) {
	t.Helper()
	require.Equal(t, true, must(t, base, person.token, logout, map[string]any{"scope": "THIS"}).at("logout.ok"))
	refused := ask(t, base, person.token, me, nil)
	require.Equal(t, "SESSION_REVOKED", refused.code(), refused.raw)
	require.Nil(t, refused.Data)
	require.Equal(t, http.StatusUnauthorized, get(t, base+"/verify", "Authorization", "Bearer "+person.token).status)
	gone := ask(t, base, "", refreshToken, map[string]any{"token": person.refresh})
	require.Equal(t, "SESSION_REVOKED", gone.code(), gone.raw)
}
