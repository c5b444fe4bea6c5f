package account

import (
	"context"

	"mpauth/ent"
	"mpauth/ent/ciphertextuse"
	"mpauth/internal/wechat"
)

// updatePhoneByCiphertext binds a number that came encrypted with the session_key, as base libraries
// before 2.21.2 hand it over. Whatever is wrong with the data, the failure is the same.
func (s *Service) updatePhoneByCiphertext(ctx context.Context, caller Caller, in EncryptedPhoneInput) (*User, error) {
	m, err := s.openDataMember(ctx, caller)
	if err != nil {
		return nil, err
	}
	data := wechat.Encrypted{Data: in.EncryptedData, IV: in.Iv}
	phone, err := decrypt(ctx, s, m, func(key string) (Phone, error) {
		info, err := wechat.DecryptPhone(key, data, m.App.AppID, s.now())
		if err != nil {
			return Phone{}, err
		}
		return provedPhone(info)
	})
	if err != nil {
		return nil, err
	}
	err = s.inTx(ctx, func(tx *ent.Tx) ([]event, error) {
		first, err := s.useOnce(ctx, tx, m, ciphertextuse.KindPhone, data)
		if err != nil {
			return nil, err
		}
		if !first { // a copy of the request may have changed the member since they were read
			m, err = s.member(ctx, tx, caller)
			return nil, err
		}
		m.Phone = &phone
		return s.bindPhone(ctx, tx, m, binding{phone: phone, at: s.now(), source: "encryptedData"})
	})
	if err != nil {
		return nil, s.offerPhone(ctx, m, phone, err)
	}
	return &m.User, nil
}
