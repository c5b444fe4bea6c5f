package ratelimit_test

import (
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"mpauth/internal/ratelimit"
)

// clock stands still until a test moves it.
type clock struct{ now time.Time }

func newClock() *clock { return &clock{time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)} }

func (c *clock) Now() time.Time          { return c.now }
func (c *clock) advance(d time.Duration) { c.now = c.now.Add(d) }

var threeAMinute = ratelimit.Rule{Name: "three a minute", Events: 3, Per: time.Minute}

func take(t *testing.T, l *ratelimit.Limiter, rule ratelimit.Rule, caller string) {
	t.Helper()
	wait, ok := l.Take(rule, caller)
	require.True(t, ok, "%s should be allowed", caller)
	require.Zero(t, wait)
}

func refuse(t *testing.T, l *ratelimit.Limiter, rule ratelimit.Rule, caller string, want time.Duration) {
	t.Helper()
	for range 2 { // to be refused costs nothing
		wait, ok := l.Take(rule, caller)
		require.False(t, ok, "%s should be refused", caller)
		require.Equal(t, want, wait)
	}
}

func TestEventsComeBackOneByOne(t *testing.T) {
	t.Parallel()
	c := newClock()
	l := ratelimit.New(100, c.Now)
	for range 3 {
		take(t, l, threeAMinute, "ann")
	}
	refuse(t, l, threeAMinute, "ann", 20*time.Second)
	c.advance(19 * time.Second)
	refuse(t, l, threeAMinute, "ann", time.Second)
	c.advance(time.Second)
	take(t, l, threeAMinute, "ann")
	refuse(t, l, threeAMinute, "ann", 20*time.Second)

	c.advance(24 * time.Hour)
	for range 3 {
		take(t, l, threeAMinute, "ann")
	}
	refuse(t, l, threeAMinute, "ann", 20*time.Second)
}

func TestCallersAndRulesAreApart(t *testing.T) {
	t.Parallel()
	l := ratelimit.New(1000, newClock().Now)
	other := threeAMinute
	other.Name = "another three a minute"
	for range 3 {
		take(t, l, threeAMinute, "ann")
	}
	take(t, l, threeAMinute, "bob")
	take(t, l, other, "ann")
	refuse(t, l, threeAMinute, "ann", 20*time.Second)

	// No rule and caller together read like another rule and caller.
	ab := ratelimit.Rule{Name: "ab", Events: 1, Per: time.Minute}
	take(t, l, ab, "c")
	take(t, l, ratelimit.Rule{Name: "a", Events: 1, Per: time.Minute}, "bc")
	refuse(t, l, ab, "c", time.Minute)
}

func TestCheckCountsNothing(t *testing.T) {
	t.Parallel()
	l := ratelimit.New(100, newClock().Now)
	for range 10 {
		_, ok := l.Check(threeAMinute, "ann")
		require.True(t, ok)
	}
	for range 3 {
		take(t, l, threeAMinute, "ann")
	}
	wait, ok := l.Check(threeAMinute, "ann")
	require.False(t, ok)
	require.Equal(t, 20*time.Second, wait)
}

// The limiter is a bucket of tokens that fills up as time passes, written in another way. As long as
// the table has room, the two agree to the nanosecond.
func TestLimiterIsATokenBucket(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := newClock()
		l := ratelimit.New(10_000, c.Now)
		m := newModel(c)
		rules := []ratelimit.Rule{
			{Name: "a", Events: rapid.IntRange(1, 7).Draw(t, "events a"), Per: time.Duration(rapid.Int64Range(7, int64(time.Minute)).Draw(t, "per a"))},
			{Name: "b", Events: rapid.IntRange(1, 700).Draw(t, "events b"), Per: time.Duration(rapid.Int64Range(700, int64(time.Hour)).Draw(t, "per b"))},
		}
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			rule := rapid.SampledFrom(rules).Draw(t, "rule")
			caller := rapid.SampledFrom([]string{"", "ann", "bob", "cyd"}).Draw(t, "caller")
			c.advance(time.Duration(rapid.Int64Range(0, 2*int64(rule.Per)/int64(rule.Events)).Draw(t, "pause")))
			only := rapid.Bool().Draw(t, "only check")
			ask := l.Take
			if only {
				ask = l.Check
			}
			wait, ok := ask(rule, caller)
			wantWait, want := m.ask(rule, caller, !only)
			require.Equal(t, want, ok)
			require.Equal(t, wantWait, wait)
		}
	})
}

// Without room the limiter forgets, but whoever it refuses has done enough to be refused for.
func TestFullTableOnlyForgets(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := newClock()
		l := ratelimit.New(1, c.Now) // one bucket
		m := newModel(c)
		for range 300 {
			caller := strconv.Itoa(rapid.IntRange(0, 40).Draw(t, "caller"))
			c.advance(time.Duration(rapid.Int64Range(0, int64(5*time.Second)).Draw(t, "pause")))
			_, allowed := l.Take(threeAMinute, caller)
			if _, ok := m.ask(threeAMinute, caller, false); ok {
				require.True(t, allowed, "refused without a reason")
			}
			if allowed {
				m.spend(threeAMinute, caller) // on credit too
			}
		}
	})
}

// A caller who has used up a limit cannot get it back with other names, however many, and nobody else
// is refused because of them.
func TestFloodOfNamesFreesAndBlocksNobody(t *testing.T) {
	t.Parallel()
	const capacity = 1000
	l := ratelimit.New(capacity, newClock().Now)
	for range threeAMinute.Events {
		take(t, l, threeAMinute, "the one")
	}
	for i := range 200 * capacity {
		take(t, l, threeAMinute, strconv.Itoa(i))
	}
	refuse(t, l, threeAMinute, "the one", 20*time.Second)
	take(t, l, threeAMinute, "a newcomer")
}

// Names that have used up half of their limit do not push out one that has used up all of it, even
// when there are many times as many of them as the table has room for.
func TestEntryNearestToItsEndGoesFirst(t *testing.T) {
	t.Parallel()
	const capacity = 1000
	c := newClock()
	l := ratelimit.New(capacity, c.Now)
	rule := ratelimit.Rule{Name: "four a minute", Events: 4, Per: time.Minute}
	for i := range 20 * capacity {
		if i == 10*capacity {
			for range rule.Events {
				take(t, l, rule, "the one")
			}
		}
		take(t, l, rule, strconv.Itoa(i))
		take(t, l, rule, strconv.Itoa(i))
	}
	refuse(t, l, rule, "the one", 15*time.Second)
}

// An entry whose time has passed takes no room: as many newcomers as the table was made for are all
// remembered, give or take the buckets that they happen to crowd.
func TestPassedEntriesMakeRoom(t *testing.T) {
	t.Parallel()
	const capacity = 100_000
	c := newClock()
	l := ratelimit.New(capacity, c.Now)
	rule := ratelimit.Rule{Name: "one a minute", Events: 1, Per: time.Minute}
	for i := range 2 * capacity {
		l.Take(rule, "old "+strconv.Itoa(i))
	}
	c.advance(time.Minute)
	const newcomers = capacity / 4
	for i := range newcomers {
		take(t, l, rule, "new "+strconv.Itoa(i))
	}
	forgotten := 0
	for i := range newcomers {
		if _, ok := l.Check(rule, "new "+strconv.Itoa(i)); ok {
			forgotten++
		}
	}
	require.Less(t, forgotten, newcomers/1000)
}

// With the time standing still, callers who ask at the same time get what the rule gives, no more
// and no less.
func TestConcurrentCallersShareOneLimit(t *testing.T) {
	t.Parallel()
	l := ratelimit.New(100, newClock().Now)
	rule := ratelimit.Rule{Name: "hundred a minute", Events: 100, Per: time.Minute}
	var allowed [3]atomic.Int64
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for i := range 300 {
				caller := i % len(allowed)
				l.Check(rule, strconv.Itoa(caller))
				if _, ok := l.Take(rule, strconv.Itoa(caller)); ok {
					allowed[caller].Add(1)
				}
			}
		})
	}
	group.Wait()
	for caller := range allowed {
		require.EqualValues(t, rule.Events, allowed[caller].Load(), fmt.Sprint(caller))
	}
}

// model is a bucket of tokens for each caller, in nanoseconds of the rule's time.
type model struct {
	clock  *clock
	tokens map[[2]string]*tokens
}

type tokens struct {
	have int64
	at   time.Time
}

func newModel(c *clock) *model { return &model{c, map[[2]string]*tokens{}} }

func (m *model) ask(rule ratelimit.Rule, caller string, take bool) (wait time.Duration, ok bool) {
	b, price := m.of(rule, caller), price(rule)
	if b.have < price {
		return time.Duration(price - b.have), false
	}
	if take {
		b.have -= price
	}
	return 0, true
}

func (m *model) spend(rule ratelimit.Rule, caller string) { m.of(rule, caller).have -= price(rule) }

func (m *model) of(rule ratelimit.Rule, caller string) *tokens {
	full := price(rule) * int64(rule.Events)
	key := [2]string{rule.Name, caller}
	b, known := m.tokens[key]
	if !known {
		b = &tokens{full, m.clock.now}
		m.tokens[key] = b
	}
	b.have, b.at = min(full, b.have+int64(m.clock.now.Sub(b.at))), m.clock.now
	return b
}

func price(rule ratelimit.Rule) int64 { return int64(rule.Per) / int64(rule.Events) }
