package account_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"mpauth/internal/account"
	"mpauth/internal/fault"
	"mpauth/internal/wechat/wechatfake"
)

// witness remembers what the service tells.
type witness struct {
	mu   sync.Mutex
	seen []account.Event
}

func (w *witness) see(e account.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen = append(w.seen, e)
}

// TestEachThingThatHappensIsToldOnce walks the way of a person through the service. What failed, or
// was a mere repeat, has not happened.
func TestEachThingThatHappensIsToldOnce(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		var told witness
		w.Observe = told.see
		w.login(t, "ann")
		_, ann := w.login(t, "ann")
		_, err := w.UpdateUser(t.Context(), ann, nicknamed("Ann"))
		require.NoError(t, err)
		_, err = w.UpdateUser(t.Context(), ann, nicknamed("Ann"))
		require.NoError(t, err)
		_, err = w.UpdateUser(t.Context(), ann, nicknamed("Anne"))
		require.NoError(t, err)
		w.bind(t, ann, "ann", "13800138000")
		tapped := byCiphertext(w.encrypted(t, "ann", wechatfake.KindPhone, map[string]any{"phoneNumber": "13900139000", "purePhoneNumber": "13900139000"}))
		for range 2 {
			_, err = w.UpdatePhone(t.Context(), ann, tapped)
			require.NoError(t, err)
		}
		_, err = w.UnbindPhone(t.Context(), ann)
		require.NoError(t, err)
		_, err = w.UpdatePhone(t.Context(), ann, tapped)
		requireFault(t, fault.DecryptWxOpenDataFail, err)
		require.NoError(t, w.Logout(t.Context(), ann, account.LogoutThis))

		require.Equal(t, []account.Event{
			{AppID: shop, Action: account.ActionLogin, How: "new", Step: account.StepOne},
			{AppID: shop, Action: account.ActionReplaced},
			{AppID: shop, Action: account.ActionLogin, How: "returning"},
			{AppID: shop, Action: account.ActionUpdateProfile, How: "nickname", First: true, Step: account.StepTwo},
			{AppID: shop, Action: account.ActionUpdateProfile, How: "nickname"},
			{AppID: shop, Action: account.ActionBindPhone, How: "code", First: true, Step: account.StepThree},
			{AppID: shop, Action: account.ActionBindPhone, How: "encryptedData"},
			{AppID: shop, Action: account.ActionUnbindPhone},
			{AppID: shop, Action: account.ActionRefuseData, How: "used"},
			{AppID: shop, Action: account.ActionLogout},
		}, told.seen)
	})
}

func TestRefusedDataIsToldWithItsCause(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		var told witness
		_, ann := w.login(t, "ann")
		w.login(t, "bob")
		w.Observe = told.see
		good := w.encrypted(t, "ann", wechatfake.KindPhone, nil)
		for _, bad := range []wechatfake.Encrypted{
			{IV: good.IV, EncryptedData: "AAAA"}, {IV: good.IV, EncryptedData: "%"},
			w.encrypted(t, "ann", wechatfake.KindProfile, nil),
		} {
			_, err := w.UpdatePhone(t.Context(), ann, byCiphertext(bad))
			requireFault(t, fault.DecryptWxOpenDataFail, err)
		}
		unsigned := w.encrypted(t, "ann", wechatfake.KindProfile, nil)
		unsigned.Signature = ""
		for range 3 {
			_, err := w.UpdateUser(t.Context(), ann, byProfile(unsigned))
			requireFault(t, fault.DecryptWxOpenDataFail, err)
		}
		var how []string
		for _, e := range told.seen {
			how = append(how, string(e.Action)+" "+e.How)
		}
		require.Equal(t, []string{
			"opendata.refuse length", "opendata.refuse encoding", "opendata.refuse fields", "opendata.refuse content",
			"sessionkey.drop ", "opendata.refuse content", "opendata.refuse budget",
		}, how)
	})
}
