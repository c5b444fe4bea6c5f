package stats_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"mpauth/internal/account"
	"mpauth/internal/database"
	"mpauth/internal/database/databasetest"
	"mpauth/internal/fault"
	"mpauth/internal/stats"
)

const shop, club = "wx00000000000shop0", "wx00000000000club0"

var noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

func newCounter(db *database.DB, apps ...string) (_ *stats.Counter, setNow func(time.Time)) {
	now := noon
	return stats.New(stats.Options{
		DB: db, Apps: apps, Now: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler),
	}), func(t time.Time) { now = t }
}

// table is what is stored, a row a line.
func table(t *testing.T, c *stats.Counter, from, to string, app *string) (lines []string) {
	t.Helper()
	rows, err := c.Read(t.Context(), from, to, app)
	require.NoError(t, err)
	for _, r := range rows {
		lines = append(lines, fmt.Sprintf("%s %s %s %s %d", r.Day, r.AppID, r.Kind, r.Name, r.Count))
	}
	return lines
}

func TestCountsPerAppAndDay(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		c, setNow := newCounter(db, shop, club)
		c.Observe(account.Event{AppID: shop, Action: account.ActionLogin, How: "new", Step: account.StepOne})
		c.Observe(account.Event{AppID: shop, Action: account.ActionLogin, How: "returning"})
		c.Observe(account.Event{AppID: club, Action: account.ActionBindPhone, First: true, Step: account.StepThree})
		c.Observe(account.Event{AppID: club, Action: account.ActionLogout})
		c.Refused(shop, fault.LoginCodeInvalid)
		c.Refused("", fault.BadInput)
		c.Refused("an app of somebody else", fault.BadInput)
		c.Refused(shop, "")
		setNow(noon.AddDate(0, 0, 1))
		c.Observe(account.Event{AppID: shop, Action: account.ActionLogin, How: "returning"})

		require.Equal(t, []string{
			"2026-01-31  failure BAD_INPUT 2",
			"2026-01-31 " + club + " step THREE 1",
			"2026-01-31 " + shop + " failure LOGIN_CODE_INVALID 1",
			"2026-01-31 " + shop + " login  2",
			"2026-01-31 " + shop + " register  1",
			"2026-01-31 " + shop + " step ONE 1",
			"2026-02-01 " + shop + " login  1",
		}, table(t, c, "2026-01-31", "2026-02-01", nil))
		require.Equal(t, []string{"2026-01-31 " + club + " step THREE 1"}, table(t, c, "2026-01-01", "2026-01-31", new(club)))
		require.Empty(t, table(t, c, "2026-02-02", "2026-02-03", nil))
	})
}

func TestTheOnlyAppIsMeantWhenNoneIsNamed(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		c, _ := newCounter(db, shop)
		c.Refused("", fault.Unauthenticated)
		require.Equal(t, []string{"2026-01-31 " + shop + " failure UNAUTHENTICATED 1"}, table(t, c, "2026-01-31", "2026-01-31", nil))
	})
}

func TestReplicasAddUp(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		var all sync.WaitGroup
		for range 8 {
			c, _ := newCounter(db, shop, club)
			all.Go(func() {
				for range 20 {
					c.Observe(account.Event{AppID: club, Action: account.ActionLogin})
					c.Observe(account.Event{AppID: shop, Action: account.ActionLogin, How: "new"})
					if err := c.Flush(context.Background()); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		c, _ := newCounter(db, shop, club)
		require.Equal(t, []string{
			"2026-01-31 " + club + " login  160",
			"2026-01-31 " + shop + " login  160",
			"2026-01-31 " + shop + " register  160",
		}, table(t, c, "2026-01-31", "2026-01-31", nil))
	})
}

func TestWhatCouldNotBeStoredIsKept(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		c, _ := newCounter(db, shop)
		c.Observe(account.Event{AppID: shop, Action: account.ActionLogin})
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		require.Error(t, c.Flush(gone))
		c.Observe(account.Event{AppID: shop, Action: account.ActionLogin})
		require.Equal(t, []string{"2026-01-31 " + shop + " login  2"}, table(t, c, "2026-01-31", "2026-01-31", nil))
	})
}

func TestRunStoresWhatIsLeftWhenItEnds(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		c, _ := newCounter(db, shop)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			c.Run(ctx)
		}()
		c.Observe(account.Event{AppID: shop, Action: account.ActionLogin})
		stop()
		<-ended
		other, _ := newCounter(db, shop)
		require.Equal(t, []string{"2026-01-31 " + shop + " login  1"}, table(t, other, "2026-01-31", "2026-01-31", nil))
	})
}

func TestRunStoresEveryTenSeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		// No database lives in synthetic time; that one is asked is seen by its refusal.
		refused := make(chan struct{}, 100)
		c := stats.New(stats.Options{
			DB: closedDatabase(t), Apps: []string{shop}, Now: time.Now,
			Log: slog.New(slog.NewTextHandler(writer(func(p []byte) (int, error) {
				refused <- struct{}{}
				return len(p), nil
			}), nil)),
		})
		ctx, stop := context.WithCancel(t.Context())
		go c.Run(ctx)
		c.Observe(account.Event{AppID: shop, Action: account.ActionLogin})
		time.Sleep(9 * time.Second)
		require.Empty(t, refused)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		require.Len(t, refused, 1)
		stop()
		synctest.Wait()
		require.Len(t, refused, 2, "and once more at the end")
	})
}

type writer func([]byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

func closedDatabase(t *testing.T) *database.DB {
	t.Helper()
	db, err := database.Open(database.Options{SQLitePath: t.TempDir() + "/closed.db"})
	require.NoError(t, err)
	require.NoError(t, db.Close())
	return db
}

func TestAPeriodHasOneTo92Days(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		c, _ := newCounter(db, shop)
		for _, period := range [][2]string{
			{"", "2026-01-31"}, {"2026-01-31", "tomorrow"}, {"2026-1-31", "2026-01-31"}, {"2026-02-01", "2026-01-31"},
			{"2026-01-01", "2026-04-03"}, {"2026-02-30", "2026-03-01"}, {"0001-01-01", "9999-12-31"},
		} {
			_, err := c.Read(t.Context(), period[0], period[1], nil)
			require.Equal(t, fault.BadInput, fault.CodeOf(err), period)
		}
		for _, period := range [][2]string{{"2026-01-31", "2026-01-31"}, {"2026-01-01", "2026-04-02"}} {
			_, err := c.Read(t.Context(), period[0], period[1], nil)
			require.NoError(t, err, period)
		}
	})
}
