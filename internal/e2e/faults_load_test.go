package e2e_test

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// asked is what became of many requests.
type asked struct {
	mu      sync.Mutex
	took    []time.Duration
	refused int
	codes   map[string]int
}

func (a *asked) add(took time.Duration, code string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.took = append(a.took, took)
	if code == "" {
		return
	}
	a.refused++
	if a.codes == nil {
		a.codes = map[string]int{}
	}
	a.codes[code]++
}

func (a *asked) total() int { return len(a.took) }

// p is a percentile of how long answers took.
func (a *asked) p(percent int) time.Duration {
	slices.Sort(a.took)
	return a.took[(len(a.took)-1)*percent/100]
}

// ask asks through the balancer who a person is, so many times, eight at once.
func (c *cluster) ask(t *testing.T, token string, times int, pause time.Duration) *asked {
	t.Helper()
	return askAt(t, []string{c.url()}, token, times, pause)
}

// askEach asks the replicas themselves: the balancer would not send anything to those that are not ready.
func (c *cluster) askEach(t *testing.T, token string, times int, pause time.Duration) *asked {
	t.Helper()
	var bases []string
	for _, p := range c.replicas {
		bases = append(bases, p.url())
	}
	return askAt(t, bases, token, times, pause)
}

func askAt(t *testing.T, bases []string, token string, times int, pause time.Duration) *asked {
	t.Helper()
	result := &asked{}
	var sent atomic.Int64
	var asking sync.WaitGroup
	for range 8 {
		asking.Go(func() {
			for {
				n := int(sent.Add(1))
				if n > times {
					return
				}
				began := time.Now()
				a, err := try(bases[n%len(bases)], token, me, nil)
				code := a.code()
				if err != nil {
					code = "no answer"
				}
				result.add(time.Since(began), code)
				if pause > 0 {
					<-time.After(pause)
				}
			}
		})
	}
	asking.Wait()
	return result
}

func (f *faults) replicasKilled(t *testing.T) {
	c := startCluster(t, nil)
	s := stage{cluster: c, crowd: newCrowd(c)}
	stop := s.crowd.begin(t, writers, 2)
	const kills = 60
	s.killReplicas(t, s.crowd, kills)
	s.requireKept(t, stop)
	s.crowd.requireEveryAnswerHolds(t)
	f.add("replicas killed", fmt.Sprintf("SIGKILL of one of three, %d×, %d writers", kills, writers), s.crowd.acknowledged.Load(), 0,
		"%d of %d requests repeated", s.crowd.unanswered.Load()+s.crowd.refused.Load(), s.crowd.asked.Load())
}

// oneUser logs one person in ten thousand times, 64 at once. All of them wait for one row, and not in
// turn; who waits too long is refused, and takes a new code.
func (f *faults) oneUser(t *testing.T) {
	c := startCluster(t, nil)
	const logins, atOnce = 10_000, 64
	var codes, opened, refused atomic.Int64
	var clients sync.WaitGroup
	began := time.Now()
	for range atOnce {
		clients.Go(func() {
			for opened.Load() < logins && codes.Add(1) <= logins+logins/50 {
				made, err := tryControl(c.fake.url(), "login-code", map[string]any{"user": "everybody"})
				if err != nil {
					t.Errorf("login code: %v", err)
					return
				}
				a, err := try(c.url(), "", silentLogin, map[string]any{"input": map[string]any{"code": made["code"]}})
				switch {
				case err == nil && a.code() == "":
					opened.Add(1)
				case err == nil && a.code() == "UNAVAILABLE":
					refused.Add(1)
				default:
					t.Errorf("login: %v %s", err, a.raw)
					return
				}
			}
		})
	}
	clients.Wait()
	took := time.Since(began)
	require.False(t, t.Failed())
	require.GreaterOrEqual(t, opened.Load(), int64(logins))
	db := openDatabase(t, c.settings)
	require.Equal(t, 1, count(t, db, `SELECT COUNT(*) FROM users`))
	require.Equal(t, 1, count(t, db, `SELECT COUNT(*) FROM identities`))
	require.Equal(t, 10, count(t, db, `SELECT COUNT(*) FROM sessions`))
	asked := exchanges(t, c.fake)
	require.EqualValues(t, opened.Load()+refused.Load(), asked, "a code was exchanged twice, or not at all")
	audited := count(t, db, `SELECT COUNT(*) FROM audit_events WHERE action = 'login'`)
	require.EqualValues(t, opened.Load(), audited)
	highest := 0
	for _, p := range c.replicas {
		highest = max(highest, memory(t, p))
	}
	require.Less(t, highest, 128, "megabytes")
	f.add("one user", fmt.Sprintf("%d logins, %d at once", logins, atOnce), opened.Load(), 0,
		"1 user, 10 sessions, %d refused; %.0f/s, %d MB", refused.Load(), float64(logins)/took.Seconds(), highest)
}

// memory is the most that a process has held, in MB.
func memory(t *testing.T, p *process) (megabytes int) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		if n, err := fmt.Sscanf(line, "VmHWM: %d kB", &megabytes); n == 1 && err == nil {
			return megabytes / 1024
		}
	}
	require.Fail(t, "the system does not tell")
	return 0
}

// coldStart starts all replicas at once into a herd of clients, after people were shut out while no
// replica was there to hear of it.
func (f *faults) coldStart(t *testing.T) {
	c := startCluster(t, nil)
	db := openDatabase(t, c.settings)
	const herd = 200
	people := make([]login, herd)
	for i := range people {
		people[i] = logIn(t, c.url(), c.fake.url(), fmt.Sprint("herd ", i))
	}
	for _, p := range c.replicas {
		p.kill(t)
	}
	const banned = herd / 10
	for _, person := range people[:banned] {
		ban(t, db, person.user)
	}
	for i := range c.replicas {
		c.replicas[i] = begin(t, c.settings)
	}
	var letIn, wrong, early atomic.Int64
	over := make(chan struct{})
	var clients sync.WaitGroup
	for i, p := range c.replicas {
		p.listens(t)
		c.balancer.replace(i, p.address)
	}
	began := time.Now()
	for i, person := range people {
		clients.Go(func() {
			for {
				select {
				case <-over:
					return
				case <-time.After(10 * time.Millisecond):
				}
				switch a, err := try(c.url(), person.token, me, nil); {
				case err != nil: // no replica is ready yet
					early.Add(1)
				case i < banned && a.code() != "SESSION_REVOKED":
					t.Errorf("somebody who was shut out got %s", a.raw)
					return
				case i >= banned && a.code() != "":
					wrong.Add(1)
				case i >= banned:
					letIn.Add(1)
				}
			}
		})
	}
	highest := 0
	for letIn.Load() < 20*herd && !t.Failed() && time.Since(began) < patience {
		highest = max(highest, count(t, db, `SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'mpauth' AND pid <> pg_backend_pid()`))
	}
	took := time.Since(began)
	close(over)
	clients.Wait()
	require.False(t, t.Failed())
	require.GreaterOrEqual(t, letIn.Load(), int64(20*herd))
	require.Zero(t, wrong.Load())
	require.LessOrEqual(t, highest, 3*20+2)
	f.add("cold start", fmt.Sprintf("%d clients at once, %d just shut out", herd, banned), herd+banned, 0,
		"%d answers in %s, %d connections", letIn.Load(), seconds(took), highest)
}

// slowWeChat lets every login wait for WeChat for ten seconds, or rather for as long as it is waited.
func (f *faults) slowWeChat(t *testing.T) {
	c := startCluster(t, nil)
	crowd := newCrowd(c)
	crowd.pause = 10 * time.Millisecond
	person := logIn(t, c.url(), c.fake.url(), "asker")
	d := &device{login: logIn(t, c.url(), c.fake.url(), "device")}
	before := c.ask(t, person.token, 400, 5*time.Millisecond)

	control(t, c.fake.url(), "faults", map[string]any{"endpoint": "jscode2session", "kind": "latency", "ms": 10_000, "count": 0})
	var logins sync.WaitGroup
	answered := &asked{}
	for i := range 48 {
		logins.Go(func() {
			made, err := tryControl(c.fake.url(), "login-code", map[string]any{"user": fmt.Sprint("waiting ", i)})
			if err != nil {
				t.Errorf("login code: %v", err)
				return
			}
			began := time.Now()
			a, err := try(c.url(), "", silentLogin, map[string]any{"input": map[string]any{"code": made["code"]}})
			code := a.code()
			if err != nil {
				code = err.Error()
			}
			answered.add(time.Since(began), code)
		})
	}
	during := c.ask(t, person.token, 400, 5*time.Millisecond)
	for range 20 {
		crowd.goOn(t.Context(), t, d)
	}
	logins.Wait()
	require.Equal(t, []string{"WECHAT_UNAVAILABLE"}, slices.Collect(maps.Keys(answered.codes)))
	require.Equal(t, 48, answered.refused)
	require.Less(t, answered.p(100), 3500*time.Millisecond+slack)
	require.Zero(t, during.refused, during.codes)
	require.Equal(t, 20, d.refreshed)
	require.Zero(t, crowd.failed())
	require.Less(t, during.p(99), 20*before.p(99)+100*time.Millisecond)
	control(t, c.fake.url(), "clear-faults", nil)
	eventually(t, func() bool {
		a, err := try(c.url(), "", silentLogin, map[string]any{"input": map[string]any{"code": newCode(t, c.fake.url(), "login-code", "after")}})
		return err == nil && a.code() == ""
	}, "logins are possible again")
	db := openDatabase(t, c.settings)
	require.Equal(t, 1, count(t, db, `SELECT COUNT(*) FROM sessions WHERE id = $1 AND refresh_counter >= 20`, sessionOf(t, d.token)))
	f.add("slow WeChat", "10 s a login, 48 at once", crowd.acknowledged.Load(), 0,
		"logins refused within %s; `me` p99 %s, before %s", seconds(answered.p(100)),
		milliseconds(during.p(99)), milliseconds(before.p(99)))
}
