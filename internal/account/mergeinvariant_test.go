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
			for range rapid.IntRange(4, 16).Draw(r, "steps") {
				f.step(r)
				f.check()
			}
			for _, person := range w.db.Ent().User.Query().IDsX(t.Context()) { // the next run begins with nobody
				_ = w.Erase(t.Context(), lily, person, "over") // who was part of another went with them
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
			require.Contains(f.t, []fault.Code{fault.NotFound}, fault.CodeOf(err))
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
			allowed := []fault.Code{"", fault.NotFound, fault.SessionRevoked, fault.PhoneTaken}
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
