package account

import (
	"context"
	"fmt"

	"entgo.io/ent/dialect/sql"

	"mpauth/ent"
	"mpauth/ent/ban"
)

// banIndexes are what is kept of somebody who was shut out and erased: the same for the same openid and,
// where the app shares its users, for the same unionid; and worthless to whoever has no key.
func (s *Service) banIndexes(app App, openID, unionID string) [][]byte {
	indexes := [][]byte{s.PhoneIndex.Of("ban|"+app.AppID, openID)}
	if app.UserGroup != "" && unionID != "" {
		indexes = append(indexes, s.PhoneIndex.Of("ban of unionid|"+app.UserGroup, unionID))
	}
	return indexes
}

// ban remembers somebody who is being erased while they are shut out, so that being erased is no way
// back in.
func (s *Service) ban(ctx context.Context, tx *ent.Tx, who *ent.User, identities []*ent.Identity) error {
	now := s.now()
	if !(accountState{Status: who.Status, DisabledUntil: who.DisabledUntil}).disabled(now) || len(identities) == 0 {
		return nil
	}
	known := map[string]bool{} // two apps of a group have one unionid
	var rows []*ent.BanCreate
	for _, id := range identities {
		app, err := s.Apps.Find(&id.AppID)
		if err != nil {
			app = App{AppID: id.AppID} // it is not served now, and may be again
		}
		var union string
		if id.UnionID != nil {
			union = *id.UnionID
		}
		for _, index := range s.banIndexes(app, id.OpenID, union) {
			if !known[string(index)] {
				known[string(index)] = true
				rows = append(rows, tx.Ban.Create().SetID(index).SetAt(now).SetNillableUntil(who.DisabledUntil))
			}
		}
	}
	err := tx.Ban.CreateBulk(rows...).OnConflict(sql.ConflictColumns(ban.FieldID), sql.ResolveWith(lastLonger)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("remember a ban: %w", err)
	}
	return nil
}

// lastLonger keeps, of two bans of one person, the end of the one that lasts longer.
func lastLonger(u *sql.UpdateSet) {
	u.Set(ban.FieldUntil, sql.Expr(`CASE WHEN bans.until IS NULL OR bans.until > excluded.until THEN bans.until ELSE excluded.until END`))
}

// mayRegister tells whether a person whom the app does not know may become a user.
// Faults: ACCOUNT_DISABLED, CONSENT_REQUIRED.
func (s *Service) mayRegister(ctx context.Context, tx *ent.Tx, a arrival) error {
	if a.app.AskFirst && (a.consent == nil || !a.consent.Granted) {
		return consentRequired()
	}
	banned, err := tx.Ban.Query().
		Where(ban.IDIn(s.banIndexes(a.app, a.who.OpenID, a.who.UnionID)...), ban.Or(ban.UntilIsNil(), ban.UntilGT(a.exchangedAt))).
		Exist(ctx)
	if err != nil {
		return fmt.Errorf("look for a ban: %w", err)
	}
	if banned {
		return accountDisabled()
	}
	return nil
}
