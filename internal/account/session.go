package account

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"entgo.io/ent/dialect"
	"github.com/google/uuid"

	"mpauth/ent"
	"mpauth/ent/identity"
	"mpauth/ent/predicate"
	"mpauth/ent/session"
	"mpauth/ent/user"
	"mpauth/internal/fault"
)

// Session is one login on one device.
type Session struct {
	ID         uuid.UUID
	Device     Device
	Current    bool
	CreatedAt  time.Time
	LastSeenAt time.Time
	ExpiresAt  time.Time
}

// Device is a device as it described itself.
type Device struct {
	Name       string
	Platform   string
	SdkVersion string
}

// LogoutScope is which sessions a logout ends.
type LogoutScope string

// The scopes.
const (
	LogoutThis   LogoutScope = "THIS"
	LogoutOthers LogoutScope = "OTHERS"
	LogoutAll    LogoutScope = "ALL"
)

// Sessions lists the live sessions of the person who asks, the most recently seen first.
func (s *Service) Sessions(ctx context.Context, caller Caller) ([]*Session, error) {
	now := s.now()
	rows, err := s.DB.Ent().Session.Query().
		Where(session.UserID(caller.UserID), session.IdleExpiresAtGT(now), session.ExpiresAtGT(now)).
		Order(session.ByRefreshedAt(), session.ByID()).All(ctx)
	if err != nil {
		return nil, outward(fmt.Errorf("list sessions: %w", err))
	}
	slices.Reverse(rows)
	sessions := make([]*Session, len(rows))
	for i, row := range rows {
		sessions[i] = &Session{
			ID:         row.ID,
			Device:     Device{Name: row.DeviceName, Platform: row.Platform, SdkVersion: row.SdkVersion},
			Current:    row.ID == caller.SessionID,
			CreatedAt:  row.CreatedAt,
			LastSeenAt: row.RefreshedAt,
			ExpiresAt:  earlier(row.IdleExpiresAt, row.ExpiresAt),
		}
	}
	return sessions, nil
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// Logout ends sessions of the person who asks. Their tokens are refused on this replica at once and
// on all others within a second. Ending all sessions also raises the person's epoch, so that a token
// made in the same moment cannot slip through.
//
// The session keys of an identity that no session uses any more are erased with its last one.
func (s *Service) Logout(ctx context.Context, caller Caller, scope LogoutScope) error {
	return s.inTx(ctx, func(tx *ent.Tx) ([]event, error) {
		switch scope {
		case LogoutAll:
			return s.endAll(ctx, tx, caller.AppID, caller.UserID, ActionLogout)
		case LogoutOthers:
			return s.endSessions(ctx, tx, caller, ActionLogout, session.IDNEQ(caller.SessionID))
		default:
			return s.endSessions(ctx, tx, caller, ActionLogout, session.ID(caller.SessionID))
		}
	})
}

// RevokeSession ends one session of the person who asks. Faults: NOT_FOUND, for a session of
// somebody else just as for one that is not there.
func (s *Service) RevokeSession(ctx context.Context, caller Caller, id uuid.UUID) error {
	return s.inTx(ctx, func(tx *ent.Tx) ([]event, error) {
		ended, err := s.endSessions(ctx, tx, caller, ActionLogout, session.ID(id))
		if err == nil && len(ended) == 0 {
			return nil, fault.New(fault.NotFound, "there is no such session")
		}
		return ended, err
	})
}

// endSessions removes the sessions of the person that the condition names, and the session keys that
// nothing uses any more.
func (s *Service) endSessions(ctx context.Context, tx *ent.Tx, of Caller, why Action, which predicate.Session) ([]event, error) {
	if err := s.lockIdentities(ctx, tx, of.UserID); err != nil {
		return nil, err
	}
	ids, err := tx.Session.Query().Where(session.UserID(of.UserID), which).IDs(ctx)
	if err != nil {
		return nil, fmt.Errorf("find sessions: %w", err)
	}
	if len(ids) == 0 {
		return nil, nil
	}
	if err := s.deleteSessions(ctx, tx, ids); err != nil {
		return nil, err
	}
	if err := s.dropKeys(ctx, tx, identity.UserID(of.UserID), identity.Not(identity.HasSessions())); err != nil {
		return nil, err
	}
	now := s.now()
	events := make([]event, len(ids))
	for i, id := range ids {
		events[i] = endsSession(now, why, of.AppID, of.UserID, id)
	}
	return events, nil
}

// lockIdentities lets the logins of a person that have begun to store something come to their end,
// and those to come wait for the end of tx; so what tx reads next does not change under it. On SQLite
// a transaction has the database to itself anyway.
func (s *Service) lockIdentities(ctx context.Context, tx *ent.Tx, person uuid.UUID) error {
	if s.DB.Dialect == dialect.SQLite {
		return nil
	}
	if _, err := tx.Identity.Query().Where(identity.UserID(person)).ForUpdate().IDs(ctx); err != nil {
		return fmt.Errorf("lock identities: %w", err)
	}
	return nil
}

// deleteSessions removes sessions.
func (s *Service) deleteSessions(ctx context.Context, tx *ent.Tx, ids []uuid.UUID) error {
	if _, err := tx.Session.Delete().Where(session.IDIn(ids...)).Exec(ctx); err != nil {
		return fmt.Errorf("end sessions: %w", err)
	}
	return nil
}

// endAll ends everything a person has: sessions, session keys, and all tokens by their epoch.
func (s *Service) endAll(ctx context.Context, tx *ent.Tx, appID string, person uuid.UUID, why Action) ([]event, error) {
	// The keys go first: erasing them locks the identities, for the reason that lockIdentities names, and
	// everybody locks identities before users.
	if err := s.dropKeys(ctx, tx, identity.UserID(person)); err != nil {
		return nil, err
	}
	ended, err := s.raiseEpoch(ctx, tx, appID, person, why)
	if err != nil {
		return nil, err
	}
	if _, err := tx.Session.Delete().Where(session.UserID(person)).Exec(ctx); err != nil {
		return nil, fmt.Errorf("end sessions: %w", err)
	}
	return []event{ended}, nil
}

// raiseEpoch ends the access tokens of a user, and no session.
func (s *Service) raiseEpoch(ctx context.Context, tx *ent.Tx, appID string, person uuid.UUID, why Action) (event, error) {
	if err := tx.User.Update().Where(user.ID(person)).AddEpoch(1).Exec(ctx); err != nil {
		return event{}, fmt.Errorf("raise epoch: %w", err)
	}
	epoch, err := tx.User.Query().Where(user.ID(person)).Select(user.FieldEpoch).Int(ctx)
	if err != nil {
		return event{}, fmt.Errorf("read epoch: %w", err)
	}
	return endsTokens(s.now(), why, appID, person, int64(epoch)), nil
}

// MarshalGQL writes the scope's name.
func (s LogoutScope) MarshalGQL(w io.Writer) { _, _ = io.WriteString(w, strconv.Quote(string(s))) }

// UnmarshalGQL reads a scope's name.
func (s *LogoutScope) UnmarshalGQL(v any) error {
	name, _ := v.(string)
	scopes := []LogoutScope{LogoutThis, LogoutOthers, LogoutAll}
	if !slices.Contains(scopes, LogoutScope(name)) {
		return fmt.Errorf("%q is not a LogoutScope", name)
	}
	*s = LogoutScope(name)
	return nil
}
