package account_test

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"mpauth/internal/account"
	"mpauth/internal/fault"
)

// WeChat must have said who logs in before they can be limited. By then the code is spent, and a
// repeat is told so instead of asking WeChat once more.
func TestLoginTooOftenStoresNothingAndSpendsTheCode(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		tooOften := fault.New(fault.RateLimited, "wait")
		var counted []string
		limited := w.variant(t, func(o *account.Options) {
			o.LimitLogin = func(_ context.Context, appID, openID string) error {
				counted = append(counted, appID+" "+openID)
				return tooOften
			}
		})
		proof := w.proof(shop, "ann", "phone")
		_, err := limited.SilentLogin(t.Context(), proof)
		requireFault(t, fault.RateLimited, err)
		require.Len(t, counted, 1)
		require.Regexp(t, "^"+shop+" .+", counted[0])
		w.requireRows(t, 0, 0)

		_, err = w.SilentLogin(t.Context(), proof)
		requireFault(t, fault.LoginCodeInvalid, err)
		require.Equal(t, 1, w.wechat.Calls("jscode2session"))

		_, err = w.SilentLogin(t.Context(), w.proof(shop, "ann", "phone"))
		require.NoError(t, err)
	})
}

// A refresh that is refused leaves the token good. Only a token of ours is counted.
func TestRefreshTooOftenLeavesTheTokenGood(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		login, caller := w.login(t, "ann")
		var counted []uuid.UUID
		limited := w.variant(t, func(o *account.Options) {
			o.LimitRefresh = func(_ context.Context, session uuid.UUID) error {
				counted = append(counted, session)
				return fault.New(fault.RateLimited, "wait")
			}
		})
		_, err := limited.RefreshToken(t.Context(), login.RefreshToken[:81]+"!")
		requireFault(t, fault.Unauthenticated, err)
		require.Empty(t, counted)
		_, err = limited.RefreshToken(t.Context(), login.RefreshToken)
		requireFault(t, fault.RateLimited, err)
		require.Equal(t, []uuid.UUID{caller.SessionID}, counted)

		_, err = w.RefreshToken(t.Context(), login.RefreshToken)
		require.NoError(t, err)
	})
}
