package admin

import (
	"context"

	"github.com/google/uuid"

	"mpauth/internal/account"
)

// UndoMerge takes back a merge of two users, and shows the one who stayed.
// Faults: BAD_INPUT, NOT_FOUND, UNAVAILABLE.
func (s *Service) UndoMerge(ctx context.Context, by account.Actor, merge uuid.UUID, reason string) (*UserPayload, error) {
	reason, err := account.ReadReason(reason)
	if err != nil {
		return nil, err
	}
	stayed, err := s.Account.UndoMergeFor(ctx, by, merge, reason)
	if err != nil {
		return nil, err
	}
	return s.changed(ctx, by, stayed, reason)
}
