package e2e_test

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const requestTimeout = 4 * time.Second

// cutOff is a service of two replicas; the database of the first is behind a proxy.
type cutOff struct {
	fake, here, there *process
	wire              *proxy
}

func startCutOff(t *testing.T) cutOff {
	t.Helper()
	c := cutOff{fake: startFake(t)}
	shared := replicas(t, c.fake).with(settings{"REQUEST_TIMEOUT": requestTimeout.String()})
	wire, behind := startProxy(t, shared["DATABASE_URL"])
	c.wire = wire
	c.here = start(t, shared.with(settings{"DATA": t.TempDir(), "DATABASE_URL": behind}))
	c.there = start(t, shared.with(settings{"DATA": t.TempDir()}))
	return c
}

// TestDeadlineHonouredWhenDBBlackholed: lib/pq alone would wait for ever.
func TestDeadlineHonouredWhenDBBlackholed(t *testing.T) {
	t.Parallel()
	c := startCutOff(t)
	person := logIn(t, c.here.url(), c.fake.url(), "alice")
	var warming sync.WaitGroup // so that there are connections to be caught on
	for range 16 {
		warming.Go(func() { _, _ = try(c.here.url(), person.token, me, nil) })
	}
	warming.Wait()

	c.wire.swallow()
	for range 2 { // at first on connections that are open, then on new ones
		c.requireUnavailable(t, person)
	}
	require.Equal(t, http.StatusOK, get(t, c.here.url()+"/livez").status)
	require.Equal(t, http.StatusServiceUnavailable, get(t, c.here.url()+"/readyz").status)
	must(t, c.there.url(), person.token, me, nil)

	c.wire.heal()
	eventually(t, func() bool { return get(t, c.here.url()+"/readyz").status == http.StatusOK }, "it is ready again without a restart")
	must(t, c.here.url(), person.token, me, nil)
	must(t, c.here.url(), "", refreshToken, map[string]any{"token": person.refresh})
	require.True(t, logIn(t, c.here.url(), c.fake.url(), "after").isNew)
}

// requireUnavailable sends requests of every kind at once, more than there are connections.
func (c cutOff) requireUnavailable(t *testing.T, person login) {
	t.Helper()
	var asking sync.WaitGroup
	for range 8 {
		for query, variables := range map[string]map[string]any{
			me:           nil,
			refreshToken: {"token": person.refresh},
			silentLogin:  {"input": map[string]any{"code": newCode(t, c.fake.url(), "login-code", "bob")}},
			logout:       {"scope": "OTHERS"},
			updatePhone:  {"code": newCode(t, c.fake.url(), "phone-code", "alice")},
		} {
			asking.Go(func() {
				began := time.Now()
				a, err := try(c.here.url(), person.token, query, variables)
				if took := time.Since(began); took > requestTimeout+lateness {
					t.Errorf("an answer took %s: %s", took, query)
				}
				if err != nil || a.code() != "UNAVAILABLE" || !a.retryable() {
					t.Errorf("%s: %v %s", query, err, a.raw)
				}
			})
		}
	}
	asking.Wait()
	require.False(t, t.Failed())
}

// lateness is for forty requests at once beside all other tests. lib/pq alone would wait for minutes.
const lateness = 8 * time.Second

// TestStaleFeedFailsClosed: what was ended elsewhere while this replica could not hear of it is not
// accepted here, neither while it is cut off nor in the first moment after.
func TestStaleFeedFailsClosed(t *testing.T) {
	t.Parallel()
	c := startCutOff(t)
	leaver := logIn(t, c.here.url(), c.fake.url(), "leaver")
	require.Equal(t, http.StatusNoContent, get(t, c.here.url()+"/verify", "Authorization", "Bearer "+leaver.token).status)

	c.wire.swallow()
	must(t, c.there.url(), leaver.token, logout, map[string]any{"scope": "THIS"})
	ended := time.Now()

	// From a second after the logout on somebody asks without a pause, over the healing and beyond.
	var revoked, unknown atomic.Int64
	var asking sync.WaitGroup
	over := make(chan struct{})
	for range 4 {
		asking.Go(func() {
			for {
				select {
				case <-over:
					return
				default:
				}
				late := time.Since(ended) > time.Second // when it is sent
				switch r, err := tryGet(c.here.url()+"/verify", "Authorization", "Bearer "+leaver.token); {
				case err != nil:
					t.Errorf("verify: %v", err)
					return
				case r.status == http.StatusUnauthorized:
					revoked.Add(1)
				case r.status == http.StatusServiceUnavailable:
					unknown.Add(1)
				case late:
					t.Errorf("an ended session was accepted: %d", r.status)
					return
				}
			}
		})
	}
	defer asking.Wait()
	defer close(over)
	eventually(t, func() bool { return unknown.Load() > 8 }, "it refuses what it cannot know")
	require.Zero(t, revoked.Load(), "how does it know?")
	require.Equal(t, "UNAVAILABLE", ask(t, c.here.url(), leaver.token, me, nil).code())
	c.wire.heal()
	eventually(t, func() bool { return revoked.Load() > 8 }, "it has heard of the logout")
	require.Equal(t, "SESSION_REVOKED", ask(t, c.here.url(), leaver.token, me, nil).code())
}

// TestServerLeavesThoughTheDatabaseIsGone: nothing that waits for the database may keep the process.
func TestServerLeavesThoughTheDatabaseIsGone(t *testing.T) {
	t.Parallel()
	c := startCutOff(t)
	c.wire.swallow()
	_, _ = try(c.here.url(), "", silentLogin, map[string]any{"input": map[string]any{"code": newCode(t, c.fake.url(), "login-code", "bob")}})
	asked := time.Now()
	ended := c.here.stop(t)
	require.Less(t, time.Since(asked), 25*time.Second+lateness) // the shutdown timeout
	require.Zero(t, ended.code, ended.stderr)
}
