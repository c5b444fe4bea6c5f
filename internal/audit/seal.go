package audit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"

	"mpauth/ent"
	"mpauth/ent/auditevent"
	"mpauth/ent/auditseal"
	"mpauth/internal/database"
)

const (
	sealInterval = time.Second
	sealBatch    = 500 // events per transaction

	// markAge is longer than a transaction may take, so that no id which was given out before the mark
	// was made belongs to a transaction that is still to appear.
	markAge = time.Minute

	// lockKey is the advisory lock that lets one replica seal.
	lockKey = 0x6d70617564 // "mpaud"
)

// Run seals, says how long the chain is and removes what is older than keep (0: nothing), until ctx
// ends; then it seals and says so once more.
func (c *Chain) Run(ctx context.Context, keep time.Duration) {
	ticker := time.NewTicker(sealInterval)
	defer ticker.Stop()
	sealing := condition{lost: "the audit trail is not being sealed; events are kept and sealed later", back: "the audit trail is being sealed again"}
	removing := condition{lost: "old audit events are not being removed", back: "old audit events are being removed again"}
	for {
		select {
		case <-ctx.Done():
			c.farewell()
			return
		case <-ticker.C:
		}
		c.note(ctx, &sealing, errors.Join(c.sealAll(ctx), c.checkpointIfDue(ctx)))
		c.note(ctx, &removing, c.retainIfDue(ctx, keep))
	}
}

// condition is whether something goes well, and what the log says when that changes.
type condition struct {
	ill        bool
	lost, back string
}

func (c *Chain) note(ctx context.Context, what *condition, err error) {
	if ctx.Err() != nil || (err != nil) == what.ill {
		return
	}
	if what.ill = err != nil; what.ill {
		c.Log.ErrorContext(ctx, what.lost, "error", err)
		return
	}
	c.Log.InfoContext(ctx, what.back)
}

// farewell leaves the trail sealed and its length on record. What it cannot do in time, the next start does.
func (c *Chain) farewell() {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	if err := errors.Join(c.sealAll(ctx), c.Checkpoint(ctx)); err != nil {
		c.Log.WarnContext(ctx, "the end of the audit trail is not sealed yet; the next start does it", "error", err)
	}
}

// sealAll seals until nothing is left to seal.
func (c *Chain) sealAll(ctx context.Context) error {
	for {
		n, err := c.Seal(ctx)
		if err != nil || n < sealBatch {
			return err
		}
	}
}

// Seal adds the next events to the chain, and returns how many: none when another replica is at it.
func (c *Chain) Seal(ctx context.Context) (n int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var at mark
	var free bool
	err = c.inTx(ctx, func(tx *ent.Tx) (err error) {
		n = 0
		if at, free, err = c.take(ctx, tx); err != nil || !free {
			return err
		}
		events, err := c.unsealed(ctx, tx)
		if err != nil {
			return err
		}
		n = len(events)
		return c.append(ctx, tx, events)
	})
	if err != nil {
		return 0, fmt.Errorf("seal the audit trail: %w", err)
	}
	if free && n < sealBatch {
		c.raiseFloor(at) // only now: what was not committed is not sealed
	}
	return n, nil
}

// append stores the links of the events.
func (c *Chain) append(ctx context.Context, tx *ent.Tx, events []*ent.AuditEvent) error {
	if len(events) == 0 {
		return nil
	}
	last, err := lastLink(ctx, tx)
	if err != nil {
		return err
	}
	rows := make([]*ent.AuditSealCreate, len(events))
	for i, e := range events {
		last = c.next(last, e)
		rows[i] = tx.AuditSeal.Create().SetID(last.seal).SetEventID(e.ID).SetMAC(last.mac)
	}
	return tx.AuditSeal.CreateBulk(rows...).Exec(ctx)
}

// lastLink is the end of the chain.
func lastLink(ctx context.Context, tx *ent.Tx) (link, error) {
	row, err := tx.AuditSeal.Query().Order(ent.Desc(auditseal.FieldID)).First(ctx)
	if err == nil {
		return link{row.ID, row.MAC}, nil
	}
	if !ent.IsNotFound(err) {
		return link{}, err
	}
	removed, err := lastRemoval(ctx, tx.AuditCheckpoint.Query())
	if err != nil || removed == nil {
		return beginning(), err
	}
	return link{removed.SealID, removed.MAC}, nil
}

// unsealed finds committed events that are not in the chain. It sees an event as soon as it is
// committed, in whatever order that happens: the chain's order is that of sealing.
func (c *Chain) unsealed(ctx context.Context, tx *ent.Tx) ([]*ent.AuditEvent, error) {
	if c.floor == 0 {
		floor, err := storedFloor(ctx, tx)
		if err != nil {
			return nil, err
		}
		c.floor = floor
	}
	return tx.AuditEvent.Query().Where(auditevent.IDGT(c.floor), notSealed).
		Order(ent.Asc(auditevent.FieldID)).Limit(sealBatch).All(ctx)
}

// notSealed keeps to events that no link holds.
func notSealed(s *entsql.Selector) {
	seals := entsql.Table(auditseal.Table)
	s.Where(entsql.NotExists(entsql.Select(seals.C(auditseal.FieldID)).From(seals).
		Where(entsql.ColumnsEQ(seals.C(auditseal.FieldEventID), s.C(auditevent.FieldID)))))
}

// mark is how far the ids of events had come at a time.
type mark struct {
	made    time.Time
	maxID   int64
	xmin    int64 // the oldest transaction that was running
	xmax    int64 // the first that had not begun
	settled bool  // whether every smaller id is settled at once: one writer at a time
}

const (
	lookPostgres = `
SELECT pg_try_advisory_xact_lock($1), COALESCE((SELECT MAX(id) FROM audit_events), 0),
  pg_snapshot_xmin(pg_current_snapshot())::text::bigint, pg_snapshot_xmax(pg_current_snapshot())::text::bigint`
	lookSQLite = `SELECT $1 <> 0, COALESCE((SELECT MAX(id) FROM audit_events), 0), 0, 0`
)

// take takes the lock, if it is free, and looks how far things are.
func (c *Chain) take(ctx context.Context, tx *ent.Tx) (m mark, free bool, err error) {
	query := lookPostgres
	if c.DB.Dialect == dialect.SQLite {
		query = lookSQLite
	}
	rows, err := tx.QueryContext(ctx, query, lockKey)
	if err != nil {
		return m, false, err
	}
	defer rows.Close()
	m = mark{made: c.Now(), settled: c.DB.Dialect == dialect.SQLite}
	if rows.Next() {
		err = rows.Scan(&free, &m.maxID, &m.xmin, &m.xmax)
	}
	return m, free, errors.Join(err, rows.Err())
}

// raiseFloor spares the next look the events that are settled. An id is given out before its
// transaction commits; so what was there at a mark is settled once every transaction that was running
// then has ended, and the mark is so old that none can have been about to begin writing.
func (c *Chain) raiseFloor(now mark) {
	if now.settled {
		c.floor = now.maxID
		return
	}
	if len(c.marks) > 0 && now.xmax < c.marks[len(c.marks)-1].xmax {
		c.marks = nil // a server that took over counts its transactions anew
	}
	for len(c.marks) > 0 && now.xmin >= c.marks[0].xmax && now.made.Sub(c.marks[0].made) >= markAge {
		c.floor = c.marks[0].maxID
		c.marks = c.marks[1:]
	}
	if len(c.marks) == 0 || now.made.Sub(c.marks[len(c.marks)-1].made) >= markAge/4 {
		c.marks = append(c.marks, now)
	}
}

const maxAttempts = 3

// inTx runs do in one transaction, and again when the database resolved a conflict at its cost.
func (c *Chain) inTx(ctx context.Context, do func(tx *ent.Tx) error) (err error) {
	for range maxAttempts {
		if err = c.tryTx(ctx, do); !database.IsRetryable(err) {
			return err
		}
	}
	return err
}

func (c *Chain) tryTx(ctx context.Context, do func(tx *ent.Tx) error) error {
	tx, err := c.DB.Ent().Tx(ctx)
	if err != nil {
		return err
	}
	if err := do(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}
