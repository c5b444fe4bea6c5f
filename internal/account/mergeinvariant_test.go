package account_test

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"mpauth/ent"
	"mpauth/ent/avatar"
	"mpauth/ent/merge"
	"mpauth/internal/account"
	"mpauth/internal/fault"
	"mpauth/internal/seal"
	"mpauth/internal/wechat/wechatfake"
)

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
			if raceEnabled && run > 40 { // one thing happens after the other: there is no race to find, and a run takes long
				return
			}
			f := &familyLife{
				t: t, w: w, prefix: fmt.Sprintf("r%d-", run), offers: map[string]uuid.UUID{},
				proved: map[string]map[string]bool{}, been: map[uuid.UUID]map[string]bool{},
			}
			for range rapid.IntRange(8, 24).Draw(r, "steps") {
				f.step(r)
				f.check()
			}
			w.db.Ent().Merge.Delete().ExecX(t.Context()) // the next run begins with nobody
			w.db.Ent().User.Delete().ExecX(t.Context())
		})
	})
}

// familyLife is some people doing things; names and numbers are this run's own.
type familyLife struct {
	t      *testing.T
	w      *world
	prefix string
	proved map[string]map[string]bool    // by number: to whom WeChat has proved it
	been   map[uuid.UUID]map[string]bool // by user: who has been that user, and who has been one with them
	offers map[string]uuid.UUID          // by who asked
}

func (f *familyLife) step(r *rapid.T) {
	f.t.Helper()
	ctx := f.t.Context()
	name := f.prefix + rapid.SampledFrom([]string{"ann", "bob", "eve"}).Draw(r, "who")
	app := rapid.SampledFrom([]string{shop, club}).Draw(r, "app")
	who, err := f.w.SilentLogin(ctx, f.w.proof(app, name, name+app))
	if err != nil {
		require.Equal(f.t, fault.AccountClosing, fault.CodeOf(err), "%v", err)
		if rapid.Bool().Draw(r, "restore") {
			_, err := f.w.RestoreAccount(ctx, f.w.proof(app, name, name+app))
			require.NoError(f.t, err)
		}
		return
	}
	caller := f.w.caller(f.t, who)
	f.meet(name, who.User)
	if rapid.IntRange(0, 9).Draw(r, "unbound") == 0 {
		f.w.unbound(f.t, club)
	} else {
		f.w.unbound(f.t)
	}
	does := []string{
		"bind", "bind", "bind", "bind", "unbind", "profile", "picture", "picture", "remove", "merge", "merge", "merge", "merge", "undo", "close", "wait", "sweep",
	}
	switch rapid.SampledFrom(does).Draw(r, "does") {
	case "bind":
		number := fmt.Sprintf("139%08d", len(f.prefix)*1000+rapid.IntRange(0, 1).Draw(r, "number"))
		f.bind(name, caller, number)
	case "unbind":
		_, err := f.w.UnbindPhone(ctx, caller)
		require.NoError(f.t, err)
	case "profile":
		f.w.gives(f.t, caller, name, false)
	case "picture":
		f.w.gives(f.t, caller, "", true)
	case "remove":
		_, err := f.w.UpdateUser(ctx, caller, account.UpdateUserInput{RemoveProfile: new(true)})
		require.NoError(f.t, err)
	case "merge":
		f.merge(name, caller)
	case "undo":
		if _, err := f.w.UndoMerge(ctx, caller, f.offers[name]); err != nil {
			require.Equal(f.t, fault.NotFound, fault.CodeOf(err), "%v", err)
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

// meet notes who a user is, and sees that they are shown no number but their own.
func (f *familyLife) meet(name string, shown *account.User) {
	f.t.Helper()
	if f.been[shown.ID] == nil {
		f.been[shown.ID] = map[string]bool{}
	}
	f.been[shown.ID][name] = true
	if shown.Phone == nil {
		return
	}
	require.True(f.t, overlap(f.proved[shown.Phone.Number], f.been[shown.ID]), "nobody is shown a number that WeChat has not proved to them")
}

func overlap(a, b map[string]bool) bool {
	for name := range a {
		if b[name] {
			return true
		}
	}
	return false
}

func (f *familyLife) bind(name string, caller account.Caller, number string) {
	f.t.Helper()
	number86 := "+86" + number
	if f.proved[number86] == nil {
		f.proved[number86] = map[string]bool{}
	}
	f.proved[number86][name] = true
	offer, err := f.w.prove(f.t, caller, name, number)
	if err != nil {
		require.Equal(f.t, fault.PhoneTaken, fault.CodeOf(err), "%v", err)
	}
	if offer != uuid.Nil {
		f.offers[name] = offer
	}
}

// merge takes the offer of somebody's number, or else of their unionid.
func (f *familyLife) merge(name string, caller account.Caller) {
	f.t.Helper()
	ctx := f.t.Context()
	standing, err := f.w.MergeOffers(ctx, caller)
	require.NoError(f.t, err)
	for _, offer := range standing {
		f.offers[name] = offer.ID
	}
	taken, err := f.w.db.Ent().Merge.Query().Where(merge.ID(f.offers[name]), merge.StateEQ(merge.StateDone)).Exist(ctx)
	require.NoError(f.t, err)
	merged, err := f.w.MergeAccounts(ctx, caller, f.offers[name])
	if err != nil {
		require.Equal(f.t, fault.NotFound, fault.CodeOf(err), "%v", err)
		require.Empty(f.t, standing, "an offer that is shown holds")
		return
	}
	if taken { // the answer is given again
		return
	}
	done := f.w.db.Ent().Merge.GetX(ctx, merged.ID)
	ground := f.been[done.IntoUser] // WeChat calls both by one name
	if done.Cause == merge.CausePhone {
		ground = f.proved[merged.User.Phone.Number]
	}
	require.True(f.t, overlap(ground, f.been[done.FromUser]), "nobody becomes one with somebody without WeChat's proof")
	both := map[string]bool{}
	for _, id := range []uuid.UUID{done.FromUser, done.IntoUser} {
		maps.Copy(both, f.been[id])
	}
	f.been[done.FromUser], f.been[done.IntoUser] = both, maps.Clone(both)
	f.meet(name, merged.User)
}

func (f *familyLife) check() {
	f.t.Helper()
	ctx := f.t.Context()
	db := f.w.db.Ent()
	users := map[uuid.UUID]*ent.User{}
	numbers := map[string]bool{}
	for _, u := range db.User.Query().AllX(ctx) {
		users[u.ID] = u
		if u.PhoneIndex == nil || len(*u.PhoneIndex) == 0 {
			continue
		}
		require.False(f.t, numbers[string(*u.PhoneIndex)], "one number, one user")
		numbers[string(*u.PhoneIndex)] = true
		_, err := f.w.Phones.Open(*u.PhoneSealed, seal.Place{Table: "users", Column: "phone_sealed", Row: u.ID.String()})
		require.NoError(f.t, err, "the number can be read in the row that has it")
	}
	reached, owner := map[uuid.UUID]bool{}, map[uuid.UUID]uuid.UUID{}
	for _, i := range db.Identity.Query().AllX(ctx) {
		require.Nil(f.t, users[i.UserID].MergedInto, "no openid leads to a user who is not there")
		reached[i.UserID], owner[i.ID] = true, i.UserID
	}
	pictures := map[uuid.UUID]string{}
	for _, a := range db.Avatar.Query().Where(avatar.StateEQ(avatar.StateUsed), avatar.UserIDNotNil()).AllX(ctx) {
		require.Empty(f.t, pictures[*a.UserID], "a user has one picture")
		pictures[*a.UserID] = a.ID
		require.NotNil(f.t, users[*a.UserID].AvatarKey)
		require.Equal(f.t, a.ID, *users[*a.UserID].AvatarKey, "no picture is left behind")
	}
	for id, u := range users {
		if u.MergedInto != nil {
			require.Contains(f.t, users, *u.MergedInto)
			require.Nil(f.t, users[*u.MergedInto].MergedInto, "who became part of somebody leads to them")
			continue
		}
		require.True(f.t, reached[id], "every user is reachable")
		require.True(f.t, u.AvatarKey == nil || *u.AvatarKey == pictures[id], "who shows a picture has it")
	}
	for _, s := range db.Session.Query().AllX(ctx) {
		require.Equal(f.t, owner[s.IdentityID], s.UserID, "a session is of who its identity is of")
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
			allowed := []fault.Code{fault.NotFound, fault.SessionRevoked}
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
					if err := does(); err != nil && !slices.Contains(allowed, fault.CodeOf(err)) {
						t.Errorf("run %d: %v", i, err)
					}
				})
			}
			all.Wait()
			(&familyLife{t: t, w: w}).check()
		}
	})
}
