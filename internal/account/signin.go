package account

import (
	"context"
	"fmt"
	"time"

	"entgo.io/ent/dialect/sql"
	"github.com/google/uuid"

	"mpauth/ent"
	"mpauth/ent/session"
	"mpauth/ent/user"
	"mpauth/internal/database"
	"mpauth/internal/sessionkey"
	"mpauth/internal/wechat"
)

// arrival is a person at the door: what WeChat said, and the device they come with.
type arrival struct {
	app         App
	who         wechat.Session
	device      *DeviceInput
	codeHash    []byte
	exchangedAt time.Time
}

// signIn stores an arrival: identity, session key and session, and the person if they are new.
func (s *Service) signIn(ctx context.Context, a arrival) (*member, error) {
	key := s.SessionKeys.Seal(a.app.AppID, a.who.OpenID, a.who.SessionKey)
	var m *member
	var before returning
	err := s.inTx(ctx, func(tx *ent.Tx) (events []event, err error) {
		m, before, err = s.returningMember(ctx, tx, a, key)
		if err != nil {
			return nil, err
		}
		if m == nil {
			m, err = s.register(ctx, tx, a, key)
			if err != nil {
				return nil, err
			}
			events = append(events, event{at: a.exchangedAt, action: ActionRegister, appID: a.app.AppID, user: &m.User.ID})
		}
		ended, err := s.openSession(ctx, tx, a, m, before)
		return append(events, ended...), err
	})
	if err != nil {
		return nil, err
	}
	if m.FirstLogin {
		before.ring = sessionkey.Ring{Current: key.Ciphertext, Print: key.Print}
	}
	s.SessionKeys.Remember(m.IdentityID, a.app.AppID, a.who.OpenID, before.ring)
	m.KeyPrint = before.ring.Print
	return m, nil
}

// returning is what a person who comes back leaves behind on the way in.
type returning struct {
	replaced *uuid.UUID // the session that their device had
	sessions int        // how many sessions they have, that one included
	ring     sessionkey.Ring
}

// welcomeBack is one statement because a login is the service's busiest write. It finds the identity
// by what WeChat called it, locks it, and moves the ring of session keys on: the exchange that was
// answered last brought the current key, the one before it stays good for a while, and a key that
// WeChat gave again displaces nothing.
const welcomeBack = `
UPDATE identities SET
  union_id = COALESCE($3, union_id),
  last_login_at = $4,
  previous_key = CASE
    WHEN session_key IS NULL OR session_key_print = $6 THEN previous_key
    WHEN session_key_at > $4 THEN $5
    ELSE session_key END,
  previous_key_until = CASE
    WHEN session_key IS NULL OR session_key_print = $6 THEN previous_key_until
    ELSE $7 END,
  session_key       = CASE WHEN session_key IS NOT NULL AND session_key_at > $4 THEN session_key ELSE $5 END,
  session_key_print = CASE WHEN session_key IS NOT NULL AND session_key_at > $4 THEN session_key_print ELSE $6 END,
  session_key_at    = CASE WHEN session_key IS NOT NULL AND session_key_at > $4 THEN session_key_at ELSE $4 END
WHERE app_id = $1 AND open_id = $2
RETURNING id, user_id, union_id IS NOT NULL, session_key, session_key_print, previous_key, previous_key_until,
  (SELECT u.status FROM users u WHERE u.id = identities.user_id),
  (SELECT u.disabled_until FROM users u WHERE u.id = identities.user_id),
  (SELECT u.epoch FROM users u WHERE u.id = identities.user_id),
  (SELECT u.nickname FROM users u WHERE u.id = identities.user_id),
  (SELECT u.avatar_url FROM users u WHERE u.id = identities.user_id),
  (SELECT u.phone_sealed FROM users u WHERE u.id = identities.user_id),
  (SELECT u.created_at FROM users u WHERE u.id = identities.user_id),
  (SELECT s.id FROM sessions s WHERE s.user_id = identities.user_id AND s.device_id = $8),
  (SELECT COUNT(*) FROM sessions s WHERE s.user_id = identities.user_id)`

// returningMember finds the person and renews their identity; nil when WeChat's openid is new here.
// Faults: ACCOUNT_DISABLED.
func (s *Service) returningMember(ctx context.Context, tx *ent.Tx, a arrival, key sessionkey.Sealed) (*member, returning, error) {
	var union *string
	if a.who.UnionID != "" {
		union = &a.who.UnionID
	}
	var device string
	if a.device != nil {
		device = a.device.ID
	}
	rows, err := tx.QueryContext(ctx, welcomeBack, a.app.AppID, a.who.OpenID, union, a.exchangedAt,
		key.Ciphertext, key.Print, a.exchangedAt.Add(sessionkey.PreviousLife), device)
	if err != nil {
		return nil, returning{}, fmt.Errorf("renew identity: %w", err)
	}
	defer rows.Close()
	if !rows.Next() {
		return nil, returning{}, rows.Err()
	}
	m := member{App: a.app, OpenID: a.who.OpenID}
	m.flow, m.LastLoginAt = a.app.Flow, a.exchangedAt
	var before returning
	var phone []byte
	err = rows.Scan(&m.IdentityID, &m.User.ID, &m.HasUnionID,
		&before.ring.Current, &before.ring.Print, &before.ring.Previous, database.NullTime(&before.ring.PreviousUntil),
		&m.state.Status, database.NullTime(&m.state.DisabledUntil), &m.Epoch, &m.Nickname, &m.AvatarURL, &phone, database.Time(&m.CreatedAt),
		&before.replaced, &before.sessions)
	if err != nil {
		return nil, returning{}, fmt.Errorf("renew identity: %w", err)
	}
	if err := m.state.admits(a.exchangedAt); err != nil {
		return nil, returning{}, err
	}
	return &m, before, s.withPhone(&m.User, phone)
}

// register creates a person with their identity. When another request registers the same openid at
// the same time the database lets one of them through, and the other begins again as a return.
func (s *Service) register(ctx context.Context, tx *ent.Tx, a arrival, key sessionkey.Sealed) (*member, error) {
	userID, err := s.newID()
	if err != nil {
		return nil, err
	}
	identityID, err := s.newID()
	if err != nil {
		return nil, err
	}
	person := tx.User.Create().SetID(userID).SetAppGroup(a.app.Group()).SetCreatedAt(a.exchangedAt)
	if err := person.Exec(ctx); err != nil {
		return nil, fmt.Errorf("create user: %w", err)
	}
	identity := tx.Identity.Create().SetID(identityID).SetUserID(userID).
		SetAppID(a.app.AppID).SetOpenID(a.who.OpenID).
		SetSessionKey(key.Ciphertext).SetSessionKeyPrint(key.Print).SetSessionKeyAt(a.exchangedAt).
		SetCreatedAt(a.exchangedAt).SetLastLoginAt(a.exchangedAt)
	if a.who.UnionID != "" {
		identity.SetUnionID(a.who.UnionID)
	}
	if err := identity.Exec(ctx); database.IsUnique(err) {
		return nil, errAgain
	} else if err != nil {
		return nil, fmt.Errorf("create identity: %w", err)
	}
	m := member{
		User: User{ID: userID, HasUnionID: a.who.UnionID != "", CreatedAt: a.exchangedAt, LastLoginAt: a.exchangedAt, flow: a.app.Flow},
		App:  a.app, IdentityID: identityID, OpenID: a.who.OpenID, FirstLogin: true,
	}
	m.state.Status = user.StatusActive
	return &m, nil
}

// openSession gives the device a session of its own, in place of the one it had, and ends the oldest
// sessions of a person who has too many. It returns the events of all that.
func (s *Service) openSession(ctx context.Context, tx *ent.Tx, a arrival, m *member, before returning) ([]event, error) {
	id, err := s.newID()
	if err != nil {
		return nil, err
	}
	m.SessionID = id
	now := a.exchangedAt
	events := []event{{at: now, action: ActionLogin, appID: a.app.AppID, user: &m.User.ID, session: &id}}
	others := before.sessions
	if before.replaced != nil {
		others--
		events = append(events, endsSession(now, ActionReplaced, a.app.AppID, m.User.ID, *before.replaced))
	}
	if others >= s.Limits.MaxSessions {
		evicted, err := s.evict(ctx, tx, m.User.ID, a.deviceID(id), others-s.Limits.MaxSessions+1)
		if err != nil {
			return nil, err
		}
		for _, gone := range evicted {
			events = append(events, endsSession(now, ActionEvicted, a.app.AppID, m.User.ID, gone))
		}
	}
	row := tx.Session.Create().SetID(id).SetUserID(m.User.ID).SetIdentityID(m.IdentityID).SetAppID(a.app.AppID).
		SetDeviceID(a.deviceID(id)).SetRefreshedAt(now).SetCreatedAt(now).
		SetIdleExpiresAt(now.Add(s.Limits.RefreshIdle)).SetExpiresAt(now.Add(s.Limits.RefreshMax)).
		SetLoginCodeHash(a.codeHash).SetFirstLogin(m.FirstLogin)
	if d := a.device; d != nil {
		row.SetNillableDeviceName(d.Name).SetNillablePlatform(d.Platform).SetNillableSdkVersion(d.SdkVersion)
	}
	m.RefreshedAt = now
	err = row.OnConflict(sql.ConflictColumns(session.FieldUserID, session.FieldDeviceID), sql.ResolveWithNewValues()).Exec(ctx)
	if err != nil {
		return nil, fmt.Errorf("open session: %w", err)
	}
	return events, nil
}

// deviceID is the name of the device; a device that gave none gets one that no other login shares.
func (a arrival) deviceID(session uuid.UUID) string {
	if a.device == nil {
		return "unnamed " + session.String()
	}
	return a.device.ID
}

// evict removes the sessions that were not refreshed for the longest time, never that of the device
// which is logging in, and returns their ids.
func (s *Service) evict(ctx context.Context, tx *ent.Tx, person uuid.UUID, device string, excess int) ([]uuid.UUID, error) {
	oldest, err := tx.Session.Query().
		Where(session.UserID(person), session.DeviceIDNEQ(device)).
		Order(session.ByRefreshedAt()).Limit(excess).IDs(ctx)
	if err != nil {
		return nil, fmt.Errorf("find the oldest sessions: %w", err)
	}
	if _, err := tx.Session.Delete().Where(session.IDIn(oldest...)).Exec(ctx); err != nil {
		return nil, fmt.Errorf("end the oldest sessions: %w", err)
	}
	return oldest, nil
}
