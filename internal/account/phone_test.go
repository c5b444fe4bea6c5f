package account_test

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	"github.com/stretchr/testify/require"

	"mpauth/ent/user"
	"mpauth/internal/account"
	"mpauth/internal/fault"
	"mpauth/internal/wechat/wechatfake"
)

// byCode is a phone number as the button's code stands for it.
func byCode(code string) account.UpdatePhoneInput { return account.UpdatePhoneInput{Code: &code} }

// byCiphertext is a phone number encrypted with the session_key.
func byCiphertext(e wechatfake.Encrypted) account.UpdatePhoneInput {
	return account.UpdatePhoneInput{Encrypted: &account.EncryptedPhoneInput{Iv: e.IV, EncryptedData: e.EncryptedData}}
}

// encrypted is what the device of a WeChat user gets in the shop now, with data laid over it.
func (w *world) encrypted(t testing.TB, user, kind string, data map[string]any) wechatfake.Encrypted {
	t.Helper()
	e, err := w.wechat.Encrypt(shop, user, kind, data)
	require.NoError(t, err)
	return e
}

// otherNumber makes a device encrypt another number than the user's own.
func otherNumber(number string) map[string]any {
	return map[string]any{"phoneNumber": number, "purePhoneNumber": number}
}

// bind has a WeChat user tap the phone button of the shop and binds the number, or their own.
func (w *world) bind(t testing.TB, caller account.Caller, user, number string) *account.User {
	t.Helper()
	bound, err := w.UpdatePhone(t.Context(), caller, byCode(w.wechat.PhoneCode(shop, user, number)))
	require.NoError(t, err)
	return bound
}

// number is the number that the database has for the caller, and empty when there is none.
func (w *world) number(t testing.TB, caller account.Caller) string {
	t.Helper()
	me, err := w.Me(context.WithoutCancel(t.Context()), caller)
	require.NoError(t, err)
	row, err := w.db.Ent().User.Get(context.WithoutCancel(t.Context()), caller.UserID)
	require.NoError(t, err)
	require.Equal(t, *row.PhoneSealed == nil, *row.PhoneIndex == nil, "the index goes with the number")
	if me.Phone == nil {
		return ""
	}
	return me.Phone.Number
}

// exchanges is how many phone codes WeChat was asked about.
func (w *world) exchanges() int { return w.wechat.Calls("getuserphonenumber") }

// atOnce runs do n times at the same time and returns the outcomes.
func atOnce[T any](n int, do func(i int) (T, error)) ([]T, []error) {
	values, errs := make([]T, n), make([]error, n)
	start := make(chan struct{})
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			<-start
			values[i], errs[i] = do(i)
		})
	}
	close(start)
	all.Wait()
	return values, errs
}

func TestUpdatePhoneBindsTheNumberThatWeChatProved(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		_, ann := w.login(t, "ann")
		bound := w.bind(t, ann, "ann", "13800138000")
		require.Equal(t, "+8613800138000", bound.Phone.Number)
		require.Equal(t, "86", bound.Phone.CountryCode)
		require.Equal(t, "138****8000", bound.Phone.Masked())
		require.True(t, bound.HasPhone())

		me, err := w.Me(t.Context(), ann)
		require.NoError(t, err)
		require.Equal(t, bound, me, "the answer is what is stored")

		sent, asked := w.wechat.LastCall("getuserphonenumber")
		require.True(t, asked)
		require.Equal(t, w.wechat.OpenID(shop, "ann"), sent.Fields["openid"], "WeChat refuses somebody else's code only with the openid")
		require.Contains(t, w.actions(t), "phone.bind")

		again := w.bind(t, ann, "ann", "13900139000")
		require.Equal(t, "+8613900139000", again.Phone.Number, "another number takes the place of the first")
		_, bob := w.login(t, "bob")
		require.Equal(t, "+8613800138000", w.bind(t, bob, "bob", "13800138000").Phone.Number, "the first is free")
	})
}

func TestUpdatePhoneKnowsEveryKindOfNumber(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		_, ann := w.login(t, "ann")
		cases := []struct{ given, country, number, masked string }{
			{"13800138000", "86", "+8613800138000", "138****8000"},
			{"12066600001", "86", "+8612066600001", "120****0001"}, // a test account of WeChat DevTools
			{"12066600024", "86", "+8612066600024", "120****0024"},
			{"+852 51234567", "852", "+85251234567", "512*4567"},
			{"+1 2025550123", "1", "+12025550123", "202***0123"},
			{"+44 07700900123", "44", "+447700900123", "770***0123"}, // with the trunk prefix that people write
			{"+39 0612345678", "39", "+390612345678", "061***5678"},  // where the zero belongs to the number
			{"+290 22158", "290", "+29022158", "***58"},
		}
		for _, asNumber := range []bool{false, true} {
			require.NoError(t, w.wechat.Configure(func(s *wechatfake.Settings) { s.CountryCodeAsNumber = asNumber }))
			for _, c := range cases {
				bound := w.bind(t, ann, "ann", c.given)
				require.Equal(t, account.Phone{CountryCode: c.country, Number: c.number}, *bound.Phone, c.given)
				require.Equal(t, c.masked, bound.Phone.Masked())
				require.Equal(t, c.number, w.number(t, ann))
			}
		}
	})
}

func TestPhoneThatIsPrintedTellsNothing(t *testing.T) {
	t.Parallel()
	phone, err := account.ParsePhone("+8613800138000")
	require.NoError(t, err)
	person := account.User{Phone: &phone}
	for _, text := range []string{
		fmt.Sprint(phone), fmt.Sprintf("%+v %#v %q %s", phone, phone, phone, phone), fmt.Sprintf("%+v %#v", person, &phone), asJSON(t, phone), asJSON(t, person),
	} {
		require.NotContains(t, text, "13800138000")
	}
	for _, text := range []string{"", "+", "13800138000", "+86", "+86123", "+8613800138000138000", "+999123456789", "+86abc", "8613800138000"} {
		_, err := account.ParsePhone(text)
		require.Error(t, err, "%q", text)
		if text != "" {
			require.NotContains(t, err.Error(), text)
		}
	}
	require.NotPanics(t, func() { _ = account.Phone{}.Masked() })
}

// Nobody who has the database, or a backup of it, has the numbers.
func TestPhoneIsEncryptedAtRest(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		_, ann := w.login(t, "ann")
		code := w.wechat.PhoneCode(shop, "ann", "13800138000")
		_, err := w.UpdatePhone(t.Context(), ann, byCode(code))
		require.NoError(t, err)
		_, err = w.UpdateUser(t.Context(), ann, account.UpdateUserInput{Nickname: new("Nickname in plain text")})
		require.NoError(t, err)
		e := w.encrypted(t, "ann", wechatfake.KindPhone, otherNumber("13900139000"))
		_, err = w.UpdatePhone(t.Context(), ann, byCiphertext(e))
		require.NoError(t, err)

		row := w.db.Ent().User.GetX(t.Context(), ann.UserID)
		require.Len(t, *row.PhoneIndex, 32)
		dump := w.dump(t)
		require.Contains(t, dump, "Nickname in plain text", "the dump shows what is there")
		require.Contains(t, dump, string(*row.PhoneIndex), "bytes too")
		for _, secret := range []string{"13800138000", "13900139000", code, e.IV, e.EncryptedData, w.wechat.SessionKey(shop, "ann")} {
			require.NotContains(t, dump, secret)
		}

		_, bob := w.login(t, "bob")
		_, err = w.db.SQL.ExecContext(t.Context(), "UPDATE users SET phone_sealed = $1, phone_index = $2 WHERE id = $3", *row.PhoneSealed, randomKey(t), bob.UserID)
		require.NoError(t, err)
		_, err = w.Me(t.Context(), bob)
		requireFault(t, fault.Internal, err) // a number copied to another row does not open there
	})
}

// dump is everything that the database holds, with bytes as they are.
func (w *world) dump(t testing.TB) string {
	t.Helper()
	if path := w.shared.options.SQLitePath; w.db.Dialect == dialect.SQLite {
		var all strings.Builder
		for _, suffix := range []string{"", "-wal"} {
			text, err := os.ReadFile(path + suffix)
			require.NoError(t, err)
			all.Write(text)
		}
		return all.String()
	}
	var all strings.Builder
	for _, table := range []string{"users", "identities", "sessions", "login_codes", "phone_codes", "ciphertext_uses", "decrypt_failures", "audit_events"} {
		rows, err := w.db.SQL.QueryContext(t.Context(), "SELECT row_to_json(r)::text FROM "+table+" r")
		require.NoError(t, err)
		for rows.Next() {
			var row string
			require.NoError(t, rows.Scan(&row))
			all.WriteString(row)
			for _, field := range strings.Split(row, `\\x`)[1:] {
				digits, _, _ := strings.Cut(field, `"`)
				bytes, err := hex.DecodeString(digits)
				require.NoError(t, err)
				all.Write(bytes)
			}
		}
		require.NoError(t, rows.Err())
		require.NoError(t, rows.Close())
	}
	return all.String()
}

func TestUpdatePhoneWantsExactlyOneProof(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		_, ann := w.login(t, "ann")
		encrypted := byCiphertext(w.encrypted(t, "ann", wechatfake.KindPhone, nil)).Encrypted
		for _, in := range []account.UpdatePhoneInput{
			{}, {Code: new("code"), Encrypted: encrypted}, byCode(""), byCode(strings.Repeat("c", 257)),
		} {
			_, err := w.UpdatePhone(t.Context(), ann, in)
			requireFault(t, fault.BadInput, err)
		}
		require.Zero(t, w.exchanges())

		require.NoError(t, w.Logout(t.Context(), ann, account.LogoutThis))
		for _, in := range []account.UpdatePhoneInput{byCode(w.wechat.PhoneCode(shop, "ann", "")), {Encrypted: encrypted}} {
			_, err := w.UpdatePhone(t.Context(), ann, in)
			requireFault(t, fault.SessionRevoked, err)
		}
		require.Zero(t, w.exchanges(), "nobody pays for somebody who has left")
	})
}

func TestUnbindPhoneErasesTheNumber(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		_, ann := w.login(t, "ann")
		_, bob := w.login(t, "bob")
		w.bind(t, ann, "ann", "13800138000")
		_, err := w.UpdateUser(t.Context(), ann, account.UpdateUserInput{Nickname: new("Ann")})
		require.NoError(t, err)

		w.trips.Reset()
		unbound, err := w.UnbindPhone(t.Context(), ann)
		require.NoError(t, err)
		require.Equal(t, 1, strings.Count(w.trips.String(), "BEGIN"), "one transaction:\n%s", w.trips)
		require.Nil(t, unbound.Phone)
		require.Equal(t, account.StepTwo, unbound.AuthStep(), "a step back")
		require.Empty(t, w.number(t, ann))
		row := w.db.Ent().User.GetX(t.Context(), ann.UserID)
		require.Empty(t, row.PhoneSealed)
		require.Empty(t, row.PhoneIndex)

		again, err := w.UnbindPhone(t.Context(), ann)
		require.NoError(t, err, "once more changes nothing")
		require.Equal(t, unbound, again)
		require.Equal(t, 1, countOf(w.actions(t), "phone.unbind"))

		require.Equal(t, "+8613800138000", w.bind(t, bob, "bob", "13800138000").Phone.Number, "the number is free for others")
		_, err = w.UpdatePhone(t.Context(), ann, byCode(w.wechat.PhoneCode(shop, "ann", "13800138000")))
		requireFault(t, fault.PhoneTaken, err)
	})
}

// What the person took back must not come back by a request that was on its way, or was kept.
func TestNothingRebindsAfterUnbind(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		_, ann := w.login(t, "ann")
		first := w.wechat.PhoneCode(shop, "ann", "13800138000")
		_, err := w.UpdatePhone(t.Context(), ann, byCode(first))
		require.NoError(t, err)
		w.clock.advance(time.Second)
		cipher := w.encrypted(t, "ann", wechatfake.KindPhone, otherNumber("13700137000"))
		_, err = w.UpdatePhone(t.Context(), ann, byCiphertext(cipher))
		require.NoError(t, err)
		w.clock.advance(time.Second)
		second := w.wechat.PhoneCode(shop, "ann", "13900139000")
		_, err = w.UpdatePhone(t.Context(), ann, byCode(second))
		require.NoError(t, err)

		w.clock.advance(time.Second)
		_, err = w.UpdatePhone(t.Context(), ann, byCode(first))
		requireFault(t, fault.PhoneCodeInvalid, err) // its number has been replaced
		require.Equal(t, "+8613900139000", w.number(t, ann))

		_, err = w.UnbindPhone(t.Context(), ann)
		require.NoError(t, err)
		asked := w.exchanges()
		began := time.Now()
		for _, code := range []string{first, second} {
			_, err := w.UpdatePhone(t.Context(), ann, byCode(code))
			requireFault(t, fault.PhoneCodeInvalid, err)
			require.Empty(t, w.number(t, ann))
		}
		require.Less(t, time.Since(began), 15*time.Second, "the outcome is known: there is nothing to wait for")
		_, err = w.UpdatePhone(t.Context(), ann, byCiphertext(cipher))
		requireFault(t, fault.DecryptWxOpenDataFail, err)
		require.Empty(t, w.number(t, ann))
		require.Equal(t, asked, w.exchanges())

		require.Equal(t, "+8613900139000", w.bind(t, ann, "ann", "13900139000").Phone.Number, "a new tap binds")
	})
}

// Two people want one number, again and again: whoever is first in the database has the number.
func TestPhoneBindRace(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		require.NoError(t, w.wechat.Configure(func(s *wechatfake.Settings) { s.Unlimited = true }))
		replicas := []*world{w, w}
		if w.db.Dialect == dialect.Postgres {
			replicas[1] = w.shared.replica(t)
		}
		names := []string{"ann", "bob"}
		callers := make([]account.Caller, 2)
		for i, name := range names {
			_, callers[i] = w.login(t, name)
		}
		rounds, wins := 200, [2]int{}
		if testing.Short() {
			rounds = 20
		}
		for round := range rounds {
			number := fmt.Sprintf("139%08d", round)
			codes := []string{w.wechat.PhoneCode(shop, "ann", number), w.wechat.PhoneCode(shop, "bob", number)}
			bound, errs := atOnce(2, func(i int) (*account.User, error) {
				return replicas[i].UpdatePhone(t.Context(), callers[i], byCode(codes[i]))
			})
			winner := 0
			if errs[0] != nil {
				winner = 1
			}
			loser := 1 - winner
			require.NoError(t, errs[winner])
			requireFault(t, fault.PhoneTaken, errs[loser])
			require.Equal(t, "+86"+number, bound[winner].Phone.Number)
			wins[winner]++
			if round%20 == 0 {
				asked := w.exchanges()
				_, err := w.UpdatePhone(t.Context(), callers[loser], byCode(codes[loser]))
				requireFault(t, fault.PhoneTaken, err) // the answer of a retry is the same
				require.Equal(t, asked, w.exchanges())
				require.NotEqual(t, "+86"+number, w.number(t, callers[loser]))
			}
		}
		t.Logf("wins: %v", wins)
		require.Equal(t, 2, w.db.Ent().User.Query().Where(user.AppGroup(shop)).CountX(t.Context()))
	})
}

func TestNumberInTwoAppsIsTwoRights(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		_, ann := w.login(t, "ann")
		login, err := w.SilentLogin(t.Context(), w.proof(club, "bob", "d"))
		require.NoError(t, err)
		bob := w.caller(t, login)
		w.bind(t, ann, "ann", "13800138000")
		bound, err := w.UpdatePhone(t.Context(), bob, byCode(w.wechat.PhoneCode(club, "bob", "13800138000")))
		require.NoError(t, err)
		require.Equal(t, account.StepThree, bound.AuthStep(), "a flow of one fact is complete")

		annRow, bobRow := w.db.Ent().User.GetX(t.Context(), ann.UserID), w.db.Ent().User.GetX(t.Context(), bob.UserID)
		require.NotEqual(t, *annRow.PhoneIndex, *bobRow.PhoneIndex, "the index does not tell who is in both apps")
	})
}

func countOf(list []string, want string) int {
	n := 0
	for _, item := range list {
		if item == want {
			n++
		}
	}
	return n
}

func asJSON(t testing.TB, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	require.NoError(t, err)
	return string(text)
}
