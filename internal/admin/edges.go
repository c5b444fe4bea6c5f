package admin

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	entsql "entgo.io/ent/dialect/sql"
	"github.com/google/uuid"

	"mpauth/ent"
	"mpauth/ent/auditevent"
	"mpauth/ent/identity"
	"mpauth/ent/session"
	"mpauth/internal/database"
)

// Identity is what one Mini Program knows a person by.
type Identity struct {
	AppID         string
	OpenID        string
	UnionID       *string
	CreatedAt     time.Time
	LastLoginAt   time.Time
	HasSessionKey bool
}

// Session is one login on one device.
type Session struct {
	ID         uuid.UUID
	AppID      string
	DeviceName string
	Platform   string
	SdkVersion string
	CreatedAt  time.Time
	LastSeenAt time.Time
	ExpiresAt  time.Time
}

// Consent is a decision of a person about a text.
type Consent struct {
	AppID   string
	Purpose string
	Version string
	Granted bool
	At      time.Time
}

// Identities are the Mini Programs that know the person, in the order in which they came to.
func (u *User) Identities(ctx context.Context) ([]*Identity, error) {
	return u.page.identities.of(ctx, u.ID)
}

// Sessions are the person's live sessions, the most recently seen first.
func (u *User) Sessions(ctx context.Context) ([]*Session, error) {
	return u.page.sessions.of(ctx, u.ID)
}

// Consents are the person's latest decisions, the latest first.
func (u *User) Consents(ctx context.Context) ([]*Consent, error) {
	return u.page.consents.of(ctx, u.ID)
}

// Events are the latest of what happened to the person, the latest first.
func (u *User) Events(ctx context.Context) ([]*AuditEvent, error) { return u.page.events.of(ctx, u.ID) }

// maxHanging is how many consents, and how many events, of one person are shown.
const maxHanging = 100

// page is the people of one answer. What hangs on them is read for all of them when it is first asked
// for of one, so that a page costs a few statements however many people are on it.
type page struct {
	identities hanging[Identity]
	sessions   hanging[Session]
	consents   hanging[Consent]
	events     hanging[AuditEvent]
}

func (s *Service) newPage(rows []*ent.User) *page {
	ids := make([]uuid.UUID, len(rows))
	for i, row := range rows {
		ids[i] = row.ID
	}
	return &page{
		identities: hanging[Identity]{people: ids, read: s.readIdentities},
		sessions:   hanging[Session]{people: ids, read: s.readSessions},
		consents:   hanging[Consent]{people: ids, read: s.readConsents},
		events:     hanging[AuditEvent]{people: ids, read: s.readEvents},
	}
}

// byPerson is what hangs on each of some people.
type byPerson[T any] map[uuid.UUID][]*T

type hanging[T any] struct {
	people []uuid.UUID
	read   func(context.Context, []uuid.UUID) (byPerson[T], error)

	once  sync.Once
	found byPerson[T]
	err   error
}

func (h *hanging[T]) of(ctx context.Context, person uuid.UUID) ([]*T, error) {
	h.once.Do(func() { h.found, h.err = h.read(ctx, h.people) })
	if h.err != nil {
		return nil, outward(h.err)
	}
	return h.found[person], nil
}

func (s *Service) readIdentities(ctx context.Context, people []uuid.UUID) (byPerson[Identity], error) {
	rows, err := s.DB.Ent().Identity.Query().Where(identity.UserIDIn(people...)).
		Order(identity.ByCreatedAt(), identity.ByID()).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("read identities: %w", err)
	}
	found := byPerson[Identity]{}
	for _, row := range rows {
		found[row.UserID] = append(found[row.UserID], &Identity{
			AppID: row.AppID, OpenID: row.OpenID, UnionID: row.UnionID,
			CreatedAt: row.CreatedAt, LastLoginAt: row.LastLoginAt, HasSessionKey: row.SessionKey != nil && *row.SessionKey != nil, // ent makes a pointer to nothing of NULL
		})
	}
	return found, nil
}

func (s *Service) readSessions(ctx context.Context, people []uuid.UUID) (byPerson[Session], error) {
	now := s.now()
	rows, err := s.DB.Ent().Session.Query().
		Where(session.UserIDIn(people...), session.IdleExpiresAtGT(now), session.ExpiresAtGT(now)).
		Order(session.ByRefreshedAt(entsql.OrderDesc()), session.ByID()).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("read sessions: %w", err)
	}
	found := byPerson[Session]{}
	for _, row := range rows {
		expires := row.ExpiresAt
		if row.IdleExpiresAt.Before(expires) {
			expires = row.IdleExpiresAt
		}
		found[row.UserID] = append(found[row.UserID], &Session{
			ID: row.ID, AppID: row.AppID, DeviceName: row.DeviceName, Platform: row.Platform, SdkVersion: row.SdkVersion,
			CreatedAt: row.CreatedAt, LastSeenAt: row.RefreshedAt, ExpiresAt: expires,
		})
	}
	return found, nil
}

// latest reads the latest rows of each of some people. ent has no words for a limit per person.
func (s *Service) latest(ctx context.Context, columns, table string, people []uuid.UUID, scan func(*sql.Rows) error) error {
	query, args := latestOf(columns, table, people)
	rows, err := s.DB.SQL.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

func latestOf(columns, table string, people []uuid.UUID) (query string, args []any) {
	var who strings.Builder
	for i, id := range people {
		if i > 0 {
			who.WriteString(", ")
		}
		who.WriteString("$" + strconv.Itoa(i+1))
		args = append(args, id)
	}
	return `SELECT ` + columns + ` FROM (
  SELECT *, row_number() OVER (PARTITION BY user_id ORDER BY at DESC, id DESC) AS place
  FROM ` + table + ` WHERE user_id IN (` + who.String() + `)
) AS latest WHERE place <= ` + strconv.Itoa(maxHanging) + ` ORDER BY user_id, place`, args
}

const consentColumns = "user_id, app_id, purpose, version, granted, at"

func (s *Service) readConsents(ctx context.Context, people []uuid.UUID) (byPerson[Consent], error) {
	found := byPerson[Consent]{}
	err := s.latest(ctx, consentColumns, "consents", people, func(rows *sql.Rows) error {
		var person uuid.UUID
		var c Consent
		err := rows.Scan(&person, &c.AppID, &c.Purpose, &c.Version, &c.Granted, database.Time(&c.At))
		found[person] = append(found[person], &c)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read consents: %w", err)
	}
	return found, nil
}

// readEvents finds which events are the latest, and then reads them as any other events.
func (s *Service) readEvents(ctx context.Context, people []uuid.UUID) (byPerson[AuditEvent], error) {
	var ids []int64
	err := s.latest(ctx, "id", "audit_events", people, func(rows *sql.Rows) error {
		var id int64
		err := rows.Scan(&id)
		ids = append(ids, id)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("find events: %w", err)
	}
	found := byPerson[AuditEvent]{}
	for chunk := range chunks(ids) {
		rows, err := s.DB.Ent().AuditEvent.Query().Where(auditevent.IDIn(chunk...)).All(ctx)
		if err != nil {
			return nil, fmt.Errorf("read events: %w", err)
		}
		byID := make(map[int64]*ent.AuditEvent, len(rows))
		for _, row := range rows {
			byID[row.ID] = row
		}
		events, err := s.events(ctx, inOrder(chunk, byID))
		if err != nil {
			return nil, err
		}
		for _, e := range events {
			found[*e.UserID] = append(found[*e.UserID], e)
		}
	}
	return found, nil
}

// inOrder picks rows by their ids. One may have gone meanwhile, when the time to keep it was over.
func inOrder(ids []int64, byID map[int64]*ent.AuditEvent) []*ent.AuditEvent {
	rows := make([]*ent.AuditEvent, 0, len(ids))
	for _, id := range ids {
		if row := byID[id]; row != nil {
			rows = append(rows, row)
		}
	}
	return rows
}
