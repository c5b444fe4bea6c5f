package database

import (
	"context"
	"database/sql/driver"
	"errors"
	"strings"
	"time"
)

// Call is what an observer learns about one exchange with the database, when it has ended.
type Call struct {
	// SQL is the statement without its arguments; or BEGIN, COMMIT, ROLLBACK, PING or CONNECT.
	SQL string
	// Duration is how long the answer took; of a query, how long until its first rows were there.
	Duration time.Duration
	// Err is why it failed, or nil.
	Err error
}

// Verb is the first word of the statement in small letters, if it is one of a few; otherwise "other".
func (c Call) Verb() string {
	word, _, _ := strings.Cut(strings.TrimSpace(c.SQL), " ")
	switch word = strings.ToLower(word); word {
	case "select", "insert", "update", "delete", "begin", "commit", "rollback", "ping", "connect":
		return word
	}
	return "other"
}

// Class sorts failures: "unique" (a row with that value exists; how races are decided, and no defect),
// "conflict" (as IsRetryable), "unavailable" (as IsUnavailable), "canceled" (the caller gave up) or
// "other"; "" is success.
func (c Call) Class() string {
	switch {
	case c.Err == nil:
		return ""
	case errors.Is(c.Err, context.Canceled):
		return "canceled"
	case IsUnique(c.Err):
		return "unique"
	case IsRetryable(c.Err):
		return "conflict"
	case IsUnavailable(c.Err):
		return "unavailable"
	}
	return "other"
}

// Observe is for Options.Wrap: it has each exchange of each connection told to an observer, from the
// goroutine that made it and with its context.
func Observe(now func() time.Time, observer func(context.Context, Call)) func(driver.Connector) driver.Connector {
	return func(inner driver.Connector) driver.Connector {
		return &observedConnector{inner, observation{now, observer}}
	}
}

type observation struct {
	now  func() time.Time
	tell func(context.Context, Call)
}

// of carries out an exchange and tells about it.
func (o observation) of(ctx context.Context, sql string, exchange func() error) error {
	began := o.now()
	err := exchange()
	o.tell(ctx, Call{SQL: sql, Duration: o.now().Sub(began), Err: err})
	return err
}

type observedConnector struct {
	driver.Connector
	observation
}

func (k *observedConnector) Connect(ctx context.Context) (driver.Conn, error) {
	var inner driver.Conn
	err := k.of(ctx, "CONNECT", func() (err error) {
		inner, err = k.Connector.Connect(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &observedConn{inner.(Conn), k.observation}, nil
}

type observedConn struct {
	Conn
	observation
}

func (c *observedConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	var tx driver.Tx
	err := c.of(ctx, "BEGIN", func() (err error) {
		tx, err = c.Conn.BeginTx(ctx, opts)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &observedTx{tx, c.observation, ctx}, nil
}

func (c *observedConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (result driver.Result, err error) {
	err = c.of(ctx, query, func() (err error) {
		result, err = c.Conn.ExecContext(ctx, query, args)
		return err
	})
	return result, err
}

func (c *observedConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (rows driver.Rows, err error) {
	err = c.of(ctx, query, func() (err error) {
		rows, err = c.Conn.QueryContext(ctx, query, args)
		return err
	})
	return rows, err
}

func (c *observedConn) Ping(ctx context.Context) error {
	return c.of(ctx, "PING", func() error { return c.Conn.Ping(ctx) })
}

// PrepareContext sends nothing yet; the statement does when it runs.
func (c *observedConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	inner, err := c.Conn.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	return &observedStatement{inner, c, query}, nil
}

type observedStatement struct {
	driver.Stmt
	conn  *observedConn
	query string
}

func (s *observedStatement) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	return s.conn.ExecContext(ctx, s.query, args)
}

func (s *observedStatement) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	return s.conn.QueryContext(ctx, s.query, args)
}

// observedTx remembers the context that it was begun with: COMMIT and ROLLBACK are given none.
type observedTx struct {
	driver.Tx
	observation
	ctx context.Context
}

func (t *observedTx) Commit() error   { return t.of(t.ctx, "COMMIT", t.Tx.Commit) }
func (t *observedTx) Rollback() error { return t.of(t.ctx, "ROLLBACK", t.Tx.Rollback) }
