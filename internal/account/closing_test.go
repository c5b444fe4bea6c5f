package account_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"mpauth/ent/user"
	"mpauth/internal/account"
	"mpauth/internal/fault"
)

// week is the cooling-off time in these tests.
const week = 7 * 24 * time.Hour

// close has a person close their account, and returns when it is to be erased.
func (w *world) close(t testing.TB, name string, caller account.Caller) time.Time {
	t.Helper()
	at, err := w.DeleteAccount(t.Context(), caller, w.wechat.LoginCode(shop, name))
	require.NoError(t, err)
	return at
}

func (w *world) people(t testing.TB) int {
	t.Helper()
	return w.db.Ent().User.Query().CountX(t.Context())
}

func TestClosingAnAccount(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		login, caller := w.login(t, "ann")
		at := w.close(t, "ann", caller)
		require.Equal(t, w.clock.Now().Add(week), at.UTC())
		requireEnded(t, w.replicas(t), login)

		_, err := w.SilentLogin(t.Context(), w.proof(shop, "ann", "ann-phone"))
		requireFault(t, fault.AccountClosing, err)
		var told *fault.Error
		require.ErrorAs(t, err, &told)
		require.Equal(t, at.UTC(), told.ClosesAt.UTC())

		w.clock.advance(week - time.Microsecond)
		require.NoError(t, w.Sweep(t.Context()))
		require.Equal(t, 1, w.people(t))
		w.clock.advance(time.Microsecond)
		require.NoError(t, w.Sweep(t.Context()))
		require.Zero(t, w.people(t))
		w.requireRows(t, 0, 0)

		again, back := w.login(t, "ann")
		require.True(t, again.IsNewUser, "a person may register anew")
		require.NotEqual(t, caller.UserID, back.UserID)
		require.Nil(t, again.User.Nickname)
	})
}

func TestRestoringAnAccount(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		_, caller := w.login(t, "ann")
		w.close(t, "ann", caller)
		proof := w.proof(shop, "ann", "ann-phone")
		back, err := w.RestoreAccount(t.Context(), proof)
		require.NoError(t, err)
		require.Equal(t, caller.UserID, back.User.ID)
		repeat, err := w.RestoreAccount(t.Context(), proof)
		require.NoError(t, err)
		require.Equal(t, back.Token[:20], repeat.Token[:20], "a repeat gets the same session")
		require.Equal(t, w.caller(t, back).SessionID, w.caller(t, repeat).SessionID)

		w.clock.advance(2 * week)
		require.NoError(t, w.Sweep(t.Context()))
		require.Equal(t, 1, w.people(t))
		w.login(t, "ann")
		require.Equal(t, []string{"register", "login", "account.close", "login", "account.restore"}, w.actions(t)[:5])
	})
}

func TestRestoringWhatIsNotClosingLogsIn(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		login, err := w.RestoreAccount(t.Context(), w.proof(shop, "ann", "phone"))
		require.NoError(t, err)
		require.True(t, login.IsNewUser)
		require.NotContains(t, w.actions(t), "account.restore")
	})
}

func TestClosingAsksForTheSamePerson(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		_, ann := w.login(t, "ann")
		w.login(t, "bob")
		used := w.wechat.LoginCode(shop, "ann")
		_, err := w.ExportMyData(t.Context(), ann, used)
		require.NoError(t, err)
		for name, code := range map[string]string{
			"somebody else's": w.wechat.LoginCode(shop, "bob"), "another app's": w.wechat.LoginCode(club, "ann"),
			"made up": strings.Repeat("x", 32), "used": used, "DevTools'": "the code is a mock one",
		} {
			_, err := w.DeleteAccount(t.Context(), ann, code)
			requireFault(t, fault.LoginCodeInvalid, err)
			_, err = w.ExportMyData(t.Context(), ann, code)
			requireFault(t, fault.LoginCodeInvalid, err)
			require.NotContains(t, err.Error(), code, name)
		}
		require.Zero(t, w.db.Ent().User.Query().Where(user.ClosesAtNotNil()).CountX(t.Context()))
		_, err = w.Me(t.Context(), ann)
		require.NoError(t, err, "the session goes on")
	})
}

func TestErasedAtOnceWithoutACoolingOffTime(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		w.Limits.Closing = 0
		_, caller := w.login(t, "ann")
		w.close(t, "ann", caller)
		require.Zero(t, w.people(t))
	})
}

func TestABanOutlivesTheAccount(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		until  time.Duration // 0: for good
		after  time.Duration
		banned bool
	}{
		"for good":               {0, 1000 * time.Hour, true},
		"while it lasts":         {time.Hour, 59 * time.Minute, true},
		"not longer than that":   {time.Hour, time.Hour, false},
		"not when it was over":   {time.Nanosecond, time.Hour, false},
		"not without having one": {-1, 0, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inEachWorld(t, func(t *testing.T, w *world) {
				_, caller := w.login(t, "ann")
				if c.until >= 0 {
					var until *time.Time
					if c.until > 0 {
						until = new(w.clock.Now().Add(c.until))
					}
					require.NoError(t, w.Disable(t.Context(), lily, caller.UserID, "spam", until))
				}
				w.clock.advance(time.Microsecond)
				require.NoError(t, w.Erase(t.Context(), lily, caller.UserID, "she asked"))
				require.Zero(t, w.people(t))
				w.clock.advance(c.after - time.Microsecond)
				_, err := w.SilentLogin(t.Context(), w.proof(shop, "ann", "phone"))
				if !c.banned {
					require.NoError(t, err)
					return
				}
				requireFault(t, fault.AccountDisabled, err)
				require.Zero(t, w.people(t), "no record is made")
				_, err = w.SilentLogin(t.Context(), w.proof(club, "ann", "phone"))
				require.NoError(t, err, "another app did not know her")
			})
		})
	}
}

// What is planted here must not be found anywhere in the database after the erasure; before it, it is.
func TestNothingOfAnErasedPersonIsLeft(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		in := w.proof(shop, "ann", "device-of-ann")
		in.Device.Name, in.Device.Platform = new("Annes Telefon"), new("planted-os")
		in.Consent = &account.ConsentInput{Purpose: "privacy-policy", Version: "2026-planted", Granted: true}
		login, err := w.SilentLogin(t.Context(), in)
		require.NoError(t, err)
		ann := w.caller(t, login)
		_, err = w.UpdatePhone(t.Context(), ann, account.UpdatePhoneInput{Code: new(w.wechat.PhoneCode(shop, "ann", ""))})
		require.NoError(t, err)
		key, err := w.AddAvatar(t.Context(), ann, []byte("picture"))
		require.NoError(t, err)
		_, err = w.UpdateUser(t.Context(), ann, account.UpdateUserInput{Nickname: new("Anne Planted"), AvatarKey: &key})
		require.NoError(t, err)
		row := w.db.Ent().User.GetX(t.Context(), ann.UserID)
		identity := w.db.Ent().Identity.Query().OnlyX(t.Context())
		planted := map[string]string{
			"openid": identity.OpenID, "unionid": *identity.UnionID, "nickname": "Anne Planted", "device": "device-of-ann",
			"device name": "Annes Telefon", "platform": "planted-os", "picture": key,
			"sealed phone": fmt.Sprintf("%x", *row.PhoneSealed), "phone index": fmt.Sprintf("%x", *row.PhoneIndex),
			"session key": fmt.Sprintf("%x", *identity.SessionKey), "key print": fmt.Sprintf("%x", *identity.SessionKeyPrint),
		}
		before := w.everyValue(t)
		for name, value := range planted {
			require.Contains(t, before, value, "the search finds the %s", name)
		}
		keys, err := w.keys.Keys(t.Context(), identity.ID, *identity.SessionKeyPrint)
		require.NoError(t, err)
		require.NotEmpty(t, keys)

		require.NoError(t, w.Erase(t.Context(), account.Actor{}, ann.UserID, ""))
		require.NoError(t, w.Sweep(t.Context()))
		after := w.everyValue(t)
		for name, value := range planted {
			require.NotContains(t, after, value, name)
		}
		require.Empty(t, w.album.keys())
		w.requireNotInFiles(t, planted)
		keys, err = w.keys.Keys(t.Context(), identity.ID, *identity.SessionKeyPrint)
		require.NoError(t, err)
		require.Empty(t, keys, "no key is kept in memory")
	})
}

// requireNotInFiles looks into the files of SQLite themselves, where a deleted row may live on.
func (w *world) requireNotInFiles(t testing.TB, planted map[string]string) {
	t.Helper()
	path := w.shared.options.SQLitePath
	if path == "" {
		return
	}
	for _, file := range []string{path, path + "-wal"} {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, name := range []string{"openid", "unionid", "nickname", "device", "device name"} {
			require.NotContains(t, string(content), planted[name], "%s in %s", name, filepath.Base(file))
		}
	}
}

// everyValue is the text of every column of every row, bytes in hexadecimal.
func (w *world) everyValue(t testing.TB) string {
	t.Helper()
	tables := "SELECT name FROM sqlite_master WHERE type = 'table'"
	if w.db.Dialect == "postgres" {
		tables = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
	}
	var all strings.Builder
	for _, table := range w.column(t, tables) {
		rows, err := w.db.SQL.QueryContext(t.Context(), `SELECT * FROM "`+table+`"`)
		require.NoError(t, err)
		columns, err := rows.Columns()
		require.NoError(t, err)
		values := make([]any, len(columns))
		for i := range values {
			values[i] = new(any)
		}
		for rows.Next() {
			require.NoError(t, rows.Scan(values...))
			for _, v := range values {
				switch value := (*v.(*any)).(type) {
				case []byte:
					fmt.Fprintf(&all, "%x\n%s\n", value, value)
				default:
					fmt.Fprintf(&all, "%v\n", value)
				}
			}
		}
		require.NoError(t, rows.Err())
		require.NoError(t, rows.Close())
	}
	return all.String()
}

func (w *world) column(t testing.TB, query string) (values []string) {
	t.Helper()
	rows, err := w.db.SQL.QueryContext(t.Context(), query)
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var value string
		require.NoError(t, rows.Scan(&value))
		values = append(values, value)
	}
	require.NoError(t, rows.Err())
	return values
}

func TestExportHoldsEverything(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		login, ann := w.login(t, "ann")
		_, err := w.UpdatePhone(t.Context(), ann, account.UpdatePhoneInput{Code: new(w.wechat.PhoneCode(shop, "ann", "13800138000"))})
		require.NoError(t, err)
		_, err = w.UpdateUser(t.Context(), ann, account.UpdateUserInput{Nickname: new("Anne")})
		require.NoError(t, err)
		_, err = w.RecordConsent(t.Context(), ann, account.ConsentInput{Purpose: "newsletter", Version: "3", Granted: true})
		require.NoError(t, err)
		export, err := w.ExportMyData(t.Context(), ann, w.wechat.LoginCode(shop, "ann"))
		require.NoError(t, err)
		var data struct {
			User       struct{ ID, Nickname, PhoneNumber string }
			Identities []struct{ AppID, OpenID, UnionID string }
			Sessions   []struct{ DeviceID string }
			Consents   []struct{ Purpose string }
			Events     []struct{ Action string }
		}
		require.NoError(t, json.Unmarshal([]byte(export.JSON), &data))
		require.Equal(t, login.User.ID.String(), data.User.ID)
		require.Equal(t, "Anne", data.User.Nickname)
		require.Equal(t, "+8613800138000", data.User.PhoneNumber)
		require.Equal(t, shop, data.Identities[0].AppID)
		require.NotEmpty(t, data.Identities[0].OpenID)
		require.NotEmpty(t, data.Identities[0].UnionID)
		require.Equal(t, "ann-phone", data.Sessions[0].DeviceID)
		require.Equal(t, "newsletter", data.Consents[0].Purpose)
		require.Len(t, data.Events, 5)
		require.Contains(t, w.actions(t), "account.export")
		require.NotContains(t, strings.ToLower(export.JSON), "session_key")
	})
}

// However a restoration and the end of the cooling-off time meet, the person either is back with
// everything, or is gone and begins anew; they are never locked out, and never two.
func TestRestoreBesideErasure(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		for i := range 50 {
			name := fmt.Sprintf("ann%d", i)
			_, caller := w.login(t, name)
			w.close(t, name, caller)
			w.clock.advance(week)
			proof := w.proof(shop, name, "phone")
			var restored *account.Login
			var errRestore, errSweep error
			var both sync.WaitGroup
			both.Go(func() { restored, errRestore = w.RestoreAccount(t.Context(), proof) })
			both.Go(func() { errSweep = w.Sweep(t.Context()) })
			both.Wait()
			require.NoError(t, errRestore)
			require.NoError(t, errSweep)
			require.Equal(t, restored.User.ID != caller.UserID, restored.IsNewUser)
			again, err := w.SilentLogin(t.Context(), w.proof(shop, name, "phone"))
			require.NoError(t, err)
			require.Equal(t, restored.User.ID, again.User.ID)
			require.Equal(t, i+1, w.people(t))
		}
	})
}

func TestEraseOfNobody(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		requireFault(t, fault.NotFound, w.Erase(t.Context(), lily, uuid.New(), "x"))
	})
}

// slowAlbum is a store in which something happens while a picture is being put.
type slowAlbum struct {
	*album
	meanwhile func()
}

func (a slowAlbum) Put(ctx context.Context, key string, picture []byte) error {
	a.meanwhile()
	return a.album.Put(ctx, key, picture)
}

func TestAPictureThatArrivesAfterTheErasureIsNotKept(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		_, ann := w.login(t, "ann")
		w.Avatars = slowAlbum{w.album, func() { require.NoError(t, w.Erase(t.Context(), lily, ann.UserID, "she asked")) }}
		_, err := w.AddAvatar(t.Context(), ann, []byte("picture"))
		requireFault(t, fault.SessionRevoked, err)
		require.Empty(t, w.album.keys())
	})
}
