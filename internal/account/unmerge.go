package account

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"mpauth/ent"
	"mpauth/ent/consent"
	"mpauth/ent/merge"
	"mpauth/ent/user"
	"mpauth/internal/fault"
)

// UndoMerge takes a merge back that the caller stayed in: what moved goes back, and is somebody else
// again. What was given since stays with who has it. Faults: NOT_FOUND, SESSION_REVOKED, UNAVAILABLE.
func (s *Service) UndoMerge(ctx context.Context, caller Caller, id uuid.UUID) (*User, error) {
	if err := s.undoMerge(ctx, Actor{}, id, "", &caller); err != nil {
		return nil, err
	}
	m, err := s.findMember(ctx, s.DB.Ent(), "s.id = $1", caller.SessionID) // it may be the other's again
	if err == nil && m == nil {
		err = sessionEnded()
	}
	if err != nil {
		return nil, outward(err)
	}
	return &m.User, nil
}

// UndoMergeFor is UndoMerge by an administrator. It returns who stayed. Faults: NOT_FOUND, UNAVAILABLE.
func (s *Service) UndoMergeFor(ctx context.Context, by Actor, id uuid.UUID, reason string) (uuid.UUID, error) {
	row, err := s.DB.Ent().Merge.Query().Where(merge.ID(id)).Only(ctx)
	if ent.IsNotFound(err) {
		return uuid.Nil, noSuchMerge()
	}
	if err != nil {
		return uuid.Nil, outward(fmt.Errorf("find merge: %w", err))
	}
	return row.IntoUser, s.undoMerge(ctx, by, id, reason, nil)
}

func noSuchMerge() error {
	return fault.New(fault.NotFound, "there is no such merge, or it cannot be undone any more")
}

// undoMerge is asked for by the caller, or else by an administrator.
func (s *Service) undoMerge(ctx context.Context, by Actor, id uuid.UUID, reason string, caller *Caller) error {
	return s.inTx(ctx, func(tx *ent.Tx) ([]event, error) {
		find := func() (*ent.Merge, error) {
			done, err := tx.Merge.Query().Where(merge.ID(id), merge.StateEQ(merge.StateDone), merge.UntilGT(s.now())).Only(ctx)
			if ent.IsNotFound(err) || err == nil && caller != nil && done.IntoUser != caller.UserID {
				return nil, noSuchMerge()
			}
			return done, err
		}
		done, err := find()
		if err != nil {
			return nil, err
		}
		p, err := s.lockPair(ctx, tx, done)
		if err != nil {
			return nil, err
		}
		if p.offer, err = find(); err != nil { // another request may have been faster
			return nil, err
		}
		if caller != nil {
			if err := s.requireSession(ctx, tx, *caller); err != nil {
				return nil, err
			}
		}
		events, err := s.part(ctx, tx, p)
		return attribute(events, by, reason), err
	})
}

// part is the opposite of join.
func (s *Service) part(ctx context.Context, tx *ent.Tx, p *pair) ([]event, error) {
	ids, err := parseIDs(p.offer.Identities)
	if err != nil {
		return nil, err
	}
	if err := s.moveIdentities(ctx, tx, p.into.ID, p.from.ID, ids); err != nil {
		return nil, err
	}
	if err := s.returnFacts(ctx, tx, p); err != nil {
		return nil, err
	}
	if err := tx.User.Update().Where(user.ID(p.from.ID)).ClearMergedInto().Exec(ctx); err != nil {
		return nil, fmt.Errorf("part users: %w", err)
	}
	if err := tx.Merge.Update().Where(merge.ID(p.offer.ID)).SetState(merge.StateUndone).Exec(ctx); err != nil {
		return nil, fmt.Errorf("record the end of a merge: %w", err)
	}
	// The sessions that went back must not go on with tokens of the one who stayed.
	undone, err := s.raiseEpoch(ctx, tx, "", p.into.ID, ActionUndoMerge)
	if err != nil {
		return nil, err
	}
	undone.detail = map[string]string{"merge": p.offer.ID.String()}
	back := event{at: s.now(), action: ActionUndoMerge, user: &p.from.ID, detail: undone.detail}
	return []event{undone, back}, nil
}

func same(a, b *time.Time) bool { return a != nil && b != nil && a.Equal(*b) }

// settle makes a merge final that nobody has taken back.
func (s *Service) settle(ctx context.Context, id uuid.UUID) error {
	return s.inTx(ctx, func(tx *ent.Tx) ([]event, error) {
		done, err := tx.Merge.Query().Where(merge.ID(id), merge.StateEQ(merge.StateDone), merge.UntilLTE(s.now())).Only(ctx)
		if ent.IsNotFound(err) { // another replica was faster
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("find merge: %w", err)
		}
		if _, err := s.lockPair(ctx, tx, done); fault.CodeOf(err) == fault.NotFound {
			return nil, nil
		} else if err != nil {
			return nil, err
		}
		return s.makeFinal(ctx, tx, done)
	})
}

// settleAll makes the merges final that a user stayed in. Somebody who becomes part of another must not
// leave behind what could be undone into nowhere.
func (s *Service) settleAll(ctx context.Context, tx *ent.Tx, into uuid.UUID) ([]event, error) {
	rows, err := tx.Merge.Query().Where(merge.IntoUser(into), merge.StateEQ(merge.StateDone)).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("find merges: %w", err)
	}
	var events []event
	for _, row := range rows {
		made, err := s.makeFinal(ctx, tx, row)
		if err != nil {
			return nil, err
		}
		events = append(events, made...)
	}
	return events, nil
}

// makeFinal gives consents to the one who stayed, and removes the row of the one who left.
func (s *Service) makeFinal(ctx context.Context, tx *ent.Tx, done *ent.Merge) ([]event, error) {
	if err := tx.Consent.Update().Where(consent.UserID(done.FromUser)).SetUserID(done.IntoUser).Exec(ctx); err != nil {
		return nil, fmt.Errorf("move consents: %w", err)
	}
	erased := event{at: s.now(), action: ActionErase, user: &done.FromUser, detail: map[string]string{"merge": done.ID.String()}}
	return []event{erased}, s.eraseRows(ctx, tx, done.FromUser)
}

func texts(ids []uuid.UUID) []string {
	list := make([]string, len(ids))
	for i, id := range ids {
		list[i] = id.String()
	}
	return list
}

func parseIDs(list []string) ([]uuid.UUID, error) {
	ids := make([]uuid.UUID, len(list))
	for i, text := range list {
		id, err := uuid.Parse(text)
		if err != nil {
			return nil, fmt.Errorf("a merge names %q: %w", text, err)
		}
		ids[i] = id
	}
	return ids, nil
}
