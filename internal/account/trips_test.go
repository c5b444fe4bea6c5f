package account_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"mpauth/internal/account"
)

// Round trips to the database, BEGIN and COMMIT included: they are what a verb costs.
func TestRoundTrips(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		login, caller := w.login(t, "ann")
		atMost := func(limit int, what string, do func() error) {
			t.Helper()
			w.trips.Reset()
			require.NoError(t, do(), what)
			require.LessOrEqual(t, w.trips.Count(), limit, "%s:\n%s", what, w.trips)
			require.Positive(t, w.trips.Count(), what)
		}
		atMost(1, "me", func() error { _, err := w.Me(t.Context(), caller); return err })
		atMost(4, "refreshToken", func() error { _, err := w.RefreshToken(t.Context(), login.RefreshToken); return err })
		proof := w.proof(shop, "ann", "ann-phone")
		atMost(6, "returning silentLogin", func() (err error) {
			login, err = w.SilentLogin(t.Context(), proof)
			return err
		})
		caller = w.caller(t, login)
		code := w.wechat.PhoneCode(shop, "ann", "")
		atMost(6, "updatePhone by code", func() error {
			_, err := w.UpdatePhone(t.Context(), caller, account.UpdatePhoneInput{Code: &code})
			return err
		})
		sealed, err := w.wechat.Encrypt(shop, "ann", "phone", nil)
		require.NoError(t, err)
		atMost(6, "updatePhone by encryptedData", func() error {
			_, err := w.UpdatePhone(t.Context(), caller, account.UpdatePhoneInput{
				Encrypted: &account.EncryptedPhoneInput{Iv: sealed.IV, EncryptedData: sealed.EncryptedData},
			})
			return err
		})
	})
}
