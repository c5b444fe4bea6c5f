package revocation

import (
	"context"
	"errors"
	"fmt"
	"time"

	"entgo.io/ent/dialect"
	"github.com/google/uuid"

	"mpauth/ent/auditevent"
	"mpauth/ent/session"
	"mpauth/ent/user"
	"mpauth/internal/database"
)

// An id tells nothing about when its row became visible: a transaction that began earlier may commit
// later, and a reader who goes by "id greater than the last one I saw" never sees its rows. So on
// PostgreSQL the reader goes by transactions: the next look begins at the oldest transaction that was
// still running at this one, and rows that it has seen already do no harm.
//
// That holds as long as ids only grow. A server that comes back after a crash, or a standby that takes
// over, gives out again the ids of transactions whose traces it never got. No connection outlives that,
// so each goes by its own cursor, and a new one begins with the whole window.
const lookPostgres = `
SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint, e.revokes, e.session_id, e.user_id, e.epoch, e.at
FROM (SELECT 1) one LEFT JOIN audit_events e
  ON e.revokes IS NOT NULL AND e.xid >= $1 AND e.at > $2`

// SQLite lets one transaction write at a time, so there ids are given in the order of commits.
const lookSQLite = `
SELECT (SELECT COALESCE(MAX(id), 0) FROM audit_events), e.revokes, e.session_id, e.user_id, e.epoch, e.at
FROM (SELECT 1) one LEFT JOIN audit_events e
  ON e.revokes IS NOT NULL AND e.id > $1 AND e.at > $2`

// Look reads the events since the last look, once, in whatever time ctx gives it.
func (f *Feed) Look(ctx context.Context) error {
	f.looking.Lock()
	defer f.looking.Unlock()
	begun := f.Now()
	query := lookSQLite
	if f.DB.Dialect == dialect.Postgres {
		query = lookPostgres
	}
	if err := f.read(ctx, query, begun.Add(-f.Window)); err != nil {
		return fmt.Errorf("read revocations: %w", err)
	}
	f.lastLook.Store(&begun)
	f.forget(begun.Add(-f.Window))
	return nil
}

// read takes the rows of one look into memory and notes where the next one begins.
func (f *Feed) read(ctx context.Context, query string, since any) (err error) {
	conn, err := f.DB.SQL.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	var server any
	if err := conn.Raw(func(c any) error { server = c; return nil }); err != nil {
		return err
	}
	rows, err := conn.QueryContext(ctx, query, f.cursors[server], since)
	if err != nil {
		return err
	}
	defer rows.Close()
	var next int64
	for rows.Next() {
		var row revoked
		if err := rows.Scan(&next, &row.kind, &row.session, &row.user, &row.epoch, database.NullTime(&row.at)); err != nil {
			return err
		}
		f.take(row)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if len(f.cursors) >= maxCursors { // most of these connections are long closed
		clear(f.cursors)
	}
	f.cursors[server] = next
	return nil
}

// revoked is a row of a look; all of it is null when there was nothing new.
type revoked struct {
	kind    *auditevent.Revokes
	session *uuid.UUID
	user    *uuid.UUID
	epoch   *int64
	at      *time.Time
}

func (f *Feed) take(row revoked) {
	if row.kind == nil {
		return
	}
	switch {
	case *row.kind == auditevent.RevokesSession && row.session != nil:
		f.EndSession(*row.session, *row.at)
	case *row.kind == auditevent.RevokesUser && row.user != nil:
		f.EndUser(*row.user, *row.epoch, *row.at)
	}
}

// ask decides by the tables themselves, for when memory is too old to be believed.
func (f *Feed) ask(ctx context.Context, id, person uuid.UUID, epoch int64) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	alive, err := f.DB.Ent().Session.Query().
		Where(session.ID(id), session.HasUserWith(user.ID(person), user.Epoch(epoch))).Exist(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", ErrStale, err)
	case !alive:
		return ErrRevoked
	}
	return nil
}
