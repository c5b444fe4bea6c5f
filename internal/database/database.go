// Package database owns the way to the tables: opening SQLite or PostgreSQL, ending every wait in
// time, bringing the tables up to date, and telling one database error from another.
//
// Both are reached through database/sql, so that ent and statements written by hand share one pool,
// one transaction and one set of habits. Statements are written with $1, $2 … as parameters; both
// databases accept that. Times are stored in UTC with microseconds on both: a time that is read back
// equals the time that was written once it has been truncated to microseconds.
//
// What differs is hidden here. lib/pq prepares a parameterised statement anew each time it runs, and
// waits for ever on a server that has stopped answering (lib/pq issue 620); the connections handed
// out here remember their statements and carry deadlines. SQLite loses concurrent writers unless each
// transaction takes the write lock when it begins.
package database

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"

	"mpauth/ent"
)

// Options say which database to open and how. Exactly one of PostgresURL and SQLitePath is set; the
// zero value of everything else is a good choice.
type Options struct {
	// PostgresURL is a URL such as postgres://mpauth@db:5432/mpauth?sslmode=verify-full, with any
	// parameter that lib/pq knows. It may hold a password.
	PostgresURL string
	// SQLitePath is the file; it is made, readable by its owner only, when it does not exist.
	SQLitePath string

	// MaxConns is how many connections are open at most, and how many are kept. Defaults to 20.
	MaxConns int
	// ConnectTimeout ends an attempt to connect to PostgreSQL. Defaults to 2 s.
	ConnectTimeout time.Duration
	// StatementTimeout is how long PostgreSQL may work on one statement. Defaults to 3 s. A server
	// that does not even say so is given up a second later.
	StatementTimeout time.Duration

	// Wrap, when set, is put around the connector that database/sql uses, to observe what is sent.
	// Every connection that it sees implements Conn.
	Wrap func(driver.Connector) driver.Connector
	// Now is the clock that deadlines are counted from. Defaults to time.Now.
	Now func() time.Time
}

// Conn is what every connection made here can do; a connector given to Options.Wrap can rely on it,
// and its own connections must be able to do as much.
type Conn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.NamedValueChecker
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// Format keeps the password in PostgresURL out of logs, whatever the verb.
func (o Options) Format(f fmt.State, _ rune) {
	target := "PostgreSQL"
	if o.PostgresURL == "" {
		target = "SQLite " + o.SQLitePath
	}
	fmt.Fprintf(f, "database.Options(%s)", target)
}

// withDefaults fills in what was left out.
func (o Options) withDefaults() Options {
	if o.MaxConns == 0 {
		o.MaxConns = 20
	}
	if o.ConnectTimeout == 0 {
		o.ConnectTimeout = 2 * time.Second
	}
	if o.StatementTimeout == 0 {
		o.StatementTimeout = 3 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// DB is an open database. Its methods and its fields may be used by any number of goroutines.
type DB struct {
	// SQL is the pool, for statements written by hand.
	SQL *sql.DB
	// Dialect is dialect.Postgres or dialect.SQLite.
	Dialect string

	ent      *ent.Client
	target   target
	schema   schemaFiles
	maintain func() (*sql.DB, error)
}

// target is one of the two databases.
type target interface {
	// connector opens connections for everyday statements, or, for maintenance, ones on which a
	// statement may take as long as its context allows.
	connector(maintenance bool) (driver.Connector, error)
	dialect() string
	// name says which database this is in messages, without credentials.
	name() string
}

// Open prepares the database that o names. It checks the settings, and makes the file of a SQLite
// database, but does not connect to a server: Ping does.
func Open(o Options) (*DB, error) {
	if (o.PostgresURL == "") == (o.SQLitePath == "") {
		return nil, errors.New("open database: set either a PostgreSQL URL or a SQLite file")
	}
	o = o.withDefaults()
	target, err := newTarget(o)
	if err != nil {
		return nil, err
	}
	pool, err := openPool(target, false, o.Wrap)
	if err != nil {
		return nil, err
	}
	// Fewer idle than open connections means connecting anew in every burst.
	pool.SetMaxOpenConns(o.MaxConns)
	pool.SetMaxIdleConns(o.MaxConns)
	files, err := embeddedSchema(target.dialect())
	if err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	return &DB{
		SQL:      pool,
		Dialect:  target.dialect(),
		ent:      ent.NewClient(ent.Driver(entsql.OpenDB(target.dialect(), pool))),
		target:   target,
		schema:   files,
		maintain: func() (*sql.DB, error) { return openPool(target, true, nil) },
	}, nil
}

func newTarget(o Options) (target, error) {
	if o.PostgresURL != "" {
		return newPostgres(o)
	}
	return newSQLite(o)
}

// openPool opens a pool. For maintenance it holds one connection, so that what is set on it stays.
func openPool(t target, maintenance bool, wrap func(driver.Connector) driver.Connector) (*sql.DB, error) {
	connector, err := t.connector(maintenance)
	if err != nil {
		return nil, err
	}
	if wrap != nil {
		connector = wrap(connector)
	}
	pool := sql.OpenDB(connector)
	if maintenance {
		pool.SetMaxOpenConns(1)
		return pool, nil
	}
	if t.dialect() == dialect.Postgres {
		// Lets a pool that grew in a burst, or that clings to one server behind a balancer, settle.
		pool.SetConnMaxIdleTime(5 * time.Minute)
		pool.SetConnMaxLifetime(time.Hour)
	}
	return pool, nil
}

// Ent is the generated client, on the same pool as SQL.
func (db *DB) Ent() *ent.Client { return db.ent }

// Format keeps the password out of logs, like that of Options.
func (db *DB) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "database.DB(%s)", db.target.name()) }

// Close closes the pool once the statements that are running have ended.
func (db *DB) Close() error { return db.SQL.Close() }

// Ping asks the database for an answer: nil means that statements can be run. The error says in one
// line which database did not answer and why; IsUnavailable is true for it.
func (db *DB) Ping(ctx context.Context) error {
	if err := db.SQL.PingContext(ctx); err != nil {
		return fmt.Errorf("%s does not answer: %w", db.target.name(), err)
	}
	return nil
}

// LossySetting returns a setting of the server that lets it lose transactions it has confirmed, such
// as "synchronous_commit=off", or "" when there is none.
func (db *DB) LossySetting(ctx context.Context) (string, error) {
	if db.Dialect != dialect.Postgres {
		return "", nil // set on each connection by this package
	}
	for _, name := range []string{"synchronous_commit", "fsync"} {
		var value sql.NullString // a server that only speaks the protocol may lack the setting
		err := db.SQL.QueryRowContext(ctx, "SELECT current_setting($1, true)", name).Scan(&value)
		if err != nil {
			return "", fmt.Errorf("read %s: %w", name, err)
		}
		if value.String == "off" {
			return name + "=off", nil
		}
	}
	return "", nil
}
