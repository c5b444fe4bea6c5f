package account

import (
	"context"
	"errors"
	"fmt"

	"mpauth/ent"
	"mpauth/internal/database"
	"mpauth/internal/fault"
)

// maxAttempts is how often a transaction that the database gave up on is tried.
const maxAttempts = 3

// errAgain asks inTx to roll back and begin anew: another transaction was faster.
var errAgain = errors.New("another transaction was faster")

// inTx runs do in one transaction and records the events it returns in it. It tries again, from the
// beginning, when the database resolved a conflict at this transaction's cost; so do must not do
// anything that the database cannot take back. What the events revoke is refused on this replica
// from the moment inTx returns.
func (s *Service) inTx(ctx context.Context, do func(tx *ent.Tx) ([]event, error)) error {
	var err error
	for range maxAttempts {
		err = s.tryTx(ctx, do)
		if !errors.Is(err, errAgain) && !database.IsRetryable(err) {
			break
		}
	}
	return outward(err)
}

func (s *Service) tryTx(ctx context.Context, do func(tx *ent.Tx) ([]event, error)) error {
	tx, err := s.DB.Ent().Tx(ctx)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	events, err := do(tx)
	if err == nil {
		err = s.record(ctx, tx, events)
	}
	if err != nil {
		return errors.Join(err, tx.Rollback())
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	s.publish(events)
	return nil
}

// outward gives a failure of the database the code that its caller may see; faults stay as they are.
func outward(err error) error {
	var known *fault.Error
	switch {
	case err == nil || errors.As(err, &known):
		return err
	case errors.Is(err, errAgain), database.IsUnavailable(err), database.IsRetryable(err):
		return fault.Wrap(fault.Unavailable, "the database does not answer; try again", err)
	default:
		return err
	}
}
