package account

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"time"

	"mpauth/ent"
	"mpauth/ent/logincode"
	"mpauth/internal/database"
	"mpauth/internal/fault"
	"mpauth/internal/wechat"
)

const (
	// codeLife is how long WeChat honours a login or phone code, and so how long a repeat is answered
	// (WeChat's pages on wx.login and getPhoneNumber).
	codeLife = 5 * time.Minute
	// ownerTime is how long whoever claimed a code may take; after that they are taken for dead.
	ownerTime = flightTime + time.Second
	// repeatPause is how long to wait before the outcome of an exchange on another replica is looked for
	// again.
	repeatPause = 40 * time.Millisecond
)

// loginProof is a login code as the database knows it: hashed, because it is worth a login.
type loginProof struct {
	appID     string
	codeHash  []byte
	nonceHash []byte // nil: the client sent no nonce
	restores  bool   // the login is also to bring a closing account back
}

func newLoginProof(app App, in SilentLoginInput) loginProof {
	proof := loginProof{appID: app.AppID, codeHash: digest("login code", app.AppID, in.Code)}
	if in.Nonce != nil {
		proof.nonceHash = digest("login nonce", app.AppID, *in.Nonce)
	}
	return proof
}

// digest hashes parts so that no two lists of parts have the same hash.
func digest(parts ...string) []byte {
	h := sha256.New()
	for _, part := range parts {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return h.Sum(nil)
}

// claimLoginCode inserts the row of the code and tells whether it was the first to do so.
func (s *Service) claimLoginCode(ctx context.Context, proof loginProof) (mine bool, err error) {
	now := s.now()
	claim := s.DB.Ent().LoginCode.Create().SetID(proof.codeHash).
		SetClaimedAt(now).SetExpiresAt(now.Add(codeLife))
	if proof.nonceHash != nil {
		claim.SetNonceHash(proof.nonceHash)
	}
	err = claim.Exec(ctx)
	if database.IsUnique(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("claim login code: %w", err)
	}
	return true, nil
}

// failLoginCode records what an exchange ended in and returns it. After a failure that cannot have
// consumed the code the claim is given back, so that the same code may be tried again.
func (s *Service) failLoginCode(ctx context.Context, app App, proof loginProof, failure error) error {
	err := s.inTx(ctx, func(tx *ent.Tx) ([]event, error) {
		if said, ok := errors.AsType[*wechat.Error](failure); ok && said.Kind == wechat.KindRateLimited {
			return nil, tx.LoginCode.DeleteOneID(proof.codeHash).Exec(ctx)
		}
		final := repeatedFailure(failure)
		var events []event
		if final == fault.LoginBlocked {
			events = []event{{at: s.now(), action: ActionBlocked, appID: app.AppID}}
		}
		return events, tx.LoginCode.Update().Where(logincode.ID(proof.codeHash)).SetFailure(string(final)).Exec(ctx)
	})
	if err != nil {
		s.Log.WarnContext(ctx, "the failure of a login code was not recorded", "error", err)
	}
	return failure
}

// repeatedFailure is what a repeat is told after a failure. Where nobody knows whether WeChat has
// consumed the code, it must not be exchanged again: the client needs a new one.
func repeatedFailure(failure error) fault.Code {
	switch code := fault.CodeOf(failure); code {
	case fault.LoginBlocked, fault.AccountDisabled, fault.AccountClosing, fault.ConsentRequired:
		return code
	default:
		return fault.LoginCodeInvalid
	}
}

// repeatLogin answers a request whose code somebody else has claimed: with the session that the code
// opened, as soon as it is there, if the nonce is the same.
func (s *Service) repeatLogin(ctx context.Context, app App, proof loginProof) (*Login, error) {
	for {
		claim, err := s.DB.Ent().LoginCode.Get(ctx, proof.codeHash)
		if ent.IsNotFound(err) {
			return nil, fault.New(fault.Unavailable, "the exchange of this code was given up; repeat the request")
		}
		if err != nil {
			return nil, outward(fmt.Errorf("read login code: %w", err))
		}
		if !s.now().Before(claim.ExpiresAt) {
			return nil, spentLoginCode()
		}
		if err := s.sameClient(ctx, app, claim, proof); err != nil {
			return nil, err
		}
		m, err := s.findMember(ctx, s.DB.Ent(), "s.login_code_hash = $1", proof.codeHash)
		if err != nil {
			return nil, outward(err)
		}
		if m != nil {
			return s.answer(m)
		}
		if err := s.claimEnded(claim); err != nil {
			return nil, err
		}
		if err := pause(ctx, repeatPause); err != nil {
			return nil, err
		}
	}
}

// sameClient refuses a repeat that does not know the nonce: it may be somebody who saw the code.
func (s *Service) sameClient(ctx context.Context, app App, claim *ent.LoginCode, proof loginProof) error {
	// Without the first condition a claim without a nonce would be anybody's who sends none.
	if proof.nonceHash != nil && claim.NonceHash != nil && subtle.ConstantTimeCompare(*claim.NonceHash, proof.nonceHash) == 1 {
		return nil
	}
	err := s.inTx(ctx, func(*ent.Tx) ([]event, error) {
		return []event{{at: s.now(), action: ActionForeignNonce, appID: app.AppID}}, nil
	})
	if err != nil {
		return err
	}
	return spentLoginCode()
}

// claimEnded is the failure of a claim that will not become a session, or nil while it still may.
func (s *Service) claimEnded(claim *ent.LoginCode) error {
	if claim.Failure != nil {
		switch code := fault.Code(*claim.Failure); code {
		case fault.LoginBlocked:
			return fault.New(code, "WeChat refuses this login as high-risk")
		case fault.AccountDisabled:
			return accountDisabled()
		case fault.AccountClosing:
			return accountClosing(nil)
		case fault.ConsentRequired:
			return consentRequired()
		}
		return spentLoginCode()
	}
	if s.now().Sub(claim.ClaimedAt) > ownerTime {
		return spentLoginCode()
	}
	return nil
}

func spentLoginCode() error {
	return fault.New(fault.LoginCodeInvalid, "WeChat does not honour this code: it is expired, used, or of another app")
}

// pause waits, or gives up when ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return fault.Wrap(fault.Unavailable, "this is taking long; repeat the request", ctx.Err())
	}
}
