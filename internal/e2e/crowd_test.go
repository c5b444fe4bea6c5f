package e2e_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"mpauth/internal/database"
)

// crowd is many clients that do what the SDK does: they repeat what is not answered, take a new code
// when the old one is spent, and tap again. What they were told is in the history, outside of every
// process that may die.
type crowd struct {
	base, fake string
	prefix     string // of the names of its people
	pause      time.Duration

	history history
	mu      sync.Mutex
	leavers []*visit // who has logged out

	people       atomic.Int64
	acknowledged atomic.Int64 // writes: logins, bindings, refreshes, logouts
	asked        atomic.Int64 // requests, with repeats
	unanswered   atomic.Int64 // of those: no answer, or one of the proxy
	refused      atomic.Int64 // of those: the server asked to try again
	hasty        atomic.Int64 // of those: at once, so it was not for want of time
}

func newCrowd(c *cluster) *crowd {
	return &crowd{base: c.url(), fake: c.fake.url(), prefix: "visitor"}
}

// failed is how many requests did not get what they came for, though there was time.
func (c *crowd) failed() int64 { return c.unanswered.Load() + c.hasty.Load() }

// begin lets people come, bind a number and leave, and devices go on with their sessions, until stop.
func (c *crowd) begin(t *testing.T, visitors, devices int) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var clients sync.WaitGroup
	for range visitors {
		clients.Go(func() {
			for ctx.Err() == nil {
				c.visit(ctx, t)
			}
		})
	}
	for i := range devices {
		d := &device{login: logIn(t, c.base, c.fake, fmt.Sprintf("%s-device-%d", c.prefix, i))}
		c.history.devices = append(c.history.devices, d)
		clients.Go(func() {
			for ctx.Err() == nil {
				c.goOn(ctx, t, d)
			}
		})
	}
	return func() {
		cancel()
		clients.Wait()
	}
}

// once sends a request and counts it. The answer is nil when there was none, or one of the proxy.
func (c *crowd) once(token, query string, variables map[string]any) *answer {
	c.asked.Add(1)
	sent := time.Now()
	a, err := try(c.base, token, query, variables)
	switch {
	case err != nil || a.status == http.StatusBadGateway:
		c.unanswered.Add(1)
		return nil
	case a.retryable():
		c.refused.Add(1)
		if time.Since(sent) < time.Second { // the shortest time that the server gives anything
			c.hasty.Add(1)
		}
	}
	return &a
}

// persist repeats a request until it has an answer that repeating does not change. It is nil when ctx
// ends first, which is looked at between requests: what has been sent is waited for.
func (c *crowd) persist(ctx context.Context, token, query string, variables map[string]any) *answer {
	for ctx.Err() == nil {
		a := c.once(token, query, variables)
		if a != nil && !a.retryable() {
			return a
		}
		select {
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond): // a client that is told to try again does not do so at once
		}
	}
	return nil
}

// visit is a person's whole stay: login, binding, a look at who they are, and of every third a logout.
func (c *crowd) visit(ctx context.Context, t *testing.T) {
	n := c.people.Add(1)
	v := &visit{person: fmt.Sprintf("%s-%d", c.prefix, n), number: fmt.Sprintf("138%08d", n)}
	if !c.logIn(ctx, t, v) {
		return
	}
	defer c.history.add(v)
	if !c.bind(ctx, t, v) {
		return
	}
	a := c.persist(ctx, v.token, me, nil)
	if a != nil && a.text("me.phone.number") != "+86"+v.number {
		t.Errorf("%s is not who they are: %s", v.person, a.raw)
	}
	if n%3 == 0 {
		c.leave(ctx, t, &visit{person: v.person + " again", login: v.login})
	}
	select {
	case <-ctx.Done():
	case <-time.After(c.pause):
	}
}

// logIn takes codes until one of them opens a session.
func (c *crowd) logIn(ctx context.Context, t *testing.T, v *visit) bool {
	for ctx.Err() == nil {
		made, err := tryControl(c.fake, "login-code", map[string]any{"user": v.person})
		if err != nil {
			t.Errorf("login code: %v", err)
			return false
		}
		a := c.persist(ctx, "", silentLogin, map[string]any{"input": map[string]any{
			"code": made["code"], "nonce": "the nonce of " + v.person, "device": map[string]any{"id": v.person},
		}})
		switch {
		case a == nil:
			return false
		case a.code() == "":
			c.acknowledged.Add(1)
			v.login = login{user: a.text("silentLogin.user.id"), token: a.text("silentLogin.token"), refresh: a.text("silentLogin.refreshToken")}
			return true
		case a.code() != "LOGIN_CODE_INVALID":
			t.Errorf("login of %s: %s", v.person, a.raw)
			return false
		}
	}
	return false
}

// bind taps until the number is bound.
func (c *crowd) bind(ctx context.Context, t *testing.T, v *visit) bool {
	for ctx.Err() == nil {
		made, err := tryControl(c.fake, "phone-code", map[string]any{"user": v.person, "phoneNumber": v.number})
		if err != nil {
			t.Errorf("phone code: %v", err)
			return false
		}
		v.code, _ = made["code"].(string)
		v.sent = true
		a := c.persist(ctx, v.token, updatePhone, map[string]any{"code": v.code})
		switch {
		case a == nil:
			return false
		case a.code() == "":
			c.acknowledged.Add(1)
			v.acknowledged = true
			return true
		case a.code() != "PHONE_CODE_INVALID":
			t.Errorf("binding of %s: %s", v.person, a.raw)
			return false
		}
	}
	return false
}

// leave opens a second session of a person and logs out of it. A logout whose answer was lost is
// repeated with a token that has ended: to be told so is the answer.
func (c *crowd) leave(ctx context.Context, t *testing.T, v *visit) {
	made, err := tryControl(c.fake, "login-code", map[string]any{"user": v.person})
	if err != nil {
		t.Errorf("login code: %v", err)
		return
	}
	a := c.persist(ctx, "", silentLogin, map[string]any{"input": map[string]any{"code": made["code"]}})
	if a == nil || a.code() != "" { // without a nonce a lost answer costs the code, and this visit is over
		return
	}
	v.login = login{user: a.text("silentLogin.user.id"), token: a.text("silentLogin.token")}
	a = c.persist(ctx, v.token, logout, map[string]any{"scope": "THIS"})
	switch {
	case a == nil:
	case a.code() == "" || a.code() == "SESSION_REVOKED":
		c.acknowledged.Add(1)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.leavers = append(c.leavers, v)
	default:
		t.Errorf("logout of %s: %s", v.person, a.raw)
	}
}

// goOn refreshes a device's session once.
func (c *crowd) goOn(ctx context.Context, t *testing.T, d *device) {
	d.sent++
	a := c.persist(ctx, "", refreshToken, map[string]any{"token": d.login.refresh})
	switch {
	case a == nil:
	case a.code() != "":
		t.Errorf("refresh: %s", a.raw)
	default:
		c.acknowledged.Add(1)
		d.token, d.login.refresh = a.text("refreshToken.token"), a.text("refreshToken.refreshToken")
		d.refreshed++
	}
	select {
	case <-ctx.Done():
	case <-time.After(c.pause):
	}
}

// losses lists what the crowd was told and the database does not hold. A logout that is lost is a
// session that lives again.
func (c *crowd) losses(t testing.TB, db *database.DB) []string {
	t.Helper()
	lost := c.history.losses(t, db)
	for _, v := range c.leavers {
		if count(t, db, `SELECT COUNT(*) FROM sessions WHERE id = $1`, sessionOf(t, v.token)) != 0 {
			lost = append(lost, "logout of "+v.person)
		}
	}
	return lost
}

// await waits until so many more writes have been acknowledged.
func (c *crowd) await(t testing.TB, more int64) {
	t.Helper()
	enough := c.acknowledged.Load() + more
	eventually(t, func() bool { return c.acknowledged.Load() >= enough }, "writes are acknowledged")
}

// requireEveryAnswerHolds asks the service itself: everybody who has stayed has their number, whoever
// has left is out, and every device can go on with the last token it was given.
func (c *crowd) requireEveryAnswerHolds(t *testing.T) {
	t.Helper()
	var asking sync.WaitGroup
	places := make(chan struct{}, 8)
	each := func(ask func()) {
		places <- struct{}{}
		asking.Go(func() {
			defer func() { <-places }()
			ask()
		})
	}
	for _, v := range c.history.visits {
		each(func() {
			if a := c.persist(t.Context(), v.token, me, nil); v.acknowledged && a.text("me.phone.number") != "+86"+v.number {
				t.Errorf("%s has lost the number: %s", v.person, a.raw)
			}
		})
	}
	for _, v := range c.leavers {
		each(func() {
			if a := c.persist(t.Context(), v.token, me, nil); a.code() != "SESSION_REVOKED" {
				t.Errorf("%s is in again: %s", v.person, a.raw)
			}
		})
	}
	asking.Wait()
	for _, d := range c.history.devices {
		a := must(t, c.base, "", refreshToken, map[string]any{"token": d.login.refresh})
		must(t, c.base, a.text("refreshToken.token"), me, nil)
	}
	require.False(t, t.Failed())
}

// undo takes back behind the server's back what somebody was told, and returns what the check finds.
func (c *crowd) undo(t testing.TB, db *database.DB) []string {
	t.Helper()
	for _, v := range c.history.visits {
		if v.acknowledged {
			alter(t, db, `UPDATE users SET phone_sealed = NULL, phone_index = NULL, phone_code_hash = NULL, phone_bound_at = NULL
				WHERE id = $1`, uuid.MustParse(v.user))
			break
		}
	}
	return c.losses(t, db)
}
