package wechat

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/sony/gobreaker/v2"
)

const (
	breakerFailures = 5                // in a row
	breakerWindow   = 10 * time.Second // within
	breakerPause    = 5 * time.Second  // then one call tries
)

// breakers holds one circuit breaker per app and endpoint: one app's revoked whitelist or one broken endpoint must not stop
// the others. There are as many as configured apps times endpoints, because unknown apps never get this far.
type breakers struct {
	mu    sync.Mutex
	known map[[2]string]*gobreaker.CircuitBreaker[struct{}]
}

func (b *breakers) of(appID, api string) *gobreaker.CircuitBreaker[struct{}] {
	b.mu.Lock()
	defer b.mu.Unlock()
	if breaker, ok := b.known[[2]string{appID, api}]; ok {
		return breaker
	}
	breaker := gobreaker.NewCircuitBreaker[struct{}](gobreaker.Settings{
		Interval:     breakerWindow,
		BucketPeriod: time.Second,
		Timeout:      breakerPause,
		ReadyToTrip:  func(counts gobreaker.Counts) bool { return counts.ConsecutiveFailures >= breakerFailures },
		IsSuccessful: func(err error) bool {
			failure, ok := errors.AsType[*Error](err)
			return !ok || !failure.brokenTransport()
		},
		// A caller who hangs up says nothing about WeChat.
		IsExcluded: func(err error) bool { return errors.Is(err, context.Canceled) },
	})
	if b.known == nil {
		b.known = make(map[[2]string]*gobreaker.CircuitBreaker[struct{}])
	}
	b.known[[2]string{appID, api}] = breaker
	return breaker
}

var errBreakerOpen = errors.New("circuit breaker is open")

// guard runs one attempt unless its circuit breaker is open.
func (b *breakers) guard(appID, api string, attempt func() *Error) *Error {
	_, err := b.of(appID, api).Execute(func() (struct{}, error) {
		// The explicit nil keeps a nil *Error from becoming an error that is not nil.
		if failure := attempt(); failure != nil {
			return struct{}{}, failure
		}
		return struct{}{}, nil
	})
	if err == nil {
		return nil
	}
	if failure, ok := errors.AsType[*Error](err); ok {
		return failure
	}
	return &Error{API: api, Kind: KindUnavailable, RetryAfter: breakerPause, Err: errBreakerOpen, outcome: OutcomeHeld}
}
