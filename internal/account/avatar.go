package account

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"mpauth/ent"
	entavatar "mpauth/ent/avatar"
	"mpauth/ent/predicate"
	"mpauth/ent/user"
	"mpauth/internal/avatar"
	"mpauth/internal/database"
	"mpauth/internal/fault"
)

const (
	unusedAvatarLife = time.Hour        // that an upload has to become somebody's picture
	storeTimeout     = 10 * time.Second // for the store of pictures to remove one
	avatarBatch      = 100              // that are removed between two looks at the table
)

// AddAvatar keeps a picture that the caller has uploaded, made by [avatar.Press], and returns its key,
// by which [Service.UpdateUser] makes it theirs within the hour.
//
// The row comes before the file, and goes after it: wherever the process dies, there is a row that has
// [Service.Sweep] remove the file.
//
// Faults: SESSION_REVOKED, UNAVAILABLE.
func (s *Service) AddAvatar(ctx context.Context, caller Caller, picture []byte) (key string, err error) {
	key, err = avatar.NewKey(s.Rand)
	if err != nil {
		return "", err
	}
	err = s.DB.Ent().Avatar.Create().SetID(key).SetUserID(caller.UserID).SetCreatedAt(s.now()).Exec(ctx)
	switch {
	case ent.IsConstraintError(err) && !database.IsUnique(err):
		return "", fault.Wrap(fault.SessionRevoked, "this account is gone", err)
	case err != nil:
		return "", outward(fmt.Errorf("add avatar: %w", err))
	}
	if err := s.Avatars.Put(ctx, key, picture); err != nil {
		return "", fault.Wrap(fault.Unavailable, "the picture cannot be stored now; try again", err)
	}
	if err := s.retract(ctx, key); err != nil {
		return "", err
	}
	return key, nil
}

// retract removes a picture whose person was erased while it was being stored: the erasure came before
// there was a file to remove. Faults: SESSION_REVOKED.
func (s *Service) retract(ctx context.Context, key string) error {
	rows := s.DB.Ent().Avatar
	there, err := rows.Query().Where(entavatar.ID(key)).Exist(ctx)
	if err == nil && !there {
		err = rows.Create().SetID(key).SetState(entavatar.StateLeaving).SetCreatedAt(s.now()).Exec(ctx)
	}
	switch {
	case err != nil:
		return outward(fmt.Errorf("look after a stored avatar: %w", err))
	case !there:
		s.dropAvatars(ctx, entavatar.ID(key))
		return accountGone()
	}
	return nil
}

// takeAvatar makes an upload of a person their picture, in place of the one before it; with no key they
// have none, nor has who became part of them. The transaction must have changed the row of the person before: that lets in one change at
// a time, and each sees what the one before it has done.
//
// It reports whether there are files to remove now. Faults: NOT_FOUND.
func (s *Service) takeAvatar(ctx context.Context, tx *ent.Tx, person uuid.UUID, key string) (left bool, err error) {
	retired := entavatar.UserID(person)
	if key == "" {
		retired = ofPerson(person)
	}
	n, err := tx.Avatar.Update().
		Where(retired, entavatar.StateEQ(entavatar.StateUsed), entavatar.IDNEQ(key)).
		SetState(entavatar.StateLeaving).Save(ctx)
	if err != nil {
		return false, fmt.Errorf("retire avatar: %w", err)
	}
	if key == "" {
		return n > 0, nil
	}
	taken, err := tx.Avatar.Update(). // a copy of the request may have been faster
						Where(entavatar.ID(key), entavatar.UserID(person), entavatar.StateNEQ(entavatar.StateLeaving)).
						SetState(entavatar.StateUsed).Save(ctx)
	if err != nil {
		return false, fmt.Errorf("use avatar: %w", err)
	}
	if taken == 0 {
		return false, fault.New(fault.NotFound, "avatarKey names no picture of yours that is waiting to be used; upload it again")
	}
	return n > 0, nil
}

// ofPerson is the condition that a picture is a person's, or of a user who became part of them.
func ofPerson(person uuid.UUID) predicate.Avatar {
	return entavatar.Or(entavatar.UserID(person), entavatar.HasUserWith(user.MergedInto(person)))
}

// dropAvatars removes the files of pictures that their person has given up. What does not succeed is
// left to the sweep.
func (s *Service) dropAvatars(ctx context.Context, which predicate.Avatar) {
	if err := s.collectAvatars(ctx, which); err != nil {
		s.Log.WarnContext(ctx, "a picture was not removed at once; the next sweep does it", "error", err)
	}
}

// sweepAvatars removes what nobody used within the hour, what was given up, and what belonged to people
// who have been erased.
func (s *Service) sweepAvatars(ctx context.Context, now time.Time) error {
	err := s.DB.Ent().Avatar.Update().
		Where(entavatar.StateNEQ(entavatar.StateLeaving), entavatar.Or(
			entavatar.UserIDIsNil(),
			entavatar.And(entavatar.StateEQ(entavatar.StateUploaded), entavatar.CreatedAtLT(now.Add(-unusedAvatarLife))),
		)).
		SetState(entavatar.StateLeaving).Exec(ctx)
	if err != nil {
		return fmt.Errorf("sweep avatars: %w", err)
	}
	return s.collectAvatars(ctx)
}

// collectAvatars removes the files, and then the rows, of pictures that are leaving. A file that cannot
// be removed keeps its row and does not stand in the way of the others.
func (s *Service) collectAvatars(ctx context.Context, which ...predicate.Avatar) error {
	if s.Avatars == nil { // their store is not configured any more; the rows wait for it
		return nil
	}
	rows := s.DB.Ent().Avatar
	var failed error
	for last := ""; ; {
		keys, err := rows.Query().
			Where(append(which, entavatar.StateEQ(entavatar.StateLeaving), entavatar.IDGT(last))...).
			Order(entavatar.ByID()).Limit(avatarBatch).IDs(ctx)
		if err != nil {
			return errors.Join(failed, fmt.Errorf("find leaving avatars: %w", err))
		}
		if len(keys) == 0 {
			return failed
		}
		last = keys[len(keys)-1]
		gone, err := s.deleteFiles(ctx, keys)
		if failed == nil {
			failed = err
		}
		if len(gone) == 0 { // the store is away
			return failed
		}
		if _, err := rows.Delete().Where(entavatar.IDIn(gone...)).Exec(ctx); err != nil {
			return errors.Join(failed, fmt.Errorf("forget avatars: %w", err))
		}
	}
}

// deleteFiles returns which files are gone, and why the first that is not could not be removed.
func (s *Service) deleteFiles(ctx context.Context, keys []string) (gone []string, failed error) {
	for _, key := range keys {
		limit, cancel := context.WithTimeout(ctx, storeTimeout)
		err := s.Avatars.Delete(limit, key)
		cancel()
		switch {
		case err == nil:
			gone = append(gone, key)
		case failed == nil:
			failed = err
		}
	}
	return gone, failed
}

// showPicture tells the person the address of their picture, if it was uploaded.
func (s *Service) showPicture(m *member) {
	m.AvatarURL = s.picture(m.AvatarKey, m.AvatarURL)
}

// picture is the address of the picture that was uploaded, or else of the one on WeChat's servers.
func (s *Service) picture(key, url *string) *string {
	if key != nil {
		return new(s.AvatarBase + *key)
	}
	return url
}
