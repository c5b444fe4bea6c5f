package account_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"mpauth/internal/account"
	"mpauth/internal/fault"
	"mpauth/internal/wechat/wechatfake"
)

func TestCheckSessionKey(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		check := func(want account.SessionKeyStatus, caller account.Caller) {
			t.Helper()
			got, err := w.CheckSessionKey(t.Context(), caller)
			require.NoError(t, err)
			require.Equal(t, want, got)
		}
		_, onPhone := w.loginFrom(t, "phone")
		_, onTablet := w.loginFrom(t, "tablet")
		check(account.SessionKeyValid, onPhone)
		check(account.SessionKeyValid, onTablet)

		w.wechat.RotateKey(shop, "ann") // as a login at another server does
		check(account.SessionKeyExpired, onPhone)
		check(account.SessionKeyExpired, onTablet)

		_, onPhone = w.loginFrom(t, "phone")
		check(account.SessionKeyValid, onPhone)
		check(account.SessionKeyValid, onTablet)

		asked := w.wechat.Calls("checksession")
		w.db.Ent().Identity.Update().ClearSessionKey().ClearSessionKeyPrint().ExecX(t.Context())
		check(account.SessionKeyAbsent, onPhone)
		require.Equal(t, asked, w.wechat.Calls("checksession"), "there is nothing to ask about")
	})
}

func TestCheckSessionKeyWhenWeChatFails(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		_, caller := w.login(t, "ann")
		for code, planned := range map[fault.Code]wechatfake.Fault{
			fault.WechatUnavailable: {Kind: wechatfake.FaultHTTP},
			fault.RateLimited:       {Kind: wechatfake.FaultErrCode, ErrCode: 45011},
			fault.Internal:          {Kind: wechatfake.FaultErrCode, ErrCode: 48001}, // the app has no permission
		} {
			planned.Endpoint, planned.Count = "checksession", 1
			require.NoError(t, w.wechat.SetFault(planned))
			_, err := w.CheckSessionKey(t.Context(), caller)
			requireFault(t, code, err)
			requireSafe(t, err, w.wechat.SessionKey(shop, "ann"), w.wechat.OpenID(shop, "ann"))
			w.clock.advance(60e9) // to the next minute's quota
		}
		w.requireAlive(t, caller)
	})
}

// Which key WeChat is asked about is what the database says, whatever has become of the cache.
func TestSessionKeyCacheIsOnlyAHint(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		_, caller := w.login(t, "ann")
		identity := w.db.Ent().Identity.Query().OnlyIDX(t.Context())
		valid := func() {
			t.Helper()
			got, err := w.CheckSessionKey(t.Context(), caller)
			require.NoError(t, err)
			require.Equal(t, account.SessionKeyValid, got)
			sealed, err := w.wechat.Encrypt(shop, "ann", "phone", nil)
			require.NoError(t, err)
			user, err := w.UpdatePhone(t.Context(), caller, account.UpdatePhoneInput{
				Encrypted: &account.EncryptedPhoneInput{Iv: sealed.IV, EncryptedData: sealed.EncryptedData},
			})
			require.NoError(t, err)
			require.True(t, user.HasPhone())
		}
		valid()
		w.keys.Forget(identity)
		valid()

		// Another replica sees a newer key; what this one remembers is out of date.
		other := w.replicas(t)[len(w.replicas(t))-1]
		w.wechat.RotateKey(shop, "ann")
		_, err := other.SilentLogin(t.Context(), w.proof(shop, "ann", "tablet"))
		require.NoError(t, err)
		valid()

		w.keys.Close()
		valid()
		_, caller = w.login(t, "ann")
		valid()
	})
}
