package account

import (
	"context"
	"fmt"

	"entgo.io/ent/dialect/sql"

	"mpauth/ent"
	"mpauth/ent/ban"
)

// banIndexOf is what is kept of somebody who was shut out and erased: the same for the same openid, and
// worthless to whoever has no key.
func (s *Service) banIndexOf(appID, openID string) []byte {
	return s.PhoneIndex.Of("ban|"+appID, openID)
}

// ban remembers somebody who is being erased while they are shut out, so that being erased is no way
// back in.
func (s *Service) ban(ctx context.Context, tx *ent.Tx, who *ent.User, identities []*ent.Identity) error {
	now := s.now()
	if !(accountState{Status: who.Status, DisabledUntil: who.DisabledUntil}).disabled(now) || len(identities) == 0 {
		return nil
	}
	rows := make([]*ent.BanCreate, len(identities))
	for i, id := range identities {
		rows[i] = tx.Ban.Create().SetID(s.banIndexOf(id.AppID, id.OpenID)).SetAt(now).SetNillableUntil(who.DisabledUntil)
	}
	err := tx.Ban.CreateBulk(rows...).OnConflict(sql.ConflictColumns(ban.FieldID), sql.ResolveWithNewValues()).Exec(ctx)
	if err != nil {
		return fmt.Errorf("remember a ban: %w", err)
	}
	return nil
}

// mayRegister tells whether a person whom the app does not know may become a user.
// Faults: ACCOUNT_DISABLED, CONSENT_REQUIRED.
func (s *Service) mayRegister(ctx context.Context, tx *ent.Tx, a arrival) error {
	if a.app.AskFirst && (a.consent == nil || !a.consent.Granted) {
		return consentRequired()
	}
	banned, err := tx.Ban.Query().
		Where(ban.ID(s.banIndexOf(a.app.AppID, a.who.OpenID)), ban.Or(ban.UntilIsNil(), ban.UntilGT(a.exchangedAt))).
		Exist(ctx)
	if err != nil {
		return fmt.Errorf("look for a ban: %w", err)
	}
	if banned {
		return accountDisabled()
	}
	return nil
}
