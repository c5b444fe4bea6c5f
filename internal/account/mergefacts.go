package account

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"mpauth/ent"
	"mpauth/ent/avatar"
	"mpauth/ent/user"
	"mpauth/internal/database"
)

// moveFacts gives the one who stays what they have not given and the other has. The row of the one who
// leaves keeps nickname and picture, and a number that is dropped: what the one who stays changes since is
// not theirs.
func (s *Service) moveFacts(ctx context.Context, tx *ent.Tx, p *pair) (moved []string, err error) {
	if p.into.Nickname == nil && p.from.Nickname != nil {
		moved = append(moved, movedNickname)
		err := tx.User.Update().Where(user.ID(p.into.ID)).SetNickname(*p.from.Nickname).SetNillableNicknameKey(p.from.NicknameKey).Exec(ctx)
		if err != nil {
			return nil, fmt.Errorf("move nickname: %w", err)
		}
	}
	if !hasPicture(p.into) && hasPicture(p.from) {
		moved = append(moved, movedPicture)
		err := tx.User.Update().Where(user.ID(p.into.ID)).SetNillableAvatarURL(p.from.AvatarURL).SetNillableAvatarKey(p.from.AvatarKey).Exec(ctx)
		if err != nil {
			return nil, fmt.Errorf("move picture: %w", err)
		}
		if err := s.handPicture(ctx, tx, p.from.AvatarKey, p.into.ID); err != nil {
			return nil, err
		}
	}
	switch {
	case !hasPhone(p.from):
	case hasPhone(p.into): // the number is free: the person may want to have this one
		if err := tx.User.Update().Where(user.ID(p.from.ID)).ClearPhoneIndex().Exec(ctx); err != nil {
			return nil, fmt.Errorf("free phone number: %w", err)
		}
	default:
		moved = append(moved, movedPhone)
		if err := s.movePhone(ctx, tx, p.from, p.into.ID); err != nil {
			return nil, err
		}
	}
	return moved, nil
}

// returnFacts is the opposite of moveFacts, for what has not been changed since.
func (s *Service) returnFacts(ctx context.Context, tx *ent.Tx, p *pair) error {
	moved := func(what string) bool { return slices.Contains(p.offer.Moved, what) }
	if moved(movedNickname) && equal(p.into.Nickname, p.from.Nickname) {
		if err := tx.User.Update().Where(user.ID(p.into.ID)).ClearNickname().ClearNicknameKey().Exec(ctx); err != nil {
			return fmt.Errorf("return nickname: %w", err)
		}
	}
	if moved(movedPicture) {
		if err := s.returnPicture(ctx, tx, p); err != nil {
			return err
		}
	}
	switch {
	case hasPhone(p.from):
		return s.claimPhone(ctx, tx, p.from)
	case moved(movedPhone) && hasPhone(p.into) && same(p.from.PhoneBoundAt, p.into.PhoneBoundAt):
		return s.movePhone(ctx, tx, p.into, p.from.ID)
	}
	return nil
}

// claimPhone makes a number its user's again that a merge had set free, unless it is somebody else's now.
func (s *Service) claimPhone(ctx context.Context, tx *ent.Tx, who *ent.User) error {
	phone, err := s.PhoneOf(who)
	if err != nil {
		return err
	}
	index := s.phoneIndexOf(App{UserGroup: who.AppGroup}, *phone)
	taken, err := tx.User.Query().Where(user.AppGroup(who.AppGroup), user.PhoneIndex(index)).Exist(ctx)
	if err != nil {
		return fmt.Errorf("look for a phone number: %w", err)
	}
	change := tx.User.Update().Where(user.ID(who.ID))
	if taken {
		change.ClearPhoneSealed()
	} else {
		change.SetPhoneIndex(index)
	}
	err = change.Exec(ctx)
	switch {
	case database.IsUnique(err):
		return errAgain
	case err != nil:
		return fmt.Errorf("claim phone number: %w", err)
	}
	return nil
}

// returnPicture gives a picture back that is still used, and forgets one whose file is gone.
func (s *Service) returnPicture(ctx context.Context, tx *ent.Tx, p *pair) error {
	whose := p.from.ID
	if equal(p.into.AvatarKey, p.from.AvatarKey) && equal(p.into.AvatarURL, p.from.AvatarURL) {
		whose = p.into.ID
		if err := s.handPicture(ctx, tx, p.from.AvatarKey, p.from.ID); err != nil {
			return err
		}
	}
	if err := tx.User.Update().Where(user.ID(whose)).ClearAvatarURL().ClearAvatarKey().Exec(ctx); err != nil {
		return fmt.Errorf("return picture: %w", err)
	}
	return nil
}

// handPicture makes an uploaded picture another user's.
func (s *Service) handPicture(ctx context.Context, tx *ent.Tx, key *string, to uuid.UUID) error {
	if key == nil { // it is on WeChat's servers
		return nil
	}
	if err := tx.Avatar.Update().Where(avatar.ID(*key)).SetUserID(to).Exec(ctx); err != nil {
		return fmt.Errorf("hand over a picture: %w", err)
	}
	return nil
}

func hasPicture(u *ent.User) bool { return u.AvatarKey != nil || u.AvatarURL != nil }

// hasPhone tells whether the row holds a number.
func hasPhone(u *ent.User) bool { return sealedPhone(u) != nil }

func equal(a, b *string) bool { return a == nil && b == nil || a != nil && b != nil && *a == *b }

// movePhone moves the number, which is sealed for its row, from one row to another.
func (s *Service) movePhone(ctx context.Context, tx *ent.Tx, from *ent.User, into uuid.UUID) error {
	number, err := s.Phones.Open(*from.PhoneSealed, phonePlace(from.ID))
	if err != nil {
		return fmt.Errorf("open the phone number of user %s: %w", from.ID, err)
	}
	err = tx.User.Update().Where(user.ID(from.ID)).ClearPhoneSealed().ClearPhoneIndex().Exec(ctx) // the index is unique
	if err == nil {
		err = tx.User.Update().Where(user.ID(into)).SetPhoneSealed(s.Phones.Seal(number, phonePlace(into))).
			SetPhoneIndex(*from.PhoneIndex).SetNillablePhoneBoundAt(from.PhoneBoundAt).Exec(ctx)
	}
	if err != nil {
		return fmt.Errorf("move phone number: %w", err)
	}
	return nil
}
