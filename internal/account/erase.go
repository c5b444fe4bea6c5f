package account

import (
	"context"
	"errors"
	"fmt"

	"entgo.io/ent/dialect"
	"github.com/google/uuid"

	"mpauth/ent"
	"mpauth/ent/avatar"
	"mpauth/ent/ciphertextuse"
	"mpauth/ent/decryptfailure"
	"mpauth/ent/identity"
	"mpauth/ent/merge"
	"mpauth/ent/predicate"
	"mpauth/ent/user"
	"mpauth/internal/fault"
)

// erasedAtOnce is how many accounts one sweep erases at most, one after the other.
const erasedAtOnce = 100

// Erase removes a person and everything about them, now. What is left is the audit trail, which names
// them by an id that leads nowhere any more, and, if they were shut out, a [ent.Ban] that tells nothing
// but that. Their pictures go with the next sweep at the latest. Faults: NOT_FOUND.
func (s *Service) Erase(ctx context.Context, by Actor, person uuid.UUID, reason string) error {
	return s.erase(ctx, by, person, reason)
}

// eraseDue erases the person if they still want it and the time has come.
func (s *Service) eraseDue(ctx context.Context, person uuid.UUID) error {
	err := s.erase(ctx, Actor{}, person, "", user.ClosesAtLTE(s.now()))
	if fault.CodeOf(err) == fault.NotFound { // erased by another replica, or restored
		return nil
	}
	return err
}

// sweepClosing erases the accounts whose cooling-off time is over.
func (s *Service) sweepClosing(ctx context.Context) error {
	due, err := s.DB.Ent().User.Query().Where(user.ClosesAtLTE(s.now())).Limit(erasedAtOnce).IDs(ctx)
	if err != nil {
		return fmt.Errorf("find closing accounts: %w", err)
	}
	for _, person := range due {
		if failed := s.eraseDue(ctx, person); failed != nil {
			err = errors.Join(err, fmt.Errorf("erase a closing account: %w", failed))
		}
	}
	return err
}

// erase removes the person if the conditions hold.
func (s *Service) erase(ctx context.Context, by Actor, person uuid.UUID, reason string, conditions ...predicate.User) error {
	var identities []*ent.Identity
	var pictures []string
	err := s.inTx(ctx, func(tx *ent.Tx) (events []event, err error) {
		// A login that has begun to store something comes first; one that comes later finds nobody.
		if err := s.lockIdentities(ctx, tx, person); err != nil {
			return nil, err
		}
		who, err := s.lockUser(ctx, tx, append(conditions, user.ID(person))...)
		if err != nil {
			return nil, err
		}
		if identities, err = tx.Identity.Query().Where(identity.UserID(person)).All(ctx); err != nil {
			return nil, fmt.Errorf("find identities: %w", err)
		}
		if pictures, err = tx.Avatar.Query().Where(ofPerson(person)).IDs(ctx); err != nil {
			return nil, fmt.Errorf("find pictures: %w", err)
		}
		if err := s.ban(ctx, tx, who, identities); err != nil {
			return nil, err
		}
		if events, err = s.endAll(ctx, tx, "", person, ActionErase); err != nil {
			return nil, err
		}
		merged, err := tx.User.Query().Where(user.MergedInto(person)).IDs(ctx)
		if err != nil {
			return nil, fmt.Errorf("find merged users: %w", err)
		}
		for _, part := range merged {
			events = append(events, event{at: s.now(), action: ActionErase, user: &part})
		}
		return attribute(events, by, reason), s.eraseRows(ctx, tx, append(merged, person)...)
	})
	if err != nil {
		return err
	}
	for _, i := range identities {
		s.SessionKeys.Forget(i.ID)
	}
	s.dropAvatars(ctx, avatar.IDIn(pictures...))
	s.forgetPages(ctx)
	return nil
}

// forgetPages has SQLite overwrite what its log of writes still holds of the person. While others are
// reading it cannot; then the next erasure, or the end of the process, does it.
func (s *Service) forgetPages(ctx context.Context) {
	if s.DB.Dialect != dialect.SQLite {
		return
	}
	if _, err := s.DB.SQL.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
		s.Log.WarnContext(ctx, "the write-ahead log of SQLite was not emptied after an erasure", "error", err)
	}
}

// lockUser reads a user that nobody else changes until tx ends. Faults: NOT_FOUND.
func (s *Service) lockUser(ctx context.Context, tx *ent.Tx, which ...predicate.User) (*ent.User, error) {
	query := tx.User.Query().Where(which...)
	if s.DB.Dialect == dialect.Postgres {
		query.ForUpdate()
	}
	who, err := query.Only(ctx)
	if ent.IsNotFound(err) {
		return nil, fault.New(fault.NotFound, "there is no such user")
	}
	if err != nil {
		return nil, fmt.Errorf("lock user: %w", err)
	}
	return who, nil
}

// eraseRows removes the rows of a person and of who became part of them. Identities, sessions and consents
// go with the users'. Pictures keep a row that is nobody's until their file is gone.
func (s *Service) eraseRows(ctx context.Context, tx *ent.Tx, whose ...uuid.UUID) error {
	remove := func(what string, do func(context.Context) (int, error)) error {
		if _, err := do(ctx); err != nil {
			return fmt.Errorf("erase %s: %w", what, err)
		}
		return nil
	}
	return errors.Join(
		remove("uses of encrypted data", tx.CiphertextUse.Delete().Where(ciphertextuse.UserIDIn(whose...)).Exec),
		remove("failed decryptions", tx.DecryptFailure.Delete().Where(decryptfailure.UserIDIn(whose...)).Exec),
		remove("merges", tx.Merge.Delete().Where(merge.Or(merge.FromUserIn(whose...), merge.IntoUserIn(whose...))).Exec),
		remove("pictures", tx.Avatar.Update().Where(avatar.UserIDIn(whose...)).SetState(avatar.StateLeaving).Save),
		remove("users", tx.User.Delete().Where(user.IDIn(whose...)).Exec),
	)
}
