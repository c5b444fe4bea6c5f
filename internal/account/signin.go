package account

import (
	"context"
	"fmt"
	"time"

	"entgo.io/ent/dialect/sql"
	"github.com/google/uuid"

	"mpauth/ent"
	"mpauth/ent/auditevent"
	"mpauth/ent/session"
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
	consent     *ConsentInput // what the person agreed to on the way in, if anything
	restores    bool          // takes back that the account is to be closed
}

// signIn stores an arrival: identity, session key and session, and the person if they are new.
func (s *Service) signIn(ctx context.Context, a arrival) (*member, error) {
	key := s.SessionKeys.Seal(a.app.AppID, a.who.OpenID, a.who.SessionKey)
	var m *member
	var ring sessionkey.Ring
	var left, found []event
	err := s.inTx(ctx, func(tx *ent.Tx) (_ []event, err error) {
		m, ring, err = s.returningMember(ctx, tx, a, key)
		if err == nil && m == nil {
			m, err = s.register(ctx, tx, a, key)
			ring = sessionkey.Ring{Current: key.Ciphertext, Print: key.Print}
		}
		if err != nil {
			return nil, err
		}
		if !m.FirstLogin {
			if found, err = s.offerUnion(ctx, tx, a); err != nil {
				return nil, err
			}
		}
		decided, err := s.decide(ctx, tx, a, m)
		if err != nil {
			return nil, err
		}
		left, err = s.openSession(ctx, tx, a, m)
		return append(found, decided...), err // what has left is recorded already
	})
	if err != nil {
		return nil, err
	}
	s.publish(append(left, a.loggedIn(m)))
	s.SessionKeys.Remember(m.IdentityID, a.app.AppID, a.who.OpenID, ring)
	m.KeyPrint = ring.Print
	return m, nil
}

// decide stores what the person decided on the way in: what they agreed to, and to come back.
func (s *Service) decide(ctx context.Context, tx *ent.Tx, a arrival, m *member) (events []event, err error) {
	if a.consent != nil {
		events, err = s.addConsent(ctx, tx, a.app.AppID, m.User.ID, a.clientName(), *a.consent)
	}
	if a.restores && err == nil {
		var restored []event
		restored, err = s.reopen(ctx, tx, a, m.User.ID)
		events = append(events, restored...)
	}
	return events, err
}

// welcomeBack is one statement because a login is the service's busiest write. It finds the identity
// by what WeChat called it, locks it, and moves the ring of session keys on: the exchange that was
// answered last brought the current key, the one before it stays good for a while, and a key that
// WeChat gave again displaces nothing.
const welcomeBack = `
UPDATE identities SET
  union_id = COALESCE($3, union_id),
  last_login_at = CASE WHEN last_login_at > $4 THEN last_login_at ELSE $4 END,
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
RETURNING id, user_id, union_id IS NOT NULL, session_key, session_key_print, previous_key, previous_key_until, last_login_at,
  (SELECT u.nickname FROM users u WHERE u.id = identities.user_id),
  (SELECT u.avatar_url FROM users u WHERE u.id = identities.user_id),
  (SELECT u.avatar_key FROM users u WHERE u.id = identities.user_id),
  (SELECT u.phone_sealed FROM users u WHERE u.id = identities.user_id),
  (SELECT u.created_at FROM users u WHERE u.id = identities.user_id)`

// returningMember finds the person and renews their identity; nil when WeChat's openid is new here.
func (s *Service) returningMember(ctx context.Context, tx *ent.Tx, a arrival, key sessionkey.Sealed) (*member, sessionkey.Ring, error) {
	var ring sessionkey.Ring
	var union *string
	if a.who.UnionID != "" {
		union = &a.who.UnionID
	}
	rows, err := tx.QueryContext(ctx, welcomeBack, a.app.AppID, a.who.OpenID, union, a.exchangedAt,
		key.Ciphertext, key.Print, a.exchangedAt.Add(sessionkey.PreviousLife))
	if err != nil {
		return nil, ring, fmt.Errorf("renew identity: %w", err)
	}
	defer rows.Close()
	if !rows.Next() {
		return nil, ring, rows.Err()
	}
	m := member{App: a.app, OpenID: a.who.OpenID}
	m.flow = a.app.Flow
	var phone []byte
	err = rows.Scan(&m.IdentityID, &m.User.ID, &m.HasUnionID,
		&ring.Current, &ring.Print, &ring.Previous, database.NullTime(&ring.PreviousUntil), database.Time(&m.LastLoginAt),
		&m.Nickname, &m.AvatarURL, &m.AvatarKey, &phone, database.Time(&m.CreatedAt))
	if err != nil {
		return nil, ring, fmt.Errorf("renew identity: %w", err)
	}
	s.showPicture(&m)
	return &m, ring, s.withPhone(&m.User, phone)
}

// register creates a person with their identity. When another request registers the same openid at
// the same time the database lets one of them through, and the other begins again as a return.
//
// Faults: ACCOUNT_DISABLED, CONSENT_REQUIRED.
func (s *Service) register(ctx context.Context, tx *ent.Tx, a arrival, key sessionkey.Sealed) (*member, error) {
	if err := s.mayRegister(ctx, tx, a); err != nil {
		return nil, err
	}
	known, err := s.knownByUnion(ctx, tx, a)
	if err != nil {
		return nil, err
	}
	if known != nil {
		return s.attach(ctx, tx, a, key, *known)
	}
	userID, err := s.newID()
	if err != nil {
		return nil, err
	}
	person := tx.User.Create().SetID(userID).SetAppGroup(a.app.Group()).SetCreatedAt(a.exchangedAt)
	if err := person.Exec(ctx); err != nil {
		return nil, fmt.Errorf("create user: %w", err)
	}
	identityID, err := s.createIdentity(ctx, tx, a, key, userID)
	if err != nil {
		return nil, err
	}
	registered := event{at: a.exchangedAt, action: ActionRegister, appID: a.app.AppID, user: &userID}
	if err := s.record(ctx, tx, []event{registered}); err != nil {
		return nil, err
	}
	return &member{
		User: User{ID: userID, HasUnionID: a.who.UnionID != "", CreatedAt: a.exchangedAt, LastLoginAt: a.exchangedAt, flow: a.app.Flow},
		App:  a.app, IdentityID: identityID, OpenID: a.who.OpenID, FirstLogin: true,
	}, nil
}

// createIdentity stores what the app knows a person by from now on.
func (s *Service) createIdentity(ctx context.Context, tx *ent.Tx, a arrival, key sessionkey.Sealed, person uuid.UUID) (uuid.UUID, error) {
	id, err := s.newID()
	if err != nil {
		return uuid.Nil, err
	}
	identity := tx.Identity.Create().SetID(id).SetUserID(person).
		SetAppID(a.app.AppID).SetOpenID(a.who.OpenID).
		SetSessionKey(key.Ciphertext).SetSessionKeyPrint(key.Print).SetSessionKeyAt(a.exchangedAt).
		SetCreatedAt(a.exchangedAt).SetLastLoginAt(a.exchangedAt)
	if a.who.UnionID != "" {
		identity.SetUnionID(a.who.UnionID)
	}
	if err := identity.Exec(ctx); database.IsUnique(err) {
		return uuid.Nil, errAgain
	} else if err != nil {
		return uuid.Nil, fmt.Errorf("create identity: %w", err)
	}
	return id, nil
}

// attach gives a user that another app of the group knows an identity in this one: there is one person
// behind both, as WeChat says, so no second user is made.
func (s *Service) attach(ctx context.Context, tx *ent.Tx, a arrival, key sessionkey.Sealed, person uuid.UUID) (*member, error) {
	if _, err := s.createIdentity(ctx, tx, a, key, person); err != nil {
		return nil, err
	}
	m, _, err := s.returningMember(ctx, tx, a, key)
	if err != nil {
		return nil, err
	}
	attached := event{at: a.exchangedAt, action: ActionAttach, appID: a.app.AppID, user: &person}
	return m, s.record(ctx, tx, []event{attached})
}

// openSession gives the device a session of its own, in place of the one it had, and ends the oldest
// sessions of a person who has too many. It returns what has ended, for [Service.publish].
// Faults: ACCOUNT_DISABLED.
func (s *Service) openSession(ctx context.Context, tx *ent.Tx, a arrival, m *member) (ended []event, err error) {
	m.SessionID, err = s.newID()
	if err != nil {
		return nil, err
	}
	now := a.exchangedAt
	ended, err = s.enter(ctx, tx, a, m)
	if err != nil {
		return nil, err
	}
	var evicted []uuid.UUID
	for _, e := range ended {
		if e.action == ActionEvicted {
			evicted = append(evicted, *e.session)
		}
	}
	if len(evicted) > 0 {
		if err := s.deleteSessions(ctx, tx, evicted); err != nil {
			return nil, err
		}
	}
	row := tx.Session.Create().SetID(m.SessionID).SetUserID(m.User.ID).SetIdentityID(m.IdentityID).SetAppID(a.app.AppID).
		SetDeviceID(a.deviceID(m.SessionID)).SetRefreshedAt(now).SetCreatedAt(now).
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
	return ended, nil
}

// enter records the login, and the end of each session that gives way to it: that of the same device,
// and those that were not refreshed for the longest time when there are too many.
//
// What it decides by, it must read itself, after [welcomeBack] has locked the identity: on PostgreSQL
// a statement that waits for a lock goes on with what it saw before it waited, so welcomeBack knows
// nothing of what a login, a logout or a ban beside it has just done.
const enter = `
INSERT INTO audit_events (at, action, app_id, user_id, session_id, revokes, epoch)
SELECT $1, CASE WHEN s.id IS NULL THEN '` + string(ActionLogin) + `'
                WHEN s.device_id = $5 THEN '` + string(ActionReplaced) + `'
                ELSE '` + string(ActionEvicted) + `' END,
  $2, $3, COALESCE(s.id, $4), CASE WHEN s.id IS NOT NULL THEN '` + string(auditevent.RevokesSession) + `' END, 0
FROM (SELECT 0 AS leaving UNION ALL SELECT 1) AS who
LEFT JOIN sessions s ON leaving = 1 AND s.user_id = $3 AND (s.device_id = $5 OR s.id IN (
  SELECT o.id FROM sessions o WHERE o.user_id = $3 AND o.device_id <> $5
  ORDER BY o.refreshed_at DESC, o.id LIMIT 1000 OFFSET $6))
WHERE leaving = 0 OR s.id IS NOT NULL
RETURNING action, session_id,
  (SELECT u.status FROM users u WHERE u.id = audit_events.user_id),
  (SELECT u.disabled_until FROM users u WHERE u.id = audit_events.user_id),
  (SELECT u.closes_at FROM users u WHERE u.id = audit_events.user_id),
  (SELECT u.epoch FROM users u WHERE u.id = audit_events.user_id)`

func (s *Service) enter(ctx context.Context, tx *ent.Tx, a arrival, m *member) (ended []event, err error) {
	now := a.exchangedAt
	rows, err := tx.QueryContext(ctx, enter, now, a.app.AppID, m.User.ID, m.SessionID,
		a.deviceID(m.SessionID), s.Limits.MaxSessions-1)
	if err != nil {
		return nil, fmt.Errorf("record login: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var action Action
		var id uuid.UUID
		err := rows.Scan(&action, &id, &m.state.Status, database.NullTime(&m.state.DisabledUntil), database.NullTime(&m.state.ClosesAt), &m.Epoch)
		if err != nil {
			return nil, fmt.Errorf("record login: %w", err)
		}
		if action != ActionLogin {
			ended = append(ended, endsSession(now, action, a.app.AppID, m.User.ID, id))
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("record login: %w", err)
	}
	return ended, m.state.admits(now)
}

// deviceID is the name of the device; a device that gave none gets one that no other login shares.
func (a arrival) deviceID(session uuid.UUID) string {
	if a.device == nil {
		return "unnamed " + session.String()
	}
	return a.device.ID
}
