package account_test

import (
	"context"
	"database/sql/driver"
	"net"
	"sync"
	"syscall"

	"mpauth/internal/database"
)

// outage is a way to the database that a test can cut. What a connection sends meanwhile is lost;
// of a COMMIT only the answer is lost, which is the worse case.
type outage struct {
	mu         sync.Mutex
	skip, fail int
}

// after lets skip round trips pass and loses the fail ones that follow.
func (o *outage) after(skip, fail int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.skip, o.fail = skip, fail
}

// over tells whether everything that was to be lost has been.
func (o *outage) over() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.fail == 0
}

func (o *outage) trip() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.skip > 0:
		o.skip--
	case o.fail > 0:
		o.fail--
		return &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	}
	return nil
}

// Wrap is for database.Options.Wrap.
func (o *outage) Wrap(inner driver.Connector) driver.Connector { return &unreliableConnector{inner, o} }

type unreliableConnector struct {
	driver.Connector
	outage *outage
}

func (c *unreliableConnector) Connect(ctx context.Context) (driver.Conn, error) {
	inner, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &unreliableConn{inner.(database.Conn), c.outage}, nil
}

type unreliableConn struct {
	database.Conn
	outage *outage
}

func (c *unreliableConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	if err := c.outage.trip(); err != nil {
		return nil, err
	}
	tx, err := c.Conn.BeginTx(ctx, opts)
	if err != nil {
		return nil, err
	}
	return &unreliableTx{tx, c.outage}, nil
}

func (c *unreliableConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if err := c.outage.trip(); err != nil {
		return nil, err
	}
	return c.Conn.ExecContext(ctx, query, args)
}

func (c *unreliableConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if err := c.outage.trip(); err != nil {
		return nil, err
	}
	return c.Conn.QueryContext(ctx, query, args)
}

type unreliableTx struct {
	driver.Tx
	outage *outage
}

func (t *unreliableTx) Commit() error {
	lost := t.outage.trip()
	if err := t.Tx.Commit(); err != nil {
		return err
	}
	return lost
}
