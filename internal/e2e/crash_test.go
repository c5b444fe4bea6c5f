package e2e_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mpauth/internal/database"
)

// crash is a server that dies again and again under clients that never give up. WeChat is a process
// of its own: it remembers which codes it has honoured, as the real one does.
type crash struct {
	settings settings
	fake     string
	base     atomic.Pointer[string] // where the server of the moment is
	history  history
	people   atomic.Int64

	acknowledged atomic.Int64 // bindings, so far
}

// TestKillLosesNothingAcknowledged ends the server by SIGKILL at random points, twenty times on each
// database. At each of them the audit trail holds, and still has all that it had before. MPAUTH_TEST_KILLS
// asks for another number, and MPAUTH_TEST_SEED repeats a run's points.
func TestKillLosesNothingAcknowledged(t *testing.T) {
	t.Parallel()
	kills := number(t, "MPAUTH_TEST_KILLS", 20)
	seed := number(t, "MPAUTH_TEST_SEED", int(time.Now().UnixNano()))
	onEach(t, func(t *testing.T, database settings) {
		t.Logf("%d kills; MPAUTH_TEST_SEED=%d repeats them", kills, seed)
		random := rand.New(rand.NewPCG(uint64(seed), 0))
		fake := startFake(t)
		c := &crash{fake: fake.url(), settings: database.with(settings{
			"WECHAT_URL": fake.url(), "WECHAT_APPID": appID, "WECHAT_SECRET": appSecret, "PUBLIC_URL": "http://mpauth.test",
			"LOG_LEVEL": "warn", "RATE_LIMITS": "off",
		})}
		p := c.start(t)
		stop := c.startClients(t)
		reached := ""
		for range kills {
			c.letHappen(t, 1+random.Int64N(6))
			<-time.After(time.Duration(random.IntN(40)) * time.Millisecond) // the random point
			p.kill(t)
			reached = requireTrailReaches(t, database, reached)
			p = c.start(t)
		}
		c.killDuringABinding(t, p)
		stop()

		// Before the clients come back: the tables as the last crash left them.
		db := openDatabase(t, database)
		c.requireNothingLost(t, db)
		missing := c.history.forged().losses(t, db)
		require.Contains(t, missing, "phone of unlucky", "the check does not see a loss")
		t.Logf("%d people bound %d numbers; had the server acknowledged all it was sent, %d things would be lost",
			len(c.history.visits), c.acknowledged.Load(), len(missing))

		c.start(t)
		c.finishBindings(t)
		c.requireEveryAnswerHolds(t)
		c.requireNothingLost(t, db)
		require.NotEmpty(t, requireTrailReaches(t, database, reached))
		requireTrail(t, database)
		c.requireCheckSeesAnUndoneBinding(t, db)
	})
}

func number(t *testing.T, variable string, otherwise int) int {
	t.Helper()
	if os.Getenv(variable) == "" {
		return otherwise
	}
	n, err := strconv.Atoi(os.Getenv(variable))
	require.NoError(t, err, variable)
	return n
}

// letHappen waits for bindings to be acknowledged, so that a slow machine proves as much as a fast one.
func (c *crash) letHappen(t *testing.T, bindings int64) {
	t.Helper()
	enough := c.acknowledged.Load() + bindings
	eventually(t, func() bool { return c.acknowledged.Load() >= enough }, "people bind numbers")
}

func (c *crash) start(t *testing.T) *process {
	t.Helper()
	p := start(t, c.settings)
	base := p.url()
	c.base.Store(&base)
	return p
}

// startClients lets people come and bind, and devices refresh, until stop.
func (c *crash) startClients(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			for ctx.Err() == nil {
				c.visit(ctx, t)
			}
		})
	}
	for i := range 2 {
		d := &device{login: logIn(t, *c.base.Load(), c.fake, fmt.Sprintf("device-%d", i))}
		c.history.devices = append(c.history.devices, d)
		clients.Go(func() {
			for ctx.Err() == nil {
				c.refresh(ctx, t, d)
			}
		})
	}
	return func() {
		cancel()
		clients.Wait()
	}
}

// visit is a person's whole stay: a login that is tried until it is answered, and a binding that is
// sent once. What became of it is asked at the end.
func (c *crash) visit(ctx context.Context, t *testing.T) {
	n := c.people.Add(1)
	person := fmt.Sprintf("visitor-%d", n)
	v := &visit{person: person, number: fmt.Sprintf("138%08d", n)}
	for ctx.Err() == nil && v.token == "" {
		made, err := tryControl(c.fake, "login-code", map[string]any{"user": person})
		if err != nil {
			t.Errorf("login code: %v", err)
			return
		}
		a, err := try(*c.base.Load(), "", silentLogin, map[string]any{"input": map[string]any{
			"code": made["code"], "nonce": "nonce of " + person, "device": map[string]any{"id": person},
		}})
		if err == nil && a.code() != "" && !a.retryable() {
			t.Errorf("login of %s: %s", person, a.raw)
			return
		}
		v.login = login{user: a.text("silentLogin.user.id"), token: a.text("silentLogin.token")}
	}
	if v.token == "" {
		return
	}
	made, err := tryControl(c.fake, "phone-code", map[string]any{"user": person, "phoneNumber": v.number})
	if err != nil {
		t.Errorf("phone code: %v", err)
		return
	}
	v.code, _ = made["code"].(string)
	v.sent = true
	a, err := try(*c.base.Load(), v.token, updatePhone, map[string]any{"code": v.code})
	if err == nil && a.code() != "" && !a.retryable() {
		t.Errorf("binding of %s: %s", person, a.raw)
	}
	if v.acknowledged = err == nil && a.code() == ""; v.acknowledged {
		c.acknowledged.Add(1)
	}
	c.history.add(v)
}

// refresh goes on with a session, with the same token until there is an answer: the answer to a
// refresh that was carried out, and got lost, must be had again.
func (c *crash) refresh(ctx context.Context, t *testing.T, d *device) {
	d.sent++
	for ctx.Err() == nil {
		a, err := try(*c.base.Load(), "", refreshToken, map[string]any{"token": d.login.refresh})
		if err != nil || a.retryable() {
			continue
		}
		if a.code() != "" {
			t.Errorf("refresh: %s", a.raw)
			return
		}
		d.token, d.login.refresh = a.text("refreshToken.token"), a.text("refreshToken.refreshToken")
		d.refreshed++
		return
	}
}

// killDuringABinding kills the server while WeChat is being asked about a number: a binding that was
// surely sent and surely not carried out.
func (c *crash) killDuringABinding(t *testing.T, p *process) {
	t.Helper()
	v := &visit{person: "unlucky", number: "13900000000", sent: true}
	v.login = logIn(t, p.url(), c.fake, v.person)
	v.code, _ = control(t, c.fake, "phone-code", map[string]any{"user": v.person, "phoneNumber": v.number})["code"].(string)
	control(t, c.fake, "faults", map[string]any{"endpoint": "getuserphonenumber", "kind": "hang", "user": v.person})
	failed := make(chan error, 1)
	go func() {
		_, err := try(p.url(), v.token, updatePhone, map[string]any{"code": v.code})
		failed <- err
	}()
	eventually(t, func() bool {
		faults, _ := control(t, c.fake, "state", map[string]any{})["faults"].([]any)
		return len(faults) == 0
	}, "the call met the fault")
	p.kill(t)
	require.Error(t, <-failed)
	control(t, c.fake, "clear-faults", nil)
	c.history.add(v)
}

func (c *crash) requireNothingLost(t *testing.T, db *database.DB) {
	t.Helper()
	require.Empty(t, halfStates(t, db))
	require.Empty(t, c.history.losses(t, db))
	require.Greater(t, len(c.history.visits), 20, "too little happened to prove anything")
}

// finishBindings sends every binding again that was not answered. A number that had been stored must
// come back; one that WeChat told to a dead server is lost for good, and the person taps again.
func (c *crash) finishBindings(t *testing.T) {
	t.Helper()
	var unanswered sync.WaitGroup
	places := make(chan struct{}, 8)
	for _, v := range c.history.visits {
		if v.acknowledged {
			continue
		}
		unanswered.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			c.finishBinding(t, v)
		})
	}
	unanswered.Wait()
}

func (c *crash) finishBinding(t *testing.T, v *visit) {
	deadline := time.Now().Add(patience)
	for {
		a, err := try(*c.base.Load(), v.token, updatePhone, map[string]any{"code": v.code})
		switch {
		case err != nil:
			t.Errorf("binding of %s: %v", v.person, err)
			return
		case a.code() == "":
			v.acknowledged = true
			return
		case a.code() == "PHONE_CODE_INVALID":
			c.requireNoNumber(t, v)
			return
		case !a.retryable() || time.Now().After(deadline):
			t.Errorf("binding of %s: %s", v.person, a.raw)
			return
		}
	}
}

// requireNoNumber: a code may be worthless only if what it stood for is not here.
func (c *crash) requireNoNumber(t *testing.T, v *visit) {
	a, err := try(*c.base.Load(), v.token, me, nil)
	if err != nil || a.code() != "" || a.at("me.phone") != nil {
		t.Errorf("%s was told that the code is invalid, but: %v %s", v.person, err, a.raw)
		return
	}
	made, err := tryControl(c.fake, "phone-code", map[string]any{"user": v.person, "phoneNumber": v.number})
	if err != nil {
		t.Errorf("phone code: %v", err)
		return
	}
	v.code, _ = made["code"].(string)
	again, err := try(*c.base.Load(), v.token, updatePhone, map[string]any{"code": v.code})
	if v.acknowledged = err == nil && again.code() == ""; !v.acknowledged {
		t.Errorf("%s tapped again: %v %s", v.person, err, again.raw)
	}
}

// requireEveryAnswerHolds asks the server itself: each person has their number, and each device can
// go on with the last token it was given.
func (c *crash) requireEveryAnswerHolds(t *testing.T) {
	t.Helper()
	base := *c.base.Load()
	for _, v := range c.history.visits {
		require.True(t, v.acknowledged, v.person)
		require.Equal(t, "+86"+v.number, must(t, base, v.token, me, nil).text("me.phone.number"), v.person)
	}
	for _, d := range c.history.devices {
		require.Positive(t, d.refreshed)
		a := must(t, base, "", refreshToken, map[string]any{"token": d.login.refresh})
		must(t, base, a.text("refreshToken.token"), me, nil)
	}
}

// requireCheckSeesAnUndoneBinding takes one number away behind the server's back.
func (c *crash) requireCheckSeesAnUndoneBinding(t *testing.T, db *database.DB) {
	t.Helper()
	victim := c.history.visits[0]
	alter(t, db, `UPDATE users SET phone_sealed = NULL, phone_index = NULL, phone_code_hash = NULL, phone_bound_at = NULL
		WHERE id = (SELECT user_id FROM sessions WHERE id = $1)`, sessionOf(t, victim.token))
	require.Equal(t, []string{"phone of " + victim.person}, c.history.losses(t, db))
	require.Equal(t, []string{"an audit event without a number: 1"}, halfStates(t, db))
}
