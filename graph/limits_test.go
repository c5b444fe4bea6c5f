package graph

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"mpauth/graph/generated"
	"mpauth/internal/fault"
)

func TestMutationsPerUser(t *testing.T) {
	t.Parallel()
	ann, bob := somebody(t), somebody(t)
	cases := map[string]struct {
		query  string
		events int
		wait   time.Duration
	}{
		"updatePhone":     {`mutation{updatePhone(input:{code:"c"}){user{id}}}`, 5, 2 * time.Minute},
		"updateUser":      {`mutation{updateUser(input:{nickname:"n"}){user{id}}}`, 10, 6 * time.Second},
		"checkSessionKey": {`mutation{checkSessionKey}`, 10, 6 * time.Second},
		"unbindPhone":     {`mutation{unbindPhone{user{id}}}`, 30, 2 * time.Second},
		"logout":          {`mutation{logout{ok}}`, 30, 2 * time.Second},
		"revokeSession":   {`mutation{revokeSession(id:"x"){ok}}`, 30, 2 * time.Second},
		"recordConsent":   {`mutation{recordConsent(input:{purpose:"p",version:"1"}){consents{at}}}`, 30, 2 * time.Second},
		"mergeAccounts":   {`mutation{mergeAccounts(id:"00000000-0000-0000-0000-000000000000"){id}}`, 10, 6 * time.Second},
		"undoMerge":       {`mutation{undoMerge(id:"00000000-0000-0000-0000-000000000000"){user{id}}}`, 10, 6 * time.Second},
		"deleteAccount":   {`mutation{deleteAccount(input:{code:"c"}){closesAt}}`, 5, 2 * time.Minute},
		"exportMyData":    {`mutation{exportMyData(input:{code:"c"}){json}}`, 5, 2 * time.Minute},
	}
	require.Len(t, cases, len(mutationsPerUser))
	d := newDoor(t)
	for _, c := range cases { // each has a limit of its own
		d.exhaust(t, ann, "10.0.0.1:1", c.query, c.events, c.wait)
		require.Zero(t, d.ask(t, bob, "10.0.0.1:1", c.query), "another person is not concerned")
		require.Equal(t, c.wait, d.ask(t, ann, "10.9.9.9:1", c.query), "another address does not help")
		renamed := strings.Replace(c.query, "mutation{", "mutation Query{authFlow:", 1)
		require.Equal(t, c.wait, d.ask(t, ann, "10.0.0.1:1", renamed), "another name does not help")
	}
	require.Contains(t, d.log.String(), `limit="updatePhone per user"`)
	d.advance(2 * time.Minute)
	require.Zero(t, d.ask(t, ann, "10.0.0.1:1", cases["updatePhone"].query))
}

// Whoever adds a mutation has to say how often it may be asked for.
func TestEveryMutationHasALimit(t *testing.T) {
	t.Parallel()
	elsewhere := map[string]bool{"silentLogin": true, "restoreAccount": true, "refreshToken": true}
	fields := generated.NewExecutableSchema(generated.Config{}).Schema().Mutation.Fields
	for _, field := range fields {
		rule, limited := mutationsPerUser[field.Name]
		require.NotEqual(t, elsewhere[field.Name], limited, field.Name)
		if limited {
			require.Equal(t, field.Name+" per user", rule.Name)
		}
	}
	require.Len(t, fields, len(elsewhere)+len(mutationsPerUser))
}

func TestFailedLoginsPerAddress(t *testing.T) {
	t.Parallel()
	hopeless := map[string]error{
		"a code that WeChat does not know": fault.New(fault.LoginCodeInvalid, "no"),
		"a person whom WeChat blocks":      fault.Wrap(fault.LoginBlocked, "no", errors.New("40226")),
	}
	for name, failure := range hopeless {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, anyone := newDoor(t), nobody(t)
			d.verbs.login = func(context.Context) error { return failure }
			d.exhaust(t, anyone, "10.0.0.1:1", login, 20, 3*time.Second)
			require.Zero(t, d.ask(t, anyone, "10.0.0.1:1", nothing), "only logins are refused")
			require.Zero(t, d.ask(t, anyone, "10.0.0.2:1", login), "another address is not concerned")

			d.exhaust(t, anyone, "[2001:db8::1]:1", login, 20, 3*time.Second)
			require.NotZero(t, d.ask(t, anyone, "[2001:db8::ffff:2]:1", login), "an address beside it is the same client's")
			require.Zero(t, d.ask(t, anyone, "[2001:db8:0:1::1]:1", login))

			d.verbs.login = func(context.Context) error { return nil }
			require.Equal(t, 3*time.Second, d.ask(t, anyone, "10.0.0.1:1", login), "a good code has to wait too")
			d.advance(3 * time.Second)
			require.Zero(t, d.ask(t, anyone, "10.0.0.1:1", login))
			require.Zero(t, d.ask(t, anyone, "10.0.0.1:1", login), "that login succeeded and was not counted as a failure")
		})
	}
}

// What the caller cannot help shuts nobody out, and neither do many people behind one address.
func TestWhatIsNotAFailedLogin(t *testing.T) {
	t.Parallel()
	for name, failure := range map[string]error{
		"a login":              nil,
		"WeChat is down":       fault.New(fault.WechatUnavailable, "later"),
		"the server is down":   fault.New(fault.Unavailable, "later"),
		"a defect":             errors.New("broken"),
		"the request is wrong": fault.New(fault.BadInput, "no such app"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, anyone := newDoor(t), nobody(t)
			d.verbs.login = func(context.Context) error { return failure }
			d.exhaust(t, anyone, "10.0.0.1:1", login, 600, 100*time.Millisecond)
		})
	}
}

// Successes have a limit of their own, which other requests of the same address do not use up.
func TestLoginsPerAddress(t *testing.T) {
	t.Parallel()
	d, anyone := newDoor(t), nobody(t)
	for range 600 {
		d.limits.limiter.Take(loginsPerAddress, "10.0.0.1/32")
	}
	require.Equal(t, 100*time.Millisecond, d.ask(t, anyone, "10.0.0.1:1", login))
	require.Zero(t, d.ask(t, anyone, "10.0.0.1:1", nothing))
	d.advance(100 * time.Millisecond)
	require.Zero(t, d.ask(t, anyone, "10.0.0.1:1", login))
	require.Equal(t, 100*time.Millisecond, d.ask(t, anyone, "10.0.0.1:1", login), "the login was counted")
}

// To hang up before WeChat has answered is no way around the limit.
func TestHangingUpCountsAsAFailedLogin(t *testing.T) {
	t.Parallel()
	d, anyone := newDoor(t), nobody(t)
	hangUp := func() {
		ctx, cancel := context.WithCancel(anyone)
		d.verbs.login = func(ctx context.Context) error {
			cancel()
			return fault.Wrap(fault.Unavailable, "this is taking long", ctx.Err())
		}
		require.Zero(t, d.ask(t, ctx, "10.0.0.1:1", login))
	}
	for range 20 {
		hangUp()
	}
	require.Equal(t, 3*time.Second, d.ask(t, anyone, "10.0.0.1:1", login))

	late := &outOfTime{Context: anyone}
	d.verbs.login = func(context.Context) error {
		late.ended = true
		return fault.New(fault.Unavailable, "this is taking long")
	}
	for range 30 {
		late.ended = false
		require.Zero(t, d.ask(t, late, "10.0.0.2:1", login), "to run out of time is the server's fault")
	}
}

// outOfTime is a context whose deadline passes when a test says so.
type outOfTime struct {
	context.Context
	ended bool
}

func (c *outOfTime) Err() error {
	if c.ended {
		return context.DeadlineExceeded
	}
	return c.Context.Err()
}

func TestAnythingPerAddress(t *testing.T) {
	t.Parallel()
	for name, query := range map[string]string{"a query": nothing, "nonsense": "{!", "an unknown field": "{nope}", "without a login": "{me{id}}"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, anyone := newDoor(t), nobody(t)
			d.exhaust(t, anyone, "10.0.0.1:1", query, 600, 100*time.Millisecond)
			require.Zero(t, d.ask(t, anyone, "10.0.0.2:1", query))
			require.Contains(t, d.log.String(), `limit="anything per address"`)
		})
	}
}

func TestAnythingPerUser(t *testing.T) {
	t.Parallel()
	d, ann, anyone := newDoor(t), somebody(t), nobody(t)
	for i := range 300 {
		require.Zero(t, d.ask(t, ann, addresses(i), nothing))
	}
	require.Equal(t, 200*time.Millisecond, d.ask(t, ann, addresses(300), nothing), "wherever they are")
	require.Zero(t, d.ask(t, anyone, addresses(0), nothing))
	d.advance(200 * time.Millisecond)
	require.Zero(t, d.ask(t, ann, addresses(301), nothing))
}

// Many people share the address of their mobile carrier: who is logged in is not held back by the
// others there.
func TestWhoIsLoggedInDoesNotShareTheLimitOfAnAddress(t *testing.T) {
	t.Parallel()
	d, ann, anyone := newDoor(t), somebody(t), nobody(t)
	d.exhaust(t, anyone, "10.0.0.1:1", nothing, 600, 100*time.Millisecond)
	require.Zero(t, d.ask(t, ann, "10.0.0.1:1", nothing))
}

func TestLoginsPerOpenIDAndRefreshesPerSession(t *testing.T) {
	t.Parallel()
	limits, ctx, one, other := newDoor(t).limits, t.Context(), uuid.New(), uuid.New()
	for range 20 {
		require.NoError(t, limits.Login(ctx, "wx1", "o1"))
	}
	requireWait(t, 3*time.Second, limits.Login(ctx, "wx1", "o1"))
	require.NoError(t, limits.Login(ctx, "wx1", "o2"))
	require.NoError(t, limits.Login(ctx, "wx2", "o1"))
	for range 10 {
		require.NoError(t, limits.Refresh(ctx, one))
	}
	requireWait(t, 6*time.Second, limits.Refresh(ctx, one))
	require.NoError(t, limits.Refresh(ctx, other))
}

func requireWait(t *testing.T, want time.Duration, err error) {
	t.Helper()
	limited, ok := errors.AsType[*fault.Error](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, fault.RateLimited, limited.Code)
	require.Equal(t, want, limited.RetryAfter)
}

// A wait is told in whole milliseconds; one that was rounded down would have the client come too early.
func TestWaitIsRoundedUp(t *testing.T) {
	t.Parallel()
	for wait, want := range map[time.Duration]time.Duration{
		time.Nanosecond:                    time.Millisecond,
		time.Millisecond:                   time.Millisecond,
		time.Millisecond + time.Nanosecond: 2 * time.Millisecond,
	} {
		requireWait(t, want, verdict(t.Context(), anythingPerUser, wait, false))
	}
}

func TestWithoutLimitsEverythingPasses(t *testing.T) {
	t.Parallel()
	var none *Limits
	d, ann := newDoor(t), somebody(t)
	d.Handler = d.with(none)
	for range 1000 {
		require.Zero(t, d.ask(t, ann, "10.0.0.1:1", `mutation{logout{ok}}`))
	}
	for range 30 {
		require.NoError(t, none.Login(t.Context(), "wx1", "o1"))
		require.NoError(t, none.Refresh(t.Context(), uuid.Nil))
	}
}
