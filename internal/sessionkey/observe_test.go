package sessionkey_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"mpauth/internal/database"
	"mpauth/internal/database/databasetest"
	"mpauth/internal/sessionkey"
)

func TestEachUseOfTheCacheIsTold(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		f := newFixture(t, db.Ent(), 1000)
		var told []sessionkey.Lookup
		f.Observe = func(l sessionkey.Lookup) { told = append(told, l) }
		s := f.store(t, "o1", keyA, "")

		f.requireKeys(t, s, keyA)
		_, cached := f.Cached(s.id)
		require.True(t, cached)
		f.requireKeys(t, s, keyA)
		s.print = []byte("of another key")
		_, err := f.Keys(t.Context(), s.id, s.print)
		require.NoError(t, err)
		require.Equal(t, []sessionkey.Lookup{sessionkey.Miss, sessionkey.Hit, sessionkey.Stale}, told)
	})
}
