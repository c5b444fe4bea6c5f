package e2e_test

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"mpauth/internal/database"
)

// ownPostgres is a PostgreSQL server of a test's own, which may be killed.
type ownPostgres struct {
	bin, dir, address string
	credential        *syscall.Credential // the server refuses to run as root
	process           *process
}

// newPostgres makes a cluster below a directory that exists, or in one of its own.
func newPostgres(t testing.TB, below string, conf ...string) *ownPostgres {
	t.Helper()
	p := planPostgres(t, below)
	p.run(t, "initdb", "-D", p.data(), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C")
	p.configure(t, conf...)
	return p
}

// planPostgres finds the programs, a directory and an address for a server.
func planPostgres(t testing.TB, below string) *ownPostgres {
	t.Helper()
	p := &ownPostgres{address: freeAddress(t)}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	require.NoError(t, err)
	if initdb, err := exec.LookPath("initdb"); len(found) == 0 && err == nil {
		found = []string{initdb}
	}
	require.NotEmpty(t, found, "PostgreSQL is missing: install it")
	slices.Sort(found)
	p.bin = filepath.Dir(found[len(found)-1])
	p.dir, err = os.MkdirTemp(below, "mpauth-own-postgres")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(p.dir)) })
	if os.Getuid() == 0 {
		owner, err := user.Lookup("postgres")
		require.NoError(t, err)
		uid, err := strconv.Atoi(owner.Uid)
		require.NoError(t, err)
		gid, err := strconv.Atoi(owner.Gid)
		require.NoError(t, err)
		p.credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		require.NoError(t, os.Chown(p.dir, uid, gid))
	}
	return p
}

func (p *ownPostgres) data() string { return filepath.Join(p.dir, "data") }

func (p *ownPostgres) url() string {
	return "postgres://postgres@" + p.address + "/postgres?sslmode=disable"
}

// settings are the database as the program is told of it.
func (p *ownPostgres) settings() settings { return settings{"DATABASE_URL": p.url()} }

func (p *ownPostgres) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(p.bin, name), args...)
	cmd.Dir = p.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: p.credential}
	return cmd
}

func (p *ownPostgres) run(t testing.TB, name string, args ...string) {
	t.Helper()
	out, err := p.command(name, args...).CombinedOutput()
	require.NoError(t, err, "%s: %s", name, out)
}

func (p *ownPostgres) configure(t testing.TB, conf ...string) {
	t.Helper()
	host, port, err := net.SplitHostPort(p.address)
	require.NoError(t, err)
	lines := append([]string{
		"", "listen_addresses = '" + host + "'", "port = " + port, "unix_socket_directories = '" + p.dir + "'", "max_connections = 100", "log_min_messages = fatal", "log_min_error_statement = panic",
	}, conf...)
	file, err := os.OpenFile(filepath.Join(p.data(), "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = file.WriteString(strings.Join(lines, "\n") + "\n")
	require.NoError(t, err)
	require.NoError(t, file.Close())
}

// start runs the server. It recovers first from however it has ended.
func (p *ownPostgres) start(t testing.TB) {
	t.Helper()
	p.process = launch(t, p.command("postgres", "-D", p.data()))
}

// accepts waits until the server lets somebody in.
func (p *ownPostgres) accepts(t testing.TB) {
	t.Helper()
	db := p.open(t)
	eventually(t, func() bool { return db.Ping(context.Background()) == nil }, "PostgreSQL accepts connections")
}

func (p *ownPostgres) open(t testing.TB) *database.DB {
	t.Helper()
	return openDatabase(t, p.settings())
}

// gone tells whether the server has ended by itself.
func (p *ownPostgres) gone() bool {
	select {
	case <-p.process.ended:
		return true
	default:
		return false
	}
}

// answers tells whether the server, or a standby, takes connections.
func (p *ownPostgres) answers(t testing.TB) bool {
	t.Helper()
	host, port, err := net.SplitHostPort(p.address)
	require.NoError(t, err)
	return p.command("pg_isready", "-q", "-h", host, "-p", port).Run() == nil
}

// kill ends the server and all its processes at once, as when a machine's memory is gone: what was
// not yet handed to the operating system is lost.
func (p *ownPostgres) kill(t testing.TB) {
	t.Helper()
	p.process.signal(t, syscall.SIGSTOP) // so that it starts no others
	for _, pid := range children(t, p.process.cmd.Process.Pid) {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != syscall.ESRCH {
			require.NoError(t, err)
		}
	}
	p.process.kill(t)
}

// children are the processes that a process has started and that run.
func children(t testing.TB, parent int) (pids []int) {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	require.NoError(t, err)
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil { // it has ended
			continue
		}
		// pid (name) state ppid …, where the name may hold anything
		fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		if len(fields) > 1 && fields[1] == strconv.Itoa(parent) {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			require.NoError(t, err)
			pids = append(pids, pid)
		}
	}
	return pids
}

// standby makes and starts a second server that follows this one.
func (p *ownPostgres) standby(t testing.TB) *ownPostgres {
	t.Helper()
	s := planPostgres(t, "")
	address, err := url.Parse(p.url())
	require.NoError(t, err)
	s.run(t, "pg_basebackup", "-D", s.data(), "-R", "-X", "stream", "-c", "fast", "-d", address.String())
	s.configure(t)
	s.start(t)
	db := p.open(t)
	eventually(t, func() bool {
		return count(t, db, `SELECT COUNT(*) FROM pg_stat_replication WHERE state = 'streaming'`) == 1
	}, "the standby follows")
	return s
}

// promote makes a standby a server of its own.
func (p *ownPostgres) promote(t testing.TB) {
	t.Helper()
	p.run(t, "pg_ctl", "-D", p.data(), "-w", "promote")
}

// set changes a setting of the running server.
func (p *ownPostgres) set(t testing.TB, setting, value string) {
	t.Helper()
	db := p.open(t)
	alter(t, db, fmt.Sprintf(`ALTER SYSTEM SET %s = '%s'`, setting, value))
	alter(t, db, `SELECT pg_reload_conf()`)
}
