package audit

import (
	"context"
	"crypto/hmac"
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
// still be verified; the database's triggers let nothing else go. It is an error when the beginning of
// the chain does not hold: nothing is removed then, because that would hide what was done to it.
func (c *Chain) Retain(ctx context.Context, keep time.Duration) (removed int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	before := c.Now().Add(-keep)
	err = c.inTx(ctx, func(tx *ent.Tx) error {
		removed = 0
		if _, free, err := c.take(ctx, tx); err != nil || !free {
			return err
		}
		end, events, err := c.outlived(ctx, tx, before)
		if err != nil || len(events) == 0 {
			return err
		}
		if _, err := c.state(ctx, tx, auditcheckpoint.KindRemoval, end); err != nil {
			return err
		}
		removed, err = remove(ctx, tx, end.seal, events)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("remove old audit events: %w", err)
	}
	return removed, nil
}

// outlived is the last link of the beginning that holds and is older than a time, with the events up to it.
func (c *Chain) outlived(ctx context.Context, tx *ent.Tx, before time.Time) (end link, events []int64, err error) {
	seals, err := tx.AuditSeal.Query().Order(ent.Asc(auditseal.FieldID)).Limit(removeBatch).All(ctx)
	if err != nil {
		return end, nil, err
	}
	old, err := sealedBefore(ctx, tx, seals, before)
	if err != nil {
		return end, nil, err
	}
	if end, err = c.beginningOf(ctx, tx); err != nil {
		return end, nil, err
	}
	for _, s := range seals {
		e := old[s.EventID]
		if e == nil {
			there, err := tx.AuditEvent.Query().Where(auditevent.ID(s.EventID)).Exist(ctx)
			if err == nil && !there {
				err = fmt.Errorf("event %d of link %d is missing; run `mpauth audit verify`", s.EventID, s.ID)
			}
			return end, events, unlessSome(events, err)
		}
		if next := c.next(end, e); next.seal != s.ID || !hmac.Equal(next.mac, s.MAC) {
			err := fmt.Errorf("link %d does not hold; run `mpauth audit verify`", s.ID)
			return end, events, unlessSome(events, err)
		}
		end, events = link{s.ID, s.MAC}, append(events, s.EventID)
	}
	return end, events, nil
}

// unlessSome puts an error off until what comes before it has gone.
func unlessSome(events []int64, err error) error {
	if len(events) > 0 {
		return nil
	}
	return err
}

// sealedBefore are the events of links that are older than a time.
func sealedBefore(ctx context.Context, tx *ent.Tx, seals []*ent.AuditSeal, before time.Time) (map[int64]*ent.AuditEvent, error) {
	ids := make([]int64, len(seals))
	for i, s := range seals {
		ids[i] = s.EventID
	}
	rows, err := tx.AuditEvent.Query().Where(auditevent.IDIn(ids...), auditevent.AtLT(before)).All(ctx)
	if err != nil {
		return nil, err
	}
	old := make(map[int64]*ent.AuditEvent, len(rows))
	for _, e := range rows {
		old[e.ID] = e
	}
	return old, nil
}

// beginningOf is the link that the first one follows.
func (c *Chain) beginningOf(ctx context.Context, tx *ent.Tx) (link, error) {
	removed, err := lastRemoval(ctx, tx.AuditCheckpoint.Query())
	if err != nil || removed == nil {
		return beginning(), err
	}
	if !c.signed(removed) {
		return link{}, fmt.Errorf("the removal up to link %d is forged; run `mpauth audit verify`", removed.SealID)
	}
	return link{removed.SealID, removed.MAC}, nil
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
