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

// Disable shuts a person out, until a time or for good: they are refused everywhere within a second,
// and at the next login. Faults: NOT_FOUND.
func (s *Service) Disable(ctx context.Context, by Actor, person uuid.UUID, reason string, until *time.Time) error {
	return s.inTx(ctx, func(tx *ent.Tx) ([]event, error) {
		if err := s.lockIdentities(ctx, tx, person); err != nil {
			return nil, err
		}
		change := tx.User.Update().Where(user.ID(person)).SetStatus(user.StatusDisabled).SetDisabledReason(reason)
		if until == nil {
			change.ClearDisabledUntil()
		} else {
			change.SetDisabledUntil(until.UTC().Truncate(time.Microsecond))
		}
		if err := changeOne(ctx, change); err != nil {
			return nil, err
		}
		events, err := s.endAll(ctx, tx, "", person, ActionDisableAccount)
		return attribute(events, by, reason), err
	})
}

// Enable lets a person in again. Faults: NOT_FOUND.
func (s *Service) Enable(ctx context.Context, by Actor, person uuid.UUID, reason string) error {
	return s.inTx(ctx, func(tx *ent.Tx) ([]event, error) {
		change := tx.User.Update().Where(user.ID(person)).
			SetStatus(user.StatusActive).ClearDisabledReason().ClearDisabledUntil()
		if err := changeOne(ctx, change); err != nil {
			return nil, err
		}
		enabled := event{at: s.now(), action: ActionEnableAccount, user: &person}
		return attribute([]event{enabled}, by, reason), nil
	})
}

// attribute says of the events who did it, and why.
func attribute(events []event, by Actor, reason string) []event {
	for i := range events {
		events[i].by, events[i].reason = by, reason
	}
	return events
}

func changeOne(ctx context.Context, change *ent.UserUpdate) error {
	n, err := change.Save(ctx)
	if err != nil {
		return fmt.Errorf("change user: %w", err)
	}
	if n == 0 {
		return fault.New(fault.NotFound, "there is no such user")
	}
	return nil
}
