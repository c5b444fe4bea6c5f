package wechat

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestBudgetIsBoundedAndEndsWithTheMinute(t *testing.T) {
	t.Parallel()
	var b budget
	now := time.Date(2026, 3, 1, 12, 0, 59, 0, time.UTC)
	user := func(n int) quota { return quota{appID: "wx", api: "checksession", meter: strconv.Itoa(n)} }
	for n := range 2 * maxMetered {
		b.exhaust(user(n), now)
	}
	require.Len(t, b.spent, maxMetered)
	require.Equal(t, time.Second, b.wait(user(0), now))
	require.Zero(t, b.wait(quota{appID: "wx", api: "getuserphonenumber", meter: "0"}, now))

	now = now.Add(time.Second)
	require.Zero(t, b.wait(user(0), now))
	require.Empty(t, b.spent)
}
