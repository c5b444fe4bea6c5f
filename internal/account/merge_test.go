package account_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"mpauth/internal/account"
	"mpauth/internal/fault"
	"mpauth/internal/wechat/wechatfake"
)

// inEachFamily runs a test where the shop and the club share their users, and a proved number that
// another user has is an offer to become one.
func inEachFamily(t *testing.T, run func(t *testing.T, w *world)) {
	t.Helper()
	inEachWorld(t, func(t *testing.T, w *world) { run(t, w.family(t)) })
}

func (w *world) family(t testing.TB) *world {
	t.Helper()
	shared := w.shared
	shared.apps = []account.App{
		{AppID: shop, Flow: account.Flow{profile, phone}, EncryptedData: true, ContentCheck: true, UserGroup: "family", MergePhones: true},
		{AppID: club, Flow: account.Flow{phone}, UserGroup: "family", MergePhones: true},
	}
	w.unbound(t)
	return shared.replica(t)
}

// enter logs a WeChat user in to an app, from their device there.
func (w *world) enter(t testing.TB, app, name string) account.Caller {
	t.Helper()
	login, err := w.SilentLogin(t.Context(), w.proof(app, name, name+"-"+app))
	require.NoError(t, err)
	return w.caller(t, login)
}

// prove has WeChat prove a number for somebody, and returns the offer that comes of it, if any.
func (w *world) prove(t testing.TB, caller account.Caller, name, number string) (offer uuid.UUID, err error) {
	t.Helper()
	_, err = w.UpdatePhone(t.Context(), caller, byCode(w.wechat.PhoneCode(caller.AppID, name, number)))
	var refused *fault.Error
	if err != nil {
		require.ErrorAs(t, err, &refused)
		if refused.MergeID != "" {
			offer = uuid.MustParse(refused.MergeID)
		}
	}
	return offer, err
}

const annsNumber = "13800138000"

func TestMergingByAPhone(t *testing.T) {
	t.Parallel()
	inEachFamily(t, func(t *testing.T, w *world) {
		old := w.enter(t, shop, "ann")
		_, err := w.UpdateUser(t.Context(), old, account.UpdateUserInput{Nickname: new("安妮")})
		require.NoError(t, err)
		_, err = w.prove(t, old, "ann", annsNumber)
		require.NoError(t, err)
		login, err := w.SilentLogin(t.Context(), w.proof(shop, "ann2", "new-phone"))
		require.NoError(t, err)
		fresh := w.caller(t, login)
		_, err = w.UpdateUser(t.Context(), fresh, account.UpdateUserInput{Nickname: new("Ann")})
		require.NoError(t, err)

		offer, err := w.prove(t, fresh, "ann2", annsNumber)
		requireFault(t, fault.PhoneTaken, err)
		preview, err := w.PreviewMerge(t.Context(), fresh, offer)
		require.NoError(t, err)
		require.Equal(t, "安**", *preview.KeepsNickname, "a number can have a new owner, who learns little")
		require.Equal(t, "138****8000", *preview.KeepsPhone)
		require.Equal(t, []account.AuthFact{profile}, preview.Drops)
		require.Equal(t, 1, preview.MovesIdentities)
		require.Equal(t, 1, preview.MovesSessions)
		offers, err := w.MergeOffers(t.Context(), fresh)
		require.NoError(t, err)
		require.Len(t, offers, 1)
		offers, err = w.MergeOffers(t.Context(), old)
		require.NoError(t, err)
		require.Empty(t, offers, "who has proved nothing is offered nothing")
		_, err = w.MergeAccounts(t.Context(), old, offer)
		requireFault(t, fault.NotFound, err)

		merged, err := w.MergeAccounts(t.Context(), fresh, offer)
		require.NoError(t, err)
		require.Equal(t, old.UserID, merged.User.ID)
		require.Equal(t, "安妮", *merged.User.Nickname)
		require.Equal(t, w.clock.Now().Add(24*time.Hour), merged.UndoUntil)
		require.True(t, w.refuses(t, fresh), "tokens of who left are refused")
		again, err := w.RefreshToken(t.Context(), login.RefreshToken)
		require.NoError(t, err, "their session goes on")
		require.Equal(t, old.UserID, again.User.ID)
		require.False(t, w.refuses(t, old))
		require.Equal(t, old.UserID, w.enter(t, shop, "ann2").UserID)

		undone, err := w.UndoMerge(t.Context(), w.enter(t, shop, "ann"), offer)
		require.NoError(t, err)
		require.Equal(t, old.UserID, undone.ID)
		back := w.enter(t, shop, "ann2")
		require.Equal(t, fresh.UserID, back.UserID)
		me, err := w.Me(t.Context(), back)
		require.NoError(t, err)
		require.Equal(t, "Ann", *me.Nickname)
		for _, action := range []string{"merge.offer", "merge.from", "merge.into", "merge.undo"} {
			require.Contains(t, w.actions(t), action)
		}
	})
}

func TestWithoutThePolicyNothingIsOffered(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		_, ann := w.login(t, "ann")
		_, err := w.prove(t, ann, "ann", annsNumber)
		require.NoError(t, err)
		_, bob := w.login(t, "bob")
		offer, err := w.prove(t, bob, "bob", annsNumber)
		requireFault(t, fault.PhoneTaken, err)
		require.Equal(t, uuid.Nil, offer)
		require.Zero(t, w.db.Ent().Merge.Query().CountX(t.Context()))
	})
}

func TestOneUnionIDIsOneUserOfTheFamily(t *testing.T) {
	t.Parallel()
	inEachFamily(t, func(t *testing.T, w *world) {
		inShop := w.enter(t, shop, "ann")
		inClub := w.enter(t, club, "ann")
		require.Equal(t, inShop.UserID, inClub.UserID)
		require.Contains(t, w.actions(t), "attach")
		other := w.enter(t, club, "bob")
		require.NotEqual(t, inShop.UserID, other.UserID)

		replicas := []*world{w, w.family(t)}
		for i := range 20 { // however first logins of one person meet
			name := fmt.Sprintf("carl%d", i)
			var callers [2]account.Caller
			var both sync.WaitGroup
			for j, app := range []string{shop, club} {
				both.Go(func() { callers[j] = replicas[j].enter(t, app, name) })
			}
			both.Wait()
			require.Equal(t, callers[0].UserID, callers[1].UserID)
		}
	})
}

// unbound are the apps whose logins get no unionid from now on.
func (w *world) unbound(t testing.TB, apps ...string) {
	t.Helper()
	require.NoError(t, w.wechat.Configure(func(s *wechatfake.Settings) { s.UnboundApps = apps }))
}

func TestMergingByAUnionIDThatAppearsLate(t *testing.T) {
	t.Parallel()
	inEachFamily(t, func(t *testing.T, w *world) {
		w.unbound(t, club)
		inShop := w.enter(t, shop, "ann")
		w.clock.advance(time.Second)
		inClub := w.enter(t, club, "ann")
		require.NotEqual(t, inShop.UserID, inClub.UserID)
		_, err := w.UpdateUser(t.Context(), inClub, account.UpdateUserInput{Nickname: new("Anne")})
		require.NoError(t, err)
		_, err = w.prove(t, inClub, "ann", annsNumber)
		require.NoError(t, err)
		w.unbound(t)
		inClub = w.enter(t, club, "ann")
		for _, side := range []account.Caller{inShop, inClub} {
			offers, err := w.MergeOffers(t.Context(), side)
			require.NoError(t, err)
			require.Len(t, offers, 1)
			require.Equal(t, account.MergeUnion, offers[0].Cause)
		}
		offers, err := w.MergeOffers(t.Context(), inShop)
		require.NoError(t, err)
		merged, err := w.MergeAccounts(t.Context(), inShop, offers[0].ID)
		require.NoError(t, err)
		require.Equal(t, inShop.UserID, merged.User.ID, "the older stays")
		require.Equal(t, "Anne", *merged.User.Nickname, "and takes over what they had not given")
		require.Equal(t, "+86"+annsNumber, merged.User.Phone.Number)

		_, err = w.UndoMerge(t.Context(), inShop, offers[0].ID)
		require.NoError(t, err)
		me, err := w.Me(t.Context(), w.enter(t, club, "ann"))
		require.NoError(t, err)
		require.Equal(t, inClub.UserID, me.ID)
		require.Equal(t, "+86"+annsNumber, me.Phone.Number, "what moved goes back")
		require.Equal(t, "Anne", *me.Nickname)
		me, err = w.Me(t.Context(), w.enter(t, shop, "ann"))
		require.NoError(t, err)
		require.Nil(t, me.Phone)
		require.Nil(t, me.Nickname)
	})
}

func TestAnOfferEndsWithItsGround(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		then func(t *testing.T, w *world, from, into account.Caller)
	}{
		"time": {func(_ *testing.T, w *world, _, _ account.Caller) { w.clock.advance(10 * time.Minute) }},
		"the number is given up": {func(t *testing.T, w *world, _, into account.Caller) {
			_, err := w.UnbindPhone(t.Context(), into)
			require.NoError(t, err)
		}},
		"the holder has another number": {func(t *testing.T, w *world, _, into account.Caller) {
			_, err := w.prove(t, into, "ann", "13900139000")
			require.NoError(t, err)
		}},
		"the holder is erased": {func(t *testing.T, w *world, _, into account.Caller) {
			require.NoError(t, w.Erase(t.Context(), lily, into.UserID, "x"))
		}},
		"the holder is shut out": {func(t *testing.T, w *world, _, into account.Caller) {
			require.NoError(t, w.Disable(t.Context(), lily, into.UserID, "x", nil))
		}},
		"the holder is leaving": {func(t *testing.T, w *world, _, into account.Caller) { w.close(t, "ann", into) }},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inEachFamily(t, func(t *testing.T, w *world) {
				into, from := w.enter(t, shop, "ann"), w.enter(t, shop, "bob")
				_, err := w.prove(t, into, "ann", annsNumber)
				require.NoError(t, err)
				offer, _ := w.prove(t, from, "bob", annsNumber)
				c.then(t, w, from, into)
				_, err = w.MergeAccounts(t.Context(), from, offer)
				requireFault(t, fault.NotFound, err)
				require.NotEqual(t, into.UserID, w.enter(t, shop, "bob").UserID)
			})
		})
	}
}

func TestAMergeIsFinalAfterADay(t *testing.T) {
	t.Parallel()
	inEachFamily(t, func(t *testing.T, w *world) {
		into, from := w.enter(t, shop, "ann"), w.enter(t, shop, "bob")
		_, err := w.RecordConsent(t.Context(), from, account.ConsentInput{Purpose: "terms", Version: "1", Granted: true})
		require.NoError(t, err)
		_, err = w.prove(t, into, "ann", annsNumber)
		require.NoError(t, err)
		offer, _ := w.prove(t, from, "bob", annsNumber)
		_, err = w.MergeAccounts(t.Context(), from, offer)
		require.NoError(t, err)
		w.clock.advance(24 * time.Hour)
		_, err = w.UndoMerge(t.Context(), w.enter(t, shop, "ann"), offer)
		requireFault(t, fault.NotFound, err)
		require.NoError(t, w.Sweep(t.Context()))
		require.Equal(t, 1, w.people(t))
		ledger, err := w.Consents(t.Context(), into.UserID)
		require.NoError(t, err)
		require.Len(t, ledger, 1)
		require.Equal(t, into.UserID, w.enter(t, shop, "bob").UserID)
	})
}

func TestErasingAMergedPersonLeavesNothing(t *testing.T) {
	t.Parallel()
	inEachFamily(t, func(t *testing.T, w *world) {
		into, from := w.enter(t, shop, "ann"), w.enter(t, shop, "bob")
		_, err := w.UpdateUser(t.Context(), into, account.UpdateUserInput{Nickname: new("Anne")})
		require.NoError(t, err)
		_, err = w.UpdateUser(t.Context(), from, account.UpdateUserInput{Nickname: new("Planted Bob")})
		require.NoError(t, err)
		_, err = w.prove(t, into, "ann", annsNumber)
		require.NoError(t, err)
		offer, _ := w.prove(t, from, "bob", annsNumber)
		_, err = w.MergeAccounts(t.Context(), from, offer)
		require.NoError(t, err)
		require.Contains(t, w.everyValue(t), "Planted Bob")
		require.NoError(t, w.Erase(t.Context(), lily, into.UserID, "x"))
		require.NotContains(t, w.everyValue(t), "Planted Bob")
		require.Zero(t, w.people(t))
	})
}

func TestAnAdministratorUndoesAMerge(t *testing.T) {
	t.Parallel()
	inEachFamily(t, func(t *testing.T, w *world) {
		into, from := w.enter(t, shop, "ann"), w.enter(t, shop, "bob")
		_, err := w.prove(t, into, "ann", annsNumber)
		require.NoError(t, err)
		offer, _ := w.prove(t, from, "bob", annsNumber)
		_, err = w.MergeAccounts(t.Context(), from, offer)
		require.NoError(t, err)
		stayed, err := w.UndoMergeFor(t.Context(), lily, offer, "she did not mean to")
		require.NoError(t, err)
		require.Equal(t, into.UserID, stayed)
		require.Equal(t, from.UserID, w.enter(t, shop, "bob").UserID)
		_, err = w.UndoMergeFor(t.Context(), lily, offer, "again")
		requireFault(t, fault.NotFound, err)
	})
}
