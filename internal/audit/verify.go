package audit

import (
	"bytes"
	"context"
	"crypto/hmac"
	"errors"
	"fmt"
	"time"

	"mpauth/ent"
	"mpauth/ent/auditcheckpoint"
	"mpauth/ent/auditevent"
	"mpauth/ent/auditseal"
)

const (
	verifyBatch = 1000
	maxProblems = 20 // that are told in words

	// lateLimit is how much older than a checkpoint an event may claim to be that was sealed after it.
	lateLimit = 10 * time.Minute
)

// Report is what Verify found.
type Report struct {
	Sealed   int64    // links that were read
	Removed  int64    // links before them, removed because the time to keep them was over
	Pending  int      // events that are too new to be sealed
	End      Place    // the last link; zero when there is none
	Problems []string // what does not hold, in words; empty: everything does
	more     int
}

// OK tells whether everything holds.
func (r *Report) OK() bool { return len(r.Problems) == 0 }

// find notes a problem. A trail that was rewritten would have as many as it has events.
func (r *Report) find(format string, args ...any) {
	if len(r.Problems) < maxProblems {
		r.Problems = append(r.Problems, fmt.Sprintf(format, args...))
		return
	}
	r.more++
	last := fmt.Sprintf("and %d more", r.more)
	if r.more > 1 {
		r.Problems[maxProblems] = last
		return
	}
	r.Problems = append(r.Problems, last)
}

// errMoved says that the beginning of the chain was removed while it was being read.
var errMoved = errors.New("the chain's beginning was removed meanwhile")

// Verify reads the whole trail, a batch at a time, and says what in it is not as it was written. When
// the chain is known from elsewhere to have reached a place, say so by expected; otherwise nil.
func (c *Chain) Verify(ctx context.Context, expected *Place) (*Report, error) {
	for range maxAttempts {
		r, err := c.verifyOnce(ctx, expected)
		if !errors.Is(err, errMoved) {
			return r, err
		}
	}
	return nil, errMoved
}

func (c *Chain) verifyOnce(ctx context.Context, expected *Place) (*Report, error) {
	r := &Report{}
	v := verification{Chain: c, Report: r, expected: expected, at: beginning()}
	steps := []func(context.Context) error{v.readCheckpoints, v.readChain, v.checkEnd, v.findUnsealed, v.checkBeginning}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return nil, fmt.Errorf("verify the audit trail: %w", err)
		}
	}
	return r, nil
}

// verification is one reading of the trail.
type verification struct {
	*Chain
	*Report
	expected *Place
	begin    int64 // the link up to which everything was removed
	at       link  // how far it has come
	lengths  map[int64]*ent.AuditCheckpoint
	furthest *ent.AuditCheckpoint // of lengths
	floor    int64
	since    time.Time // of the last checkpoint that was passed
}

// readCheckpoints reads what the server has said about the chain.
func (v *verification) readCheckpoints(ctx context.Context) error {
	rows, err := v.DB.Ent().AuditCheckpoint.Query().Order(ent.Asc(auditcheckpoint.FieldSealID, auditcheckpoint.FieldID)).All(ctx)
	if err != nil {
		return err
	}
	v.lengths = make(map[int64]*ent.AuditCheckpoint, len(rows))
	for _, row := range rows {
		switch {
		case !v.signed(row):
			v.find("the checkpoint at link %d is forged, or was made with another key", row.SealID)
		case row.Kind == auditcheckpoint.KindRemoval:
			v.begin, v.Removed, v.at = row.SealID, row.SealID, link{row.SealID, row.MAC}
			v.floor = max(v.floor, row.EventID)
		default:
			v.lengths[row.SealID], v.furthest = row, row
			v.floor = max(v.floor, row.EventID)
		}
	}
	return nil
}

// readChain follows the links from the beginning to the end.
func (v *verification) readChain(ctx context.Context) error {
	for {
		seals, err := v.DB.Ent().AuditSeal.Query().Where(auditseal.IDGT(v.at.seal)).
			Order(ent.Asc(auditseal.FieldID)).Limit(verifyBatch).All(ctx)
		if err != nil || len(seals) == 0 {
			return err
		}
		events, err := v.eventsOf(ctx, seals)
		if err != nil {
			return err
		}
		for _, s := range seals {
			v.follow(s, events[s.EventID])
		}
	}
}

func (v *verification) eventsOf(ctx context.Context, seals []*ent.AuditSeal) (map[int64]*ent.AuditEvent, error) {
	ids := make([]int64, len(seals))
	for i, s := range seals {
		ids[i] = s.EventID
	}
	rows, err := v.DB.Ent().AuditEvent.Query().Where(auditevent.IDIn(ids...)).All(ctx)
	if err != nil {
		return nil, err
	}
	events := make(map[int64]*ent.AuditEvent, len(rows))
	for _, e := range rows {
		events[e.ID] = e
	}
	return events, nil
}

// follow checks one link, and goes on from what it says, so that one change is one problem.
func (v *verification) follow(s *ent.AuditSeal, e *ent.AuditEvent) {
	if s.ID != v.at.seal+1 {
		v.find("links %d to %d are missing", v.at.seal+1, s.ID-1)
	}
	switch {
	case e == nil:
		v.find("link %d: event %d was deleted", s.ID, s.EventID)
	case s.ID == v.at.seal+1 && !hmac.Equal(v.next(v.at, e).mac, s.MAC):
		v.find("link %d: event %d was changed, or does not belong here", s.ID, s.EventID)
	case e.At.Before(v.since.Add(-lateLimit)):
		v.find("link %d: event %d claims to be of %s and was put in after %s", s.ID, s.EventID, stamp(e.At), stamp(v.since))
	}
	v.at = link{s.ID, s.MAC}
	v.Sealed++
	v.passed(v.at)
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// passed compares a link with what was said about it.
func (v *verification) passed(l link) {
	if said := v.lengths[l.seal]; said != nil {
		v.since = said.At
		if !bytes.Equal(said.MAC, l.mac) {
			v.find("link %d is not the one that the checkpoint of %s saw", l.seal, stamp(said.At))
		}
	}
	if v.expected != nil && v.expected.Seal == l.seal && !bytes.Equal(v.expected.MAC, l.mac) {
		v.find("link %d is not the one that the given checkpoint saw", l.seal)
	}
}

// checkEnd sees that the chain is as long as it was said to be.
func (v *verification) checkEnd(context.Context) error {
	if v.at.seal > 0 {
		v.End = Place{v.at.seal, v.at.mac}
	}
	if v.furthest != nil && v.furthest.SealID > v.at.seal {
		v.find("the end is cut off: the chain reached link %d on %s, and now ends at %d", v.furthest.SealID, stamp(v.furthest.At), v.at.seal)
	}
	switch {
	case v.expected == nil:
	case v.expected.Seal > v.at.seal:
		v.find("the end is cut off: the given checkpoint saw link %d, and the chain ends at %d", v.expected.Seal, v.at.seal)
	case v.expected.Seal < v.begin:
		v.find("the given checkpoint is too old: links up to %d were removed when their time was over", v.begin)
	}
	return nil
}

// findUnsealed looks for events beside the chain. Below the floor there can be none; above it they may
// be new.
func (v *verification) findUnsealed(ctx context.Context) error {
	events := v.DB.Ent().AuditEvent
	known, err := events.Query().Where(notSealed, auditevent.IDLTE(v.floor)).Limit(maxProblems + 1).IDs(ctx)
	if err != nil {
		return err
	}
	for _, id := range known {
		v.find("event %d was put in beside the chain", id)
	}
	v.Pending, err = events.Query().Where(notSealed, auditevent.IDGT(v.floor)).Count(ctx)
	return err
}

// checkBeginning sees that nothing was removed while the chain was being read.
func (v *verification) checkBeginning(ctx context.Context) error {
	now, err := lastRemoval(ctx, v.DB.Ent().AuditCheckpoint.Query())
	if err != nil {
		return err
	}
	if now != nil && v.signed(now) && now.SealID != v.begin {
		return errMoved
	}
	return nil
}
