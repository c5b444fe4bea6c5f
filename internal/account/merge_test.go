package account_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"mpauth/ent/identity"
	"mpauth/ent/user"
	"mpauth/internal/account"
	"mpauth/internal/fault"
	"mpauth/internal/seal"
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
		{AppID: shop, Flow: account.Flow{profile, phone}, EncryptedData: true, UserGroup: "family", MergePhones: true},
		{AppID: club, Flow: account.Flow{phone}, UserGroup: "family", MergePhones: true},
	}
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
		code fault.Code
	}{
		"time": {func(_ *testing.T, w *world, _, _ account.Caller) { w.clock.advance(10 * time.Minute) }, fault.NotFound},
		"the number is given up": {func(t *testing.T, w *world, _, into account.Caller) {
			_, err := w.UnbindPhone(t.Context(), into)
			require.NoError(t, err)
		}, fault.NotFound},
		"the holder has another number": {func(t *testing.T, w *world, _, into account.Caller) {
			_, err := w.prove(t, into, "ann", "13900139000")
			require.NoError(t, err)
		}, fault.NotFound},
		"the holder is erased": {func(t *testing.T, w *world, _, into account.Caller) {
			require.NoError(t, w.Erase(t.Context(), lily, into.UserID, "x"))
		}, fault.NotFound},
		"the holder is shut out": {func(t *testing.T, w *world, _, into account.Caller) {
			require.NoError(t, w.Disable(t.Context(), lily, into.UserID, "x", nil))
		}, fault.AccountDisabled},
		"the holder is leaving": {func(t *testing.T, w *world, _, into account.Caller) { w.close(t, "ann", into) }, fault.AccountClosing},
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
				requireFault(t, c.code, err)
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

// Whatever people do in whatever order: a number has one user, every openid leads to exactly one user
// who is there, and nobody is shown a number that WeChat has not proved to them.
func TestAnyOrderOfMergesKeepsPeopleWhole(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, plain *world) {
		w := plain.family(t)
		require.NoError(t, w.wechat.Configure(func(s *wechatfake.Settings) { s.Unlimited = true }))
		run := 0
		rapid.Check(t, func(r *rapid.T) {
			run++
			f := &familyLife{t: t, w: w, prefix: fmt.Sprintf("r%d-", run), proved: map[string]map[string]bool{}, merges: map[string]uuid.UUID{}}
			for range rapid.IntRange(5, 25).Draw(r, "steps") {
				f.step(r)
				f.check()
			}
		})
	})
}

// familyLife is some people doing things; names and numbers are this run's own.
type familyLife struct {
	t      *testing.T
	w      *world
	prefix string
	proved map[string]map[string]bool // by number: who has proved it, with who they were merged with
	merges map[string]uuid.UUID       // by who asked
}

func (f *familyLife) step(r *rapid.T) {
	f.t.Helper()
	ctx := f.t.Context()
	name := f.prefix + rapid.SampledFrom([]string{"ann", "bob", "eve"}).Draw(r, "who")
	app := rapid.SampledFrom([]string{shop, club}).Draw(r, "app")
	who, err := f.w.SilentLogin(ctx, f.w.proof(app, name, name+app))
	if err != nil {
		require.Contains(f.t, []fault.Code{fault.AccountClosing, fault.AccountDisabled}, fault.CodeOf(err))
		if rapid.Bool().Draw(r, "restore") {
			_, _ = f.w.RestoreAccount(ctx, f.w.proof(app, name, name+app))
		}
		return
	}
	caller := f.w.caller(f.t, who)
	if rapid.IntRange(0, 9).Draw(r, "unbound") == 0 {
		f.w.unbound(f.t, club)
	} else {
		f.w.unbound(f.t)
	}
	switch rapid.SampledFrom([]string{"bind", "bind", "unbind", "merge", "merge", "undo", "close", "wait", "sweep"}).Draw(r, "does") {
	case "bind":
		number := fmt.Sprintf("139%08d", len(f.prefix)*1000+rapid.IntRange(0, 1).Draw(r, "number"))
		if offer, _ := f.w.prove(f.t, caller, name, number); offer != uuid.Nil {
			f.merges[name] = offer
		}
	case "unbind":
		_, err := f.w.UnbindPhone(ctx, caller)
		require.NoError(f.t, err)
	case "merge":
		if _, err := f.w.MergeAccounts(ctx, caller, f.merges[name]); err != nil {
			require.Contains(f.t, []fault.Code{fault.NotFound, fault.AccountClosing, fault.AccountDisabled}, fault.CodeOf(err))
		}
	case "undo":
		if _, err := f.w.UndoMerge(ctx, caller, f.merges[name]); err != nil {
			require.Contains(f.t, []fault.Code{fault.NotFound, fault.SessionRevoked}, fault.CodeOf(err))
		}
	case "close":
		_, err := f.w.DeleteAccount(ctx, caller, f.w.wechat.LoginCode(app, name))
		require.NoError(f.t, err)
	case "wait":
		f.w.clock.advance(rapid.SampledFrom([]time.Duration{time.Minute, 12 * time.Hour, 48 * time.Hour, week}).Draw(r, "for"))
	case "sweep":
		require.NoError(f.t, f.w.Sweep(ctx))
	}
}

func (f *familyLife) check() {
	f.t.Helper()
	ctx := f.t.Context()
	db := f.w.db.Ent()
	numbers := map[string]bool{}
	for _, u := range db.User.Query().Where(user.PhoneIndexNotNil()).AllX(ctx) {
		key := fmt.Sprintf("%x", *u.PhoneIndex)
		require.False(f.t, numbers[key], "one number, one user")
		numbers[key] = true
		_, err := f.w.Phones.Open(*u.PhoneSealed, seal.Place{Table: "users", Column: "phone_sealed", Row: u.ID.String()})
		require.NoError(f.t, err, "the number can be read in the row that has it")
	}
	for _, i := range db.Identity.Query().WithUser().AllX(ctx) {
		require.Nil(f.t, i.Edges.User.MergedInto, "no openid leads to a user who is not there")
	}
	for _, u := range db.User.Query().Where(user.MergedIntoIsNil()).AllX(ctx) {
		require.NotZero(f.t, db.Identity.Query().Where(identity.UserID(u.ID)).CountX(ctx), "every user is reachable")
	}
	for _, u := range db.User.Query().Where(user.MergedIntoNotNil()).AllX(ctx) {
		require.True(f.t, db.User.Query().Where(user.ID(*u.MergedInto), user.MergedIntoIsNil()).ExistX(ctx), "who became part of somebody leads to them")
	}
	for _, s := range db.Session.Query().WithIdentity().AllX(ctx) {
		require.Equal(f.t, s.Edges.Identity.UserID, s.UserID, "a session is of who its identity is of")
	}
}

// Merges beside everything else that changes the same rows end in one of the orders, and never stop
// each other for good.
func TestMergeBesideEverything(t *testing.T) {
	t.Parallel()
	inEachFamily(t, func(t *testing.T, w *world) {
		require.NoError(t, w.wechat.Configure(func(s *wechatfake.Settings) { s.Unlimited = true }))
		for i := range 25 {
			ann, bob := fmt.Sprintf("ann%d", i), fmt.Sprintf("bob%d", i)
			into, from := w.enter(t, shop, ann), w.enter(t, shop, bob)
			number := fmt.Sprintf("1370000%04d", i)
			_, err := w.prove(t, into, ann, number)
			require.NoError(t, err)
			offer, _ := w.prove(t, from, bob, number)
			allowed := []fault.Code{"", fault.NotFound, fault.SessionRevoked, fault.PhoneTaken, fault.AccountClosing}
			var all sync.WaitGroup
			for _, does := range []func() error{
				func() error { _, err := w.MergeAccounts(t.Context(), from, offer); return err },
				func() error { _, err := w.MergeAccounts(t.Context(), from, offer); return err },
				func() error { _, err := w.UnbindPhone(t.Context(), into); return err },
				func() error { _, err := w.SilentLogin(t.Context(), w.proof(shop, bob, bob+"-"+shop)); return err },
				func() error { return w.Logout(t.Context(), from, account.LogoutAll) },
				func() error { _, err := w.UndoMerge(t.Context(), into, offer); return err },
			} {
				all.Go(func() {
					if err := does(); err != nil {
						if !strings.Contains(fmt.Sprint(allowed), string(fault.CodeOf(err))) {
							t.Errorf("run %d: %v", i, err)
						}
					}
				})
			}
			all.Wait()
			(&familyLife{t: t, w: w}).check()
		}
	})
}
