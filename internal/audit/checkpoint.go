package audit

import (
	"context"
	"crypto/hmac"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"mpauth/ent"
	"mpauth/ent/auditcheckpoint"
)

const (
	checkpointInterval = 10 * time.Minute
	checkpointSeals    = 10_000 // or after so many
)

// Checkpoint puts on record, signed, how far the chain reaches, and logs it. Nothing happens when it
// has not grown since.
func (c *Chain) Checkpoint(ctx context.Context) error { return c.checkpoint(ctx, nil) }

// checkpointIfDue makes one when the last is old enough, or far enough behind.
func (c *Chain) checkpointIfDue(ctx context.Context) error {
	return c.checkpoint(ctx, func(last *ent.AuditCheckpoint, end link) bool {
		return last == nil || c.Now().Sub(last.At) >= checkpointInterval || end.seal-last.SealID >= checkpointSeals
	})
}

func (c *Chain) checkpoint(ctx context.Context, due func(last *ent.AuditCheckpoint, end link) bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var made *ent.AuditCheckpoint
	err := c.inTx(ctx, func(tx *ent.Tx) error {
		made = nil
		if _, free, err := c.take(ctx, tx); err != nil || !free {
			return err
		}
		end, err := lastLink(ctx, tx)
		if err != nil || end.seal == 0 {
			return err
		}
		last, err := lastOf(ctx, tx.AuditCheckpoint.Query())
		if err != nil || last != nil && last.SealID == end.seal || due != nil && !due(last, end) {
			return err
		}
		made, err = c.state(ctx, tx, auditcheckpoint.KindLength, end)
		return err
	})
	if err != nil {
		return fmt.Errorf("make a checkpoint of the audit trail: %w", err)
	}
	if made != nil {
		c.Log.InfoContext(ctx, "audit checkpoint", "checkpoint", Place{made.SealID, made.MAC}.String())
	}
	return nil
}

// state stores a signed statement about the chain.
func (c *Chain) state(ctx context.Context, tx *ent.Tx, kind auditcheckpoint.Kind, at link) (*ent.AuditCheckpoint, error) {
	floor, err := storedFloor(ctx, tx)
	if err != nil {
		return nil, err
	}
	row := &ent.AuditCheckpoint{
		Kind: kind, SealID: at.seal, MAC: at.mac, EventID: max(floor, c.floor), At: c.Now().UTC().Truncate(time.Microsecond),
	}
	return tx.AuditCheckpoint.Create().SetKind(row.Kind).SetSealID(row.SealID).SetMAC(row.MAC).
		SetEventID(row.EventID).SetAt(row.At).SetSignature(c.sign(row)).Save(ctx)
}

func (c *Chain) sign(row *ent.AuditCheckpoint) []byte {
	m := c.mac("mpauth audit checkpoint 1")
	m.text(string(row.Kind))
	m.number(row.SealID)
	m.bytes(row.MAC)
	m.number(row.EventID)
	m.number(row.At.UnixMicro())
	return m.sum()
}

func (c *Chain) signed(row *ent.AuditCheckpoint) bool { return hmac.Equal(row.Signature, c.sign(row)) }

// lastOf is the latest statement, or nil.
func lastOf(ctx context.Context, q *ent.AuditCheckpointQuery) (*ent.AuditCheckpoint, error) {
	row, err := q.Order(ent.Desc(auditcheckpoint.FieldSealID, auditcheckpoint.FieldID)).First(ctx)
	if ent.IsNotFound(err) {
		return nil, nil
	}
	return row, err
}

// lastRemoval says up to where the chain's beginning was removed, or nil.
func lastRemoval(ctx context.Context, q *ent.AuditCheckpointQuery) (*ent.AuditCheckpoint, error) {
	return lastOf(ctx, q.Where(auditcheckpoint.KindEQ(auditcheckpoint.KindRemoval)))
}

// storedFloor is where a process that has just started begins to look.
func storedFloor(ctx context.Context, tx *ent.Tx) (int64, error) {
	last, err := lastOf(ctx, tx.AuditCheckpoint.Query())
	if err != nil || last == nil {
		return 0, err
	}
	return last.EventID, nil
}

// Place names a link by its number and what it holds, as 1234:0a1b2c3d.4e5f….… ; it is no secret, and
// written in groups so that a log which masks whatever looks like a key lets it through.
type Place struct {
	Seal int64
	MAC  []byte
}

const groupSize = 4 // bytes

// String is what [ParsePlace] reads.
func (p Place) String() string {
	var groups []string
	for group := range slices.Chunk(p.MAC, groupSize) {
		groups = append(groups, hex.EncodeToString(group))
	}
	return fmt.Sprintf("%d:%s", p.Seal, strings.Join(groups, "."))
}

// ParsePlace reads what a checkpoint's line in the log says.
func ParsePlace(text string) (Place, error) {
	seal, groups, _ := strings.Cut(text, ":")
	number, err := strconv.ParseInt(seal, 10, 64)
	mac, errMAC := hex.DecodeString(strings.ReplaceAll(groups, ".", ""))
	if err != nil || errMAC != nil || number < 1 || len(mac) != macSize {
		return Place{}, fmt.Errorf("%q is not a checkpoint: take one from the log, a number, a colon and eight groups of digits", text)
	}
	return Place{number, mac}, nil
}
