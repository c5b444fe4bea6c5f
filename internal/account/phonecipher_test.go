package account_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"mpauth/internal/account"
	"mpauth/internal/fault"
	"mpauth/internal/sessionkey"
	"mpauth/internal/wechat/wechatfake"
)

// vectorMember is a person whose session_key is the one of a published vector.
func (w *world) vectorMember(t testing.TB, appID, openID, key string) account.Caller {
	t.Helper()
	now, ring := w.clock.Now(), w.keys.Seal(appID, openID, key)
	caller := account.Caller{UserID: uuid.New(), SessionID: uuid.New(), AppID: appID}
	w.db.Ent().User.Create().SetID(caller.UserID).SetAppGroup(appID).SetCreatedAt(now).ExecX(t.Context())
	identity := w.db.Ent().Identity.Create().SetUserID(caller.UserID).SetAppID(appID).SetOpenID(openID).
		SetSessionKey(ring.Ciphertext).SetSessionKeyPrint(ring.Print).SetSessionKeyAt(now).
		SetCreatedAt(now).SetLastLoginAt(now).SaveX(t.Context())
	w.db.Ent().Session.Create().SetID(caller.SessionID).SetUserID(caller.UserID).SetIdentityID(identity.ID).SetAppID(appID).
		SetDeviceID("d").SetRefreshedAt(now).SetCreatedAt(now).SetIdleExpiresAt(now.Add(time.Hour)).SetExpiresAt(now.Add(time.Hour)).
		SetLoginCodeHash(randomKey(t)).SetFirstLogin(false).ExecX(t.Context())
	return caller
}

// A phone number encrypted by another implementation, and the profile that WeChat publishes as its
// demo (WeChat's page on signature and encryption), through the whole verb.
func TestKnownAnswersThroughTheVerbs(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		const phoneApp, demoApp = "wxf00d00000000f00d", "wx4f4bc4dec97d474b"
		s := w.shared
		s.apps = []account.App{
			{AppID: phoneApp, Flow: account.Flow{phone}, EncryptedData: true}, {AppID: demoApp, Flow: account.Flow{profile}, EncryptedData: true},
		}
		w = s.replica(t)

		w.clock.set(time.Unix(1700000000, 0))
		ann := w.vectorMember(t, phoneApp, "ann", "AAECAwQFBgcICQoLDA0ODw==")
		bound, err := w.UpdatePhone(t.Context(), ann, byCiphertext(wechatfake.Encrypted{
			IV: "EBESExQVFhcYGRobHB0eHw==",
			EncryptedData: "aLhedzo+Z6es5zW+YHo9susiHnaEYeAkbZXA6vB3xXwsEHApbzM53NsvIVPS8sbzE9Tu3cKoosCIaJ9ReH9c7q8xI4AFlJ8HTHrrdVC0WzSFVEG+Q/SU" +
				"BzVOfvRAiCzg9pRwA0o1X/SBOShf2kiL8/XyPdSkB79Bs0IG5MW9htd56xikaPKeNrDSq+AOeMftAqnYAyaw3N86+mkJv4j0qA==",
		}))
		require.NoError(t, err)
		require.Equal(t, "+8613800138000", bound.Phone.Number)

		w.clock.set(time.Unix(1477314187, 0))
		band := w.vectorMember(t, demoApp, "oGZUI0egBJY1zhBYw2KhdUfwVJJE", "tiihtNczf5v6AKRyjwEUhQ==")
		given, err := w.UpdateUser(t.Context(), band, account.UpdateUserInput{Encrypted: &account.EncryptedProfileInput{
			Iv: "r7BXXKkLb8qrSNn05n0qiA==",
			EncryptedData: "CiyLU1Aw2KjvrjMdj8YKliAjtP4gsMZMQmRzooG2xrDcvSnxIMXFufNstNGTyaGS9uT5geRa0W4oTOb1WT7fJlAC+oNPdbB+3hVbJSRgv+4lGOETKUQz" +
				"6OYStslQ142dNCuabNPGBzlooOmB231qMM85d2/fV6ChevvXvQP8Hkue1poOFtnEtpyxVLW1zAo6/1Xx1COxFvrc2d7UL/lmHInNlxuacJXwu0fjpXfz/YqYzBIB" +
				"zD6WUfTIF9GRHpOn/Hz7saL8xz+W//FRAUid1OksQaQx4CMs8LOddcQhULW4ucetDf96JcR3g0gfRK4PC7E/r7Z6xNrXd2UIeorGj5Ef7b1pJAYB6Y5anaHqZ9J6" +
				"nKEBvB4DnNLIVWSgARns/8wR2SiRS7MNACwTyrGvt9ts8p12PKFdlqYTopNHR1Vf7XjfhQlVsAJdNiKdYmYVoKlaRv85IfVunYzO0IKXsyl7JCUjCpoG20f0a04C" +
				"OwfneQAGGwd5oa+T8yO5hzuyDb/XcxxmK01EpqOyuxINew==",
			RawData: `{"nickName":"Band"}`, Signature: signatureOf(`{"nickName":"Band"}`, "tiihtNczf5v6AKRyjwEUhQ=="),
		}})
		require.NoError(t, err)
		require.Equal(t, "Band", *given.Nickname)
		require.Equal(t, "https://wx.qlogo.cn/mmopen/vi_32/aSKcBBPpibyKNicHNTMM0qJVh8Kjgiak2AHWr8MHM4WgMEm7GFhsf8OYrySdbvAMvTsw3mo8ibKicsnfN5pRjl1p8HQ/0", *given.AvatarURL)
	})
}

func TestEncryptedPhoneUnderTheCurrentAndThePreviousKey(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		_, ann := w.login(t, "ann")
		bound, err := w.UpdatePhone(t.Context(), ann, byCiphertext(w.encrypted(t, "ann", wechatfake.KindPhone, otherNumber("13800138000"))))
		require.NoError(t, err)
		require.Equal(t, "+8613800138000", bound.Phone.Number)
		require.Zero(t, w.exchanges())
		require.Contains(t, w.actions(t), "phone.bind")

		// The classical mistake: wx.login in the handler of the tap.
		tapped := w.encrypted(t, "ann", wechatfake.KindPhone, otherNumber("13900139000"))
		first := w.wechat.SessionKey(shop, "ann")
		w.wechat.RotateKey(shop, "ann")
		_, ann = w.login(t, "ann")
		second := w.wechat.SessionKey(shop, "ann")
		require.NotEqual(t, first, second)
		bound, err = w.UpdatePhone(t.Context(), ann, byCiphertext(tapped))
		require.NoError(t, err)
		require.Equal(t, "+8613900139000", bound.Phone.Number)

		w.clock.advance(sessionkey.PreviousLife - time.Microsecond)
		_, err = w.UpdatePhone(t.Context(), ann, byCiphertext(sealed(t, first, phoneJSON("13700137000", shop, w.clock.Now()))))
		require.NoError(t, err)
		w.clock.advance(time.Microsecond)
		_, err = w.UpdatePhone(t.Context(), ann, byCiphertext(sealed(t, first, phoneJSON("13600136000", shop, w.clock.Now()))))
		requireFault(t, fault.DecryptWxOpenDataFail, err)
		_, err = w.UpdatePhone(t.Context(), ann, byCiphertext(sealed(t, second, phoneJSON("13500135000", shop, w.clock.Now()))))
		require.NoError(t, err)
		require.Equal(t, "+8613500135000", w.number(t, ann))
	})
}

// The cache in front of the keys is a hint: whatever it says, the verb works.
func TestStaleSessionKeyInTheCacheIsHarmless(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		_, ann := w.login(t, "ann")
		other := w.shared.replica(t)
		update := func(w *world) error {
			w.trips.Reset()
			_, err := w.UpdatePhone(t.Context(), ann, byCiphertext(w.encrypted(t, "ann", wechatfake.KindPhone, nil)))
			return err
		}
		require.NoError(t, update(other)) // caches the first key there
		w.wechat.RotateKey(shop, "ann")
		_, ann = w.login(t, "ann")
		require.NoError(t, update(other), "the print in the row tells that there is another key")

		identity := w.db.Ent().Identity.Query().OnlyX(t.Context())
		wrong := w.keys.Seal(shop, identity.OpenID, "AAECAwQFBgcICQoLDA0ODw==")
		require.Eventually(t, func() bool {
			w.keys.Remember(identity.ID, shop, identity.OpenID, sessionkey.Ring{Current: wrong.Ciphertext, Print: *identity.SessionKeyPrint})
			require.NoError(t, update(w))
			return strings.Contains(w.trips.String(), "previous_key_until") // the keys have been read from the row
		}, time.Minute, time.Millisecond)
		require.Zero(t, w.db.Ent().DecryptFailure.Query().CountX(t.Context()), "what the cache got wrong is nobody's failure")
	})
}

func TestEncryptedPhoneWorksOnce(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		_, ann := w.login(t, "ann")
		e := w.encrypted(t, "ann", wechatfake.KindPhone, otherNumber("13800138000"))
		copies, errs := atOnce(16, func(int) (*account.User, error) { return w.UpdatePhone(t.Context(), ann, byCiphertext(e)) })
		for i := range copies {
			require.NoError(t, errs[i])
			require.Equal(t, "+8613800138000", copies[i].Phone.Number)
		}
		require.Equal(t, 1, countOf(w.actions(t), "phone.bind"), "a repeat changes nothing")

		w.bind(t, ann, "ann", "13900139000")
		again, err := w.UpdatePhone(t.Context(), ann, byCiphertext(e))
		require.NoError(t, err)
		require.Equal(t, "+8613900139000", again.Phone.Number, "an old tap does not undo a later one")
		require.Equal(t, "+8613900139000", w.number(t, ann))

		_, bob := w.login(t, "bob")
		_, err = w.UpdatePhone(t.Context(), bob, byCiphertext(e))
		requireFault(t, fault.DecryptWxOpenDataFail, err)
	})
}

func TestEncryptedPhoneOfAnotherIsTaken(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		_, ann := w.login(t, "ann")
		_, bob := w.login(t, "bob")
		w.bind(t, ann, "ann", "13800138000")
		e := w.encrypted(t, "bob", wechatfake.KindPhone, otherNumber("13800138000"))
		for range 2 {
			_, err := w.UpdatePhone(t.Context(), bob, byCiphertext(e))
			requireFault(t, fault.PhoneTaken, err)
		}
		_, err := w.UnbindPhone(t.Context(), ann)
		require.NoError(t, err)
		bound, err := w.UpdatePhone(t.Context(), bob, byCiphertext(e))
		require.NoError(t, err, "data that gave nothing has not been used")
		require.Equal(t, "+8613800138000", bound.Phone.Number)
	})
}
