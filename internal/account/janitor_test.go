package account_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"mpauth/ent/ciphertextuse"
)

func TestSweepRemovesWhatIsOverAndNothingElse(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		ctx, db := t.Context(), w.db.Ent()
		_, _ = w.loginFrom(t, "phone") // leaves a login code and a session
		now := w.clock.Now()
		db.PhoneCode.Create().SetID([]byte("phone code")).SetClaimedAt(now).SetExpiresAt(now.Add(5 * time.Minute)).ExecX(ctx)
		db.CiphertextUse.Create().SetID([]byte("use")).SetUserID(uuid.New()).SetKind(ciphertextuse.KindPhone).SetExpiresAt(now.Add(day)).ExecX(ctx)
		db.DecryptFailure.Create().SetUserID(uuid.New()).SetSessionID(uuid.New()).SetAt(now).ExecX(ctx)

		rows := func() [5]int {
			return [5]int{
				db.LoginCode.Query().CountX(ctx), db.PhoneCode.Query().CountX(ctx), db.CiphertextUse.Query().CountX(ctx),
				db.DecryptFailure.Query().CountX(ctx), db.Session.Query().CountX(ctx),
			}
		}
		for _, step := range []struct {
			wait time.Duration
			left [5]int
		}{
			{0, [5]int{1, 1, 1, 1, 1}},
			{5 * time.Minute, [5]int{1, 1, 1, 1, 1}},
			{time.Microsecond, [5]int{0, 0, 1, 1, 1}},
			{day - 5*time.Minute - time.Microsecond, [5]int{0, 0, 1, 1, 1}},
			{time.Microsecond, [5]int{0, 0, 0, 0, 1}},
			{29*day - time.Microsecond, [5]int{0, 0, 0, 0, 1}},
			{time.Microsecond, [5]int{0, 0, 0, 0, 0}},
		} {
			w.clock.advance(step.wait)
			require.NoError(t, w.Sweep(ctx))
			require.Equal(t, step.left, rows(), "at %s", w.clock.Now().Sub(now))
		}
		require.Equal(t, 1, db.User.Query().CountX(ctx), "a person is not swept away")
		require.NotEmpty(t, w.actions(t))
	})
}

// A session that was refreshed to its very end goes too.
func TestSweepRemovesSessionsThatReachedTheirEnd(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		login, _ := w.login(t, "ann")
		var err error
		for range 3 {
			w.clock.advance(30*day - time.Second)
			login, err = w.RefreshToken(t.Context(), login.RefreshToken)
			require.NoError(t, err)
		}
		w.clock.advance(3 * time.Second)
		require.NoError(t, w.Sweep(t.Context()))
		w.requireRows(t, 1, 1)
		w.requireKeys(t, true)
		w.clock.advance(time.Second)
		require.NoError(t, w.Sweep(t.Context()))
		w.requireRows(t, 1, 0)
		w.requireKeys(t, false)
		require.Contains(t, w.actions(t), "session.expire")
	})
}

func TestJanitorSweepsUntilItIsStopped(t *testing.T) {
	t.Parallel()
	for name, interval := range map[string]time.Duration{"at each interval": time.Millisecond, "when it starts": time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inEachWorld(t, func(t *testing.T, w *world) {
				_, _ = w.login(t, "ann")
				w.clock.advance(40 * day)
				ctx, stop := context.WithCancel(t.Context())
				stopped := make(chan struct{})
				go func() {
					w.RunJanitor(ctx, interval)
					close(stopped)
				}()
				require.Eventually(t, func() bool { return w.db.Ent().Session.Query().CountX(t.Context()) == 0 }, time.Minute, 5*time.Millisecond)
				stop()
				<-stopped
			})
		})
	}
}
