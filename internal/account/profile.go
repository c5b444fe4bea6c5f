package account

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"mpauth/ent"
	"mpauth/ent/ciphertextuse"
	"mpauth/ent/user"
	"mpauth/internal/fault"
	"mpauth/internal/wechat"
)

// UpdateUserInput is what the person gives of themselves: exactly one of the three.
type UpdateUserInput struct {
	Nickname      *string
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
// Faults: BAD_INPUT, CONTENT_RISKY, DECRYPT_WX_OPEN_DATA_FAIL, SESSION_REVOKED, WECHAT_UNAVAILABLE,
// UNAVAILABLE.
func (s *Service) UpdateUser(ctx context.Context, caller Caller, in UpdateUserInput) (*User, error) {
	remove := in.RemoveProfile != nil && *in.RemoveProfile
	switch {
	case in.Nickname != nil && in.Encrypted == nil && !remove:
		return s.updateNickname(ctx, caller, *in.Nickname)
	case in.Encrypted != nil && in.Nickname == nil && !remove:
		return s.updateProfileByCiphertext(ctx, caller, *in.Encrypted)
	case remove && in.Nickname == nil && in.Encrypted == nil:
		return s.removeProfile(ctx, caller)
	default:
		return nil, fault.New(fault.BadInput, "give exactly one of nickname, encrypted and removeProfile: true")
	}
}

// profile is what a person has given of themselves; what is empty changes nothing.
type profile struct {
	nickname  string
	avatarURL string
	source    string // for the audit trail
	first     bool   // there was none before
}

func (s *Service) updateNickname(ctx context.Context, caller Caller, text string) (*User, error) {
	name, err := cleanNickname(text)
	if err != nil {
		return nil, err
	}
	m, err := s.member(ctx, s.DB.Ent(), caller.SessionID)
	if err != nil {
		return nil, outward(err)
	}
	if name == "" || m.Nickname != nil && *m.Nickname == name {
		return &m.User, nil
	}
	if err := s.checkContent(ctx, m, name); err != nil {
		return nil, err
	}
	first := !m.HasProfile()
	err = s.inTx(ctx, func(tx *ent.Tx) ([]event, error) {
		return s.storeProfile(ctx, tx, m, profile{nickname: name, source: "nickname", first: first})
	})
	if err != nil {
		return nil, err
	}
	return &m.User, nil
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
	m, err := s.openDataMember(ctx, caller.SessionID)
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
			m, err = s.member(ctx, tx, caller.SessionID)
			return nil, err
		}
		return s.storeProfile(ctx, tx, m, given)
	})
	if err != nil {
		return nil, err
	}
	return &m.User, nil
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
	change := tx.User.Update().Where(user.ID(m.User.ID)).SetNickname(p.nickname)
	if p.avatarURL != "" {
		change.SetAvatarURL(p.avatarURL)
	}
	n, err := change.Save(ctx)
	if err != nil {
		return nil, fmt.Errorf("store profile: %w", err)
	}
	if n == 0 {
		return nil, fault.New(fault.SessionRevoked, "this account is gone")
	}
	m.Nickname = &p.nickname
	if p.avatarURL != "" {
		m.AvatarURL = &p.avatarURL
	}
	return []event{{
		at: s.now(), action: ActionUpdateProfile, appID: m.App.AppID, user: &m.User.ID, session: &m.SessionID,
		detail: map[string]string{"by": p.source}, first: p.first,
	}}, nil
}

// removeProfile erases nickname and picture.
func (s *Service) removeProfile(ctx context.Context, caller Caller) (*User, error) {
	var m *member
	err := s.inTx(ctx, func(tx *ent.Tx) (_ []event, err error) {
		m, err = s.member(ctx, tx, caller.SessionID)
		if err != nil || m.Nickname == nil && m.AvatarURL == nil {
			return nil, err
		}
		if err := tx.User.Update().Where(user.ID(m.User.ID)).ClearNickname().ClearAvatarURL().Exec(ctx); err != nil {
			return nil, fmt.Errorf("erase profile: %w", err)
		}
		m.Nickname, m.AvatarURL = nil, nil
		removed := event{at: s.now(), action: ActionRemoveProfile, appID: caller.AppID, user: &m.User.ID, session: &caller.SessionID}
		return []event{removed}, s.withdraw(ctx, tx, m.User.ID, ciphertextuse.KindProfile)
	})
	if err != nil {
		return nil, err
	}
	return &m.User, nil
}
