package account

import (
	"context"
	"errors"
	"fmt"
	"time"

	"mpauth/ent"
	"mpauth/ent/ban"
	"mpauth/ent/ciphertextuse"
	"mpauth/ent/decryptfailure"
	"mpauth/ent/logincode"
	"mpauth/ent/phonecode"
	"mpauth/ent/predicate"
	"mpauth/ent/session"
)

// Sweep removes the rows whose time is over: login and phone codes, uses of encrypted data, failed
// decryptions, and sessions that nobody refreshed,
// accounts that were to be closed, bans. Pictures that are nobody's go with their files.
func (s *Service) Sweep(ctx context.Context) error {
	now := s.now()
	db := s.DB.Ent()
	sweep := func(what string, remove func(context.Context) (int, error)) error {
		if _, err := remove(ctx); err != nil {
			return fmt.Errorf("sweep %s: %w", what, err)
		}
		return nil
	}
	return errors.Join(
		sweep("login codes", db.LoginCode.Delete().Where(logincode.ExpiresAtLT(now)).Exec),
		sweep("phone codes", db.PhoneCode.Delete().Where(phonecode.ExpiresAtLT(now)).Exec),
		sweep("uses of encrypted data", db.CiphertextUse.Delete().Where(ciphertextuse.ExpiresAtLT(now)).Exec),
		sweep("failed decryptions", db.DecryptFailure.Delete().Where(decryptfailure.AtLT(now.Add(-personFailureWindow))).Exec),
		s.sweepSessions(ctx, session.Or(session.IdleExpiresAtLT(now), session.ExpiresAtLT(now))),
		s.sweepClosing(ctx),
		s.sweepMerges(ctx),
		sweep("bans", db.Ban.Delete().Where(ban.UntilLT(now)).Exec),
		s.sweepAvatars(ctx, now),
	)
}

// sweptSessions is how many sessions one sweep ends at most, one after the other.
const sweptSessions = 1000

// sweepSessions ends the sessions whose time is over, and erases the session keys of people who do
// not come back.
func (s *Service) sweepSessions(ctx context.Context, over predicate.Session) error {
	rows, err := s.DB.Ent().Session.Query().Where(over).Limit(sweptSessions).All(ctx)
	if err != nil {
		return fmt.Errorf("find sessions to sweep: %w", err)
	}
	for _, row := range rows {
		person := Caller{UserID: row.UserID, AppID: row.AppID}
		err := s.inTx(ctx, func(tx *ent.Tx) ([]event, error) {
			return s.endSessions(ctx, tx, person, ActionExpired, session.And(session.ID(row.ID), over))
		})
		if err != nil {
			return fmt.Errorf("sweep session: %w", err)
		}
	}
	return nil
}

// RunJanitor sweeps now, so that a server that is often started anew does too, and then at each
// interval until ctx ends.
func (s *Service) RunJanitor(ctx context.Context, interval time.Duration) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		if err := s.Sweep(ctx); err != nil && ctx.Err() == nil {
			s.Log.WarnContext(ctx, "the sweep of expired rows did not finish; the next one goes on", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}
