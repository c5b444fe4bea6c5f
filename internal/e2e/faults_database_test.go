package e2e_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const writers = 16

// killDatabase kills the database server under load and starts it again, and returns how long it took
// until a write was acknowledged again.
func (s stage) killDatabase(t *testing.T) time.Duration {
	t.Helper()
	s.crowd.await(t, 150)
	s.postgres.kill(t)
	killed := time.Now()
	s.postgres.start(t)
	s.crowd.await(t, 1)
	return time.Since(killed)
}

func (f *faults) databaseKilled(t *testing.T) {
	p := newPostgres(t, "")
	p.start(t)
	p.accepts(t)
	s := newStage(t, p, nil)
	stop := s.crowd.begin(t, writers, 2)
	const rounds = 12
	var longest time.Duration
	for range rounds {
		longest = max(longest, s.killDatabase(t))
	}
	s.crowd.await(t, 150)
	s.requireKept(t, stop)
	s.settle(t)
	s.crowd.requireEveryAnswerHolds(t)
	f.add("PostgreSQL killed", fmt.Sprintf("SIGKILL of all its processes, %d×, %d writers", rounds, writers),
		s.crowd.acknowledged.Load(), 0, "back after %s", seconds(longest))
}

// lossyDatabaseKilled is the control: a database that may lose what it has confirmed does so, and the
// check sees it. Production refuses such a database.
func (f *faults) lossyDatabaseKilled(t *testing.T) {
	p := newPostgres(t, "", "synchronous_commit = off", "wal_writer_delay = 10s", "wal_writer_flush_after = 1GB")
	p.start(t)
	p.accepts(t)
	s := newStage(t, p, nil)
	var lost []string
	rounds := 0
	for rounds < 6 && len(lost) == 0 { // what the operating system has by then is chance
		rounds++
		stop := s.crowd.begin(t, writers, 0)
		s.crowd.await(t, 150)
		p.kill(t)
		stop()
		p.start(t)
		p.accepts(t)
		lost = s.lost(t)
	}
	require.NotEmpty(t, lost, "the check does not see a loss")
	f.add("control", fmt.Sprintf("the same, %d×, `synchronous_commit=off`", rounds),
		s.crowd.acknowledged.Load(), len(lost), "losses are seen")
}

// failover kills the server and has its standby take over.
func (f *faults) failover(t *testing.T) {
	s, standby, wire := startReplicated(t)
	s.postgres.set(t, "synchronous_standby_names", "*")
	db := s.postgres.open(t)
	eventually(t, func() bool {
		return count(t, db, `SELECT COUNT(*) FROM pg_stat_replication WHERE sync_state = 'sync'`) == 1
	}, "replication is synchronous")
	stop := s.crowd.begin(t, writers, 2)
	s.crowd.await(t, 500)
	s.postgres.kill(t)
	killed := time.Now()
	standby.promote(t)
	wire.repoint(standby.address)
	s.crowd.await(t, 1)
	took := time.Since(killed)
	s.crowd.await(t, 300)
	s.requireKept(t, stop)
	s.settle(t)
	s.crowd.requireEveryAnswerHolds(t)
	for i := range 5 { // the feed follows the new server
		s.requireSeenEverywhere(t, fmt.Sprint("after the failover ", i), func(person login) {
			must(t, s.url(), person.token, logout, map[string]any{"scope": "THIS"})
		})
	}
	f.add("failover", "SIGKILL of PostgreSQL, synchronous standby promoted", s.crowd.acknowledged.Load(), 0, "back after %s", seconds(took))
}

// lossyFailover is the control: a standby that is behind lacks what was acknowledged last.
func (f *faults) lossyFailover(t *testing.T) {
	s, standby, wire := startReplicated(t)
	stop := s.crowd.begin(t, writers, 0)
	s.crowd.await(t, 150)
	standby.kill(t)
	s.crowd.await(t, 100)
	s.postgres.kill(t)
	stop()
	standby.start(t)
	eventually(t, func() bool { return standby.answers(t) }, "the standby answers")
	standby.promote(t)
	wire.repoint(standby.address)
	standby.accepts(t)
	lost := s.lost(t)
	require.NotEmpty(t, lost, "the check does not see a loss")
	f.add("control", "the same, asynchronous standby that is behind", s.crowd.acknowledged.Load(), len(lost), "losses are seen")
}

// startReplicated starts a server, its standby, and replicas that reach whichever the wire leads to.
func startReplicated(t *testing.T) (s stage, standby *ownPostgres, wire *proxy) {
	t.Helper()
	p := newPostgres(t, "")
	p.start(t)
	p.accepts(t)
	standby = p.standby(t)
	wire, behind := startProxy(t, p.url())
	return newStage(t, p, settings{"DATABASE_URL": behind}), standby, wire
}

// slowed is a stage whose database answers late.
func slowed(t *testing.T) (s stage, wire *proxy) {
	t.Helper()
	p := newPostgres(t, "")
	p.start(t)
	p.accepts(t)
	wire, behind := startProxy(t, p.url())
	return newStage(t, p, settings{"DATABASE_URL": behind}), wire
}

func (f *faults) slowDatabase(t *testing.T) {
	s, wire := slowed(t)
	stop := s.crowd.begin(t, writers, 2)
	s.crowd.await(t, 100)
	person := logIn(t, s.url(), s.fake.url(), "asker")
	wire.slow(300 * time.Millisecond)
	asked := s.ask(t, person.token, 100, 0)
	s.crowd.await(t, 60)
	wire.slow(0)
	s.crowd.await(t, 100)
	s.requireKept(t, stop)
	require.Zero(t, asked.refused, asked.codes)
	require.Less(t, asked.p(99), 3*time.Second)
	f.add("slow database", "300 ms an answer", s.crowd.acknowledged.Load(), 0,
		"%d of %d `me` refused, p99 %s", asked.refused, asked.total(), milliseconds(asked.p(99)))
}

// verySlowDatabase: the feed cannot be followed in time, so nobody is let in on old knowledge; and every
// request ends within its time.
func (f *faults) verySlowDatabase(t *testing.T) {
	s, wire := slowed(t)
	stop := s.crowd.begin(t, writers, 2)
	s.crowd.await(t, 100)
	person := logIn(t, s.url(), s.fake.url(), "asker")
	wire.slow(2 * time.Second)
	<-time.After(2 * time.Second) // memory may be believed for one
	asked := s.askEach(t, person.token, 48, 0)
	require.Equal(t, asked.total(), asked.refused, asked.codes)
	require.Equal(t, map[string]int{"UNAVAILABLE": asked.refused}, asked.codes)
	require.Less(t, asked.p(100), 5*time.Second+slack) // the request timeout
	wire.slow(0)
	wire.cut()
	healed := time.Now()
	s.crowd.await(t, 1)
	back := time.Since(healed)
	s.crowd.await(t, 100)
	s.requireKept(t, stop)
	s.settle(t)
	f.add("very slow database", "2 s an answer", s.crowd.acknowledged.Load(), 0,
		"%d of %d `me` refused within %s; back after %s", asked.refused, asked.total(), seconds(asked.p(100)), seconds(back))
}

// poolExhausted holds a lock that every login waits for, while each replica has two connections.
func (f *faults) poolExhausted(t *testing.T) {
	p := newPostgres(t, "")
	p.start(t)
	p.accepts(t)
	s := newStage(t, p, settings{"DB_MAX_CONNS": "2"})
	stop := s.crowd.begin(t, writers, 2)
	s.crowd.await(t, 100)
	person := logIn(t, s.url(), s.fake.url(), "asker")
	db := p.open(t)
	tx, err := db.SQL.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	_, err = tx.ExecContext(t.Context(), `SET LOCAL idle_in_transaction_session_timeout = 0`)
	require.NoError(t, err)
	_, err = tx.ExecContext(t.Context(), `LOCK TABLE identities, login_codes IN ACCESS EXCLUSIVE MODE`)
	require.NoError(t, err)
	<-time.After(time.Second) // until every connection waits
	before := s.crowd.refused.Load()
	asked := s.askEach(t, person.token, 48, 0)
	require.Less(t, asked.p(100), 5*time.Second+slack)
	for _, p := range s.replicas {
		asked := time.Now()
		require.Equal(t, 200, get(t, p.url()+"/livez").status)
		require.Less(t, time.Since(asked), slack)
	}
	require.NoError(t, tx.Rollback())
	shed := s.crowd.refused.Load() - before
	s.crowd.await(t, 100)
	s.requireKept(t, stop)
	require.Positive(t, shed, "nothing had to wait")
	s.settle(t)
	f.add("pool exhausted", "2 connections each, all wait for a lock", s.crowd.acknowledged.Load(), 0,
		"%d refused within %s; `/livez` answers", int64(asked.refused)+shed, seconds(asked.p(100)))
}
