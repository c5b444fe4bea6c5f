package database

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"entgo.io/ent/dialect"
	"modernc.org/sqlite"
)

// sqliteFile is a SQLite database.
type sqliteFile struct {
	path string
}

// newSQLite makes the file and its folder when they do not exist. SQLite would make the file too, but
// readable by everybody.
func newSQLite(o Options) (*sqliteFile, error) {
	path, err := filepath.Abs(o.SQLitePath)
	if err != nil {
		return nil, fmt.Errorf("SQLite file %s: %w", o.SQLitePath, err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("SQLite file %s: make its folder: %w", path, withoutPath(err))
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("SQLite file %s: %w", path, withoutPath(err))
	}
	if err := file.Close(); err != nil {
		return nil, fmt.Errorf("SQLite file %s: %w", path, withoutPath(err))
	}
	return &sqliteFile{path}, nil
}

// withoutPath drops what the message already says.
func withoutPath(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}

func (s *sqliteFile) dialect() string { return dialect.SQLite }
func (s *sqliteFile) name() string    { return "SQLite file " + s.path }

func (s *sqliteFile) connector(maintenance bool) (driver.Connector, error) {
	foreignKeys := "foreign_keys(1)"
	if maintenance {
		// A migration that rebuilds a table drops the old one, which must not take the rows that refer
		// to it along. SQLite ignores the setting inside a transaction, hence here.
		foreignKeys = "foreign_keys(0)"
	}
	settings := url.Values{
		// What was deleted is overwritten: a person who is erased must not go on in the free space of the file.
		"_pragma": {"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "secure_delete(1)", foreignKeys},
		// A transaction that begins by reading and then writes cannot wait for the write lock any more: it
		// fails. So each one takes it when it begins, in its turn where only we write to the file.
		"_txlock":   {"immediate"},
		"_timezone": {"UTC"},
	}
	address := url.URL{Scheme: "file", Path: filepath.ToSlash(s.path), RawQuery: settings.Encode()}
	inner, err := sqlite.NewConnector(address.String())
	if err != nil {
		return nil, fmt.Errorf("SQLite file %s: %w", s.path, err)
	}
	return &sqliteConnector{inner, newTurn()}, nil
}

// sqliteConnector opens sqliteConns.
type sqliteConnector struct {
	driver.Connector
	turn turn
}

// Connect opens the file.
func (k *sqliteConnector) Connect(ctx context.Context) (driver.Conn, error) {
	inner, err := k.Connector.Connect(ctx)
	if err != nil {
		return nil, &connectError{err}
	}
	return &sqliteConn{sqliteDriverConn: inner.(sqliteDriverConn), turn: k.turn}, nil
}

// sqliteDriverConn is what the driver's connections can do.
type sqliteDriverConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// sqliteConn is a connection to SQLite that waits for its turn to write, and writes times the way this
// package stores them.
type sqliteConn struct {
	sqliteDriverConn
	turn turn
	inTx bool
}

func (c *sqliteConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if !c.inTx {
		if err := c.turn.take(ctx); err != nil {
			return nil, err
		}
		defer c.turn.leave()
	}
	return c.sqliteDriverConn.ExecContext(ctx, query, timesAsText(args))
}

func (c *sqliteConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	return c.sqliteDriverConn.QueryContext(ctx, query, timesAsText(args))
}

// BeginTx begins a transaction that may write, or one that only reads and waits for nobody.
func (c *sqliteConn) BeginTx(ctx context.Context, options driver.TxOptions) (driver.Tx, error) {
	leave := func() {}
	if !options.ReadOnly {
		if err := c.turn.take(ctx); err != nil {
			return nil, err
		}
		leave = c.turn.leave
	}
	tx, err := c.sqliteDriverConn.BeginTx(ctx, options)
	if err != nil {
		leave()
		return nil, err
	}
	c.inTx = true
	return &sqliteTransaction{tx, c, leave}, nil
}

// sqliteTransaction lets the next writer in when it ends, however it ends.
type sqliteTransaction struct {
	driver.Tx
	conn  *sqliteConn
	leave func()
}

func (t *sqliteTransaction) Commit() error {
	defer t.end()
	return t.Tx.Commit()
}

func (t *sqliteTransaction) Rollback() error {
	defer t.end()
	return t.Tx.Rollback()
}

func (t *sqliteTransaction) end() {
	t.conn.inTx = false
	t.leave()
}

func (c *sqliteConn) PrepareContext(_ context.Context, query string) (driver.Stmt, error) {
	return &lazyStatement{conn: c, query: query}, nil
}

func (c *sqliteConn) Prepare(query string) (driver.Stmt, error) {
	return c.PrepareContext(context.Background(), query)
}

// CheckNamedValue leaves each value to database/sql.
func (c *sqliteConn) CheckNamedValue(*driver.NamedValue) error { return driver.ErrSkip }
