package account_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"mpauth/ent"
	"mpauth/ent/avatar"
	"mpauth/internal/account"
	"mpauth/internal/fault"
)

// gives has somebody choose a nickname, a picture or both, and returns the key of the picture.
func (w *world) gives(t testing.TB, who account.Caller, nickname string, picture bool) (key string) {
	t.Helper()
	var in account.UpdateUserInput
	if nickname != "" {
		in.Nickname = &nickname
	}
	if picture {
		var err error
		key, err = w.AddAvatar(t.Context(), who, []byte(nickname+"'s picture"))
		require.NoError(t, err)
		in.AvatarKey = &key
	}
	_, err := w.UpdateUser(t.Context(), who, in)
	require.NoError(t, err)
	return key
}

// requireProfile holds what a person shows against what they should; "" is nothing.
func (w *world) requireProfile(t testing.TB, who account.Caller, nickname, picture string) {
	t.Helper()
	row := w.db.Ent().User.GetX(t.Context(), who.UserID)
	text := func(value *string) string {
		if value == nil {
			return ""
		}
		return *value
	}
	require.Equal(t, nickname, text(row.Nickname))
	require.Equal(t, account.NicknameKey(nickname), text(row.NicknameKey))
	require.Equal(t, picture, text(row.AvatarKey))
	if picture != "" {
		used := w.db.Ent().Avatar.Query().Where(avatar.UserID(who.UserID), avatar.StateEQ(avatar.StateUsed)).OnlyIDX(t.Context())
		require.Equal(t, picture, used)
	}
}

// Nickname and picture are given one by one, and so the one who stays takes over each that they lack, and
// keeps each that they have. Undone, both are as before.
func TestAMergeMovesWhatTheOneWhoStaysLacks(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		into, from string // the nickname
		into2      bool   // whether they have a picture
		from2      bool
		nickname   string // that stays
		picture    string // whose
	}{
		"everything":           {"", "Bob", false, true, "Bob", "from"},
		"nothing":              {"Ann", "Bob", true, true, "Ann", "into"},
		"the nickname alone":   {"", "Bob", true, true, "Bob", "into"},
		"the picture alone":    {"Ann", "Bob", false, true, "Ann", "from"},
		"a nickname to a face": {"", "Bob", true, false, "Bob", "into"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inEachFamily(t, func(t *testing.T, w *world) {
				into, from, offer := w.offered(t)
				of := map[string]string{}
				if c.into != "" || c.into2 {
					of["into"] = w.gives(t, into, c.into, c.into2)
				}
				of["from"] = w.gives(t, from, c.from, c.from2)
				_, err := w.MergeAccounts(t.Context(), from, offer)
				require.NoError(t, err)
				w.requireProfile(t, into, c.nickname, of[c.picture])
				require.NoError(t, w.Sweep(t.Context()))
				_, err = w.UndoMerge(t.Context(), into, offer)
				require.NoError(t, err)
				w.requireProfile(t, into, c.into, of["into"])
				w.requireProfile(t, from, c.from, of["from"])
			})
		})
	}
}

// What has been given since stays with who has it.
func TestUndoingLeavesWhatWasGivenSince(t *testing.T) {
	t.Parallel()
	inEachFamily(t, func(t *testing.T, w *world) {
		_, from, offer := w.offered(t)
		w.gives(t, from, "Bob", true)
		_, err := w.MergeAccounts(t.Context(), from, offer)
		require.NoError(t, err)
		into := w.enter(t, shop, "ann")
		since := w.gives(t, into, "Anne", true)
		_, err = w.UndoMerge(t.Context(), into, offer)
		require.NoError(t, err)
		w.requireProfile(t, into, "Anne", since)
		w.requireProfile(t, from, "Bob", "")
		require.Equal(t, []string{since}, w.album.keys(), "the picture that was replaced is gone")
	})
}

// A number that a merge drops is free at once: for the person above all, who may want to have that one.
// Undone, who left has it again, unless somebody has proved it since.
func TestANumberThatAMergeDropsIsFree(t *testing.T) {
	t.Parallel()
	const dropped = "13900139000"
	for name, bound := range map[string]bool{"bound since": true, "left alone": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inEachFamily(t, func(t *testing.T, w *world) {
				_, from, offer := w.offered(t)
				_, err := w.prove(t, from, "bob", dropped)
				require.NoError(t, err)
				_, err = w.MergeAccounts(t.Context(), from, offer)
				require.NoError(t, err)
				into := w.enter(t, shop, "bob")
				if bound {
					_, err = w.prove(t, into, "bob", dropped)
					require.NoError(t, err)
				}
				_, err = w.UndoMerge(t.Context(), into, offer)
				require.NoError(t, err)
				shown := map[string]string{}
				for _, who := range []string{"ann", "bob"} {
					me, err := w.Me(t.Context(), w.enter(t, shop, who))
					require.NoError(t, err)
					if me.Phone != nil {
						shown[who] = me.Phone.Number
					}
				}
				want := map[string]string{"ann": "+86" + annsNumber, "bob": "+86" + dropped}
				if bound {
					want = map[string]string{"ann": "+86" + dropped}
				}
				require.Equal(t, want, shown)
				_, err = w.prove(t, w.enter(t, shop, "eve"), "eve", dropped)
				requireFault(t, fault.PhoneTaken, err)
			})
		})
	}
}

// Who takes back what they gave takes it back for all that they were.
func TestTakingBackAlsoTakesBackWhatAMergeKeeps(t *testing.T) {
	t.Parallel()
	inEachFamily(t, func(t *testing.T, w *world) {
		into, from, offer := w.offered(t)
		_, err := w.prove(t, from, "bob", "13900139000")
		require.NoError(t, err)
		w.gives(t, into, "Planted Ann", true)
		w.gives(t, from, "Planted Bob", true)
		_, err = w.MergeAccounts(t.Context(), from, offer)
		require.NoError(t, err)
		into = w.enter(t, shop, "bob")
		_, err = w.UpdateUser(t.Context(), into, account.UpdateUserInput{RemoveProfile: new(true)})
		require.NoError(t, err)
		_, err = w.UnbindPhone(t.Context(), into)
		require.NoError(t, err)
		require.False(t, strings.Contains(w.everyValue(t), "Planted"), "nothing is kept")
		require.Empty(t, w.album.keys())
		for _, row := range w.db.Ent().User.Query().AllX(t.Context()) {
			require.Empty(t, row.PhoneIndex)
			require.Empty(t, row.PhoneSealed)
		}
		_, err = w.UndoMerge(t.Context(), into, offer)
		require.NoError(t, err)
		w.requireProfile(t, from, "", "")
	})
}

// What an offer shows of the holder ends with the offer: their next number is not the caller's business.
func TestAPreviewEndsWithItsGround(t *testing.T) {
	t.Parallel()
	inEachFamily(t, func(t *testing.T, w *world) {
		into, from, offer := w.offered(t)
		_, err := w.prove(t, into, "ann", "13900139000")
		require.NoError(t, err)
		_, err = w.PreviewMerge(t.Context(), from, offer)
		requireFault(t, fault.NotFound, err)
		offers, err := w.MergeOffers(t.Context(), from)
		require.NoError(t, err)
		require.Empty(t, offers)
	})
}

// A person takes along what is still kept of the user who became part of theirs.
func TestExportOfAMergedPerson(t *testing.T) {
	t.Parallel()
	inEachFamily(t, func(t *testing.T, w *world) {
		_, from, offer := w.offered(t)
		w.gives(t, from, "Bob", true)
		_, err := w.prove(t, from, "bob", "13900139000")
		require.NoError(t, err)
		_, err = w.RecordConsent(t.Context(), from, account.ConsentInput{Purpose: "terms", Version: "1", Granted: true})
		require.NoError(t, err)
		given := w.db.Ent().Consent.Query().OnlyX(t.Context())
		more := make([]*ent.ConsentCreate, 119) // than `consents` shows
		for i := range more {
			more[i] = w.db.Ent().Consent.Create().SetID(uuid.New()).SetUserID(given.UserID).SetAppID(given.AppID).
				SetPurpose(given.Purpose).SetVersion(given.Version).SetGranted(true).SetAt(given.At)
		}
		w.db.Ent().Consent.CreateBulk(more...).ExecX(t.Context())
		w.gives(t, w.enter(t, shop, "ann"), "Ann", false)
		_, err = w.MergeAccounts(t.Context(), from, offer)
		require.NoError(t, err)
		now := w.enter(t, shop, "bob")
		ledger, err := w.Consents(t.Context(), now.UserID)
		require.NoError(t, err)
		require.Len(t, ledger, 100, "what either has agreed to is one ledger")
		export, err := w.ExportMyData(t.Context(), now, w.wechat.LoginCode(shop, "bob"))
		require.NoError(t, err)
		var data struct {
			User     struct{ ID uuid.UUID }
			Merged   []struct{ ID, Nickname, PhoneNumber, AvatarURL string }
			Consents []struct{ Purpose, AppID string }
			Events   []struct{ Action string }
		}
		require.NoError(t, json.Unmarshal([]byte(export.JSON), &data))
		require.Equal(t, now.UserID, data.User.ID)
		require.Len(t, data.Merged, 1)
		require.Equal(t, from.UserID.String(), data.Merged[0].ID)
		require.Equal(t, "Bob", data.Merged[0].Nickname)
		require.Equal(t, "+8613900139000", data.Merged[0].PhoneNumber)
		require.Contains(t, data.Merged[0].AvatarURL, avatarBase)
		require.Len(t, data.Consents, 120)
		require.Equal(t, shop, data.Consents[0].AppID)
		of := func(action string) (n int) {
			for _, e := range data.Events {
				if e.Action == action {
					n++
				}
			}
			return n
		}
		require.Equal(t, 2, of("register"), "the events of both")
	})
}

// Somebody shut out of a group of apps does not come back by one that they have not used before, and of
// two bans the longer one counts.
func TestABanHoldsInTheWholeGroup(t *testing.T) {
	t.Parallel()
	inEachFamily(t, func(t *testing.T, w *world) {
		w.unbound(t, club)
		ann, too := w.enter(t, shop, "ann"), w.enter(t, club, "ann")
		w.unbound(t)
		w.enter(t, club, "ann") // and now the unionid is known of both
		require.NoError(t, w.Disable(t.Context(), lily, ann.UserID, "spam", nil))
		require.NoError(t, w.Disable(t.Context(), lily, too.UserID, "spam", new(w.clock.Now().Add(time.Hour))))
		for _, who := range []account.Caller{ann, too} {
			require.NoError(t, w.Erase(t.Context(), lily, who.UserID, "x"))
		}
		w.clock.advance(2 * time.Hour)
		require.NoError(t, w.Sweep(t.Context()))
		for _, app := range []string{shop, club} {
			_, err := w.SilentLogin(t.Context(), w.proof(app, "ann", "phone"))
			requireFault(t, fault.AccountDisabled, err)
		}
		require.Zero(t, w.people(t))
		w.unbound(t, club)
		w.enter(t, club, "ann") // WeChat does not say who this is
	})
}

// Whatever is kept of who was merged goes with who stayed, and the trail names both.
func TestErasingAlsoErasesWhatWasMerged(t *testing.T) {
	t.Parallel()
	inEachFamily(t, func(t *testing.T, w *world) {
		into, from, offer := w.offered(t)
		sealed, err := w.wechat.Encrypt(shop, "bob", "phone", nil)
		require.NoError(t, err)
		_, err = w.UpdatePhone(t.Context(), from, account.UpdatePhoneInput{Encrypted: &account.EncryptedPhoneInput{Iv: sealed.IV, EncryptedData: sealed.EncryptedData}})
		require.NoError(t, err)
		w.gives(t, from, "Bob", true)
		w.gives(t, into, "Ann", true)
		_, err = w.MergeAccounts(t.Context(), from, offer)
		require.NoError(t, err)
		require.NoError(t, w.Erase(t.Context(), lily, into.UserID, "x"))
		require.Empty(t, w.album.keys(), "at once")
		for _, table := range []string{"users", "identities", "sessions", "merges", "ciphertext_uses", "decrypt_failures", "avatars"} {
			require.Equal(t, []string{"0"}, w.column(t, "SELECT COUNT(*) FROM "+table), table)
		}
		require.Equal(t, 2, count(w.actions(t), "account.erase"))
	})
}
