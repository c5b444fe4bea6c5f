package account

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"mpauth/ent"
	"mpauth/ent/ciphertextuse"
	"mpauth/ent/predicate"
	"mpauth/ent/user"
	"mpauth/internal/database"
	"mpauth/internal/fault"
	"mpauth/internal/seal"
	"mpauth/internal/wechat"
)

// UpdatePhoneInput is the phone number as WeChat handed it to the Mini Program: one of the two.
type UpdatePhoneInput struct {
	Code      *string
	Encrypted *EncryptedPhoneInput
}

// EncryptedPhoneInput is the number encrypted with the session_key.
type EncryptedPhoneInput struct {
	Iv            string
	EncryptedData string
}

// UpdatePhone binds the number that the person allowed, in place of any before it.
//
// Faults: PHONE_CODE_INVALID, DECRYPT_WX_OPEN_DATA_FAIL, PHONE_TAKEN, SESSION_REVOKED, RATE_LIMITED,
// WECHAT_UNAVAILABLE, UNAVAILABLE.
func (s *Service) UpdatePhone(ctx context.Context, caller Caller, in UpdatePhoneInput) (*User, error) {
	switch {
	case in.Code != nil && in.Encrypted == nil:
		return s.updatePhoneByCode(ctx, caller, *in.Code)
	case in.Encrypted != nil && in.Code == nil:
		return s.updatePhoneByCiphertext(ctx, caller, *in.Encrypted)
	default:
		return nil, fault.New(fault.BadInput, "give either code or encrypted")
	}
}

// UnbindPhone erases the person's number, its index included. Nothing happens when there is none.
// What brought the number, a code or encrypted data, is worth nothing from then on; so which code it
// was, and when, stays on record.
//
// Faults: SESSION_REVOKED, UNAVAILABLE.
func (s *Service) UnbindPhone(ctx context.Context, caller Caller) (*User, error) {
	var m *member
	err := s.inTx(ctx, func(tx *ent.Tx) (_ []event, err error) {
		m, err = s.member(ctx, tx, caller)
		if err != nil || m.Phone == nil {
			return nil, err
		}
		m.Phone = nil
		unbound := event{at: s.now(), action: ActionUnbindPhone, appID: caller.AppID, user: &m.User.ID, session: &caller.SessionID}
		return []event{unbound}, s.erasePhone(ctx, tx, m.User.ID, user.MergedIntoIsNil())
	})
	if err != nil {
		return nil, err
	}
	return &m.User, nil
}

// erasePhone removes a person's number, with those of users who became part of them, and makes worthless
// what brought it. Where the conditions do not hold any more, another transaction was faster.
func (s *Service) erasePhone(ctx context.Context, tx *ent.Tx, person uuid.UUID, conditions ...predicate.User) error {
	mine := user.And(append(conditions, user.ID(person))...)
	n, err := tx.User.Update().Where(user.Or(mine, user.MergedInto(person))).ClearPhoneSealed().ClearPhoneIndex().Save(ctx)
	if err != nil {
		return fmt.Errorf("erase phone number: %w", err)
	}
	if n == 0 {
		return errAgain
	}
	return s.withdraw(ctx, tx, person, ciphertextuse.KindPhone)
}

// binding is a proved number on its way to a person.
type binding struct {
	phone    Phone
	at       time.Time
	codeHash []byte // of the phone code that brought it; nil when it came encrypted
	source   string // for the audit trail
}

// bindPhone stores a proved number with a person. The unique index of the database is what keeps a
// number to one person, so two who race for it cannot both get it. Faults: PHONE_TAKEN.
func (s *Service) bindPhone(ctx context.Context, tx *ent.Tx, m *member, b binding) ([]event, error) {
	change := tx.User.Update().Where(user.ID(m.User.ID), user.MergedIntoIsNil()).
		SetPhoneSealed(s.Phones.Seal([]byte(b.phone.Number), phonePlace(m.User.ID))).
		SetPhoneIndex(s.phoneIndexOf(m.App, b.phone)).
		SetPhoneBoundAt(b.at)
	if b.codeHash == nil {
		change.ClearPhoneCodeHash()
	} else {
		// What one code brought is not brought again: see below.
		change.SetPhoneCodeHash(b.codeHash).Where(user.Or(user.PhoneCodeHashIsNil(), user.PhoneCodeHashNEQ(b.codeHash)))
	}
	n, err := change.Save(ctx)
	switch {
	case database.IsUnique(err):
		return nil, fault.New(fault.PhoneTaken, "this number belongs to another account")
	case err != nil:
		return nil, fmt.Errorf("bind phone number: %w", err)
	case n == 0:
		return nil, s.boundAlready(ctx, tx, m)
	}
	bound := event{
		at: b.at, action: ActionBindPhone, appID: m.App.AppID, user: &m.User.ID, session: &m.SessionID,
		detail: map[string]string{"by": b.source}, first: m.PhoneAt == nil,
	}
	if bound.first {
		bound.reaches(m, FactPhone)
	}
	return []event{bound}, nil
}

// boundAlready tells a person who has this binding from one who is gone. The answer to a COMMIT may have
// been lost, and then the binding is tried again, after it was made or even taken back.
func (s *Service) boundAlready(ctx context.Context, tx *ent.Tx, m *member) error {
	there, err := tx.User.Query().Where(user.ID(m.User.ID), user.MergedIntoIsNil()).Exist(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("find the person: %w", err)
	case !there:
		return accountGone()
	}
	return nil
}

// phoneIndexOf is what the database knows a number by: the same for the same number in one group of
// apps, and telling nothing across groups.
func (s *Service) phoneIndexOf(app App, phone Phone) []byte {
	return s.PhoneIndex.Of("phone|"+app.Group(), phone.Number)
}

func phonePlace(person uuid.UUID) seal.Place {
	return seal.Place{Table: "users", Column: "phone_sealed", Row: person.String()}
}

// provedPhone is the number in WeChat's answer.
func provedPhone(info wechat.PhoneInfo) (Phone, error) {
	return ParsePhone("+" + info.CountryCode + info.PurePhoneNumber)
}
