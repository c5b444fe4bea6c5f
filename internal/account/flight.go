package account

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"mpauth/internal/fault"
)

// flightTime bounds work that goes on after its caller has left. It is longer than any caller waits,
// because what WeChat has given once it does not give again.
const flightTime = 15 * time.Second

// flights runs a piece of work once for all who ask for it at the same time, and to its end even if
// all of them leave: a code that WeChat has consumed must reach the database.
//
// What is under way counts as running from before do returns until the work is done.
//
// It only saves work on this replica. Between replicas the row that claims the code decides.
type flights[T any] struct {
	group   singleflight.Group
	running *sync.WaitGroup
}

// do returns the result of work for key, or [fault.Unavailable] when ctx ends first.
func (f *flights[T]) do(ctx context.Context, key string, work func(context.Context) (T, error)) (T, error) {
	f.running.Add(1)
	done := f.group.DoChan(key, func() (_ any, err error) {
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
			}
		}()
		own, cancel := context.WithTimeout(context.WithoutCancel(ctx), flightTime)
		defer cancel()
		return work(own)
	})
	select {
	case result := <-done:
		f.running.Done()
		value, _ := result.Val.(T)
		return value, result.Err
	case <-ctx.Done():
		go func() {
			<-done
			f.running.Done()
		}()
		var none T
		return none, fault.Wrap(fault.Unavailable, "this is taking long; repeat the request", ctx.Err())
	}
}
