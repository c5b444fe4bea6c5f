package database_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"mpauth/internal/database"
	"mpauth/internal/database/databasetest"
)

var moments = []time.Time{
	time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	time.Date(2026, 1, 2, 3, 4, 5, 100_000_000, time.UTC),
	time.Date(2026, 1, 2, 3, 4, 5, 100_001_999, time.UTC),
	time.Date(2026, 1, 2, 12, 4, 5, 123_456_789, time.FixedZone("Beijing", 8*60*60)),
	time.Date(2026, 12, 31, 23, 59, 59, 999_999_999, time.UTC),
}

// stored is what a time becomes in either database.
func stored(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

func TestTimesAreKeptInUTCToTheMicrosecond(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		for _, moment := range moments {
			made := db.Ent().User.Create().SetAppGroup("g").SetCreatedAt(moment).SetPhoneBoundAt(moment).SaveX(t.Context())
			read := db.Ent().User.GetX(t.Context(), made.ID)
			require.Equal(t, stored(moment), read.CreatedAt)
			require.Equal(t, time.UTC, read.CreatedAt.Location())
			require.Equal(t, stored(moment), *read.PhoneBoundAt)

			var byHand time.Time
			require.NoError(t, db.SQL.QueryRowContext(t.Context(), "SELECT created_at FROM users WHERE id = $1", made.ID).Scan(&byHand))
			require.Equal(t, stored(moment), byHand)
		}
	})
}

func TestTimesCompare(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		for _, a := range moments {
			for _, b := range moments {
				var before int
				id := db.Ent().User.Create().SetAppGroup("g").SetCreatedAt(a).SaveX(t.Context()).ID
				err := db.SQL.QueryRowContext(t.Context(), "SELECT count(*) FROM users WHERE id = $1 AND created_at < $2", id, b).Scan(&before)
				require.NoError(t, err)
				require.Equal(t, stored(a).Before(stored(b)), before == 1, "%v %v", a, b)
			}
		}
	})
}

// Of a value that is computed, SQLite does not say that it is a time.
func TestTimesOfExpressions(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		for _, moment := range moments {
			id := db.Ent().User.Create().SetAppGroup("g").SetCreatedAt(moment).SaveX(t.Context()).ID
			var (
				made     time.Time
				bound    *time.Time
				absent   = &made
				nickname string
			)
			err := db.SQL.QueryRowContext(t.Context(), `UPDATE users SET phone_bound_at = $2, nickname = $3 WHERE id = $1
				RETURNING created_at, coalesce(phone_bound_at, created_at), disabled_until, nickname`, id, moment, "2026-01-02 03:04:05.000000+00:00").
				Scan(database.Time(&made), database.NullTime(&bound), database.NullTime(&absent), &nickname)
			require.NoError(t, err)
			require.Equal(t, stored(moment), made)
			require.Equal(t, stored(moment), *bound)
			require.Nil(t, absent)
			require.Equal(t, "2026-01-02 03:04:05.000000+00:00", nickname, "a name that looks like a time stays a name")

			var latest time.Time
			err = db.SQL.QueryRowContext(t.Context(), "SELECT max(created_at) FROM users WHERE id = $1", id).Scan(database.Time(&latest))
			require.NoError(t, err)
			require.Equal(t, stored(moment), latest)

			err = db.SQL.QueryRowContext(t.Context(), "SELECT disabled_until FROM users WHERE id = $1", id).Scan(database.Time(&latest))
			require.ErrorContains(t, err, "a time was expected")
		}
	})
}

// Parameters are numbered: they may be repeated and come in any order.
func TestNumberedParameters(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		var a, b, c string
		err := db.SQL.QueryRowContext(t.Context(),
			"SELECT CAST($2 AS text), CAST($1 AS text), CAST($2 AS text)", "one", "two").Scan(&a, &b, &c)
		require.NoError(t, err)
		require.Equal(t, []string{"two", "one", "two"}, []string{a, b, c})

		id := uuid.New()
		var returned uuid.UUID
		err = db.SQL.QueryRowContext(t.Context(), `INSERT INTO users (id, app_group, status, epoch, created_at)
			VALUES ($2, $3, $4, $5, $1) RETURNING id`, moments[0], id, "g", "active", 3).Scan(&returned)
		require.NoError(t, err)
		require.Equal(t, id, returned)
	})
}
