package account

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"mpauth/ent"
	"mpauth/ent/phonecode"
	"mpauth/internal/database"
	"mpauth/internal/fault"
)

// storePause is how long storing a paid number waits before it tries the database again.
const storePause = 200 * time.Millisecond

// updatePhoneByCode has WeChat tell the number that a phone code stands for, and binds it.
//
// Each code costs money and works once. So it is claimed first; the exchange and the storing go on
// when the client has left and while the database is away; and a retry of the same code by the same
// person, on any replica, gets the same answer.
func (s *Service) updatePhoneByCode(ctx context.Context, caller Caller, code string) (*User, error) {
	if code == "" || len(code) > 256 {
		return nil, fault.New(fault.BadInput, "code must have 1 to 256 characters")
	}
	// The person is part of the hash: who claims somebody else's code does not spoil it for them.
	hash := digest("phone code", caller.AppID, caller.UserID.String(), code)
	return s.phoneFlights.do(ctx, hex.EncodeToString(hash), func(ctx context.Context) (*User, error) {
		m, err := s.member(ctx, s.DB.Ent(), caller)
		if err != nil {
			return nil, outward(err)
		}
		mine, err := s.claimPhoneCode(ctx, hash)
		if err != nil {
			return nil, outward(err)
		}
		if !mine {
			return s.repeatPhoneCode(ctx, m, code, hash)
		}
		return s.exchangePhoneCode(ctx, m, code, hash)
	})
}

// exchangePhoneCode goes to WeChat and to the database. The openid makes WeChat refuse the code of
// somebody else.
func (s *Service) exchangePhoneCode(ctx context.Context, m *member, code string, hash []byte) (*User, error) {
	info, err := s.WeChat.PhoneNumber(ctx, m.App.AppID, code, m.OpenID)
	if err != nil {
		return nil, s.failPhoneCode(ctx, hash, refusal(err, fault.PhoneCodeInvalid))
	}
	phone, err := provedPhone(info)
	if err != nil {
		return nil, s.failPhoneCode(ctx, hash, fault.Wrap(fault.PhoneCodeInvalid, "WeChat's answer holds no phone number", err))
	}
	err = s.storePaid(ctx, m, binding{phone: phone, at: s.now(), codeHash: hash, source: "code"})
	if err != nil {
		return nil, s.offerPhone(ctx, m, phone, s.failPhoneCode(ctx, hash, err))
	}
	m.Phone = &phone
	return &m.User, nil
}

// storePaid binds a number and does not give up while the database is away, for as long as ctx lasts:
// WeChat does not tell it a second time.
func (s *Service) storePaid(ctx context.Context, m *member, b binding) error {
	for {
		err := s.inTx(ctx, func(tx *ent.Tx) ([]event, error) { return s.bindPhone(ctx, tx, m, b) })
		if fault.CodeOf(err) != fault.Unavailable {
			return err
		}
		if pause(ctx, storePause) != nil {
			return err
		}
	}
}

// claimPhoneCode inserts the row of the code and tells whether it was the first to do so.
func (s *Service) claimPhoneCode(ctx context.Context, hash []byte) (mine bool, err error) {
	now := s.now()
	err = s.DB.Ent().PhoneCode.Create().SetID(hash).
		SetClaimedAt(now).SetExpiresAt(now.Add(codeLife)).Exec(ctx)
	if database.IsUnique(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("claim phone code: %w", err)
	}
	return true, nil
}

// failPhoneCode records a final failure and returns it. After one that may pass the claim is given
// back: the same code may be tried again, and costs nothing more.
func (s *Service) failPhoneCode(ctx context.Context, hash []byte, failure error) error {
	codes := s.DB.Ent().PhoneCode
	var err error
	if code := fault.CodeOf(failure); code == fault.PhoneCodeInvalid || code == fault.PhoneTaken {
		err = codes.Update().Where(phonecode.ID(hash)).SetFailure(string(code)).Exec(ctx)
	} else {
		err = codes.DeleteOneID(hash).Exec(ctx)
	}
	if err != nil {
		s.Log.WarnContext(ctx, "the failure of a phone code was not recorded", "error", err)
	}
	return failure
}

// repeatPhoneCode answers a request whose code the person has sent before, as soon as the outcome is
// known. Whoever claimed the code and died is succeeded: WeChat may not have been asked yet.
func (s *Service) repeatPhoneCode(ctx context.Context, m *member, code string, hash []byte) (*User, error) {
	for {
		claim, err := s.DB.Ent().PhoneCode.Get(ctx, hash)
		if ent.IsNotFound(err) {
			return nil, fault.New(fault.Unavailable, "the exchange of this code was given up; repeat the request")
		}
		if err != nil {
			return nil, outward(fmt.Errorf("read phone code: %w", err))
		}
		if err := phoneCodeFailure(claim); err != nil {
			return nil, s.repeatOffer(ctx, m, err)
		}
		m, err = s.member(ctx, s.DB.Ent(), Caller{UserID: m.User.ID, SessionID: m.SessionID})
		if err != nil {
			return nil, outward(err)
		}
		if bytes.Equal(m.PhoneCode, hash) && m.HasPhone() {
			return &m.User, nil
		}
		if m.hasBoundSince(claim.ClaimedAt, hash) {
			return nil, spentPhoneCode()
		}
		if s.now().Sub(claim.ClaimedAt) > ownerTime {
			taken, err := s.takeOver(ctx, claim)
			if err != nil {
				return nil, outward(err)
			}
			if taken {
				return s.succeedOwner(ctx, m, code, hash)
			}
		}
		if err := pause(ctx, repeatPause); err != nil {
			return nil, err
		}
	}
}

// hasBoundSince tells whether what a code brought has been taken back, or replaced by a number that
// the person allowed later: its time is over then, whatever became of it.
func (m *member) hasBoundSince(claimed time.Time, hash []byte) bool {
	return bytes.Equal(m.PhoneCode, hash) || m.PhoneAt != nil && m.PhoneAt.After(claimed)
}

// succeedOwner exchanges a code that its owner gave up, in a time of its own: what is left of the caller's
// may not be enough to store what WeChat tells only once.
func (s *Service) succeedOwner(ctx context.Context, m *member, code string, hash []byte) (*User, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flightTime)
	defer cancel()
	return s.exchangePhoneCode(ctx, m, code, hash)
}

// phoneCodeFailure is what the exchange of a code has ended in, or nil.
func phoneCodeFailure(claim *ent.PhoneCode) error {
	switch {
	case claim.Failure == nil:
		return nil
	case fault.Code(*claim.Failure) == fault.PhoneTaken:
		return fault.New(fault.PhoneTaken, "this number belongs to another account")
	default:
		return spentPhoneCode()
	}
}

func spentPhoneCode() error {
	return fault.New(fault.PhoneCodeInvalid, "WeChat does not honour this code: it is expired, used, or of another app")
}

// takeOver makes a claim this caller's own; of several who try, one does.
func (s *Service) takeOver(ctx context.Context, claim *ent.PhoneCode) (bool, error) {
	n, err := s.DB.Ent().PhoneCode.Update().
		Where(phonecode.ID(claim.ID), phonecode.ClaimedAt(claim.ClaimedAt)).
		SetClaimedAt(s.now()).Save(ctx)
	if err != nil {
		return false, fmt.Errorf("take over phone code: %w", err)
	}
	return n == 1, nil
}
