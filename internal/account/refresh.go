package account

import (
	"context"
	"fmt"
	"time"

	"mpauth/ent"
	"mpauth/ent/session"
	"mpauth/internal/fault"
)

// refreshGrace is how long the refresh token before the current one still gets the current one: long
// enough for a client that lost the answer to repeat the request.
const refreshGrace = 30 * time.Second

// RefreshToken goes on with a session: it makes the presented token worthless and answers with the
// next one. The database decides a race: one of the copies moves the session on, the others are
// repeats. A repeat of the token just before the current one gets the same answer for 30 seconds;
// anything older means that somebody else has used the token, and ends the session.
//
// A forged token is refused without asking the database.
//
// Faults: UNAUTHENTICATED, SESSION_REVOKED, ACCOUNT_DISABLED, RATE_LIMITED, UNAVAILABLE.
func (s *Service) RefreshToken(ctx context.Context, raw string) (*Login, error) {
	id, counter, err := s.Refresh.Verify(raw)
	if err != nil {
		return nil, fault.Wrap(fault.Unauthenticated, "this is not a refresh token of this server", err)
	}
	if err := s.LimitRefresh(ctx, id); err != nil {
		return nil, err
	}
	var m *member
	var refused error
	err = s.inTx(ctx, func(tx *ent.Tx) ([]event, error) {
		refused = nil
		now := s.now()
		moved, err := tx.Session.Update().
			Where(session.ID(id), session.RefreshCounter(counter), session.IdleExpiresAtGT(now), session.ExpiresAtGT(now)).
			SetRefreshCounter(counter + 1).SetRefreshedAt(now).SetIdleExpiresAt(now.Add(s.Limits.RefreshIdle)).
			Save(ctx)
		if err != nil {
			return nil, fmt.Errorf("move the session on: %w", err)
		}
		m, err = s.findMember(ctx, tx, "s.id = $1", id)
		if err != nil {
			return nil, err
		}
		if m == nil {
			return nil, sessionEnded()
		}
		m.FirstLogin = false
		if err := m.state.admits(now); err != nil {
			return nil, err
		}
		if moved == 1 || m.repeats(counter, now) {
			return nil, nil
		}
		refused = fault.New(fault.SessionRevoked, "this session has ended")
		of := Caller{UserID: m.User.ID, SessionID: id, AppID: m.App.AppID}
		return s.endSessions(ctx, tx, of, m.whyEnded(counter), session.ID(id))
	})
	if err == nil {
		err = refused
	}
	if err != nil {
		return nil, err
	}
	return s.answer(m)
}

// repeats tells whether a token with this counter was spent so lately that its answer may be lost.
func (m *member) repeats(counter int64, now time.Time) bool {
	return m.Counter == counter+1 && now.Sub(m.RefreshedAt) <= refreshGrace
}

// whyEnded is why a session that was neither moved on nor repeated has to end.
func (m *member) whyEnded(counter int64) Action {
	if counter == m.Counter {
		return ActionExpired
	}
	return ActionReuse
}
