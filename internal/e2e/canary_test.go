package e2e_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"mpauth/internal/database"
	"mpauth/internal/wechat/wechatfake"
)

// canaries are the values that must not be written anywhere, under names of what they are, and what
// was answered while they were in use.
type canaries struct {
	fake *wechatfake.Server
	url  string // of the fake
	base string // of the server
	apps []string

	mu      sync.Mutex
	values  map[string]string
	answers []spoken
}

// spoken is an answer of the server, with the kinds of values that its reader may see.
type spoken struct {
	to, text string
	mayShow  []string
}

const (
	plantedID     = "canary-request-id-7"
	plantedDevice = "canary-device"
	plantedName   = "金丝雀"
)

// TestNothingSecretIsWritten runs everything there is to run, well and badly, and then looks for what
// was secret about it in every log line, answer and table.
func TestNothingSecretIsWritten(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, database settings) {
		c := newCanaries(t)
		s := c.settings(t, database)
		p, a := startAdmin(t, s)
		c.base = p.url()
		c.runEverything(t)
		c.closeAndMerge(t)
		c.administrate(t, a)
		c.runFaults(t)
		c.runWrongInput(t)
		db := openDatabase(t, s)
		tables := c.dump(t, s, db)
		c.breakTables(t, db)
		tables += c.dump(t, s, db)
		ended := p.stop(t)
		require.Zero(t, ended.code, ended.stderr)
		tables += c.dump(t, s, db)

		keys, err := secretsOf(filepath.Join(s["DATA"], "dev-keys.json"))
		require.NoError(t, err)
		maps.Copy(c.values, keys)
		for _, kind := range []string{
			"AppSecret", "database password", "login code", "phone code", "nonce", "session key", "WeChat access token",
			"access token", "refresh token", "phone number", "iv", "encryptedData", "signature", "key file",
			"administrator key",
		} {
			require.True(t, slices.ContainsFunc(slices.Collect(maps.Keys(c.values)), func(name string) bool {
				return strings.HasPrefix(name, kind)
			}), "%s was never planted", kind)
		}
		require.Empty(t, search(ended.stdout, c.values), "on stdout")
		require.Empty(t, search(ended.stderr, c.values), "in the log")
		require.Empty(t, search(ended.stderr, c.people()), "people in the log")
		require.Empty(t, search(tables, c.values), "in the database")
		c.requireAnswersClean(t)
		c.requireSearchFinds(t, ended.stderr, tables)
	})
}

// requireSearchFinds: the same search finds what is known to be there.
func (c *canaries) requireSearchFinds(t *testing.T, log, tables string) {
	t.Helper()
	require.Equal(t, []string{"request id"}, search(log, map[string]string{"request id": plantedID}))
	require.Equal(t, []string{"device"}, search(tables, map[string]string{"device": plantedDevice}))
	people := c.people()
	require.Equal(t, []string{"openid 0"}, search(tables, map[string]string{"openid 0": people["openid 0"]}))
	spilt := fmt.Sprintf("%s\nlevel=INFO sealed=%x\n", log, c.values["session key of alice"])
	require.Contains(t, search(spilt, c.values), "session key of alice")
	c.answers = append(c.answers, spoken{to: "a forgery", text: c.values["nonce 1"]})
	require.Equal(t, []string{"a forgery: nonce 1"}, c.leaks())
}

func (c *canaries) requireAnswersClean(t *testing.T) {
	t.Helper()
	require.Greater(t, len(c.answers), 60)
	require.Empty(t, c.leaks())
}

// leaks lists the answers that show more than they may.
func (c *canaries) leaks() (found []string) {
	for _, a := range c.answers {
		for _, name := range search(a.text, c.values) {
			allowed := false
			for _, kind := range a.mayShow {
				allowed = allowed || strings.HasPrefix(name, kind)
			}
			if !allowed {
				found = append(found, a.to+": "+name)
			}
		}
	}
	return found
}

var upstreamSecrets = map[string]*regexp.Regexp{
	"session key":         regexp.MustCompile(`"session_key":"([^"]+)"`),
	"WeChat access token": regexp.MustCompile(`"access_token":"([^"]+)"`),
}

// newCanaries starts a fake in which every secret is noted as it is made.
func newCanaries(t *testing.T) *canaries {
	t.Helper()
	c := &canaries{values: map[string]string{"database password": dbPassword}}
	var apps []wechatfake.App
	for i := range 24 { // many, because a breaker stands in front of each after a few faults
		app := wechatfake.App{ID: fmt.Sprintf("wx00000000canary%02d", i), Secret: fmt.Sprintf("5ec2e75ec2e7ca2a2e75ec2e75ec2e%02d", i), UnionScope: "scope"}
		apps = append(apps, app)
		c.apps = append(c.apps, app.ID)
		c.note(fmt.Sprintf("AppSecret %d", i), app.Secret)
	}
	c.fake = wechatfake.New(wechatfake.Options{Apps: apps})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.fake.ServeHTTP(&eavesdropper{w, c}, r)
	}))
	c.url = server.URL
	t.Cleanup(func() {
		c.fake.Reset()
		server.Close()
		c.fake.Close()
	})
	return c
}

// eavesdropper notes the secrets in an answer of WeChat.
type eavesdropper struct {
	http.ResponseWriter
	canaries *canaries
}

func (e *eavesdropper) Unwrap() http.ResponseWriter { return e.ResponseWriter }

func (e *eavesdropper) Write(p []byte) (int, error) {
	for name, pattern := range upstreamSecrets {
		for _, found := range pattern.FindAllSubmatch(p, -1) {
			e.canaries.note(name+" "+string(found[1]), string(found[1]))
		}
	}
	return e.ResponseWriter.Write(p)
}

// note remembers a value that nobody may see, and returns it.
func (c *canaries) note(name, value string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if value != "" {
		c.values[name] = value
	}
	return value
}

// fresh is note under a name of its own.
func (c *canaries) fresh(kind, value string) string {
	c.mu.Lock()
	n := len(c.values)
	c.mu.Unlock()
	return c.note(fmt.Sprintf("%s %d", kind, n), value)
}

func (c *canaries) settings(t *testing.T, database settings) settings {
	t.Helper()
	lines := "apps:\n"
	for i, app := range c.apps {
		secret := file(t, "secret", c.values[fmt.Sprintf("AppSecret %d", i)])
		more := ""
		if i == mergingApp {
			more = ", phoneConflict: merge"
		}
		lines += fmt.Sprintf("  - {appId: %s, secretFile: %s%s}\n", app, secret, more)
	}
	s := database.with(settings{
		"CONFIG": file(t, "apps.yaml", lines), "WECHAT_URL": c.url,
		"LOG_LEVEL": "debug", "LOG_FORMAT": "text", "RATE_LIMITS": "off",
	})
	if url := s["DATABASE_URL"]; url != "" {
		s["DATABASE_URL"] = strings.Replace(url, "postgres@", "postgres:"+dbPassword+"@", 1)
		require.Contains(t, s["DATABASE_URL"], dbPassword)
		s["LOG_FORMAT"] = "json"
	}
	return s
}

// people are the names that WeChat has for people: the database needs them, no log does.
func (c *canaries) people() map[string]string {
	found := map[string]string{}
	for i, app := range c.apps {
		found[fmt.Sprintf("openid %d", i)] = c.fake.OpenID(app, "alice")
	}
	found["unionid"] = c.fake.UnionID(c.apps[0], "alice")
	return found
}

// dump is everything that the database holds, as files or as text.
func (c *canaries) dump(t *testing.T, s settings, db *database.DB) string {
	t.Helper()
	var all strings.Builder
	if s["DATABASE_URL"] == "" {
		files, err := filepath.Glob(filepath.Join(s["DATA"], "mpauth.db*"))
		require.NoError(t, err)
		require.NotEmpty(t, files)
		for _, name := range files {
			text, err := os.ReadFile(name)
			require.NoError(t, err)
			all.Write(text)
		}
		return all.String()
	}
	for _, table := range column(t, db, `SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public'`) {
		for _, row := range column(t, db, `SELECT t::text FROM `+table+` t`) {
			all.WriteString(row + "\n")
		}
	}
	return all.String()
}

// column is the one column of a query.
func column(t testing.TB, db *database.DB, query string) (values []string) {
	t.Helper()
	rows, err := db.SQL.QueryContext(t.Context(), query)
	require.NoError(t, err)
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var value string
		require.NoError(t, rows.Scan(&value))
		values = append(values, value)
	}
	require.NoError(t, rows.Err())
	return values
}
