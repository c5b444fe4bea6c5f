package e2e_test

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"entgo.io/ent/dialect"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"mpauth/internal/database"
)

// planted is a person who has given everything there is to give, in values that are nobody else's.
type planted struct {
	login
	told map[string]string // what they know of themselves
	kept map[string]string // what the server has made of it
}

// plant has a person come and give everything. The phone number is not stored as it is, and so it is
// looked for, but not found while they are there.
func plant(t testing.TB, p *process, s settings, person, number string) planted {
	t.Helper()
	base, fake := p.url(), p.url()+"/fakewechat"
	told := map[string]string{
		"nickname": "Planted-" + person, "device id": "device-id-" + person, "device name": "telephone-of-" + person,
		"platform": "os-of-" + person, "sdk": "sdk-of-" + person,
	}
	in := must(t, base, "", silentLogin, arrive(t, fake, person, map[string]any{
		"device":  map[string]any{"id": told["device id"], "name": told["device name"], "platform": told["platform"], "sdkVersion": told["sdk"]},
		"consent": map[string]any{"purpose": "privacy-policy", "version": "2026-01"},
	}))
	l := login{user: in.text("silentLogin.user.id"), token: in.text("silentLogin.token"), refresh: in.text("silentLogin.refreshToken")}
	told["avatar key"] = uploaded(t, base, l.token, photograph(t, 20, 20, person[0]))
	must(t, base, l.token, setBoth, map[string]any{"key": told["avatar key"], "name": told["nickname"]})
	require.Equal(t, "+86"+number, bind(t, base, fake, person, l.token, number).text("updatePhone.user.phone.number"))
	state := control(t, fake, "state", map[string]any{"user": person})["person"].(map[string]any)
	told["openid"], told["unionid"] = state["openid"].(string), state["unionid"].(string)
	found := planted{l, told, map[string]string{"nickname in small letters": strings.ToLower(told["nickname"])}}

	db := openDatabase(t, s)
	for name, query := range map[string]string{
		"phone, sealed": `SELECT phone_sealed FROM users WHERE id = $1`,
		"phone, hashed": `SELECT phone_index FROM users WHERE id = $1`,
		"session key":   `SELECT session_key FROM identities WHERE user_id = $1`,
		"print of it":   `SELECT session_key_print FROM identities WHERE user_id = $1`,
	} {
		var raw []byte
		require.NoError(t, db.SQL.QueryRowContext(t.Context(), query, uuid.MustParse(l.user)).Scan(&raw), name)
		require.NotEmpty(t, raw, name)
		found.kept[name] = string(raw)
	}
	require.ElementsMatch(t, found.names(), search(everythingStored(t, s), found.all()), "the look finds all of it")
	told["phone"] = number
	require.NotContains(t, search(everythingStored(t, s), told), "phone", "the number is not stored as it is")
	return found
}

func (p planted) all() map[string]string {
	all := maps.Clone(p.told)
	maps.Copy(all, p.kept)
	return all
}

// names are those of the values that are stored as they are.
func (p planted) names() []string {
	all := p.all()
	delete(all, "phone")
	return slices.Collect(maps.Keys(all))
}

// bind has WeChat prove a number for a person.
func bind(t testing.TB, base, fake, person, token, number string) answer {
	t.Helper()
	return ask(t, base, token, updatePhone, map[string]any{"code": phoneCode(t, fake, person, number)})
}

func phoneCode(t testing.TB, fake, person, number string) string {
	t.Helper()
	code, _ := control(t, fake, "phone-code", map[string]any{"user": person, "phoneNumber": number})["code"].(string)
	require.NotEmpty(t, code)
	return code
}

// everythingStored is the text of every column of every row of every table, bytes in hexadecimal, and
// the names and contents of all files with pictures.
func everythingStored(t testing.TB, s settings) string {
	t.Helper()
	db := openDatabase(t, s)
	var all strings.Builder
	for _, table := range tables(t, db) {
		all.WriteString(rowsOf(t, db, table))
	}
	err := filepath.WalkDir(filepath.Join(s["DATA"], "avatars"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		all.WriteString(path + "\n" + string(content) + "\n")
		return err
	})
	require.NoError(t, err)
	return all.String()
}

// tables are all that the database has, whoever made them.
func tables(t testing.TB, db *database.DB) []string {
	t.Helper()
	query := `SELECT name FROM sqlite_master WHERE type = 'table'`
	if db.Dialect == dialect.Postgres {
		query = `SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public'`
	}
	found := column(t, db, query)
	require.Greater(t, len(found), 15)
	return found
}

// rowsOf is the text of a table.
func rowsOf(t testing.TB, db *database.DB, table string) string {
	t.Helper()
	if db.Dialect == dialect.Postgres {
		return strings.Join(column(t, db, `SELECT t::text FROM `+table+` t`), "\n") + "\n"
	}
	rows, err := db.SQL.QueryContext(t.Context(), `SELECT * FROM "`+table+`"`)
	require.NoError(t, err)
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	require.NoError(t, err)
	values := make([]any, len(columns))
	for i := range values {
		values[i] = new(any)
	}
	var all strings.Builder
	for rows.Next() {
		require.NoError(t, rows.Scan(values...))
		for _, v := range values {
			switch value := (*v.(*any)).(type) {
			case []byte:
				fmt.Fprintf(&all, "%x %s\n", value, value)
			default:
				fmt.Fprintf(&all, "%v\n", value)
			}
		}
	}
	require.NoError(t, rows.Err())
	return all.String()
}

// tablesWith are the tables in which a text stands.
func tablesWith(t testing.TB, db *database.DB, text string) (found []string) {
	t.Helper()
	for _, table := range tables(t, db) {
		if strings.Contains(rowsOf(t, db, table), text) {
			found = append(found, table)
		}
	}
	return found
}

// pictures counts the files in the directory of pictures.
func pictures(t testing.TB, s settings) int {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(s["DATA"], "avatars", "*", "*"))
	require.NoError(t, err)
	return len(found)
}
