package database

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"entgo.io/ent/dialect"
	"github.com/lib/pq"
)

// idleInTransaction is when PostgreSQL ends a transaction that its client has left alone: it may
// hold locks that logins wait for.
const idleInTransaction = 5 * time.Second

// postgresServer is a PostgreSQL server.
type postgresServer struct {
	config           pq.Config
	now              func() time.Time
	connectTimeout   time.Duration
	statementTimeout time.Duration
}

func newPostgres(o Options) (*postgresServer, error) {
	config, err := parsePostgresURL(o.PostgresURL)
	if err != nil {
		return nil, err
	}
	config.ConnectTimeout = o.ConnectTimeout
	if config.ApplicationName == "" {
		config.ApplicationName = "mpauth"
	}
	if config.TargetSessionAttrs == "" {
		// After a failover the old name may lead to a standby: what it says is old, and old sessions
		// are not to be believed.
		config.TargetSessionAttrs = pq.TargetSessionAttrsReadWrite
	}
	if config.Runtime == nil {
		config.Runtime = make(map[string]string)
	}
	config.Runtime["TimeZone"] = "UTC"
	return &postgresServer{config, o.Now, o.ConnectTimeout, o.StatementTimeout}, nil
}

// parsePostgresURL reads a URL without ever repeating it: what parsers complain about is, more often
// than not, the password.
func parsePostgresURL(text string) (pq.Config, error) {
	config, err := pq.NewConfig(text)
	if err == nil {
		return config, nil
	}
	const shape = "postgres://user:password@host:5432/name?sslmode=verify-full"
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok {
		return pq.Config{}, fmt.Errorf("PostgreSQL URL: it does not look like %s", shape)
	}
	address := rest[strings.LastIndex(rest, "@")+1:]
	if strings.Contains(address, "password=") {
		return pq.Config{}, fmt.Errorf("PostgreSQL URL: write the password as in %s", shape)
	}
	if _, err := pq.NewConfig(scheme + "://" + address); err != nil {
		if cause, ok := errors.AsType[*url.Error](err); ok {
			err = cause.Err
		}
		return pq.Config{}, fmt.Errorf("PostgreSQL URL: %w", err)
	}
	return pq.Config{}, errors.New("PostgreSQL URL: in the user name or the password, characters such as / ? # % @ and : must be percent-encoded")
}

func (p *postgresServer) dialect() string { return dialect.Postgres }

func (p *postgresServer) name() string {
	return fmt.Sprintf("PostgreSQL at %s:%d, database %s", p.config.Host, p.config.Port, p.config.Database)
}

func (p *postgresServer) connector(maintenance bool) (driver.Connector, error) {
	config := p.config.Clone()
	statement, idle := p.statementTimeout, idleInTransaction
	silence := statement + time.Second
	if maintenance {
		statement, idle, silence = 0, 0, 0
	}
	config.Runtime["statement_timeout"] = milliseconds(statement)
	config.Runtime["idle_in_transaction_session_timeout"] = milliseconds(idle)
	inner, err := pq.NewConnectorConfig(config)
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL URL: %w", err)
	}
	inner.Dialer(dialer{now: p.now})
	return &connector{Connector: inner, now: p.now, timeout: p.connectTimeout, silence: silence}, nil
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// connector opens conns.
type connector struct {
	*pq.Connector
	now     func() time.Time
	timeout time.Duration
	silence time.Duration
}

// Connect connects and authenticates, until ctx ends and no longer than the connect timeout.
func (k *connector) Connect(ctx context.Context) (driver.Conn, error) {
	w := &wire{now: k.now, silence: k.silence, limit: k.now().Add(k.timeout)}
	stop := context.AfterFunc(ctx, w.expire)
	inner, err := k.Connector.Connect(context.WithValue(ctx, wireKey{}, w))
	if !stop() && err == nil {
		_ = inner.Close()
		err = ctx.Err()
	}
	if err != nil {
		return nil, &connectError{connectCause(ctx, err)}
	}
	c := &conn{pq: inner.(Conn), wire: w}
	c.statements.prepare = c.pq.PrepareContext
	return c, nil
}

func connectCause(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, driver.ErrBadConn):
		return io.ErrUnexpectedEOF // database/sql would try twice more
	}
	return err
}

// connectError is an attempt to connect that failed; nothing has been sent.
type connectError struct{ err error }

func (e *connectError) Error() string { return "connect: " + e.err.Error() }
func (e *connectError) Unwrap() error { return e.err }

// utc brings times to what both databases keep: UTC, microseconds.
func utc(args []driver.NamedValue) []driver.NamedValue {
	if !slices.ContainsFunc(args, isTime) {
		return args
	}
	args = slices.Clone(args)
	for i, arg := range args {
		if t, ok := arg.Value.(time.Time); ok {
			args[i].Value = t.UTC().Truncate(time.Microsecond)
		}
	}
	return args
}

func isTime(arg driver.NamedValue) bool {
	_, ok := arg.Value.(time.Time)
	return ok
}
