package account

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"mpauth/internal/fault"
)

func newFlights() (*flights[int], *sync.WaitGroup) {
	var running sync.WaitGroup
	return &flights[int]{running: &running}, &running
}

func TestFlightIsOneForAllWhoAskMeanwhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, running := newFlights()
		var runs atomic.Int64
		var all sync.WaitGroup
		for range 32 {
			all.Go(func() {
				n, err := f.do(t.Context(), "key", func(context.Context) (int, error) {
					time.Sleep(time.Second)
					return int(runs.Add(1)), nil
				})
				require.NoError(t, err)
				require.Equal(t, 1, n)
			})
		}
		all.Wait()
		running.Wait()
		n, err := f.do(t.Context(), "key", func(context.Context) (int, error) { return int(runs.Add(1)), nil })
		require.NoError(t, err)
		require.Equal(t, 2, n, "a flight that has landed is not remembered")
	})
}

func TestFlightGoesOnWithoutItsCallers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, running := newFlights()
		type key struct{}
		ctx, leave := context.WithTimeout(context.WithValue(t.Context(), key{}, "request"), time.Second)
		defer leave()
		var landed atomic.Bool
		begun := time.Now()
		_, err := f.do(ctx, "key", func(own context.Context) (int, error) {
			require.Equal(t, "request", own.Value(key{}))
			time.Sleep(3 * time.Second)
			landed.Store(own.Err() == nil)
			return 1, nil
		})
		require.Equal(t, time.Second, time.Since(begun))
		require.Equal(t, fault.Unavailable, fault.CodeOf(err))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.False(t, landed.Load())
		running.Wait()
		require.True(t, landed.Load(), "closing waits, and the flight's own time was not over")
		require.Equal(t, 3*time.Second, time.Since(begun))
	})
}

// A caller who has left before the flight even takes off is waited for all the same.
func TestFlightCountsBeforeItTakesOff(t *testing.T) {
	t.Parallel()
	ctx, leave := context.WithCancel(t.Context())
	leave()
	for range 1000 {
		f, running := newFlights()
		var landed atomic.Bool
		_, _ = f.do(ctx, "key", func(context.Context) (int, error) {
			landed.Store(true)
			return 1, nil
		})
		running.Wait()
		require.True(t, landed.Load())
	}
}

func TestFlightHasAnEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, running := newFlights()
		begun := time.Now()
		_, err := f.do(t.Context(), "key", func(own context.Context) (int, error) {
			<-own.Done()
			return 0, own.Err()
		})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, flightTime, time.Since(begun))
		running.Wait()
	})
}

func TestFlightThatPanicsIsAnError(t *testing.T) {
	t.Parallel()
	f, running := newFlights()
	n, err := f.do(t.Context(), "key", func(context.Context) (int, error) { panic("engine lost") })
	require.Zero(t, n)
	require.Equal(t, fault.Internal, fault.CodeOf(err))
	require.ErrorContains(t, err, "engine lost")
	require.ErrorContains(t, err, "flight_internal_test.go", "the log shows where")
	running.Wait()

	broken := errors.New("engine broken")
	_, err = f.do(t.Context(), "key", func(context.Context) (int, error) { return 0, broken })
	require.ErrorIs(t, err, broken)
}

func TestDigestKeepsPartsApart(t *testing.T) {
	t.Parallel()
	lists := [][]string{{}, {""}, {"", ""}, {"ab"}, {"a", "b"}, {"", "ab"}, {"ab", ""}, {"1:a"}, {"a1:b"}}
	seen := map[string][]string{}
	for _, parts := range lists {
		sum := string(digest(parts...))
		require.NotContains(t, seen, sum, "%q", parts)
		seen[sum] = parts
	}
}
