package e2e_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"entgo.io/ent/dialect"
	"github.com/stretchr/testify/require"
)

// production is what production demands beside a database; keys are made by the command that the
// messages name.
func production(t *testing.T, database settings) settings {
	t.Helper()
	s := database.with(settings{
		"ENV": "production", "LISTEN": "127.0.0.1:0", "PUBLIC_URL": "https://auth.example.com",
		"WECHAT_APPID": "wx00000000000000e2", "WECHAT_SECRET": appSecret, "DRAIN_DELAY": "0s", "OPERATOR_LISTEN": "127.0.0.1:0", "TRUSTED_PROXIES": "none",
		"KEYS_FILE": filepath.Join(t.TempDir(), "keys.json"),
	})
	if s["DATABASE_URL"] == "" {
		s["DATABASE_URL"] = "sqlite"
	}
	if s["DATA"] == "" {
		s["DATA"] = t.TempDir()
	}
	made := run(t, command(settings{"KEYS_FILE": s["KEYS_FILE"]}, "keys", "generate"))
	require.Zero(t, made.code, made.stderr)
	return s
}

func TestProductionServesNothingOfDevelopment(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, database settings) {
		p := start(t, production(t, database))
		require.NotContains(t, p.stdout.String(), "DEVELOPMENT")
		for path, status := range map[string]int{
			"/livez": http.StatusOK, "/readyz": http.StatusOK, "/.well-known/jwks.json": http.StatusOK,
			"/": http.StatusNotFound, "/fakewechat/": http.StatusNotFound, "/fakewechat/_control/login-code": http.StatusNotFound,
		} {
			r := get(t, p.url()+path, "Host", "auth.example.com")
			require.Equal(t, status, r.status, path)
			require.Empty(t, r.header.Get("X-Auth-Mode"))
		}
		hidden := ask(t, p.url(), "", `{ __schema { types { name } } }`, nil)
		require.NotEmpty(t, hidden.Errors, hidden.raw)
		require.NotContains(t, hidden.raw, "AuthPayload")

		ended := p.stop(t)
		require.Zero(t, ended.code, ended.stderr)
		var event map[string]any
		require.NoError(t, json.Unmarshal([]byte(ended.stderr[:len(ended.stderr)-len(afterFirstLine(ended.stderr))]), &event), "the log is not JSON")
	})
}

func afterFirstLine(text string) string {
	for i, c := range text {
		if c == '\n' {
			return text[i+1:]
		}
	}
	return ""
}

func TestProductionIsRefused(t *testing.T) {
	t.Parallel()
	change := func(more settings) func(*testing.T) settings {
		return func(t *testing.T) settings { return production(t, nil).with(more) }
	}
	for _, r := range []refusal{
		{name: "another WeChat", settings: change(settings{"WECHAT_URL": "http://127.0.0.1:9"}), says: `MPAUTH_WECHAT_URL .*development only.*`},
		{name: "no rate limits", settings: change(settings{"RATE_LIMITS": "off"}), says: `MPAUTH_RATE_LIMITS .*development only; remove it`},
		{name: "an address in clear", settings: change(settings{"PUBLIC_URL": "http://auth.example.com"}), says: `MPAUTH_PUBLIC_URL .*is not https; .*`},
		{name: "a database in clear", settings: change(settings{"DATABASE_URL": "postgres://mpauth:" + dbPassword + "@db.example.com/mpauth?sslmode=disable"}), says: `MPAUTH_DATABASE_URL: sslmode=disable .*in clear; .*`},
		{name: "keys are missing", settings: change(settings{"KEYS_FILE": "/nowhere/keys.json"}), says: `MPAUTH_KEYS_FILE: /nowhere/keys\.json does not exist; name the key file, or make it with .mpauth keys generate.`},
		{
			name: "keys that others can read",
			settings: func(t *testing.T) settings {
				s := production(t, nil)
				require.NoError(t, os.Chmod(s["KEYS_FILE"], 0o644))
				return s
			},
			says: `MPAUTH_KEYS_FILE: key file /\S+: mode 0644 lets others than the owner at the keys: chmod 600 /\S+ .*`,
		},
		{
			name: "keys that development made",
			settings: func(t *testing.T) settings {
				development := settings{"DATA": t.TempDir()}
				require.Zero(t, start(t, development).stop(t).code)
				return production(t, nil).with(settings{"KEYS_FILE": filepath.Join(development["DATA"], "dev-keys.json")})
			},
			says: `MPAUTH_KEYS_FILE: /\S+/dev-keys\.json holds keys made in development; make others with .mpauth keys generate.`,
		},
		{
			name: "keys that are broken",
			settings: func(t *testing.T) settings {
				s := production(t, nil)
				text, err := os.ReadFile(s["KEYS_FILE"])
				require.NoError(t, err)
				require.NoError(t, os.WriteFile(s["KEYS_FILE"], text[:len(text)/2], 0o600))
				return s
			},
			says: `MPAUTH_KEYS_FILE: key file /\S+: .*`,
		},
		{
			name: "a database that may lose what it has confirmed",
			settings: func(t *testing.T) settings {
				s := emptyDatabase(t, dialect.Postgres)
				db := openDatabase(t, s)
				alter(t, db, `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off', current_database()); END $$`)
				return production(t, s)
			},
			says: `MPAUTH_DATABASE_URL: the database is set to synchronous_commit=off and may lose what it has confirmed; set it to on`,
		},
	} {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			s := r.settings(t)
			r.settings = fixed(s)
			r.check(t)
			if text, err := os.ReadFile(s["KEYS_FILE"]); err == nil && json.Valid(text) {
				refused := run(t, command(s))
				secrets, err := secretsOf(s["KEYS_FILE"])
				require.NoError(t, err)
				require.Empty(t, search(refused.stderr, secrets))
			}
		})
	}
}
