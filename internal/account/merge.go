package account

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"mpauth/ent"
	"mpauth/ent/identity"
	"mpauth/ent/merge"
	"mpauth/ent/session"
	"mpauth/ent/user"
	"mpauth/internal/fault"
)

const (
	undoTime = 24 * time.Hour // in which a merge can be taken back

	movedNickname = "nickname"
	movedPicture  = "picture"
	movedPhone    = "phone"
)

// Merge is the user who stays, after two were made one.
type Merge struct {
	ID        uuid.UUID
	User      *User
	UndoUntil time.Time
}

// pair is two users who are one person, with both rows locked.
type pair struct {
	offer      *ent.Merge
	from, into *ent.User
}

// MergeAccounts makes two users one: the identities and sessions of the one who leaves move to the one
// who stays, in one transaction. The one who stays keeps their profile and phone, and takes over what
// they had not given. Access tokens of the user who leaves are refused from then on; their sessions go
// on, and get tokens of the user who stays when they are refreshed.
//
// Whoever is shut out, or has asked to close the account, cannot be merged: neither must end by it.
//
// A repeat by who has become part of the other gets the same answer, so that no answer is lost.
//
// Faults: NOT_FOUND, also for an offer that does not hold any more, for whatever reason: the state of the
// other account is not the caller's business. SESSION_REVOKED, UNAVAILABLE.
func (s *Service) MergeAccounts(ctx context.Context, caller Caller, id uuid.UUID) (*Merge, error) {
	until := s.now().Add(undoTime)
	var into uuid.UUID
	err := s.inTx(ctx, func(tx *ent.Tx) ([]event, error) {
		p, err := s.lockOffer(ctx, tx, caller, id)
		if err != nil {
			return nil, err
		}
		into = p.into.ID
		return s.join(ctx, tx, caller, p, until)
	})
	if fault.CodeOf(err) == fault.NotFound {
		until, err = s.mergedAlready(ctx, caller, id, err)
		into = caller.UserID
	}
	if err != nil {
		return nil, err
	}
	user, err := s.Me(ctx, Caller{UserID: into, SessionID: caller.SessionID})
	if err != nil {
		return nil, err
	}
	return &Merge{ID: id, User: user, UndoUntil: until}, nil
}

// mergedAlready is until when a merge can be undone that the caller stayed in; it fails as the offer did
// if there is none.
func (s *Service) mergedAlready(ctx context.Context, caller Caller, id uuid.UUID, refused error) (time.Time, error) {
	done, err := s.DB.Ent().Merge.Query().Where(merge.ID(id), merge.IntoUser(caller.UserID), merge.StateEQ(merge.StateDone), merge.UntilGT(s.now())).Only(ctx)
	if ent.IsNotFound(err) {
		return time.Time{}, refused
	}
	if err != nil {
		return time.Time{}, outward(fmt.Errorf("find merge: %w", err))
	}
	return done.Until.UTC(), nil
}

// lockOffer locks both users of an offer of the caller, and sees that it holds. Faults: NOT_FOUND.
func (s *Service) lockOffer(ctx context.Context, tx *ent.Tx, caller Caller, id uuid.UUID) (*pair, error) {
	offer, err := s.findOffer(ctx, tx.Merge, caller.UserID, id)
	if err != nil {
		return nil, err
	}
	p, err := s.lockPair(ctx, tx, offer)
	if err != nil {
		return nil, err
	}
	// Another request may have taken it while this one waited.
	if p.offer, err = s.findOffer(ctx, tx.Merge, caller.UserID, id); err != nil {
		return nil, err
	}
	if err := s.holds(ctx, tx.Client(), p); err != nil {
		return nil, err
	}
	return p, s.requireSession(ctx, tx, caller)
}

// requireSession sees that the session of the caller has not ended: until their replica has heard of that,
// it lets them in. The transaction has locked their identities. Faults: SESSION_REVOKED.
func (s *Service) requireSession(ctx context.Context, tx *ent.Tx, caller Caller) error {
	there, err := tx.Session.Query().Where(session.ID(caller.SessionID), session.UserID(caller.UserID)).Exist(ctx)
	if err != nil {
		return fmt.Errorf("find session: %w", err)
	}
	if !there {
		return sessionEnded()
	}
	return nil
}

// findOffer is an offer that the person may take. That a phone is theirs was proved by the one who
// leaves; the other may have been given up by its number's owner long ago, and proved nothing.
func (s *Service) findOffer(ctx context.Context, merges *ent.MergeClient, person, id uuid.UUID) (*ent.Merge, error) {
	offer, err := merges.Query().Where(merge.ID(id), mayTake(person), merge.StateEQ(merge.StateOffered), merge.UntilGT(s.now())).Only(ctx)
	if ent.IsNotFound(err) {
		return nil, noSuchOffer()
	}
	if err != nil {
		return nil, fmt.Errorf("find offer: %w", err)
	}
	return offer, nil
}

func noSuchOffer() error {
	return fault.New(fault.NotFound, "there is no such offer, or it does not hold any more")
}

// lockPair locks the identities and then the rows of both users, always in the same order, so that
// nothing about them changes until tx ends and two merges never wait for each other.
func (s *Service) lockPair(ctx context.Context, tx *ent.Tx, offer *ent.Merge) (*pair, error) {
	both := []uuid.UUID{offer.FromUser, offer.IntoUser}
	slices.SortFunc(both, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	for _, person := range both {
		if err := s.lockIdentities(ctx, tx, person); err != nil {
			return nil, err
		}
	}
	rows := map[uuid.UUID]*ent.User{}
	for _, person := range both {
		row, err := s.lockUser(ctx, tx, user.ID(person))
		if err != nil {
			return nil, err
		}
		rows[person] = row
	}
	return &pair{offer: offer, from: rows[offer.FromUser], into: rows[offer.IntoUser]}, nil
}

// holds refuses an offer whose ground is gone, or of somebody who is shut out or leaving. Faults: NOT_FOUND.
func (s *Service) holds(ctx context.Context, db *ent.Client, p *pair) error {
	now := s.now()
	for _, who := range []*ent.User{p.from, p.into} {
		state := accountState{Status: who.Status, DisabledUntil: who.DisabledUntil, ClosesAt: who.ClosesAt}
		if who.MergedInto != nil || state.admits(now) != nil {
			return noSuchOffer()
		}
	}
	proved, err := s.stillProved(ctx, db, p)
	if err == nil && (!proved || p.from.AppGroup != p.into.AppGroup) {
		return noSuchOffer()
	}
	return err
}

// stillProved tells whether what proved that both are one person is still so.
func (s *Service) stillProved(ctx context.Context, db *ent.Client, p *pair) (bool, error) {
	if p.offer.Cause == merge.CausePhone {
		return p.offer.Proof != nil && hasPhone(p.into) && bytes.Equal(*p.offer.Proof, *p.into.PhoneIndex), nil
	}
	return s.sameUnion(ctx, db, p.from.ID, p.into.ID)
}

// sameUnion tells whether WeChat told one unionid for both.
func (s *Service) sameUnion(ctx context.Context, db *ent.Client, a, b uuid.UUID) (bool, error) {
	unions, err := db.Identity.Query().Where(identity.UserID(a), identity.UnionIDNotNil()).Select(identity.FieldUnionID).Strings(ctx)
	if err != nil || len(unions) == 0 {
		return false, err
	}
	return db.Identity.Query().Where(identity.UserID(b), identity.UnionIDIn(unions...)).Exist(ctx)
}

// join moves everything, and leaves the row of the one who leaves behind, for [Service.UndoMerge].
func (s *Service) join(ctx context.Context, tx *ent.Tx, caller Caller, p *pair, until time.Time) ([]event, error) {
	ids, err := tx.Identity.Query().Where(identity.UserID(p.from.ID)).IDs(ctx)
	if err != nil {
		return nil, fmt.Errorf("find identities: %w", err)
	}
	settled, err := s.settleAll(ctx, tx, p.from.ID)
	if err != nil {
		return nil, err
	}
	ended, err := s.clearDevices(ctx, tx, caller, p)
	if err != nil {
		return nil, err
	}
	moved, err := s.moveFacts(ctx, tx, p)
	if err != nil {
		return nil, err
	}
	if err := s.moveIdentities(ctx, tx, p.from.ID, p.into.ID, ids); err != nil {
		return nil, err
	}
	left, err := s.raiseEpoch(ctx, tx, caller.AppID, p.from.ID, ActionMergeFrom)
	if err != nil {
		return nil, err
	}
	if err := tx.User.Update().Where(user.ID(p.from.ID)).SetMergedInto(p.into.ID).Exec(ctx); err != nil {
		return nil, fmt.Errorf("merge user: %w", err)
	}
	err = tx.Merge.Update().Where(merge.ID(p.offer.ID)).
		SetState(merge.StateDone).SetUntil(until).SetIdentities(texts(ids)).SetMoved(moved).Exec(ctx)
	if err != nil {
		return nil, fmt.Errorf("record merge: %w", err)
	}
	stays := event{at: s.now(), action: ActionMergeInto, appID: caller.AppID, user: &p.into.ID}
	for _, e := range []*event{&left, &stays} {
		e.detail = map[string]string{"merge": p.offer.ID.String(), "cause": string(p.offer.Cause)}
	}
	return append(append(settled, ended...), left, stays), nil
}

// clearDevices ends the sessions of the one who stays on devices that the other brings along, and the
// ones seen longest ago where both together have too many.
func (s *Service) clearDevices(ctx context.Context, tx *ent.Tx, caller Caller, p *pair) ([]event, error) {
	coming, err := tx.Session.Query().Where(session.UserID(p.from.ID)).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("find sessions: %w", err)
	}
	staying, err := tx.Session.Query().Where(session.UserID(p.into.ID)).
		Order(ent.Desc(session.FieldRefreshedAt)).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("find sessions: %w", err)
	}
	room := max(0, s.Limits.MaxSessions-len(coming))
	var events []event
	var ids []uuid.UUID
	for _, row := range staying {
		clash := slices.IndexFunc(coming, func(c *ent.Session) bool { return c.DeviceID == row.DeviceID })
		asks := row.ID == caller.SessionID // of the sessions of one person, the one that asks is never the one to go
		leaves, why := row, ActionReplaced
		switch {
		case clash >= 0 && asks:
			leaves = coming[clash]
		case clash >= 0:
		case room > 0 || asks:
			room--
			continue
		default:
			why = ActionEvicted
		}
		ids = append(ids, leaves.ID)
		events = append(events, endsSession(s.now(), why, leaves.AppID, leaves.UserID, leaves.ID))
	}
	if len(ids) == 0 {
		return nil, nil
	}
	return events, s.deleteSessions(ctx, tx, ids)
}

const (
	moveIdentities = `UPDATE identities SET user_id = $1 WHERE user_id = $2 AND id = $3`
	moveSessions   = `UPDATE sessions SET user_id = $1 WHERE identity_id = $2`
)

// moveIdentities moves identities of one user, with their sessions, to another.
func (s *Service) moveIdentities(ctx context.Context, tx *ent.Tx, from, into uuid.UUID, ids []uuid.UUID) error {
	for _, id := range ids {
		if _, err := tx.ExecContext(ctx, moveIdentities, into, from, id); err != nil {
			return fmt.Errorf("move identity: %w", err)
		}
		if _, err := tx.ExecContext(ctx, moveSessions, into, id); err != nil {
			return fmt.Errorf("move sessions: %w", err)
		}
	}
	return nil
}
