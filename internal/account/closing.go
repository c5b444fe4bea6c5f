package account

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"mpauth/ent"
	"mpauth/ent/user"
	"mpauth/internal/fault"
)

// DeleteAccount begins to close the account of the caller, who proves anew, by a code of wx.login, that
// they are there. All their sessions end, and logins are refused, until the account is erased or
// restored. Their number stays theirs that long, so that nobody else takes it meanwhile. It returns
// when the account is erased.
//
// Faults: BAD_INPUT, LOGIN_CODE_INVALID, LOGIN_BLOCKED, SESSION_REVOKED, RATE_LIMITED,
// WECHAT_UNAVAILABLE, UNAVAILABLE.
func (s *Service) DeleteAccount(ctx context.Context, caller Caller, code string) (time.Time, error) {
	if err := s.proveAgain(ctx, caller, code); err != nil {
		return time.Time{}, err
	}
	closesAt := s.now().Add(s.Limits.Closing)
	err := s.inTx(ctx, func(tx *ent.Tx) ([]event, error) {
		if _, err := s.member(ctx, tx, caller); err != nil {
			return nil, err
		}
		if err := s.lockIdentities(ctx, tx, caller.UserID); err != nil {
			return nil, err
		}
		n, err := tx.User.Update().Where(user.ID(caller.UserID), user.MergedIntoIsNil()).SetClosesAt(closesAt).Save(ctx)
		if err != nil {
			return nil, fmt.Errorf("close account: %w", err)
		}
		if n == 0 {
			return nil, errAgain
		}
		return s.endAll(ctx, tx, caller.AppID, caller.UserID, ActionClose)
	})
	if err != nil {
		return time.Time{}, err
	}
	if s.Limits.Closing == 0 {
		return closesAt, s.eraseDue(ctx, caller.UserID)
	}
	return closesAt, nil
}

// RestoreAccount takes DeleteAccount back, and logs in. For an account that is not closing it is
// [Service.SilentLogin]. Silent logins do not restore by themselves: they happen whenever a Mini
// Program is opened.
//
// Faults: as of SilentLogin, but ACCOUNT_CLOSING.
func (s *Service) RestoreAccount(ctx context.Context, in SilentLoginInput) (*Login, error) {
	return s.logIn(ctx, in, true)
}

// reopen takes back that the account is to be closed. The transaction has locked the identity, so the
// erasure is either before it, and then nobody comes here, or after it, and then finds nothing to do.
func (s *Service) reopen(ctx context.Context, tx *ent.Tx, a arrival, person uuid.UUID) ([]event, error) {
	n, err := tx.User.Update().Where(user.ID(person), user.ClosesAtNotNil()).ClearClosesAt().Save(ctx)
	if err != nil {
		return nil, fmt.Errorf("restore account: %w", err)
	}
	if n == 0 {
		return nil, nil
	}
	return []event{{at: a.exchangedAt, action: ActionRestore, appID: a.app.AppID, user: &person}}, nil
}

// proveAgain has WeChat say of a fresh login code that it is of the caller. The code is claimed like
// that of a login, so that it is worth one thing only; what it says about the session_key is stored.
func (s *Service) proveAgain(ctx context.Context, caller Caller, code string) error {
	m, err := s.member(ctx, s.DB.Ent(), caller)
	if err != nil {
		return outward(err)
	}
	in := SilentLoginInput{Code: code}
	if err := in.check(); err != nil {
		return err
	}
	proof := newLoginProof(m.App, in)
	mine, err := s.claimLoginCode(ctx, proof)
	if err != nil {
		return outward(err)
	}
	if !mine {
		return spentLoginCode()
	}
	who, err := s.WeChat.Code2Session(ctx, m.App.AppID, code)
	if err != nil {
		return s.failLoginCode(ctx, m.App, proof, refusal(err, fault.LoginCodeInvalid))
	}
	if who.OpenID != m.OpenID {
		return s.failLoginCode(ctx, m.App, proof, spentLoginCode())
	}
	arrival := arrival{app: m.App, who: who, exchangedAt: s.now()}
	key := s.SessionKeys.Seal(m.App.AppID, who.OpenID, who.SessionKey)
	return s.inTx(ctx, func(tx *ent.Tx) ([]event, error) {
		_, _, err := s.returningMember(ctx, tx, arrival, key)
		return nil, err
	})
}
