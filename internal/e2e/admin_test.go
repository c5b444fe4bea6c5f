package e2e_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// administrators is the port of administrators of a running server, with a key that opens it.
type administrators struct {
	url string
	key string
}

var opened = regexp.MustCompile(`(http://127\.0\.0\.1:\d+)/playground#key=(ak_\S+)`)

// startAdmin is start with a port for administrators.
func startAdmin(t testing.TB, s settings) (*process, administrators) {
	t.Helper()
	p := start(t, s.with(settings{"ADMIN_LISTEN": "127.0.0.1:0"}))
	var found []string
	eventually(t, func() bool {
		found = opened.FindStringSubmatch(p.stdout.String())
		return found != nil
	}, "the program says where administrators come in")
	return p, administrators{found[1], found[2]}
}

// must asks as an administrator, and has to be answered.
func (a administrators) must(t testing.TB, query string, variables map[string]any) answer {
	t.Helper()
	return must(t, a.url, a.key, query, variables)
}

const setStatus = `mutation ($input: SetUserStatusInput!) { setUserStatus(input: $input) { user { status disabledReason } } }`

// setStatus shuts a person out, or lets them in again.
func (a administrators) setStatus(t testing.TB, user, status string) {
	t.Helper()
	a.must(t, setStatus, map[string]any{"input": map[string]any{"userId": user, "status": status, "reason": "e2e"}})
}

// TestADisabledUserIsRefusedEverywhere: within a second, by every replica, on every way in; and the
// sessions of then stay ended when the person is let in again.
func TestADisabledUserIsRefusedEverywhere(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		p, a := startAdmin(t, settings{"RATE_LIMITS": "off"})
		requireShutOut(t, a, p.url()+"/fakewechat", p)
	})
	t.Run("postgres, three replicas", func(t *testing.T) {
		t.Parallel()
		fake := startFake(t)
		shared := replicas(t, fake)
		first, a := startAdmin(t, shared)
		requireShutOut(t, a, fake.url(), first, start(t, shared), start(t, shared))
	})
}

func requireShutOut(t *testing.T, a administrators, fake string, replicas ...*process) {
	t.Helper()
	person, other := logIn(t, replicas[0].url(), fake, "alice"), logIn(t, replicas[0].url(), fake, "bob")
	must(t, replicas[0].url(), person.token, updateUser, map[string]any{"name": "Alice"})
	a.setStatus(t, person.user, "DISABLED")
	disabled := time.Now()
	for _, p := range replicas {
		requireRefused(t, disabled, "SESSION_REVOKED", "a query", func() string { return ask(t, p.url(), person.token, me, nil).code() })
		requireRefused(t, disabled, "SESSION_REVOKED", "a mutation", func() string {
			return ask(t, p.url(), person.token, updateUser, map[string]any{"name": "Eve"}).code()
		})
		requireRefused(t, disabled, unauthorized, "/verify", verifying(t, p, person.token))
		requireRefused(t, disabled, "SESSION_REVOKED", "a refresh", func() string {
			return ask(t, p.url(), "", refreshToken, map[string]any{"token": person.refresh}).code()
		})
		requireRefused(t, disabled, "ACCOUNT_DISABLED", "a login", func() string {
			code := newCode(t, fake, "login-code", "alice")
			return ask(t, p.url(), "", silentLogin, map[string]any{"input": map[string]any{"code": code}}).code()
		})
		require.Equal(t, other.user, must(t, p.url(), other.token, me, nil).text("me.id"), "nobody else is concerned")
	}
	a.setStatus(t, person.user, "ACTIVE")
	again := logIn(t, replicas[0].url(), fake, "alice")
	require.Equal(t, person.user, again.user)
	require.Equal(t, "Alice", must(t, replicas[0].url(), again.token, me, nil).text("me.nickname"), "what was sent meanwhile did nothing")
	require.Equal(t, "SESSION_REVOKED", ask(t, replicas[0].url(), person.token, me, nil).code())
}

// TestAKeyOfAnAdministrator: made by the command, good on every replica, and refused within a second of
// its end.
func TestAKeyOfAnAdministrator(t *testing.T) {
	t.Parallel()
	fake := startFake(t)
	shared := replicas(t, fake)
	_, a := startAdmin(t, shared)
	_, b := startAdmin(t, shared)
	made := run(t, command(shared, "keys", "admin", "--name=ann", "--roles=OPERATOR,AUDITOR", "--days=2"))
	require.Zero(t, made.code, made.stderr)
	key := regexp.MustCompile(`(?m)^ak_[0-9a-f]{16}_[\w-]{43}$`).FindString(made.stdout)
	require.NotEmpty(t, key, made.stdout)
	listed := run(t, command(shared, "keys", "admin-list"))
	require.Regexp(t, `(?m)^`+key[3:19]+` +ann +OPERATOR,AUDITOR +\S+ \S+ +- +-$`, listed.stdout)
	require.NotContains(t, listed.stdout, key[20:])

	const apps = `{ apps { appId } }`
	for _, url := range []string{a.url, b.url} {
		must(t, url, key, apps, nil)
		require.Equal(t, "FORBIDDEN", ask(t, url, key, `{ users(reason: "e2e") { edges { cursor } } }`, nil).code())
	}
	require.Zero(t, run(t, command(shared, "keys", "admin-revoke", key[3:19])).code)
	ended := time.Now()
	for _, url := range []string{a.url, b.url} {
		requireRefused(t, ended, "UNAUTHENTICATED", "the key", func() string { return ask(t, url, key, apps, nil).code() })
	}
	trail := a.must(t, `{ auditLog(filter: {action: "admin.key."}) { edges { node { action actor detail } } } }`, nil).raw
	require.Contains(t, trail, `"action":"admin.key.revoke","actor":"shell:mpauth"`)
	require.Contains(t, trail, `"action":"admin.key.create","actor":"shell:mpauth"`)
	require.NotContains(t, trail, key[20:])
}

// TestKeysOfAdministratorsOnSQLite: the command does not touch a database that a server has.
func TestKeysOfAdministratorsOnSQLite(t *testing.T) {
	t.Parallel()
	s := settings{"DATA": t.TempDir()}
	makeKey := func(name string) result {
		return run(t, command(s, "keys", "admin", "--name="+name, "--roles=SUPPORT"))
	}
	requireRefusal(t, makeKey("early"), `MPAUTH_DATA: .*no tables yet: run .mpauth migrate.*`)
	p := start(t, s)
	requireRefusal(t, makeKey("busy"), `MPAUTH_DATA: another mpauth is using the database in \S+; stop it, .*`)
	require.Zero(t, p.stop(t).code)
	made := makeKey("ann")
	require.Zero(t, made.code, made.stderr)
	requireRefusal(t, makeKey("ann"), `--name: there is or was a key of this name, and the audit trail knows keys by their names; choose another`)
	requireRefusal(t, run(t, command(s, "keys", "admin-revoke", "0000000000000000")), `0000000000000000: there is no such key`)

	key := strings.Fields(made.stdout)[len(strings.Fields(made.stdout))-1]
	_, a := startAdmin(t, s)
	must(t, a.url, key, `{ users(reason: "e2e") { edges { cursor } } }`, nil)
}

// TestThePortOfAdministrators: it is off in production unless it is set, has no key of its own there,
// answers nothing to strangers, and in development answers to this machine's names only.
func TestThePortOfAdministrators(t *testing.T) {
	t.Parallel()
	t.Run("development", func(t *testing.T) {
		t.Parallel()
		p, a := startAdmin(t, settings{"OPERATOR_LISTEN": "127.0.0.1:0"})
		require.Equal(t, http.StatusMisdirectedRequest, get(t, a.url+"/playground", "Host", "attacker.example").status)
		page := get(t, a.url+"/playground")
		require.Equal(t, http.StatusOK, page.status)
		require.NotContains(t, page.body, a.key, "the page is for whoever reaches the port")
		require.Contains(t, page.header.Get("Content-Security-Policy"), "frame-ancestors 'none'")
		for _, path := range []string{"/verify", "/fakewechat/", "/avatars", "/.well-known/jwks.json", "/metrics", "/livez"} {
			require.Equal(t, http.StatusNotFound, get(t, a.url+path).status, path)
		}
		require.Equal(t, http.StatusMethodNotAllowed, get(t, a.url+"/graphql", "Authorization", "Bearer "+a.key).status, "no link can do anything")
		for _, query := range []string{`{ __schema { types { name } } }`, `{ __typename }`, `{ nonsense`, `{ apps { nonsense } }`} {
			stranger := ask(t, a.url, "", query, nil)
			require.Equal(t, "UNAUTHENTICATED", stranger.code(), query)
			require.Nil(t, stranger.Data)
		}
		require.Equal(t, "AuditEvent", a.must(t, `{ __type(name: "AuditEvent") { name } }`, nil).text("__type.name"))
		require.Nil(t, a.must(t, `{ __type(name: "SilentLoginInput") { name } }`, nil).at("__type"))
		require.Nil(t, must(t, p.url(), "", `{ __type(name: "AuditEvent") { name } }`, nil).at("__type"))
		operator := regexp.MustCompile(`operator port is (http://127\.0\.0\.1:\d+)`).FindStringSubmatch(p.stdout.String())
		require.NotNil(t, operator)
		metrics := get(t, operator[1]+"/metrics").body
		require.Regexp(t, `(?m)^mpauth_http_requests_total\{route="administrators: POST /graphql",status="200"\} \d+$`, metrics)
		require.Regexp(t, `(?m)^mpauth_http_requests_total\{route="POST /graphql",status="200"\} 1$`, metrics, "what people asked")
		log := p.stop(t).stderr
		require.NotContains(t, log, a.key[20:])
		require.Contains(t, log, "actor=nobody")
		require.Contains(t, log, "actor=development:key")
	})
	t.Run("production", func(t *testing.T) {
		t.Parallel()
		s := production(t, settings{"DATABASE_URL": "sqlite", "DATA": t.TempDir()})
		off := launch(t, command(s)) // and not start, which turns it off
		off.listens(t)
		require.NotContains(t, off.stdout.String(), "dministrators")
		require.Zero(t, off.stop(t).code)
		on := start(t, s.with(settings{"ADMIN_LISTEN": "127.0.0.1:0"}))
		eventually(t, func() bool {
			return strings.Contains(on.stdout.String(), "The administrators' port is http://127.0.0.1:")
		}, "it says where")
		require.NotContains(t, on.stdout.String(), "ak_")
	})
	t.Run("taken", func(t *testing.T) {
		t.Parallel()
		busy := busyPort(t)["LISTEN"]
		requireRefusal(t, run(t, command(settings{"LISTEN": "127.0.0.1:0", "ADMIN_LISTEN": busy, "DATA": t.TempDir()})),
			`MPAUTH_ADMIN_LISTEN: 127\.0\.0\.1:\d+ is in use by another program; stop it, or set another address such as 127\.0\.0\.1:8091`)
	})
}
