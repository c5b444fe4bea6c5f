package keyfile_test

import (
	"encoding/base64"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"mpauth/internal/keyfile"
)

// edited returns the golden file with one piece of text replaced, once.
func edited(t testing.TB, old, replacement string) string {
	t.Helper()
	require.Contains(t, golden, old)
	return strings.Replace(golden, old, replacement, 1)
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	const seed, refresh, phone = "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=", "BAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ=", "CAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg="
	short := base64.StdEncoding.EncodeToString(make([]byte, 31))
	section := regexp.MustCompile(`(?s)  "refresh": \[.*?\],\n`).FindString(golden)
	entry := regexp.MustCompile(`(?s)    \{.*?\}\n`).FindString(section)
	for name, tt := range map[string]struct{ text, want string }{
		"empty file":               {"", "line 1: not valid JSON"},
		"not JSON":                 {"# keys\n", "line 1: not valid JSON"},
		"cut":                      {golden[:len(golden)/2], "not valid JSON"},
		"text after the end":       {golden + "{}", "line 44: not valid JSON"},
		"a comma forgotten":        {edited(t, "[\n    {\n      \"id\": 50529027,", "[\n    {\n      \"id\": 50529027"), "line 14: not valid JSON"},
		"null":                     {"null", "version is 0, this program reads version 1"},
		"no version":               {edited(t, `"version": 1,`, ``), "version is 0, this program reads version 1"},
		"a later version":          {edited(t, `"version": 1,`, `"version": 2, "kms": {},`), "version is 2, this program reads version 1"},
		"version a string":         {edited(t, `"version": 1`, `"version": "1"`), "line 2: value is of the wrong type or out of range, want int"},
		"unknown member":           {edited(t, `"created"`, `"creatd"`), "line 6: unknown member"},
		"unknown section":          {edited(t, `"audit"`, `"admin": {}, "audit"`), "line 39: unknown member"},
		"member of another kind":   {edited(t, `"secret"`, `"seed"`), `member "seed" stands where it does not belong`},
		"name in another case":     {edited(t, `"seed"`, `"Seed"`), "line 8: unknown member"},
		"section twice":            {edited(t, section, section+section), `line 19: member "refresh" stands twice`},
		"section in two cases":     {edited(t, section, section+strings.ToUpper(section[:15])+section[15:]), "line 19: unknown member"},
		"member twice":             {edited(t, `"id": 50529027`, `"id": 1, "id": 50529027`), `line 13: member "id" stands twice`},
		"no signing key":           {regexp.MustCompile(`(?s)"signing": \[.*?\]`).ReplaceAllString(golden, `"signing": []`), "signing has no key"},
		"no refresh key":           {strings.Replace(golden, section, `"refresh": [],`, 1), "refresh has no key"},
		"no phone section":         {regexp.MustCompile(`(?s)"phone": \[.*?\],`).ReplaceAllString(golden, ``), "phone has no key"},
		"no audit section":         {regexp.MustCompile(`(?s),\s*"audit": \{.*?\}`).ReplaceAllString(golden, ``), "audit.created is not a date"},
		"kid twice":                {regexp.MustCompile(`(?s)("signing": \[\n)(.*?\})`).ReplaceAllString(golden, "$1$2,\n"+strings.Replace(`    {"id": "20260301-01010101", "created": "2026-03-01T12:00:00Z", "signFrom": "2026-03-01T12:00:00Z", "seed": "X"}`, "X", base64.StdEncoding.EncodeToString(make([]byte, 32)), 1)), "signing[1].id is empty or stands twice"},
		"kid empty":                {edited(t, `"id": "20260301-01010101"`, `"id": ""`), "signing[0].id is empty or stands twice"},
		"id twice":                 {edited(t, entry, strings.TrimSuffix(entry, "\n")+",\n"+strings.Replace(entry, refresh, base64.StdEncoding.EncodeToString(make([]byte, 32)), 1)), "refresh[1].id is 0 or stands twice"},
		"id 0":                     {edited(t, `"id": 50529027`, `"id": 0`), "refresh[0].id is 0 or stands twice"},
		"id null":                  {edited(t, `"id": 50529027`, `"id": null`), "refresh[0].id is 0 or stands twice"},
		"id too large":             {edited(t, `"id": 50529027`, `"id": 4294967296`), "line 13: value is of the wrong type or out of range, want uint32"},
		"id a string":              {edited(t, `"id": 50529027`, `"id": "50529027"`), "line 13: value is of the wrong type or out of range, want uint32"},
		"short seed":               {edited(t, seed, short), "signing[0].seed has 31 bytes, want 32"},
		"short secret":             {edited(t, phone, short), "phone[0].secret has 31 bytes, want 32"},
		"long secret":              {edited(t, phone, base64.StdEncoding.EncodeToString(make([]byte, 33))), "phone[0].secret has 33 bytes, want 32"},
		"no secret":                {edited(t, phone, ""), "phone[0].secret has 0 bytes, want 32"},
		"secret in hex":            {edited(t, phone, strings.Repeat("08", 32)), "phone[0].secret has 48 bytes, want 32"},
		"secret not base64":        {edited(t, phone, strings.Repeat("-", 44)), "phone[0].secret is not base64"},
		"secret of other spelling": {edited(t, phone, strings.Replace(phone, "Ag=", "Ah=", 1)), "phone[0].secret is not base64"},
		"one secret, two uses":     {edited(t, phone, refresh), "phone[0].secret is the same secret as refresh[0].secret"},
		"seed used as a secret":    {edited(t, phone, seed), "is the same secret as"},
		"date without zone":        {edited(t, `"created": "2026-03-01T12:00:00Z"`, `"created": "2026-03-01 12:00:00"`), "signing[0].created is not a date like"},
		"date empty":               {edited(t, `"signFrom": "2026-03-01T12:00:00Z"`, `"signFrom": ""`), "signing[0].signFrom is not a date like"},
		"a secret as a date":       {edited(t, `"useFrom": "2026-03-01T12:00:00Z"`, `"useFrom": "`+refresh+`"`), "refresh[0].useFrom is not a date like"},
		"a secret as a name":       {edited(t, `"secret"`, `"`+refresh+`"`), "line 16: unknown member"},
		"a secret as a name twice": {edited(t, `"secret"`, `"`+refresh+`":1,"`+refresh+`"`), "line 16: unknown member"},
		"a megabyte":               {golden + strings.Repeat(" ", 1<<20), "is larger than 1048576 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "keys.json")
			write(t, path, tt.text)
			f, err := keyfile.Load(path)
			require.ErrorContains(t, err, tt.want)
			require.ErrorContains(t, err, "key file "+path+": ")
			require.Nil(t, f)
			requireNoSecret(t, strings.ReplaceAll(err.Error(), path, ""))
		})
	}
}

// requireNoSecret looks for any six characters of a secret in the golden file; all are runs of a few letters, as are their pieces.
func requireNoSecret(t require.TestingT, message string) {
	for _, match := range regexp.MustCompile(`"(?:seed|secret)": "([^"]*)"`).FindAllStringSubmatch(golden, -1) {
		for i := range len(match[1]) - 6 {
			require.NotContains(t, message, match[1][i:i+6])
		}
	}
}

// However an editor mangles the file, the error shows no key: pieces of the text are moved about, cut and doubled.
func TestErrorsNeverShowKeys(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys.json")
	refused := 0
	rapid.Check(t, func(t *rapid.T) {
		text := golden
		for range rapid.IntRange(1, 3).Draw(t, "edits") {
			from := rapid.IntRange(0, len(text)).Draw(t, "from")
			to := min(len(text), from+rapid.IntRange(0, 120).Draw(t, "length"))
			piece := text[from:to]
			if rapid.Bool().Draw(t, "cut") {
				text = text[:from] + text[to:]
			}
			at := rapid.IntRange(0, len(text)).Draw(t, "at")
			text = text[:at] + piece + text[at:]
		}
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		if _, err := keyfile.Load(path); err != nil {
			refused++
			requireNoSecret(t, strings.ReplaceAll(err.Error(), path, ""))
		}
	})
	require.Positive(t, refused)
}

func TestLoadOfSomethingElse(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	_, err := keyfile.Load(filepath.Join(directory, "absent.json"))
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.EqualError(t, err, "key file "+filepath.Join(directory, "absent.json")+": no such file or directory")
	_, err = keyfile.Load(directory)
	require.ErrorContains(t, err, "is not a regular file")
}
