package wechat

import (
	"slices"
	"strings"
	"sync"
	"time"
)

// Status is how WeChat does for an app, as this client sees it.
type Status struct {
	Token     *TokenStatus     // nil: none was needed yet, or the last one is over
	Endpoints []EndpointStatus // those that were called, by name
}

// TokenStatus tells of an access_token. The token itself stays here.
type TokenStatus struct {
	Age  time.Duration // since WeChat handed it out to us
	Left time.Duration // until it is renewed
}

// EndpointStatus tells of one call of the API.
type EndpointStatus struct {
	Name    string // as in Error.API
	Breaker string // "closed", "open" or "half-open"
	Calls   int    // how many requests were sent in the present minute
	// HeldBack is how long requests are held back because WeChat called the minute's quota used up, of
	// the app or of some of its users; 0: not at all.
	HeldBack time.Duration
	// Wrong is why WeChat refuses the call until an operator acts; nil: nothing is known to be wrong.
	Wrong *Misconfiguration
}

// Status tells how WeChat does for an app. It asks nobody and changes nothing.
func (c *Client) Status(appID string) Status {
	now := c.now()
	status := Status{Token: c.tokens.status(appID, now), Endpoints: c.breakers.status(appID)}
	for i := range status.Endpoints {
		e := &status.Endpoints[i]
		e.Calls = c.calls.thisMinute(appID, e.Name, now)
		e.HeldBack = c.budget.heldBack(appID, e.Name, now)
		e.Wrong = c.wrong.of(appID, e.Name)
	}
	return status
}

func (t *tokenCache) status(appID string, now time.Time) *TokenStatus {
	t.mu.Lock()
	defer t.mu.Unlock()
	token, ok := t.tokens[appID]
	if !ok || !now.Before(token.until) {
		return nil
	}
	return &TokenStatus{Age: now.Sub(token.since), Left: token.until.Sub(now)}
}

func (b *breakers) status(appID string) []EndpointStatus {
	b.mu.Lock()
	defer b.mu.Unlock()
	var endpoints []EndpointStatus
	for key, breaker := range b.known {
		if key[0] == appID {
			endpoints = append(endpoints, EndpointStatus{Name: key[1], Breaker: breaker.State().String()})
		}
	}
	slices.SortFunc(endpoints, func(a, b EndpointStatus) int { return strings.Compare(a.Name, b.Name) })
	return endpoints
}

func (b *budget) heldBack(appID, api string, now time.Time) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.turn(now)
	for spent := range b.spent {
		if spent.appID == appID && spent.api == api {
			return untilNextMinute(now)
		}
	}
	return 0
}

// callCount counts the requests of the present minute, per app and endpoint.
type callCount struct {
	mu     sync.Mutex
	minute time.Time
	calls  map[[2]string]int
}

func (n *callCount) add(appID, api string, now time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.turn(now)
	n.calls[[2]string{appID, api}]++
}

func (n *callCount) thisMinute(appID, api string, now time.Time) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.turn(now)
	return n.calls[[2]string{appID, api}]
}

// turn begins anew when another minute has begun.
func (n *callCount) turn(now time.Time) {
	if minute := now.Truncate(time.Minute); n.calls == nil || !minute.Equal(n.minute) {
		n.minute, n.calls = minute, make(map[[2]string]int)
	}
}
