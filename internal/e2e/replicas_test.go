package e2e_test

import (
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	"github.com/stretchr/testify/require"
)

// replicas are the settings that replicas of one service share, with a database.
func replicas(t *testing.T, fake *process) settings {
	t.Helper()
	return emptyDatabase(t, dialect.Postgres).with(shared(t, fake))
}

// shared are the settings that replicas share beside the database.
func shared(t *testing.T, fake *process) settings {
	t.Helper()
	s := settings{
		"WECHAT_URL": fake.url(), "WECHAT_APPID": appID, "WECHAT_SECRET": appSecret,
		"PUBLIC_URL": "http://mpauth.test", "RATE_LIMITS": "off", "KEYS_FILE": filepath.Join(t.TempDir(), "keys.json"),
	}
	require.Zero(t, run(t, command(settings{"KEYS_FILE": s["KEYS_FILE"]}, "keys", "generate")).code)
	return s
}

func TestSixReplicasStartAtOnce(t *testing.T) {
	t.Parallel()
	fake := startFake(t)
	shared := replicas(t, fake)
	all := make([]*process, 6)
	for i := range all {
		all[i] = begin(t, shared.with(settings{"DATA": t.TempDir()}))
	}
	for _, p := range all {
		p.listens(t)
		require.Equal(t, http.StatusOK, get(t, p.url()+"/readyz").status)
	}
	db := openDatabase(t, shared)
	migrations, err := filepath.Glob("../../ent/migrate/migrations/postgres/*.sql")
	require.NoError(t, err)
	require.Equal(t, len(migrations), count(t, db, `SELECT COUNT(*) FROM atlas_schema_revisions WHERE applied = total`))

	// One login holds everywhere, and so does its end.
	person := logIn(t, all[0].url(), fake.url(), "alice")
	for _, p := range all {
		require.Equal(t, person.user, must(t, p.url(), person.token, me, nil).text("me.id"))
	}
	must(t, all[5].url(), person.token, logout, map[string]any{"scope": "ALL"})
	ended := time.Now()
	for _, p := range all {
		requireRefused(t, ended, unauthorized, "/verify", verifying(t, p, person.token))
	}
}
