package account

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"mpauth/ent"
	"mpauth/ent/auditevent"
	"mpauth/ent/identity"
	"mpauth/ent/session"
	"mpauth/ent/user"
)

// DataExport is everything the server holds about a person, as JSON; docs/privacy.md describes it.
type DataExport struct {
	At   time.Time
	JSON string
}

type exportedData struct {
	At         time.Time          `json:"at"`
	User       exportedUser       `json:"user"`
	Merged     []exportedUser     `json:"merged"`
	Identities []exportedIdentity `json:"identities"`
	Sessions   []exportedSession  `json:"sessions"`
	Consents   []*Consent         `json:"consents"`
	Events     []exportedEvent    `json:"events"`
}

type exportedUser struct {
	ID          uuid.UUID `json:"id"`
	Nickname    *string   `json:"nickname"`
	AvatarURL   *string   `json:"avatarUrl"`
	PhoneNumber *string   `json:"phoneNumber"`
	CreatedAt   time.Time `json:"createdAt"`
}

type exportedIdentity struct {
	AppID       string    `json:"appId"`
	OpenID      string    `json:"openId"`
	UnionID     *string   `json:"unionId"`
	CreatedAt   time.Time `json:"createdAt"`
	LastLoginAt time.Time `json:"lastLoginAt"`
}

type exportedSession struct {
	AppID      string    `json:"appId"`
	DeviceID   string    `json:"deviceId"`
	DeviceName string    `json:"deviceName"`
	Platform   string    `json:"platform"`
	SDKVersion string    `json:"sdkVersion"`
	CreatedAt  time.Time `json:"createdAt"`
	LastSeenAt time.Time `json:"lastSeenAt"`
}

type exportedEvent struct {
	At     time.Time         `json:"at"`
	Action string            `json:"action"`
	AppID  string            `json:"appId"`
	Detail map[string]string `json:"detail,omitempty"`
}

// maxExported is more events, and more decisions, than a person brings about in years.
const maxExported = 10_000

// ExportMyData is everything the server holds about the caller, who proves anew that they are there.
// Secrets of the server that happen to be theirs, such as session keys, are not part of it.
//
// Faults: as of [Service.DeleteAccount].
func (s *Service) ExportMyData(ctx context.Context, caller Caller, code string) (*DataExport, error) {
	if err := s.proveAgain(ctx, caller, code); err != nil {
		return nil, err
	}
	var data exportedData
	err := s.inTx(ctx, func(tx *ent.Tx) (_ []event, err error) {
		if data, err = s.collect(ctx, tx, caller); err != nil {
			return nil, err
		}
		exported := event{at: s.now(), action: ActionExport, appID: caller.AppID, user: &caller.UserID, session: &caller.SessionID}
		return []event{exported}, nil
	})
	if err != nil {
		return nil, err
	}
	text, err := json.MarshalIndent(data, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	return &DataExport{At: data.At, JSON: string(text)}, nil
}

func (s *Service) collect(ctx context.Context, tx *ent.Tx, caller Caller) (data exportedData, err error) {
	m, err := s.member(ctx, tx, caller)
	if err != nil {
		return data, err
	}
	data = exportedData{At: s.now(), User: exportedUser{
		ID: m.User.ID, Nickname: m.Nickname, AvatarURL: m.AvatarURL, CreatedAt: m.CreatedAt,
	}}
	if m.Phone != nil {
		data.User.PhoneNumber = &m.Phone.Number
	}
	whose := []uuid.UUID{m.User.ID}
	if data.Merged, err = s.collectMerged(ctx, tx, m.User.ID); err != nil {
		return data, err
	}
	for _, part := range data.Merged {
		whose = append(whose, part.ID)
	}
	if data.Consents, err = readLedger(ctx, tx.Consent, m.User.ID, maxExported); err != nil {
		return data, err
	}
	identities, err := tx.Identity.Query().Where(identity.UserID(m.User.ID)).Order(identity.ByCreatedAt()).All(ctx)
	if err != nil {
		return data, fmt.Errorf("export identities: %w", err)
	}
	for _, i := range identities {
		data.Identities = append(data.Identities, exportedIdentity{i.AppID, i.OpenID, i.UnionID, i.CreatedAt.UTC(), i.LastLoginAt.UTC()})
	}
	sessions, err := tx.Session.Query().Where(session.UserID(m.User.ID)).Order(session.ByCreatedAt()).All(ctx)
	if err != nil {
		return data, fmt.Errorf("export sessions: %w", err)
	}
	for _, r := range sessions {
		data.Sessions = append(data.Sessions, exportedSession{
			r.AppID, r.DeviceID, r.DeviceName, r.Platform, r.SdkVersion, r.CreatedAt.UTC(), r.RefreshedAt.UTC(),
		})
	}
	events, err := tx.AuditEvent.Query().Where(auditevent.UserIDIn(whose...)).
		Order(ent.Asc(auditevent.FieldAt, auditevent.FieldID)).Limit(maxExported).All(ctx)
	if err != nil {
		return data, fmt.Errorf("export events: %w", err)
	}
	for _, e := range events {
		data.Events = append(data.Events, exportedEvent{e.At.UTC(), e.Action, e.AppID, e.Detail})
	}
	return data, nil
}

// collectMerged is what is kept of users who became part of the person, until that cannot be undone any
// more.
func (s *Service) collectMerged(ctx context.Context, tx *ent.Tx, person uuid.UUID) ([]exportedUser, error) {
	rows, err := tx.User.Query().Where(user.MergedInto(person)).Order(user.ByCreatedAt()).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("export merged users: %w", err)
	}
	merged := make([]exportedUser, len(rows))
	for i, row := range rows {
		merged[i] = exportedUser{ID: row.ID, Nickname: row.Nickname, AvatarURL: s.PictureOf(row), CreatedAt: row.CreatedAt.UTC()}
		phone, err := s.PhoneOf(row)
		if err != nil {
			return nil, err
		}
		if phone != nil {
			merged[i].PhoneNumber = &phone.Number
		}
	}
	return merged, nil
}
