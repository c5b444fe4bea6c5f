package account_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"mpauth/ent"
	"mpauth/ent/auditevent"
	"mpauth/ent/user"
	"mpauth/internal/account"
	"mpauth/internal/fault"
)

func TestDisabledPersonIsOutAtOnceAndStaysOut(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		login, caller := w.loginFrom(t, "phone")
		_, _ = w.loginFrom(t, "tablet")
		require.NoError(t, w.Disable(t.Context(), lily, caller.UserID, "spam", nil))
		requireEnded(t, w.replicas(t), login)
		w.requireRows(t, 1, 0)
		w.requireKeys(t, false)

		w.clock.advance(1000 * time.Hour)
		proof := w.proof(shop, "ann", "phone")
		for range 2 { // a repeat is told the same
			_, err := w.SilentLogin(t.Context(), proof)
			requireFault(t, fault.AccountDisabled, err)
		}
		w.requireRows(t, 1, 0)
		w.requireKeys(t, false)
		require.Equal(t, []string{"register", "login", "login", "account.disable"}, w.actions(t))

		require.NoError(t, w.Enable(t.Context(), lily, caller.UserID, "sorry"))
		again, back := w.loginFrom(t, "phone")
		require.Equal(t, caller.UserID, back.UserID)
		require.False(t, again.IsNewUser)
		w.requireAlive(t, back)
		require.True(t, w.refuses(t, caller), "a token from before does not come back to life")
	})
}

func TestDisabledUntil(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		_, caller := w.loginFrom(t, "phone")
		until := w.clock.Now().Add(time.Hour)
		require.NoError(t, w.Disable(t.Context(), lily, caller.UserID, "spam", &until))
		w.clock.advance(time.Hour - time.Microsecond)
		_, err := w.SilentLogin(t.Context(), w.proof(shop, "ann", "phone"))
		requireFault(t, fault.AccountDisabled, err)
		w.clock.advance(time.Microsecond)
		login, back := w.loginFrom(t, "phone")
		w.requireAlive(t, back)
		_, err = w.RefreshToken(t.Context(), login.RefreshToken)
		require.NoError(t, err)

		require.NoError(t, w.Disable(t.Context(), lily, caller.UserID, "more spam", nil))
		w.clock.advance(1000 * time.Hour)
		_, err = w.SilentLogin(t.Context(), w.proof(shop, "ann", "phone"))
		requireFault(t, fault.AccountDisabled, err)
	})
}

// The status counts by itself, wherever it came from; and a refusal does not use the token up.
func TestDisabledAtRefresh(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		login, caller := w.loginFrom(t, "phone")
		set := func(status user.Status) {
			w.db.Ent().User.UpdateOneID(caller.UserID).SetStatus(status).ExecX(t.Context())
		}
		set(user.StatusDisabled)
		for range 3 {
			_, err := w.RefreshToken(t.Context(), login.RefreshToken)
			requireFault(t, fault.AccountDisabled, err)
		}
		set(user.StatusActive)
		_, err := w.RefreshToken(t.Context(), login.RefreshToken)
		require.NoError(t, err)
	})
}

func TestStatusOfNobody(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		requireFault(t, fault.NotFound, w.Disable(t.Context(), lily, uuid.New(), "spam", nil))
		requireFault(t, fault.NotFound, w.Enable(t.Context(), lily, uuid.New(), "sorry"))
		require.Empty(t, w.actions(t))
	})
}

// lily is an administrator.
var lily = account.Actor{Kind: "key", Name: "lily"}

func TestTheTrailNamesTheAdministratorAndTheReason(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		_, caller := w.loginFrom(t, "phone")
		require.NoError(t, w.Disable(t.Context(), lily, caller.UserID, "spam", nil))
		require.NoError(t, w.Enable(t.Context(), lily, caller.UserID, "a mistake"))
		var told []string
		for _, e := range w.db.Ent().AuditEvent.Query().Where(auditevent.ActorNotNil()).Order(ent.Asc(auditevent.FieldID)).AllX(t.Context()) {
			told = append(told, e.Action+" by "+*e.Actor+": "+*e.Reason)
		}
		require.Equal(t, []string{"account.disable by key:lily: spam", "account.enable by key:lily: a mistake"}, told)
	})
}
