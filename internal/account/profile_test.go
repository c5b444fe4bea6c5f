package account_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mpauth/internal/account"
	"mpauth/internal/fault"
	"mpauth/internal/wechat/wechatfake"
)

const placeholder = "微信用户" // WeChat's name for whoever shows none

// greyAvatar is the picture of whoever shows none.
const greyAvatar = "https://thirdwx.qlogo.cn/mmopen/vi_32/POgEwh4mIHO4nibH0KlMECNjjGxQUq24ZEaGT4poC6icRiccVGKSyXwibcPq4BWmiaIGuG1icwxaQX6grC9VemZoJ8rg/132"

func nicknamed(name string) account.UpdateUserInput { return account.UpdateUserInput{Nickname: &name} }

func byProfile(e wechatfake.Encrypted) account.UpdateUserInput {
	return account.UpdateUserInput{Encrypted: &account.EncryptedProfileInput{
		Iv: e.IV, EncryptedData: e.EncryptedData, RawData: e.RawData, Signature: e.Signature,
	}}
}

// profileOf is the nickname and the picture that the caller has.
func (w *world) profileOf(t testing.TB, caller account.Caller) [2]string {
	t.Helper()
	me, err := w.Me(t.Context(), caller)
	require.NoError(t, err)
	require.Equal(t, me.Nickname != nil, me.HasProfile())
	var is [2]string
	if me.Nickname != nil {
		is[0] = *me.Nickname
	}
	if me.AvatarURL != nil {
		is[1] = *me.AvatarURL
	}
	return is
}

// checks is how many texts WeChat was asked about.
func (w *world) checks() int { return w.wechat.Calls("msg_sec_check") }

func TestUpdateUserTakesANickname(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		_, ann := w.login(t, "ann")
		given, err := w.UpdateUser(t.Context(), ann, nicknamed("  Zoe\u0308\u202e \u200b👩🏽\u200d🚀\n"))
		require.NoError(t, err)
		const clean = "Zo\u00eb 👩🏽\u200d🚀"
		require.Equal(t, clean, *given.Nickname)
		require.Equal(t, account.StepTwo, given.AuthStep())
		me, err := w.Me(t.Context(), ann)
		require.NoError(t, err)
		require.Equal(t, me, given, "the answer is what is stored")

		sent, asked := w.wechat.LastCall("msg_sec_check")
		require.True(t, asked)
		require.Equal(t, clean, sent.Fields["content"], "WeChat judges what is stored")
		require.Equal(t, w.wechat.OpenID(shop, "ann"), sent.Fields["openid"])
		require.Equal(t, 1, countOf(w.actions(t), "profile.update"))

		for _, same := range []string{clean, " " + clean + "\u200b", "", " ", "\u3164", placeholder, "微信\u200b用户"} {
			w.trips.Reset()
			again, err := w.UpdateUser(t.Context(), ann, nicknamed(same))
			require.NoError(t, err)
			require.Equal(t, clean, *again.Nickname, "%q overwrites nothing", same)
			require.NotContains(t, w.trips.String(), "UPDATE", "%q", same)
		}
		require.Equal(t, 1, w.checks(), "what changes nothing is asked of nobody")
		require.Equal(t, 1, countOf(w.actions(t), "profile.update"))

		_, err = w.UpdateUser(t.Context(), ann, nicknamed(strings.Repeat("a", 33)))
		requireFault(t, fault.BadInput, err)
		_, err = w.UpdateUser(t.Context(), ann, nicknamed("bad\xff"))
		requireFault(t, fault.BadInput, err)
		require.Equal(t, [2]string{clean, ""}, w.profileOf(t, ann))
	})
}

func TestPlaceholderIsNoProfile(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		_, ann := w.login(t, "ann")
		for _, in := range []account.UpdateUserInput{
			nicknamed(placeholder), nicknamed(""),
			byProfile(w.encrypted(t, "ann", wechatfake.KindProfile, map[string]any{"nickName": placeholder, "avatarUrl": greyAvatar})),
			byProfile(w.encrypted(t, "ann", wechatfake.KindProfile, map[string]any{"nickName": ""})),
		} {
			given, err := w.UpdateUser(t.Context(), ann, in)
			require.NoError(t, err)
			require.False(t, given.HasProfile())
			require.Equal(t, account.StepOne, given.AuthStep())
			require.Equal(t, [2]string{}, w.profileOf(t, ann))
		}
		require.Zero(t, w.checks())
	})
}

func TestNicknameThatWeChatDoesNotLetPass(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		_, ann := w.login(t, "ann")
		_, err := w.UpdateUser(t.Context(), ann, nicknamed("Ann"))
		require.NoError(t, err)
		refuse := func(code fault.Code, name string) *fault.Error {
			t.Helper()
			_, err := w.UpdateUser(t.Context(), ann, nicknamed(name))
			requireFault(t, code, err)
			require.Equal(t, [2]string{"Ann", ""}, w.profileOf(t, ann))
			var refused *fault.Error
			require.ErrorAs(t, err, &refused)
			require.NotContains(t, err.Error(), name)
			return refused
		}
		refuse(fault.ContentRisky, "a risky name")
		refuse(fault.ContentRisky, "违规")
		refuse(fault.ContentRisky, "ris\u200bky") // what hides goes before WeChat is asked
		refuse(fault.ContentRisky, "for review")
		for _, f := range []wechatfake.Fault{
			{Kind: wechatfake.FaultErrCode, ErrCode: -1, Count: 2},
			{Kind: wechatfake.FaultHTTP, Count: 1},
			{Kind: wechatfake.FaultInvalidJSON, Count: 1},
			{Kind: wechatfake.FaultMissingField, Count: 1},
			{Kind: wechatfake.FaultCutAfter, Count: 1},
		} {
			f.Endpoint = "msg_sec_check"
			require.NoError(t, w.wechat.SetFault(f))
			refuse(fault.WechatUnavailable, "Anna")
		}
		require.NoError(t, w.wechat.SetFault(wechatfake.Fault{Endpoint: "msg_sec_check", Kind: wechatfake.FaultErrCode, ErrCode: 48001, Count: 1}))
		refuse(fault.Internal, "Anna") // the app has no permission, and trying again gives it none
		_, err = w.UpdateUser(t.Context(), ann, nicknamed("Ann L"))
		require.NoError(t, err, "WeChat is back")
		_, err = w.UpdateUser(t.Context(), ann, nicknamed("Ann"))
		require.NoError(t, err)
		require.NoError(t, w.wechat.SetFault(wechatfake.Fault{Endpoint: "msg_sec_check", Kind: wechatfake.FaultErrCode, ErrCode: 45011, Count: 1}))
		require.Positive(t, refuse(fault.RateLimited, "Anna").RetryAfter)

		login, err := w.SilentLogin(t.Context(), w.proof(club, "ann", "d"))
		require.NoError(t, err)
		asked := w.checks()
		given, err := w.UpdateUser(t.Context(), w.caller(t, login), nicknamed("a risky name"))
		require.NoError(t, err, "an app may do without the check")
		require.Equal(t, "a risky name", *given.Nickname)
		require.Equal(t, asked, w.checks())
	})
}

// A session goes on for weeks without WeChat, which judges only what people write who were there lately.
// To repeat the request is in vain; to log in with a code is not.
func TestNicknameOfSomebodyWhomWeChatHasNotSeenLatelyNeedsALogin(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		_, ann := w.login(t, "ann")
		w.clock.advance(2*time.Hour + time.Second)
		for range 2 {
			_, err := w.UpdateUser(t.Context(), ann, nicknamed("Ann"))
			requireFault(t, fault.LoginCodeInvalid, err)
			require.Equal(t, fault.Relogin, fault.CodeOf(err).Action())
			require.Equal(t, [2]string{"", ""}, w.profileOf(t, ann))
		}
		_, again := w.login(t, "ann")
		_, err := w.UpdateUser(t.Context(), again, nicknamed("Ann"))
		require.NoError(t, err)
	})
}

func TestUpdateUserWantsExactlyOneThing(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		_, ann := w.login(t, "ann")
		encrypted := byProfile(w.encrypted(t, "ann", wechatfake.KindProfile, nil)).Encrypted
		for _, in := range []account.UpdateUserInput{
			{}, {RemoveProfile: new(false)}, {Nickname: new("Ann"), Encrypted: encrypted},
			{Nickname: new("Ann"), RemoveProfile: new(true)}, {Encrypted: encrypted, RemoveProfile: new(true)},
		} {
			_, err := w.UpdateUser(t.Context(), ann, in)
			requireFault(t, fault.BadInput, err)
		}
		_, err := w.UpdateUser(t.Context(), ann, account.UpdateUserInput{Nickname: new("Ann"), RemoveProfile: new(false)})
		require.NoError(t, err)
		require.NoError(t, w.Logout(t.Context(), ann, account.LogoutThis))
		for _, in := range []account.UpdateUserInput{nicknamed("Bob"), {Encrypted: encrypted}, {RemoveProfile: new(true)}} {
			_, err := w.UpdateUser(t.Context(), ann, in)
			requireFault(t, fault.SessionRevoked, err)
		}
		require.Equal(t, 1, w.checks(), "nobody is asked for somebody who has left")
	})
}

func TestUpdateUserTakesTheEncryptedProfile(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		_, ann := w.login(t, "ann")
		e := w.encrypted(t, "ann", wechatfake.KindProfile, map[string]any{"nickName": " 小鹿\u202e "})
		copies, errs := atOnce(8, func(int) (*account.User, error) { return w.UpdateUser(t.Context(), ann, byProfile(e)) })
		for i := range copies {
			require.NoError(t, errs[i])
			require.Equal(t, "小鹿", *copies[i].Nickname)
			require.Equal(t, w.wechat.AvatarURL("ann"), *copies[i].AvatarURL)
		}
		require.Equal(t, 1, countOf(w.actions(t), "profile.update"))
		require.Zero(t, w.checks(), "WeChat vouches for its own profile")

		_, err := w.UpdateUser(t.Context(), ann, nicknamed("Ann"))
		require.NoError(t, err)
		for _, in := range []wechatfake.Encrypted{
			e, // used before
			w.encrypted(t, "ann", wechatfake.KindProfile, map[string]any{"nickName": placeholder, "avatarUrl": greyAvatar}),
			w.encrypted(t, "ann", wechatfake.KindProfile, map[string]any{"nickName": placeholder}),
		} {
			given, err := w.UpdateUser(t.Context(), ann, byProfile(in))
			require.NoError(t, err)
			require.Equal(t, "Ann", *given.Nickname, "nothing is overwritten")
			require.Equal(t, [2]string{"Ann", w.wechat.AvatarURL("ann")}, w.profileOf(t, ann))
		}

		tapped := w.encrypted(t, "ann", wechatfake.KindProfile, map[string]any{"nickName": "Lily"})
		w.wechat.RotateKey(shop, "ann")
		_, ann = w.login(t, "ann")
		given, err := w.UpdateUser(t.Context(), ann, byProfile(tapped))
		require.NoError(t, err, "the key before the current one")
		require.Equal(t, "Lily", *given.Nickname)
	})
}

func TestEncryptedProfileThatIsNotTheCallersOwn(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		w.login(t, "bob")
		people := 0
		refuse := func(name string, spoil func(person string) wechatfake.Encrypted) {
			t.Helper()
			people++
			person := "person-" + string(rune('a'+people))
			_, caller := w.login(t, person)
			_, err := w.UpdateUser(t.Context(), caller, byProfile(spoil(person)))
			_, reference := w.UpdatePhone(t.Context(), caller, byCiphertext(encoded(nil, nil)))
			var got, want *fault.Error
			require.ErrorAs(t, err, &got, name)
			require.ErrorAs(t, reference, &want)
			require.Equal(t, fault.DecryptWxOpenDataFail, got.Code, name)
			require.Equal(t, want.Message, got.Message, name)
			require.Equal(t, [2]string{}, w.profileOf(t, caller), name)
		}
		own := func(person string, data map[string]any) wechatfake.Encrypted {
			return w.encrypted(t, person, wechatfake.KindProfile, data)
		}
		refuse("another signature", func(person string) wechatfake.Encrypted {
			e := own(person, nil)
			e.Signature = strings.Repeat("0", 40)
			return e
		})
		refuse("a signature under another key", func(person string) wechatfake.Encrypted {
			e := own(person, nil)
			e.Signature = signatureOf(e.RawData, w.wechat.SessionKey(shop, "bob"))
			return e
		})
		refuse("no signature", func(person string) wechatfake.Encrypted {
			e := own(person, nil)
			e.RawData, e.Signature = "", ""
			return e
		})
		refuse("other raw data", func(person string) wechatfake.Encrypted {
			e := own(person, nil)
			e.RawData += " "
			return e
		})
		refuse("somebody else's openid", func(person string) wechatfake.Encrypted {
			return own(person, map[string]any{"openId": w.wechat.OpenID(shop, "bob")})
		})
		refuse("no openid", func(person string) wechatfake.Encrypted { return own(person, map[string]any{"openId": nil}) })
		refuse("somebody else's data", func(string) wechatfake.Encrypted { return own("bob", nil) })
		refuse("another app's", func(person string) wechatfake.Encrypted {
			return own(person, map[string]any{"watermark": map[string]any{"appid": club}})
		})
		refuse("old", func(person string) wechatfake.Encrypted {
			return own(person, map[string]any{"watermark": map[string]any{"timestamp": w.clock.Now().Add(-301 * time.Second).Unix()}})
		})
		refuse("a phone number", func(person string) wechatfake.Encrypted {
			e := w.encrypted(t, person, wechatfake.KindPhone, nil)
			e.RawData = "{}"
			e.Signature = signatureOf("{}", w.wechat.SessionKey(shop, person))
			return e
		})
		refuse("under a key that was never exchanged", func(person string) wechatfake.Encrypted {
			w.wechat.RotateKey(shop, person)
			return own(person, nil)
		})
	})
}

func TestPictureComesFromWeChatOrNotAtAll(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		_, ann := w.login(t, "ann")
		const first = "https://wx.qlogo.cn/mmopen/first/0"
		for _, c := range []struct{ given, kept string }{
			{first, first},
			{"", first}, {greyAvatar, first}, {strings.Replace(greyAvatar, "https", "http", 1), first},
			{"https://example.org/a.png", first}, {"https://qlogo.cn.example.org/a", first}, {"https://evilqlogo.cn/a", first},
			{"https://example.org/.qlogo.cn", first}, {`https://example.org\.qlogo.cn/a`, first}, {"https://example.org#.qlogo.cn", first},
			{"https://me@wx.qlogo.cn/a", first}, {"https://wx.qlogo.cn:8443/a", first}, {"//wx.qlogo.cn/a", first},
			{"javascript:alert(1)//wx.qlogo.cn", first}, {"data:image/png;base64,AA", first}, {"wxfile://tmp_a.png", first},
			{"https:wx.qlogo.cn/a", first}, {"https://wx.qlogo.cn/\n", first},
			{"http://wx.qlogo.cn/mmopen/second/132", "https://wx.qlogo.cn/mmopen/second/132"},
			{"https://thirdwx.qlogo.cn/mmopen/vi_32/third/132", "https://thirdwx.qlogo.cn/mmopen/vi_32/third/132"},
		} {
			given, err := w.UpdateUser(t.Context(), ann, byProfile(w.encrypted(t, "ann", wechatfake.KindProfile, map[string]any{"avatarUrl": c.given})))
			require.NoError(t, err, c.given)
			require.Equal(t, c.kept, *given.AvatarURL, c.given)
			require.Equal(t, [2]string{w.wechat.Nickname("ann"), c.kept}, w.profileOf(t, ann))
		}
	})
}

func TestRemoveProfileErasesIt(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		_, ann := w.login(t, "ann")
		e := w.encrypted(t, "ann", wechatfake.KindProfile, nil)
		_, err := w.UpdateUser(t.Context(), ann, byProfile(e))
		require.NoError(t, err)
		tap := w.encrypted(t, "ann", wechatfake.KindPhone, nil)
		bound, err := w.UpdatePhone(t.Context(), ann, byCiphertext(tap))
		require.NoError(t, err)
		require.Equal(t, account.StepThree, bound.AuthStep())

		for range 2 {
			removed, err := w.UpdateUser(t.Context(), ann, account.UpdateUserInput{RemoveProfile: new(true)})
			require.NoError(t, err)
			require.Equal(t, account.StepOne, removed.AuthStep(), "the phone alone is no leading fact")
			require.Equal(t, []account.AuthFact{profile}, removed.Missing())
			require.Equal(t, [2]string{}, w.profileOf(t, ann))
		}
		require.Equal(t, 1, countOf(w.actions(t), "profile.remove"))

		_, err = w.UpdateUser(t.Context(), ann, byProfile(e))
		requireFault(t, fault.DecryptWxOpenDataFail, err) // what was taken back does not come back
		require.Equal(t, [2]string{}, w.profileOf(t, ann))
		_, err = w.UpdatePhone(t.Context(), ann, byCiphertext(tap))
		require.NoError(t, err, "the phone is another matter")
		_, err = w.UpdateUser(t.Context(), ann, byProfile(w.encrypted(t, "ann", wechatfake.KindProfile, nil)))
		require.NoError(t, err)
	})
}
