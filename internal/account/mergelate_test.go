package account_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"mpauth/ent/identity"
	"mpauth/ent/user"
	"mpauth/internal/account"
	"mpauth/internal/database"
	"mpauth/internal/fault"
	"mpauth/internal/wechat"
)

// slowWeChat is WeChat, but that something happens while it is asked for a number or about a text.
type slowWeChat struct {
	account.WeChat
	meanwhile func()
}

func (s slowWeChat) PhoneNumber(ctx context.Context, appID, code, openID string) (wechat.PhoneInfo, error) {
	s.meanwhile()
	return s.WeChat.PhoneNumber(ctx, appID, code, openID)
}

func (s slowWeChat) CheckText(ctx context.Context, appID, openID, text string) (wechat.Verdict, error) {
	s.meanwhile()
	return s.WeChat.CheckText(ctx, appID, openID, text)
}

// offered is two users, and the offer to make them one that a number of the first has brought the second.
func (w *world) offered(t testing.TB) (into, from account.Caller, offer uuid.UUID) {
	t.Helper()
	into, from = w.enter(t, shop, "ann"), w.enter(t, shop, "bob")
	_, err := w.prove(t, into, "ann", annsNumber)
	require.NoError(t, err)
	offer, err = w.prove(t, from, "bob", annsNumber)
	requireFault(t, fault.PhoneTaken, err)
	return into, from, offer
}

// mergeMeanwhile has the service carry out a merge while it asks WeChat.
func (w *world) mergeMeanwhile(t testing.TB, from account.Caller, offer uuid.UUID) {
	t.Helper()
	usual := w.WeChat
	w.WeChat = slowWeChat{usual, func() {
		w.WeChat = usual
		_, err := w.MergeAccounts(t.Context(), from, offer)
		require.NoError(t, err)
	}}
}

// interrupted is a replica to which something happens, once, after a statement of its.
func (w *world) interrupted(t testing.TB, after func(sql string) bool, meanwhile func()) *world {
	t.Helper()
	shared, done := w.shared, false
	shared.options.Wrap = database.Observe(time.Now, func(_ context.Context, call database.Call) {
		if !done && after(call.SQL) {
			done = true
			meanwhile()
		}
	})
	t.Cleanup(func() { require.True(t, done, "the statement is still asked") })
	return shared.replica(t)
}

// What a user has asked for before they became part of another must not land in the row that is only
// kept for the merge to be undone.
func TestWhatIsUnderWayDoesNotReachAMergedUser(t *testing.T) {
	t.Parallel()
	cases := map[string]func(w *world, from account.Caller) error{
		"a number": func(w *world, from account.Caller) error {
			_, err := w.UpdatePhone(t.Context(), from, byCode(w.wechat.PhoneCode(shop, "bob", "13900139000")))
			return err
		},
		"a nickname": func(w *world, from account.Caller) error {
			_, err := w.UpdateUser(t.Context(), from, account.UpdateUserInput{Nickname: new("Bob")})
			return err
		},
	}
	for name, do := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inEachFamily(t, func(t *testing.T, w *world) {
				into, from, offer := w.offered(t)
				w.mergeMeanwhile(t, from, offer)
				requireFault(t, fault.SessionRevoked, do(w, from))
				row := w.db.Ent().User.GetX(t.Context(), from.UserID)
				require.Equal(t, into.UserID, *row.MergedInto)
				require.Nil(t, row.Nickname)
				require.Empty(t, row.PhoneIndex)
			})
		})
	}
}

// The second of two proofs comes when the offer of the first has been taken: what undoes the merge must
// not become an offer again.
func TestALateProofDoesNotSpoilTheUndoing(t *testing.T) {
	t.Parallel()
	inEachFamily(t, func(t *testing.T, w *world) {
		into, from, offer := w.offered(t)
		late := w.interrupted(t, func(sql string) bool {
			return strings.HasPrefix(sql, "UPDATE") && strings.Contains(sql, "phone_codes") // the refusal is on record
		}, func() {
			_, err := w.MergeAccounts(t.Context(), from, offer)
			require.NoError(t, err)
		})
		again, err := late.prove(t, from, "bob", annsNumber)
		requireFault(t, fault.PhoneTaken, err)
		require.Equal(t, uuid.Nil, again)
		w.clock.advance(time.Hour)
		require.NoError(t, w.Sweep(t.Context()))
		_, err = w.UndoMerge(t.Context(), into, offer)
		require.NoError(t, err)
		require.Equal(t, from.UserID, w.enter(t, shop, "bob").UserID)
	})
}

// An access token speaks of the user it was made for. Until other replicas have heard of the merge they
// let it in; it must not be taken for one of the user who stays.
func TestATokenOfBeforeTheMergeDoesNothing(t *testing.T) {
	t.Parallel()
	inEachFamily(t, func(t *testing.T, w *world) {
		into, from, offer := w.offered(t)
		_, err := w.MergeAccounts(t.Context(), from, offer)
		require.NoError(t, err)
		for what, do := range map[string]func() error{
			"me":          func() error { _, err := w.Me(t.Context(), from); return err },
			"unbindPhone": func() error { _, err := w.UnbindPhone(t.Context(), from); return err },
			"removeProfile": func() error {
				_, err := w.UpdateUser(t.Context(), from, account.UpdateUserInput{RemoveProfile: new(true)})
				return err
			},
			"recordConsent": func() error {
				_, err := w.RecordConsent(t.Context(), from, account.ConsentInput{Purpose: "terms", Version: "1", Granted: true})
				return err
			},
			"exportMyData": func() error {
				_, err := w.ExportMyData(t.Context(), from, w.wechat.LoginCode(shop, "bob"))
				return err
			},
			"deleteAccount": func() error {
				_, err := w.DeleteAccount(t.Context(), from, w.wechat.LoginCode(shop, "bob"))
				return err
			},
		} {
			require.Equal(t, fault.SessionRevoked, fault.CodeOf(do()), what)
		}
		stays, err := w.Me(t.Context(), into)
		require.NoError(t, err)
		require.NotNil(t, stays.Phone)
		require.Zero(t, w.db.Ent().User.Query().Where(user.ClosesAtNotNil()).CountX(t.Context()))
	})
}

// Nor may a session that has ended merge or part users, in the second until the replica has heard of it.
func TestAnEndedSessionMergesNobody(t *testing.T) {
	t.Parallel()
	inEachFamily(t, func(t *testing.T, w *world) {
		into, from, offer := w.offered(t)
		require.NoError(t, w.Logout(t.Context(), from, account.LogoutThis))
		_, err := w.MergeAccounts(t.Context(), from, offer)
		requireFault(t, fault.SessionRevoked, err)
		_, err = w.MergeAccounts(t.Context(), w.enter(t, shop, "bob"), offer)
		require.NoError(t, err)
		require.NoError(t, w.Disable(t.Context(), lily, into.UserID, "spam", nil))
		_, err = w.UndoMerge(t.Context(), into, offer)
		requireFault(t, fault.SessionRevoked, err)
		_, err = w.SilentLogin(t.Context(), w.proof(shop, "bob", "phone"))
		requireFault(t, fault.AccountDisabled, err)
	})
}

// The answer to a merge may be lost; asked again, with the token that the session has by then, it is the
// same.
func TestARepeatOfAMergeIsAnsweredAgain(t *testing.T) {
	t.Parallel()
	inEachFamily(t, func(t *testing.T, w *world) {
		_, from, offer := w.offered(t)
		first, err := w.MergeAccounts(t.Context(), from, offer)
		require.NoError(t, err)
		again, err := w.MergeAccounts(t.Context(), w.enter(t, shop, "bob"), offer)
		require.NoError(t, err)
		require.Equal(t, first.UndoUntil, again.UndoUntil.UTC())
		require.Equal(t, first.User.ID, again.User.ID)
		require.Equal(t, 1, count(w.actions(t), "merge.into"))
		_, err = w.MergeAccounts(t.Context(), w.enter(t, shop, "eve"), offer)
		requireFault(t, fault.NotFound, err)
	})
}

// A first login in another app of the group has found the user, and then they are merged or erased: the
// identity goes to who is there.
func TestAttachingBesideTheEndOfAUser(t *testing.T) {
	t.Parallel()
	cases := map[string]func(t *testing.T, w *world, from account.Caller, offer uuid.UUID){
		"by a merge": func(t *testing.T, w *world, from account.Caller, offer uuid.UUID) {
			_, err := w.MergeAccounts(t.Context(), from, offer)
			require.NoError(t, err)
		},
		"by their erasure": func(t *testing.T, w *world, from account.Caller, _ uuid.UUID) {
			require.NoError(t, w.Erase(t.Context(), lily, from.UserID, "x"))
		},
	}
	for name, ends := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, dialect.Postgres).family(t) // in SQLite a transaction has the database to itself
			_, from, offer := w.offered(t)
			late := w.interrupted(t, func(sql string) bool {
				return strings.HasPrefix(sql, "SELECT") && strings.Contains(sql, `"union_id" = `)
			}, func() { ends(t, w, from, offer) })
			back := late.enter(t, club, "bob")
			there := w.db.Ent().User.Query().Where(user.MergedIntoIsNil(), user.HasIdentitiesWith(identity.AppID(club))).OnlyIDX(t.Context())
			require.Equal(t, there, back.UserID)
			(&familyLife{t: t, w: w}).check()
		})
	}
}

// Both have a session on the device that asks: it is the other one that ends.
func TestTheSessionThatMergesGoesOn(t *testing.T) {
	t.Parallel()
	inEachFamily(t, func(t *testing.T, w *world) {
		w.unbound(t, club)
		enter := func(app string) account.Caller {
			login, err := w.SilentLogin(t.Context(), w.proof(app, "ann", "one-device"))
			require.NoError(t, err)
			return w.caller(t, login)
		}
		into := enter(shop)
		w.clock.advance(time.Second)
		enter(club)
		w.unbound(t)
		enter(club)
		offers, err := w.MergeOffers(t.Context(), into)
		require.NoError(t, err)
		require.Len(t, offers, 1)
		merged, err := w.MergeAccounts(t.Context(), into, offers[0].ID)
		require.NoError(t, err)
		require.Equal(t, into.UserID, merged.User.ID)
		left, err := w.Sessions(t.Context(), into)
		require.NoError(t, err)
		require.Len(t, left, 1)
		require.Equal(t, into.SessionID, left[0].ID)
	})
}
