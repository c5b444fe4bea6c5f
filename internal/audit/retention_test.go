package audit_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mpauth/ent/auditcheckpoint"
	"mpauth/internal/database"
	"mpauth/internal/database/databasetest"
)

// What was done to the beginning of the chain must not be removed, and vouched for, by the server itself.
func TestRetentionHidesNoManipulation(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ attack, refusal, problem string }{
		{"DELETE FROM audit_events WHERE id = 1", "event 1 of link 1 is missing", "link 1: event 1 was deleted"},
		{"UPDATE audit_events SET action = 'x' WHERE id = 1", "link 1 does not hold", "event 1 was changed"},
		{"UPDATE audit_events SET at = '2020-01-31 12:00:00+00:00' WHERE id IN (1, 2)", "link 1 does not hold", "event 2 was changed"},
		{"DELETE FROM audit_seals WHERE id = 1", "link 2 does not hold", "links 1 to 1 are missing"},
	} {
		t.Run(c.attack, func(t *testing.T) {
			t.Parallel()
			databasetest.Each(t, func(t *testing.T, db *database.DB) {
				tr := newTrail(t, db)
				tr.sealed(4)
				tr.attack(c.attack)
				tr.advance(30 * 24 * time.Hour)
				n, err := tr.Retain(t.Context(), 24*time.Hour)
				require.ErrorContains(t, err, c.refusal)
				require.Zero(t, n)
				require.Contains(t, fmt.Sprint(tr.report(nil).Problems), c.problem)
			})
		})
	}
}

// What holds before it may go: the beginning is then where the manipulation is.
func TestRetentionStopsBeforeAManipulation(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		tr := newTrail(t, db)
		tr.sealed(6)
		tr.attack("UPDATE audit_events SET action = 'x' WHERE id = 4")
		tr.advance(30 * 24 * time.Hour)
		n, err := tr.Retain(t.Context(), 24*time.Hour)
		require.NoError(t, err)
		require.Equal(t, 3, n)
		_, err = tr.Retain(t.Context(), 24*time.Hour)
		require.ErrorContains(t, err, "link 4 does not hold")
		require.Contains(t, fmt.Sprint(tr.report(nil).Problems), "link 4: event 4 was changed")
	})
}

func TestRetentionLeavesAChainThatHolds(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		tr := newTrail(t, db)
		tr.sealed(5)
		require.NoError(t, tr.Checkpoint(t.Context()))
		tr.advance(30 * 24 * time.Hour)
		tr.sealed(4)
		n, err := tr.Retain(t.Context(), 24*time.Hour)
		require.NoError(t, err)
		require.Equal(t, 5, n)
		n, err = tr.Retain(t.Context(), 24*time.Hour)
		require.NoError(t, err)
		require.Zero(t, n)
		r := tr.report(nil)
		require.Empty(t, r.Problems)
		require.EqualValues(t, 4, r.Sealed)
		require.EqualValues(t, 5, r.Removed)

		tr.advance(30 * 24 * time.Hour)
		n, err = tr.Retain(t.Context(), 24*time.Hour)
		require.NoError(t, err)
		require.Equal(t, 4, n, "also the last may go")
		tr.sealed(2)
		r = tr.report(nil)
		require.Empty(t, r.Problems)
		require.EqualValues(t, 9, r.Removed)
		require.Equal(t, 1, db.Ent().AuditCheckpoint.Query().
			Where(auditcheckpoint.KindEQ(auditcheckpoint.KindRemoval)).CountX(t.Context()), "older statements go with what they were about")
	})
}
