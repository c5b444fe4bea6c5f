package account

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"mpauth/ent"
	"mpauth/ent/ciphertextuse"
	"mpauth/ent/user"
	"mpauth/internal/avatar"
	"mpauth/internal/fault"
	"mpauth/internal/wechat"
)

// UpdateUserInput is what the person gives of themselves: nickname, picture or both; or the encrypted
// profile; or that they take it all back.
type UpdateUserInput struct {
	Nickname      *string
	AvatarKey     *string // from AddAvatar
	Encrypted     *EncryptedProfileInput
	RemoveProfile *bool
}

// EncryptedProfileInput is what wx.getUserProfile returned.
type EncryptedProfileInput struct {
	Iv            string
	EncryptedData string
	RawData       string
	Signature     string
}

// UpdateUser gives, changes or takes back the profile.
//
// Faults: BAD_INPUT, NOT_FOUND, CONTENT_RISKY, LOGIN_CODE_INVALID, when WeChat judges no text of a person
// who logged in so long ago, DECRYPT_WX_OPEN_DATA_FAIL, SESSION_REVOKED, RATE_LIMITED,
// WECHAT_UNAVAILABLE, UNAVAILABLE.
func (s *Service) UpdateUser(ctx context.Context, caller Caller, in UpdateUserInput) (*User, error) {
	remove := in.RemoveProfile != nil && *in.RemoveProfile
	chosen := in.Nickname != nil || in.AvatarKey != nil
	switch {
	case chosen && in.Encrypted == nil && !remove:
		return s.updateChosen(ctx, caller, in.Nickname, in.AvatarKey)
	case in.Encrypted != nil && !chosen && !remove:
		return s.updateProfileByCiphertext(ctx, caller, *in.Encrypted)
	case remove && !chosen && in.Encrypted == nil:
		return s.removeProfile(ctx, caller)
	default:
		return nil, fault.New(fault.BadInput, "give nickname, avatarKey or both; or encrypted; or removeProfile: true")
	}
}

// profile is what a person has given of themselves; what is empty changes nothing.
type profile struct {
	nickname  string
	avatarURL string // the picture is on WeChat's servers
	avatarKey string // or has been uploaded
	source    string // for the audit trail
	first     bool   // there was none before
}

// updateChosen takes the nickname and the picture that the person chose in the Mini Program.
func (s *Service) updateChosen(ctx context.Context, caller Caller, nickname, avatarKey *string) (*User, error) {
	var given profile
	if nickname != nil {
		name, err := cleanNickname(*nickname)
		if err != nil {
			return nil, err
		}
		given.nickname = name
	}
	if avatarKey != nil {
		if !avatar.IsKey(*avatarKey) {
			return nil, fault.New(fault.BadInput, "avatarKey is what POST /avatars answered, and never an address or a path")
		}
		given.avatarKey = *avatarKey
	}
	m, err := s.member(ctx, s.DB.Ent(), caller)
	if err != nil {
		return nil, outward(err)
	}
	given.skipWhatIsSo(m)
	if given.source == "" {
		return &m.User, nil
	}
	if given.nickname != "" {
		if err := s.checkContent(ctx, m, given.nickname); err != nil {
			return nil, err
		}
	}
	err = s.inTx(ctx, func(tx *ent.Tx) ([]event, error) { return s.storeProfile(ctx, tx, m, given) })
	if err != nil {
		return nil, err
	}
	return s.settled(ctx, m), nil
}

// skipWhatIsSo drops what the person has already, and says what remains.
func (p *profile) skipWhatIsSo(m *member) {
	if m.Nickname != nil && *m.Nickname == p.nickname {
		p.nickname = ""
	}
	if m.AvatarKey != nil && *m.AvatarKey == p.avatarKey {
		p.avatarKey = "" // a repeat of the request
	}
	switch {
	case p.nickname != "" && p.avatarKey != "":
		p.source = "nickname and avatar"
	case p.nickname != "":
		p.source = "nickname"
	case p.avatarKey != "":
		p.source = "avatar"
	}
	p.first = p.nickname != "" && !m.HasProfile()
}

// settled is the person after a change of the profile has been committed.
func (s *Service) settled(ctx context.Context, m *member) *User {
	if m.leftPicture {
		s.dropAvatars(ctx, ofPerson(m.User.ID))
	}
	return &m.User
}

// checkContent has WeChat judge a text that others will see. The check of the nickname component
// runs on the device, which whoever calls this server directly does not use.
func (s *Service) checkContent(ctx context.Context, m *member, text string) error {
	if !m.App.ContentCheck {
		return nil
	}
	verdict, err := s.WeChat.CheckText(ctx, m.App.AppID, m.OpenID, text)
	if err != nil {
		return refusal(err, fault.WechatUnavailable)
	}
	if verdict != wechat.VerdictPass {
		return fault.New(fault.ContentRisky, "WeChat's content check refuses this text")
	}
	return nil
}

// updateProfileByCiphertext takes the profile that base libraries before 2.27.1 still hand over. It
// must be signed and encrypted with the session_key, and be the caller's own.
func (s *Service) updateProfileByCiphertext(ctx context.Context, caller Caller, in EncryptedProfileInput) (*User, error) {
	m, err := s.openDataMember(ctx, caller)
	if err != nil {
		return nil, err
	}
	data := wechat.Encrypted{Data: in.EncryptedData, IV: in.Iv}
	shown, err := decrypt(ctx, s, m, func(key string) (wechat.Profile, error) {
		p, err := wechat.DecryptProfile(key, data, m.App.AppID, s.now())
		if signed := wechat.VerifyRawData(in.RawData, in.Signature, key); err == nil && (!signed || p.OpenID != m.OpenID) {
			return wechat.Profile{}, wechat.ErrDecrypt
		}
		return p, err
	})
	if err != nil {
		return nil, err
	}
	name, err := cleanNickname(shown.NickName)
	if err != nil {
		return nil, err
	}
	given := profile{nickname: name, avatarURL: chosenAvatar(shown.AvatarURL), source: "encryptedData", first: !m.HasProfile()}
	err = s.inTx(ctx, func(tx *ent.Tx) ([]event, error) {
		fresh, err := s.useOnce(ctx, tx, m, ciphertextuse.KindProfile, data)
		if err != nil || fresh && name == "" {
			return nil, err
		}
		if !fresh { // a copy of the request may have changed the member since they were read
			m, err = s.member(ctx, tx, caller)
			return nil, err
		}
		return s.storeProfile(ctx, tx, m, given)
	})
	if err != nil {
		return nil, err
	}
	return s.settled(ctx, m), nil
}

// greyAvatar is in the address of the picture that WeChat gives everybody who shows none.
const greyAvatar = "POgEwh4mIHO4nibH0KlMECNjjGxQUq24ZEaGT4poC6icRiccVGKSyXwibcPq4BWmiaIGuG1icwxaQX6grC9VemZoJ8rg"

// chosenAvatar is the address of a picture that the person chose, on WeChat's own servers, or empty.
func chosenAvatar(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.User != nil || strings.Contains(u.Path, greyAvatar) {
		return ""
	}
	if u.Scheme != "https" && u.Scheme != "http" || !strings.HasSuffix(u.Host, ".qlogo.cn") {
		return ""
	}
	u.Scheme = "https"
	return u.String()
}

// storeProfile changes what the profile says anew; the member is changed with the row.
func (s *Service) storeProfile(ctx context.Context, tx *ent.Tx, m *member, p profile) ([]event, error) {
	change := tx.User.Update().Where(user.ID(m.User.ID), user.MergedIntoIsNil())
	if p.nickname != "" {
		change.SetNickname(p.nickname).SetNicknameKey(NicknameKey(p.nickname))
	}
	switch {
	case p.avatarKey != "":
		change.SetAvatarKey(p.avatarKey).ClearAvatarURL()
	case p.avatarURL != "":
		change.SetAvatarURL(p.avatarURL).ClearAvatarKey()
	}
	n, err := change.Save(ctx)
	if err != nil {
		return nil, fmt.Errorf("store profile: %w", err)
	}
	if n == 0 {
		return nil, accountGone()
	}
	if p.avatarKey != "" || p.avatarURL != "" {
		if m.leftPicture, err = s.takeAvatar(ctx, tx, m.User.ID, p.avatarKey); err != nil {
			return nil, err
		}
	}
	updated := event{
		at: s.now(), action: ActionUpdateProfile, appID: m.App.AppID, user: &m.User.ID, session: &m.SessionID,
		detail: map[string]string{"by": p.source}, first: p.first,
	}
	if p.first {
		updated.reaches(m, FactProfile)
	}
	s.show(m, p)
	return []event{updated}, nil
}

// show has the member say what is stored.
func (s *Service) show(m *member, p profile) {
	if p.nickname != "" {
		m.Nickname = &p.nickname
	}
	switch {
	case p.avatarKey != "":
		m.AvatarKey = &p.avatarKey
		s.showPicture(m)
	case p.avatarURL != "":
		m.AvatarKey, m.AvatarURL = nil, &p.avatarURL
	}
}

// removeProfile erases nickname and picture, with those of users who became part of the person.
func (s *Service) removeProfile(ctx context.Context, caller Caller) (*User, error) {
	var m *member
	err := s.inTx(ctx, func(tx *ent.Tx) (_ []event, err error) {
		m, err = s.member(ctx, tx, caller)
		if err != nil || m.Nickname == nil && m.AvatarURL == nil {
			return nil, err
		}
		mine := user.And(user.ID(m.User.ID), user.MergedIntoIsNil())
		n, err := tx.User.Update().Where(user.Or(mine, user.MergedInto(m.User.ID))).
			ClearNickname().ClearNicknameKey().ClearAvatarURL().ClearAvatarKey().Save(ctx)
		if err != nil {
			return nil, fmt.Errorf("erase profile: %w", err)
		}
		if n == 0 {
			return nil, errAgain
		}
		if m.leftPicture, err = s.takeAvatar(ctx, tx, m.User.ID, ""); err != nil {
			return nil, err
		}
		m.Nickname, m.AvatarURL, m.AvatarKey = nil, nil, nil
		removed := event{at: s.now(), action: ActionRemoveProfile, appID: caller.AppID, user: &m.User.ID, session: &caller.SessionID}
		return []event{removed}, s.withdraw(ctx, tx, m.User.ID, ciphertextuse.KindProfile)
	})
	if err != nil {
		return nil, err
	}
	return s.settled(ctx, m), nil
}
