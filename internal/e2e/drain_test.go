package e2e_test

import (
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// slowly has the fake keep the next login waiting, and begins one. The returned channel has its answer.
func slowly(t *testing.T, p, fake *process, fault map[string]any) <-chan answer {
	t.Helper()
	fault["endpoint"] = "jscode2session"
	before := exchanges(t, fake)
	control(t, fake.url(), "faults", fault)
	code := newCode(t, fake.url(), "login-code", "slow")
	answered := make(chan answer, 1)
	go func() {
		a, err := try(p.url(), "", silentLogin, map[string]any{"input": map[string]any{"code": code}})
		if err != nil {
			a.raw = err.Error()
		}
		answered <- a
	}()
	eventually(t, func() bool { return exchanges(t, fake) == before+1 }, "WeChat is being asked")
	return answered
}

// exchanges is how many login codes the fake has been asked about.
func exchanges(t *testing.T, fake *process) int {
	t.Helper()
	record, _ := control(t, fake.url(), "calls", map[string]any{"endpoint": "jscode2session"})["jscode2session"].(map[string]any)
	n, _ := record["count"].(float64)
	return int(n)
}

func againstFake(t *testing.T, database settings, fake *process, more settings) *process {
	t.Helper()
	return start(t, database.with(settings{
		"WECHAT_URL": fake.url(), "WECHAT_APPID": appID, "WECHAT_SECRET": appSecret,
	}).with(more))
}

// TestDrainLosesNoRequest: the server says that it leaves, answers on, finishes what has begun, and
// only then goes.
func TestDrainLosesNoRequest(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, database settings) {
		fake := startFake(t)
		p := againstFake(t, database, fake, settings{"DRAIN_DELAY": "1s", "SHUTDOWN_TIMEOUT": "20s"})
		person := logIn(t, p.url(), fake.url(), "alice")
		login := slowly(t, p, fake, map[string]any{"kind": "latency", "ms": 2000})

		asked := time.Now()
		p.signal(t, syscall.SIGTERM)
		eventually(t, func() bool { return get(t, p.url()+"/readyz").status == http.StatusServiceUnavailable }, "it is not ready any more")
		ready := get(t, p.url()+"/readyz")
		require.JSONEq(t, `{"status":"draining"}`, ready.body)
		require.Equal(t, http.StatusOK, get(t, p.url()+"/livez").status)
		require.Equal(t, person.user, must(t, p.url(), person.token, me, nil).text("me.id"), "a new request during the drain delay")

		ended := p.wait(t, patience)
		require.Zero(t, ended.code, ended.stderr)
		require.GreaterOrEqual(t, time.Since(asked), time.Second, "it did not wait for the proxies")
		finished := <-login
		require.Empty(t, finished.code(), finished.raw)
		require.NotEmpty(t, finished.text("silentLogin.token"), finished.raw)
		_, err := tryGet(p.url() + "/livez")
		require.ErrorIs(t, err, syscall.ECONNREFUSED)

		again := againstFake(t, database, fake, nil)
		require.Empty(t, ask(t, again.url(), "", `{ authFlow { appId } }`, nil).code())
		require.False(t, logIn(t, again.url(), fake.url(), "slow").isNew, "the login that was running was not stored")
	})
}

// TestDrainingServerSendsClientsAway: a connection that is kept alive would be closed under the next
// request.
func TestDrainingServerSendsClientsAway(t *testing.T) {
	t.Parallel()
	p := start(t, settings{"DRAIN_DELAY": "30s"})
	client := &http.Client{Transport: &http.Transport{}, Timeout: patience}
	closes := func() bool {
		response, err := client.Get(p.url() + "/livez")
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		return response.Close
	}
	require.False(t, closes())
	p.signal(t, syscall.SIGTERM)
	eventually(t, closes, "the connection is closed with the answer")
}

func TestSecondSignalEndsTheProcessAtOnce(t *testing.T) {
	t.Parallel()
	p := start(t, settings{"DRAIN_DELAY": "5m"})
	p.signal(t, syscall.SIGTERM)
	eventually(t, func() bool { return get(t, p.url()+"/readyz").status == http.StatusServiceUnavailable }, "it is draining")
	p.signal(t, syscall.SIGTERM)
	ended := p.wait(t, patience) // of a drain of five minutes
	require.Equal(t, 1, ended.code)
	require.Contains(t, ended.stderr, "mpauth: ended at once by a second signal\n")
}

// TestShutdownTimeoutIsKept: a request that does not end must not keep the process.
func TestShutdownTimeoutIsKept(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, database settings) {
		fake := startFake(t)
		p := againstFake(t, database, fake, settings{"SHUTDOWN_TIMEOUT": "1s"})
		slowly(t, p, fake, map[string]any{"kind": "hang"})
		p.signal(t, syscall.SIGTERM)
		ended := p.wait(t, patience)
		require.Equal(t, 1, ended.code, "it waited until WeChat was given up")
		require.Contains(t, ended.stderr, "mpauth: MPAUTH_SHUTDOWN_TIMEOUT: requests were still running after 1s; make it longer than MPAUTH_REQUEST_TIMEOUT\n")
	})
}
