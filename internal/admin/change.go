package admin

import (
	"context"
	"time"

	"github.com/google/uuid"

	"mpauth/internal/account"
	"mpauth/internal/fault"
)

// SetUserStatusInput is whom to shut out or let in again.
type SetUserStatusInput struct {
	UserID uuid.UUID
	Status UserStatusChange
	Reason string
	Until  *time.Time
}

// RevokeSessionsInput is whose sessions to end.
type RevokeSessionsInput struct {
	UserID    uuid.UUID
	SessionID *uuid.UUID // nil: all of them
	Reason    string
}

// UserReasonInput is whom, and why.
type UserReasonInput struct {
	UserID uuid.UUID
	Reason string
}

// UserPayload is a person after a change.
type UserPayload struct{ User *User }

// RevokeSessionsPayload is how many sessions were ended.
type RevokeSessionsPayload struct{ Revoked int }

// EraseUserPayload names somebody who is no more.
type EraseUserPayload struct{ UserID uuid.UUID }

// SetUserStatus shuts a person out, or lets them in again. Faults: BAD_INPUT, NOT_FOUND, UNAVAILABLE.
func (s *Service) SetUserStatus(ctx context.Context, by account.Actor, in SetUserStatusInput) (*UserPayload, error) {
	reason, err := account.ReadReason(in.Reason)
	if err != nil {
		return nil, err
	}
	switch {
	case in.Status == LetIn && in.Until != nil:
		return nil, fault.New(fault.BadInput, "until is for DISABLED")
	case in.Status == LetIn:
		err = s.Account.Enable(ctx, by, in.UserID, reason)
	case in.Until != nil && !in.Until.After(s.now()):
		return nil, fault.New(fault.BadInput, "until must be in the future")
	default:
		err = s.Account.Disable(ctx, by, in.UserID, reason, in.Until)
	}
	if err != nil {
		return nil, err
	}
	return s.changed(ctx, by, in.UserID, reason)
}

// RevokeSessions ends a person's sessions; they may log in again.
// Faults: BAD_INPUT, NOT_FOUND, UNAVAILABLE.
func (s *Service) RevokeSessions(ctx context.Context, by account.Actor, in RevokeSessionsInput) (*RevokeSessionsPayload, error) {
	reason, err := account.ReadReason(in.Reason)
	if err != nil {
		return nil, err
	}
	revoked, err := s.Account.EndSessions(ctx, by, in.UserID, in.SessionID, reason)
	if err != nil {
		return nil, err
	}
	return &RevokeSessionsPayload{Revoked: revoked}, nil
}

// UnbindPhone erases a person's phone number. Faults: BAD_INPUT, NOT_FOUND, UNAVAILABLE.
func (s *Service) UnbindPhone(ctx context.Context, by account.Actor, in UserReasonInput) (*UserPayload, error) {
	reason, err := account.ReadReason(in.Reason)
	if err != nil {
		return nil, err
	}
	if err := s.Account.TakePhone(ctx, by, in.UserID, reason); err != nil {
		return nil, err
	}
	return s.changed(ctx, by, in.UserID, reason)
}

// EraseUser erases a person now. Faults: BAD_INPUT, NOT_FOUND, UNAVAILABLE.
func (s *Service) EraseUser(ctx context.Context, by account.Actor, in UserReasonInput) (*EraseUserPayload, error) {
	reason, err := account.ReadReason(in.Reason)
	if err != nil {
		return nil, err
	}
	if err := s.Account.Erase(ctx, by, in.UserID, reason); err != nil {
		return nil, err
	}
	return &EraseUserPayload{UserID: in.UserID}, nil
}

// changed shows a person after a change, which is on record by itself, as any reading is.
func (s *Service) changed(ctx context.Context, by account.Actor, id uuid.UUID, reason string) (*UserPayload, error) {
	u, err := s.User(ctx, by, id, reason)
	if err != nil {
		return nil, err
	}
	if u == nil {
		return nil, fault.New(fault.NotFound, "the user was erased meanwhile")
	}
	return &UserPayload{User: u}, nil
}
