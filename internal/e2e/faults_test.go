package e2e_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// slack is what an answer may be late for want of a processor; nothing else runs beside these tests.
const slack = 500 * time.Millisecond

// faults is the table that scripts/faults prints.
type faults struct {
	rows [][]string
}

// add notes what was injected, how many writes clients were told of, how many of those were lost, and
// what that comes to.
func (f *faults) add(fault, injected string, acknowledged int64, lost int, verdict string, args ...any) {
	f.rows = append(f.rows, []string{fault, injected, fmt.Sprint(acknowledged), fmt.Sprint(lost), fmt.Sprintf(verdict, args...)})
}

// skip notes a fault that could not be injected here.
func (f *faults) skip(t *testing.T, fault, reason string) {
	t.Helper()
	f.rows = append(f.rows, []string{fault, "-", "-", "-", "not tried: " + reason})
	t.Skip(reason)
}

// String is the table in Markdown, in which it is also easy to read.
func (f *faults) String() string {
	var b strings.Builder
	b.WriteString("| Fault | Injected | Acknowledged | Lost | Verdict |\n| --- | --- | --- | --- | --- |\n")
	for _, row := range f.rows {
		b.WriteString("| " + strings.Join(row, " | ") + " |\n")
	}
	return b.String()
}

// TestFaults is the long half of what is done to three replicas; scripts/faults runs it. MPAUTH_FAULTS
// names the file that the table is written to.
//
// Each fault is injected while clients write, on servers of its own, one fault after the other. What
// clients were told is then held against the tables, and asked of the service itself.
func TestFaults(t *testing.T) {
	path := os.Getenv("MPAUTH_FAULTS")
	if path == "" {
		t.Skip("this takes minutes: run scripts/faults")
	}
	f := &faults{}
	defer func() { require.NoError(t, os.WriteFile(path, []byte(f.String()), 0o644)) }()
	for _, fault := range []struct {
		name   string
		inject func(*testing.T)
	}{
		{"database killed", f.databaseKilled},
		{"database killed, set to lose", f.lossyDatabaseKilled},
		{"failover", f.failover},
		{"failover, set to lose", f.lossyFailover},
		{"replicas killed", f.replicasKilled},
		{"one user", f.oneUser},
		{"cold start", f.coldStart},
		{"slow database", f.slowDatabase},
		{"very slow database", f.verySlowDatabase},
		{"pool exhausted", f.poolExhausted},
		{"SQLite disk full", f.sqliteDiskFull},
		{"PostgreSQL disk full", f.postgresDiskFull},
		{"slow WeChat", f.slowWeChat},
	} {
		t.Run(fault.name, func(t *testing.T) {
			rows := len(f.rows)
			fault.inject(t)
			require.Greater(t, len(f.rows), rows, "the fault has no row")
		})
		if t.Failed() && len(f.rows) > 0 {
			f.rows = append(f.rows, []string{fault.name, "-", "-", "-", "FAILED"})
			return
		}
	}
}

// seconds is a duration for the table.
func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

func milliseconds(d time.Duration) string { return fmt.Sprintf("%d ms", d.Milliseconds()) }

// stage is a database server of its own, and three replicas on it.
type stage struct {
	*cluster
	postgres *ownPostgres
	crowd    *crowd
}

func newStage(t *testing.T, p *ownPostgres, more settings) stage {
	t.Helper()
	fake := startFake(t)
	c := startClusterOn(t, fake, shared(t, fake).with(p.settings()).with(settings{"REQUEST_TIMEOUT": "5s"}).with(more))
	return stage{c, p, newCrowd(c)}
}

// requireKept ends the load and holds the tables against what clients were told.
func (s stage) requireKept(t *testing.T, stop func()) {
	t.Helper()
	stop()
	require.Empty(t, s.lost(t))
	broken := halfStates(t, openDatabase(t, s.settings))
	// When all that was lost is the answer to COMMIT, the code counts as spent and its session is there
	// all the same; a repeat gets it (TestRepeatAfterTheDatabaseWasLostMidway).
	broken = slices.DeleteFunc(broken, func(what string) bool { return strings.HasPrefix(what, "a session whose code is open") })
	require.Empty(t, broken)
}

// lost is what clients were told and the tables do not hold.
func (s stage) lost(t *testing.T) []string {
	t.Helper()
	db := openDatabase(t, s.settings)
	// What the checks ask for, mpauth never does.
	alter(t, db, `CREATE INDEX IF NOT EXISTS checked ON audit_events (session_id)`)
	alter(t, db, `ANALYZE`)
	return s.crowd.losses(t, db)
}
