package admin_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"mpauth/internal/account"
	"mpauth/internal/admin"
	"mpauth/internal/fault"
)

// merged has a person be two users of the mall, and become one; it returns the merge, who left, and who
// stayed.
func (w *world) merged(t *testing.T) (merge, left, stayed uuid.UUID) {
	t.Helper()
	_, old := w.login(t, mall, "ann", "ann.1")
	w.phone(t, old, "ann", "13800000001")
	_, fresh := w.login(t, mall, "ann at work", "ann.2")
	code := w.wechat.PhoneCode(mall, "ann at work", "13800000001")
	_, err := w.account.UpdatePhone(t.Context(), fresh, account.UpdatePhoneInput{Code: &code})
	requireFault(t, fault.PhoneTaken, err)
	var taken *fault.Error
	require.True(t, errors.As(err, &taken))
	merge = uuid.MustParse(taken.MergeID)
	_, err = w.account.MergeAccounts(t.Context(), fresh, merge)
	require.NoError(t, err)
	row, err := w.db.Ent().Merge.Get(t.Context(), merge)
	require.NoError(t, err)
	return merge, row.FromUser, row.IntoUser
}

func TestAMergeCanBeUndoneForThePerson(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		merge, left, stayed := w.merged(t)
		gone, err := w.User(t.Context(), sue, left, why)
		require.NoError(t, err)
		require.Equal(t, admin.UserMerged, gone.Status)
		require.Equal(t, stayed, *gone.MergedInto)

		before := len(w.trail(t))
		got, err := w.UndoMerge(t.Context(), sue, merge, "it was her mother's phone")
		require.NoError(t, err)
		require.Equal(t, stayed, got.User.ID)
		undone := w.trail(t)[before:]
		require.Equal(t, "merge.undo", undone[0].Action)
		require.Equal(t, "it was her mother's phone", *undone[0].Reason)
		require.Equal(t, "key:sue", *undone[0].Actor)
		back, err := w.User(t.Context(), sue, left, why)
		require.NoError(t, err)
		require.Equal(t, admin.UserActive, back.Status)
		identities, err := back.Identities(t.Context())
		require.NoError(t, err)
		require.Len(t, identities, 1)

		_, err = w.UndoMerge(t.Context(), sue, merge, "once more")
		requireFault(t, fault.NotFound, err)
	})
}

func TestMergesThatCannotBeUndone(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		merge, _, _ := w.merged(t)
		_, err := w.UndoMerge(t.Context(), sue, merge, "")
		requireFault(t, fault.BadInput, err)
		_, err = w.UndoMerge(t.Context(), sue, uuid.New(), "why")
		requireFault(t, fault.NotFound, err)
		w.clock.advance(24*time.Hour + time.Second)
		_, err = w.UndoMerge(t.Context(), sue, merge, "too late")
		requireFault(t, fault.NotFound, err)
	})
}

// Where apps share their users, a filter by app means whom the app itself knows.
func TestPeopleOfAnAppInAGroup(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		_, ann := w.login(t, mall, "ann", "ann.1")
		_, bob := w.login(t, mall, "bob", "bob.1")
		now := w.clock.Now()
		require.NoError(t, w.db.Ent().Identity.Create().SetID(uuid.New()).SetUserID(bob.UserID).SetAppID(stand).SetOpenID("bob at the stand").
			SetCreatedAt(now).SetLastLoginAt(now).Exec(t.Context()))
		for app, want := range map[string][]uuid.UUID{mall: {bob.UserID, ann.UserID}, stand: {bob.UserID}, shop: nil} {
			got, err := w.Users(t.Context(), sue, &admin.UserFilter{AppID: &app}, 20, nil, why)
			require.NoError(t, err)
			var found []uuid.UUID
			for _, edge := range got.Edges {
				found = append(found, edge.Node.ID)
			}
			require.Equal(t, want, found, app)
		}
	})
}

// Beyond a thousand people of such an app, the database is asked about each person of the list.
func TestPeopleOfALargeAppInAGroup(t *testing.T) {
	t.Parallel()
	w := newCity(t, 6000)
	size := func(app string) (n int) {
		var after *string
		for {
			page, err := w.Users(t.Context(), sue, &admin.UserFilter{AppID: &app}, 100, after, why)
			require.NoError(t, err)
			if n += len(page.Edges); !page.PageInfo.HasNextPage {
				return n
			}
			after = page.PageInfo.EndCursor
		}
	}
	require.Equal(t, 1500-6, size(mall))
	require.Equal(t, 6, size(stand))
}
