package audit

import (
	"context"
	"fmt"
	"time"

	"mpauth/ent"
	"mpauth/ent/auditcheckpoint"
	"mpauth/ent/auditevent"
	"mpauth/ent/auditseal"
)

const removeBatch = 1000 // events per transaction

// retainIfDue removes at most one batch a second, so that nobody waits for it.
func (c *Chain) retainIfDue(ctx context.Context, keep time.Duration) error {
	if keep == 0 {
		return nil
	}
	_, err := c.Retain(ctx, keep)
	return err
}

// Retain removes the oldest events and their links as far as all of them are older than keep, at most
// a batch, and returns how many. A signed checkpoint says first up to where, so that what is left can
// still be verified; the database's triggers let nothing else go.
func (c *Chain) Retain(ctx context.Context, keep time.Duration) (removed int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	before := c.Now().Add(-keep)
	err = c.inTx(ctx, func(tx *ent.Tx) error {
		removed = 0
		if _, free, err := c.take(ctx, tx); err != nil || !free {
			return err
		}
		old, events, err := outlived(ctx, tx, before)
		if err != nil || old == nil {
			return err
		}
		if _, err := c.state(ctx, tx, auditcheckpoint.KindRemoval, link{old.ID, old.MAC}); err != nil {
			return err
		}
		removed, err = remove(ctx, tx, old.ID, events)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("remove old audit events: %w", err)
	}
	return removed, nil
}

// outlived is the last link of the beginning that is older than a time, with the events up to it.
func outlived(ctx context.Context, tx *ent.Tx, before time.Time) (*ent.AuditSeal, []int64, error) {
	seals, err := tx.AuditSeal.Query().Order(ent.Asc(auditseal.FieldID)).Limit(removeBatch).All(ctx)
	if err != nil || len(seals) == 0 {
		return nil, nil, err
	}
	ids := make([]int64, len(seals))
	for i, s := range seals {
		ids[i] = s.EventID
	}
	young, err := tx.AuditEvent.Query().Where(auditevent.IDIn(ids...), auditevent.AtGTE(before)).IDs(ctx)
	if err != nil {
		return nil, nil, err
	}
	keep := make(map[int64]bool, len(young))
	for _, id := range young {
		keep[id] = true
	}
	n := 0
	for n < len(ids) && !keep[ids[n]] {
		n++
	}
	if n == 0 {
		return nil, nil, nil
	}
	return seals[n-1], ids[:n], nil
}

// remove deletes the events first: the triggers ask their seals whether they may go.
func remove(ctx context.Context, tx *ent.Tx, upTo int64, events []int64) (int, error) {
	n, err := tx.AuditEvent.Delete().Where(auditevent.IDIn(events...)).Exec(ctx)
	if err != nil {
		return 0, err
	}
	if _, err := tx.AuditSeal.Delete().Where(auditseal.IDLTE(upTo)).Exec(ctx); err != nil {
		return 0, err
	}
	_, err = tx.AuditCheckpoint.Delete().Where(auditcheckpoint.SealIDLT(upTo)).Exec(ctx)
	return n, err
}
