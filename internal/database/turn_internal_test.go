package database

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

func TestTurnsAreTakenInOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		turn := newTurn()
		require.NoError(t, turn.take(t.Context()))
		var order []int
		for i := range 20 {
			go func() {
				require.NoError(t, turn.take(t.Context()))
				order = append(order, i)
				turn.leave()
			}()
			synctest.Wait() // until it stands in line
		}
		impatient, leave := context.WithCancel(t.Context())
		leave()
		require.ErrorIs(t, turn.take(impatient), context.Canceled)
		turn.leave()
		synctest.Wait()
		for i, who := range order {
			require.Equal(t, i, who)
		}
		require.Len(t, order, 20)
		require.Empty(t, turn, "whoever was in has left")
	})
}
