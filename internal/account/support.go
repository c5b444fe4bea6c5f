package account

import (
	"context"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"mpauth/ent"
	"mpauth/ent/predicate"
	"mpauth/ent/session"
	"mpauth/ent/user"
	"mpauth/internal/fault"
)

// maxReason is how many characters a reason may have.
const maxReason = 200

// ReadReason reads why an administrator does something, as the audit trail keeps it. Faults: BAD_INPUT.
func ReadReason(text string) (string, error) {
	text = strings.TrimSpace(text)
	if text == "" || !utf8.ValidString(text) || utf8.RuneCountInString(text) > maxReason || strings.ContainsFunc(text, unicode.IsControl) {
		return "", fault.New(fault.BadInput, fmt.Sprintf("reason must have 1 to %d characters in one line", maxReason))
	}
	return text, nil
}

// EndSessions ends one session of a person, or all of them when session is nil, and tells how many it
// ended. Faults: NOT_FOUND, also for a session of somebody else.
func (s *Service) EndSessions(ctx context.Context, by Actor, person uuid.UUID, which *uuid.UUID, reason string) (ended int, err error) {
	err = s.inTx(ctx, func(tx *ent.Tx) (events []event, err error) {
		if err := s.lockIdentities(ctx, tx, person); err != nil {
			return nil, err
		}
		if _, err := s.lockUser(ctx, tx, user.ID(person)); err != nil {
			return nil, err
		}
		if which != nil {
			events, err = s.endSessions(ctx, tx, Caller{UserID: person}, ActionRevoke, session.ID(*which))
			if err == nil && len(events) == 0 {
				err = fault.New(fault.NotFound, "the person has no such session")
			}
			ended = len(events)
			return attribute(events, by, reason), err
		}
		if ended, err = tx.Session.Query().Where(session.UserID(person)).Count(ctx); err != nil {
			return nil, fmt.Errorf("count sessions: %w", err)
		}
		events, err = s.endAll(ctx, tx, "", person, ActionRevoke)
		return attribute(events, by, reason), err
	})
	return ended, err
}

// TakePhone erases a person's number, as [Service.UnbindPhone] does when they ask for it themselves.
// Nothing happens when there is none. Faults: NOT_FOUND.
func (s *Service) TakePhone(ctx context.Context, by Actor, person uuid.UUID, reason string) error {
	return s.inTx(ctx, func(tx *ent.Tx) ([]event, error) {
		who, err := s.lockUser(ctx, tx, user.ID(person))
		if err != nil || !hasPhone(who) {
			return nil, err
		}
		unbound := []event{{at: s.now(), action: ActionUnbindPhone, user: &person}}
		return attribute(unbound, by, reason), s.erasePhone(ctx, tx, person)
	})
}

// ReadPhone is a person's number, nil when they have none, once it is on record who was shown it.
// Faults: NOT_FOUND.
func (s *Service) ReadPhone(ctx context.Context, by Actor, person uuid.UUID, reason string) (phone *Phone, err error) {
	err = s.inTx(ctx, func(tx *ent.Tx) ([]event, error) {
		who, err := tx.User.Get(ctx, person)
		if ent.IsNotFound(err) {
			return nil, fault.New(fault.NotFound, "there is no such user")
		}
		if err != nil {
			return nil, fmt.Errorf("read user: %w", err)
		}
		phone, err = s.PhoneOf(who)
		return attribute([]event{{at: s.now(), action: ActionReadPhone, user: &person}}, by, reason), err
	})
	if err != nil {
		return nil, err
	}
	return phone, nil
}

// PhoneOf opens the number in a row; nil when there is none. Whoever shows it in full records that.
func (s *Service) PhoneOf(row *ent.User) (*Phone, error) {
	who := User{ID: row.ID}
	err := s.withPhone(&who, sealedPhone(row))
	return who.Phone, err
}

// sealedPhone is nil when there is none; of NULL, ent makes a pointer to nothing.
func sealedPhone(row *ent.User) []byte {
	if row.PhoneSealed == nil {
		return nil
	}
	return *row.PhoneSealed
}

// PictureOf is the address of the picture in a row; nil when there is none.
func (s *Service) PictureOf(row *ent.User) *string { return s.picture(row.AvatarKey, row.AvatarURL) }

// HasPhone is the condition that a user of the apps has the number.
func (s *Service) HasPhone(phone Phone, apps ...App) predicate.User {
	var anywhere []predicate.User
	known := map[string]bool{}
	for _, app := range apps {
		if group := app.Group(); !known[group] {
			known[group] = true
			anywhere = append(anywhere, user.And(user.AppGroup(group), user.PhoneIndex(s.phoneIndexOf(app, phone))))
		}
	}
	return user.Or(anywhere...)
}
