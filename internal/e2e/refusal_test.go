package e2e_test

import (
	"crypto/rand"
	"encoding/binary"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"entgo.io/ent/dialect"
	"github.com/stretchr/testify/require"

	"mpauth/internal/database/databasetest"
)

// dbPassword stands in every database URL of these tests, and never in a message.
const dbPassword = "hunter2-database-password"

// refusal is a start that must come to nothing: one line on stderr that names the setting, says what
// is wrong and how to put it right; nothing on stdout; exit code 1; in a few seconds.
type refusal struct {
	name     string
	settings func(t *testing.T) settings
	args     []string
	says     string // a pattern for the whole line after "mpauth: "
}

func (r refusal) check(t *testing.T) {
	s := r.settings(t)
	if s["LISTEN"] == "" {
		s["LISTEN"] = "127.0.0.1:0"
	}
	if s["DATA"] == "" {
		s["DATA"] = t.TempDir()
	}
	refused := run(t, command(s, r.args...))
	requireRefusal(t, refused, r.says)
}

func requireRefusal(t *testing.T, refused result, says string) {
	t.Helper()
	require.Equal(t, 1, refused.code, refused.stderr)
	require.Empty(t, refused.stdout)
	require.Regexp(t, `\Ampauth: `+says+`\n\z`, refused.stderr)
	require.NotContains(t, strings.TrimSuffix(refused.stderr, "\n"), "\n", "more than one line")
	require.NotContains(t, refused.stderr, dbPassword)
	require.NotContains(t, refused.stderr, appSecret)
}

func fixed(s settings) func(*testing.T) settings {
	return func(*testing.T) settings { return s.with(nil) }
}

func TestStartIsRefused(t *testing.T) {
	t.Parallel()
	for _, r := range []refusal{
		{
			name:     "the port is in use",
			settings: busyPort,
			says:     `MPAUTH_LISTEN: 127\.0\.0\.1:\d+ is in use by another program; stop it, or set another address such as 127\.0\.0\.1:8090`,
		},
		{
			name:     "the port of the fake is in use",
			settings: busyPort,
			args:     []string{"fakewechat"},
			says:     `MPAUTH_LISTEN: 127\.0\.0\.1:\d+ is in use by another program; .*`,
		},
		{
			name:     "the address is not of this machine",
			settings: fixed(settings{"LISTEN": "203.0.113.1:8080", "ENV": "production", "PUBLIC_URL": "https://a.example", "WECHAT_APPID": "wx00000000000000e2", "WECHAT_SECRET": appSecret, "DATABASE_URL": "sqlite", "KEYS_FILE": "keys.json", "TRUSTED_PROXIES": "none"}),
			says:     `MPAUTH_LISTEN: cannot listen on 203\.0\.113\.1:8080: .*cannot assign.*; set an address of this machine and a port that this user may take`,
		},
		{
			name: "the data directory is a file",
			settings: func(t *testing.T) settings {
				return settings{"DATA": file(t, "data", "")}
			},
			says: `MPAUTH_DATA: cannot write to /\S+/data: not a directory; make the directory writable, or set another one`,
		},
		{
			name:     "others can reach the address and nobody said production",
			settings: fixed(settings{"LISTEN": "0.0.0.0:0"}),
			says:     `MPAUTH_ENV \(--env\): is not set, and other machines can reach .*; set MPAUTH_ENV=production, or listen on 127\.0\.0\.1`,
		},
		{
			name:     "an unknown flag",
			settings: fixed(nil),
			args:     []string{"--colour=red"},
			says:     `command line: unknown flag --colour.*; see mpauth --help`,
		},
		{
			name:     "a secret on the command line",
			settings: fixed(settings{"WECHAT_APPID": appID}),
			args:     []string{"--wechat-secret=" + appSecret},
			says:     `--wechat-secret: a secret on the command line can be read by everybody on this machine; use MPAUTH_WECHAT_SECRET or MPAUTH_WECHAT_SECRET_FILE, and change the secret`,
		},
		{
			name:     "the trusted documents are not there",
			settings: fixed(settings{"TRUSTED_DOCUMENTS": "/nowhere/operations.json"}),
			says:     `MPAUTH_TRUSTED_DOCUMENTS: cannot read the file: .*no such file or directory; name the file that the client's build emits`,
		},
		{
			name: "the trusted documents are none",
			settings: func(t *testing.T) settings {
				return settings{"TRUSTED_DOCUMENTS": file(t, "operations.json", `{"a": "{me{id}"}`)}
			},
			says: `MPAUTH_TRUSTED_DOCUMENTS: \S+/operations\.json holds "a", which is not GraphQL: .*; name the file that the client's build emits`,
		},
		{
			name: "the YAML file is broken",
			settings: func(t *testing.T) settings {
				return settings{"CONFIG": file(t, "apps.yaml", "apps: [{appId: wx0000000000e2e001, secret: "+appSecret+"}]")}
			},
			says: `MPAUTH_CONFIG.*`,
		},
	} {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			r.check(t)
		})
	}
}

// TestEveryProblemHasItsLine: a configuration is repaired in one go, not one start per problem.
func TestEveryProblemHasItsLine(t *testing.T) {
	t.Parallel()
	refused := run(t, command(settings{"ENV": "production", "LISTEN": "127.0.0.1:0"}))
	require.Equal(t, 1, refused.code)
	for _, name := range []string{"PUBLIC_URL", "TRUSTED_PROXIES", "WECHAT_APPID", "DATABASE_URL", "KEYS_FILE"} {
		require.Regexp(t, `(?m)^(mpauth: )?MPAUTH_`+name+`.*: is not set.*; \S`, refused.stderr)
	}
}

// TestAMisspeltVariableIsSaid: it is no reason to refuse, but its author should know.
func TestAMisspeltVariableIsSaid(t *testing.T) {
	t.Parallel()
	const says = "MPAUTH_REQUEST_TIMOUT: is not a setting of mpauth and is ignored; did you mean MPAUTH_REQUEST_TIMEOUT?"
	misspelt := settings{"REQUEST_TIMOUT": "1s", "DATA": t.TempDir()}
	ended := start(t, misspelt).stop(t)
	require.Zero(t, ended.code)
	require.Contains(t, ended.stderr, says)
	require.Contains(t, run(t, command(misspelt, "migrate")).stderr, says)
}

func TestUnwritableDataDirectoryIsRefused(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "mpauth-unwritable") // one that everybody can reach, unlike t.TempDir
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	require.NoError(t, os.Chmod(dir, 0o555))
	cmd := command(settings{"LISTEN": "127.0.0.1:0", "DATA": dir})
	if os.Geteuid() == 0 { // whom no mode keeps out
		if runtime.GOOS != "linux" {
			t.Skip("run as somebody else than root")
		}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534, NoSetGroups: true}}
	}
	cmd.Dir = os.TempDir()
	requireRefusal(t, run(t, cmd),
		`MPAUTH_DATA: cannot write to /\S+: permission denied; make the directory writable, or set another one`)
}

func TestDatabaseIsRefused(t *testing.T) {
	t.Parallel()
	for _, r := range []refusal{
		{
			name:     "SQLite: not a database",
			settings: sqliteFile(func([]byte) []byte { return []byte(strings.Repeat("this is a text and not a database. ", 40)) }),
			says:     `MPAUTH_DATA: SQLite file /\S+/mpauth\.db does not answer: .*file is not a database.*; restore the file from a backup, or move it away to begin with an empty one`,
		},
		{
			name:     "SQLite: damaged",
			settings: sqliteFile(func(text []byte) []byte { _, _ = rand.Read(text[100:]); return text }),
			says:     `MPAUTH_DATA: SQLite file /\S+/mpauth\.db .*malformed.*; restore the file from a backup, or move it away to begin with an empty one`,
		},
		{
			name: "PostgreSQL: nobody listens",
			settings: func(t *testing.T) settings {
				return settings{"DATABASE_URL": postgresAt(freeAddress(t))}
			},
			says: `MPAUTH_DATABASE_URL: PostgreSQL at 127\.0\.0\.1:\d+, database mpauth does not answer: .*connection refused; check that it runs and that address, user and password are right`,
		},
		{
			name: "PostgreSQL: wrong password",
			settings: func(t *testing.T) settings {
				return settings{"DATABASE_URL": postgresAt(doorman(t, refusePassword))}
			},
			says: `MPAUTH_DATABASE_URL: .*password authentication failed for user .*; check that it runs and that address, user and password are right`,
		},
		{
			name: "PostgreSQL: accepts and never answers",
			settings: func(t *testing.T) settings {
				return settings{"DATABASE_URL": postgresAt(doorman(t, func(net.Conn) {}))}
			},
			says: `MPAUTH_DATABASE_URL: PostgreSQL at 127\.0\.0\.1:\d+, database mpauth does not answer: .*; check that it runs .*`,
		},
		{
			name: "PostgreSQL: no such database",
			settings: func(t *testing.T) settings {
				address, err := url.Parse(databasetest.ServerURL(t))
				require.NoError(t, err)
				address.Path = "/nowhere"
				return settings{"DATABASE_URL": address.String()}
			},
			says: `MPAUTH_DATABASE_URL: .*database "nowhere" does not exist.*; check that it runs .*`,
		},
	} {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			r.check(t)
			r.args = []string{"migrate"}
			r.check(t)
		})
	}
}

func TestOtherSchemaIsRefused(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s settings) {
		s["LISTEN"] = "127.0.0.1:0"
		setting := `MPAUTH_(DATA|DATABASE_URL): `
		requireRefusal(t, run(t, command(s.with(settings{"MIGRATE": "off"}))), setting+`.*no tables yet: run .mpauth migrate.`)

		migrated := run(t, command(s, "migrate"))
		require.Zero(t, migrated.code, migrated.stderr)
		db := openDatabase(t, s)
		last := count(t, db, `SELECT COUNT(*) FROM atlas_schema_revisions`)
		alter(t, db, `INSERT INTO atlas_schema_revisions (version, description, type, applied, total, executed_at, execution_time, hash, operator_version)
			SELECT '9999', description, type, applied, total, executed_at, execution_time, hash, operator_version FROM atlas_schema_revisions WHERE version = '0001'`)
		newer := setting + `.*newer than this program \(it is at 9999, .*\): run the release that migrated it, or a later one`
		requireRefusal(t, run(t, command(s)), newer)
		requireRefusal(t, run(t, command(s.with(settings{"MIGRATE": "off"}))), newer)
		requireRefusal(t, run(t, command(s, "migrate")), newer)
		require.Equal(t, last+1, count(t, db, `SELECT COUNT(*) FROM atlas_schema_revisions`))
	})
}

func TestDatabaseOfAnotherProgramIsRefused(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s settings) {
		s["LISTEN"] = "127.0.0.1:0"
		alter(t, openDatabase(t, s), `CREATE TABLE users (id integer)`)
		requireRefusal(t, run(t, command(s)), `MPAUTH_(DATA|DATABASE_URL): .*already exists.*is this database used by another program\? mpauth needs one of its own\)`)
	})
}

// TestSecondServerOnOneSQLiteFileIsRefused: each of the two would believe that it knows every logout.
func TestSecondServerOnOneSQLiteFileIsRefused(t *testing.T) {
	t.Parallel()
	s := settings{"DATA": t.TempDir()}
	first := start(t, s)
	second := s.with(settings{"LISTEN": "127.0.0.1:0"})
	says := `MPAUTH_DATA: another mpauth is using the database in ` + regexp.QuoteMeta(s["DATA"]) + `; stop it, .*`
	requireRefusal(t, run(t, command(second)), says)
	requireRefusal(t, run(t, command(second, "migrate")), says)

	first.kill(t) // a killed server leaves nothing behind to remove
	third := start(t, s)
	require.Zero(t, third.stop(t).code)
	start(t, s)
}

func busyPort(t *testing.T) settings {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	return settings{"LISTEN": listener.Addr().String()}
}

// file writes a file that only its owner can read.
func file(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// sqliteFile is a data directory with a migrated database that was then spoilt.
func sqliteFile(spoil func([]byte) []byte) func(t *testing.T) settings {
	return func(t *testing.T) settings {
		path := databasetest.Options(t, dialect.SQLite).SQLitePath
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(path, spoil(text), 0o600))
		return settings{"DATA": filepath.Dir(path)}
	}
}

func postgresAt(address string) string {
	return "postgres://mpauth:" + dbPassword + "@" + address + "/mpauth?sslmode=disable"
}

// doorman is a server that takes every connection, does one thing, and keeps it open.
func doorman(t *testing.T, greet func(net.Conn)) (address string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = conn.Close() })
			greet(conn)
		}
	}()
	return listener.Addr().String()
}

// refusePassword answers a startup message as PostgreSQL does after a wrong password.
func refusePassword(conn net.Conn) {
	var length [4]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return
	}
	_, _ = io.CopyN(io.Discard, conn, int64(binary.BigEndian.Uint32(length[:]))-4)
	fields := "SFATAL\x00VFATAL\x00C28P01\x00Mpassword authentication failed for user \"mpauth\"\x00\x00"
	message := binary.BigEndian.AppendUint32([]byte{'E'}, uint32(len(fields)+4))
	_, _ = conn.Write(append(message, fields...))
}
