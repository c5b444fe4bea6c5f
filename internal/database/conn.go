package database

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/lib/pq"
)

// errReading is what a statement gets while the rows of another one are being read on its
// connection, which can only happen inside a transaction.
var errReading = errors.New("the rows of the previous statement of this transaction are still being read")

// conn is a connection to PostgreSQL: lib/pq's, with deadlines and remembered statements.
type conn struct {
	pq         Conn
	wire       *wire
	statements statements

	tx      context.Context // of the open transaction; nil when there is none
	reading bool            // rows are open
	broken  bool            // not to be used again
}

// watch starts an exchange with the server that ends soon after ctx does. The returned function must
// be called when it is over.
func (c *conn) watch(ctx context.Context) (over func()) {
	c.wire.begin(time.Time{})
	stop := context.AfterFunc(ctx, c.wire.expire)
	return func() {
		if !stop() {
			// The server may still receive the request to cancel, and take it for the next statement.
			c.broken = true
		}
	}
}

// settle says what the caller is told about an exchange that ended in err.
//
// database/sql runs a statement again on another connection when it sees driver.ErrBadConn, and
// lib/pq says that also when the connection broke while it waited for the answer. So it is passed on
// only where nothing had been sent.
func (c *conn) settle(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	_, answered := errors.AsType[*pq.Error](err)
	switch {
	case ctx.Err() != nil:
		err = &lostError{ctx.Err(), "no answer from the database in time"}
	case answered || c.pq.IsValid():
		return err
	case !errors.Is(err, driver.ErrBadConn):
		err = &lostError{err, "connection to the database lost"}
	case c.wire.reached():
		err = &lostError{io.ErrUnexpectedEOF, "connection to the database lost"}
	}
	c.broken = true
	return err
}

// lostError is the end of an exchange whose outcome is unknown: the statement may have run.
type lostError struct {
	err    error
	detail string
}

func (e *lostError) Error() string { return e.detail + ": " + e.err.Error() }
func (e *lostError) Unwrap() error { return e.err }

func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	var result driver.Result
	over, err := c.run(ctx, query, func() (err error) {
		if len(args) == 0 {
			result, err = c.pq.ExecContext(ctx, query, nil)
			return err
		}
		statement, err := c.statements.get(ctx, query)
		if err != nil {
			return err
		}
		result, err = statement.(driver.StmtExecContext).ExecContext(ctx, utc(args))
		return err
	})
	if err != nil {
		return nil, err
	}
	over()
	return result, nil
}

func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	var found driver.Rows
	over, err := c.run(ctx, query, func() (err error) {
		if len(args) == 0 {
			found, err = c.pq.QueryContext(ctx, query, nil)
			return err
		}
		statement, err := c.statements.get(ctx, query)
		if err != nil {
			return err
		}
		found, err = statement.(driver.StmtQueryContext).QueryContext(ctx, utc(args))
		return err
	})
	if err != nil {
		return nil, err
	}
	c.reading = true
	return &rows{pqRows: found.(pqRows), conn: c, ctx: ctx, over: over}, nil
}

// run runs one statement, a second time if the server had dropped or outgrown what was prepared for
// it: that is known before anything happens. Inside a transaction it has undone the rest, though.
// The exchange goes on until over is called, or has ended with the error.
func (c *conn) run(ctx context.Context, query string, once func() error) (over func(), err error) {
	if c.reading {
		return nil, errReading
	}
	over = c.watch(ctx)
	err = once()
	if isStaleStatement(err) {
		if e := c.statements.forget(query); e != nil {
			err = e
		} else if c.tx == nil {
			err = once()
		}
	}
	if err != nil {
		over()
		return nil, c.settle(ctx, err)
	}
	return over, nil
}

// isStaleStatement says whether a prepared statement is gone (another user of a shared connection
// dropped it) or no longer fits its tables (a migration changed them).
func isStaleStatement(err error) bool {
	e, ok := errors.AsType[*pq.Error](err)
	return ok && (e.Code == "26000" || e.Code == "0A000" && e.Routine == "RevalidateCachedQuery")
}

func (c *conn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	over := c.watch(ctx)
	tx, err := c.pq.BeginTx(ctx, opts)
	over()
	if err != nil {
		return nil, c.settle(ctx, err)
	}
	c.tx = ctx
	return &transaction{conn: c, tx: tx}, nil
}

// transaction remembers, in its connection, the context it was begun with: that is the one that
// COMMIT and ROLLBACK must not outlive either.
type transaction struct {
	conn *conn
	tx   driver.Tx
}

func (t *transaction) Commit() error   { return t.end(t.tx.Commit) }
func (t *transaction) Rollback() error { return t.end(t.tx.Rollback) }

func (t *transaction) end(how func() error) error {
	ctx := t.conn.tx
	over := t.conn.watch(ctx)
	err := how()
	over()
	t.conn.tx = nil
	return t.conn.settle(ctx, err)
}

// PrepareContext returns a statement that is prepared when it first runs, on this connection, and is
// remembered like every other.
func (c *conn) PrepareContext(_ context.Context, query string) (driver.Stmt, error) {
	return &lazyStatement{conn: c, query: query}, nil
}

func (c *conn) Ping(ctx context.Context) error {
	over := c.watch(ctx)
	err := c.pq.Ping(ctx)
	over()
	return c.settle(ctx, err)
}

// Close says goodbye to the server, in vain if it is gone already; the connection is closed anyway.
func (c *conn) Close() error {
	c.wire.begin(c.wire.now().Add(grace))
	_ = c.pq.Close()
	return nil
}

// ResetSession is called before a connection that was idle is used.
func (c *conn) ResetSession(ctx context.Context) error {
	if c.broken || !c.wire.quiet() {
		return driver.ErrBadConn
	}
	return c.pq.ResetSession(ctx)
}

func (c *conn) IsValid() bool { return !c.broken && c.pq.IsValid() }

func (c *conn) CheckNamedValue(value *driver.NamedValue) error { return c.pq.CheckNamedValue(value) }

func (c *conn) Begin() (driver.Tx, error) {
	return c.BeginTx(context.Background(), driver.TxOptions{})
}

func (c *conn) Prepare(query string) (driver.Stmt, error) {
	return c.PrepareContext(context.Background(), query)
}

// pqRows is what lib/pq's rows can do and database/sql asks for.
type pqRows interface {
	driver.RowsNextResultSet
	driver.RowsColumnTypeScanType
	driver.RowsColumnTypeDatabaseTypeName
	driver.RowsColumnTypeLength
	driver.RowsColumnTypePrecisionScale
}

// rows are an exchange that goes on until they are closed.
type rows struct {
	pqRows
	conn *conn
	ctx  context.Context
	over func()
}

func (r *rows) Next(dest []driver.Value) error {
	err := r.pqRows.Next(dest)
	if err == io.EOF {
		return err
	}
	return r.conn.settle(r.ctx, err)
}

func (r *rows) Close() error {
	err := r.pqRows.Close()
	r.over()
	r.conn.reading = false
	return r.conn.settle(r.ctx, err)
}

// lazyStatement is a statement of database/sql.
type lazyStatement struct {
	conn  Conn
	query string
}

func (s *lazyStatement) Close() error  { return nil }
func (s *lazyStatement) NumInput() int { return -1 }

func (s *lazyStatement) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	return s.conn.ExecContext(ctx, s.query, args)
}

func (s *lazyStatement) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	return s.conn.QueryContext(ctx, s.query, args)
}

func (s *lazyStatement) Exec([]driver.Value) (driver.Result, error) {
	return nil, fmt.Errorf("%s: run without a context", s.query)
}

func (s *lazyStatement) Query([]driver.Value) (driver.Rows, error) {
	return nil, fmt.Errorf("%s: run without a context", s.query)
}
