package databasetest

import (
	"context"
	"database/sql/driver"
	"slices"
	"strings"
	"sync"

	"mpauth/internal/database"
)

// Counter counts what is sent to a database: every statement, BEGIN, COMMIT, ROLLBACK and ping is one
// round trip. Give its Wrap to Open; the zero Counter is ready.
type Counter struct {
	mu    sync.Mutex
	calls []string
}

// Reset forgets what was counted.
func (c *Counter) Reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls = nil
}

// Calls lists what was sent, in order: the statements without their arguments.
func (c *Counter) Calls() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.calls)
}

// Count is the number of round trips.
func (c *Counter) Count() int { return len(c.Calls()) }

// String lists the calls, one a line, for the message of a test that found too many.
func (c *Counter) String() string { return strings.Join(c.Calls(), "\n") }

func (c *Counter) add(call string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls = append(c.calls, call)
}

// Wrap is for Open and database.Options.Wrap.
func (c *Counter) Wrap(inner driver.Connector) driver.Connector {
	return &countingConnector{inner, c}
}

type countingConnector struct {
	driver.Connector
	counter *Counter
}

func (k *countingConnector) Connect(ctx context.Context) (driver.Conn, error) {
	inner, err := k.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &countingConn{inner.(database.Conn), k.counter}, nil
}

type countingConn struct {
	database.Conn
	counter *Counter
}

func (c *countingConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	c.counter.add("BEGIN")
	tx, err := c.Conn.BeginTx(ctx, opts)
	if err != nil {
		return nil, err
	}
	return &countingTx{tx, c.counter}, nil
}

func (c *countingConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	c.counter.add(query)
	return c.Conn.ExecContext(ctx, query, args)
}

func (c *countingConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	c.counter.add(query)
	return c.Conn.QueryContext(ctx, query, args)
}

func (c *countingConn) Ping(ctx context.Context) error {
	c.counter.add("PING")
	return c.Conn.Ping(ctx)
}

// PrepareContext sends nothing yet; the statement does when it runs.
func (c *countingConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	inner, err := c.Conn.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	return &countingStmt{inner, c, query}, nil
}

type countingStmt struct {
	driver.Stmt
	conn  *countingConn
	query string
}

func (s *countingStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	return s.conn.ExecContext(ctx, s.query, args)
}

func (s *countingStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	return s.conn.QueryContext(ctx, s.query, args)
}

type countingTx struct {
	driver.Tx
	counter *Counter
}

func (t *countingTx) Commit() error {
	t.counter.add("COMMIT")
	return t.Tx.Commit()
}

func (t *countingTx) Rollback() error {
	t.counter.add("ROLLBACK")
	return t.Tx.Rollback()
}
