package account

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/google/uuid"

	"mpauth/ent/user"
	"mpauth/internal/database"
	"mpauth/internal/fault"
)

// member is a session with the person and the identity behind it: what most verbs begin with. It is
// read in one statement, which ent cannot say, because each further round trip costs more than
// everything else a verb does.
type member struct {
	User
	App         App
	SessionID   uuid.UUID
	IdentityID  uuid.UUID
	OpenID      string
	AvatarKey   *string    // of the picture, if it was uploaded; AvatarURL is made of it
	KeyPrint    []byte     // of the current session_key; nil: there is none
	PhoneCode   []byte     // hash of the phone code that brought the last number; nil: it came encrypted
	PhoneAt     *time.Time // when the last number was bound; nil: never
	Epoch       int64
	RefreshedAt time.Time
	Counter     int64
	FirstLogin  bool
	leftPicture bool // the verb has taken a picture away whose file is to be removed
	state       accountState
}

// accountState is whether the operator lets the person in, and whether they want to be.
type accountState struct {
	Status        user.Status
	DisabledUntil *time.Time
	ClosesAt      *time.Time
}

// admits returns [fault.AccountDisabled] while the account is disabled, and [fault.AccountClosing] while
// it is on its way to being erased.
func (a accountState) admits(now time.Time) error {
	switch {
	case a.disabled(now):
		return accountDisabled()
	case a.ClosesAt != nil:
		return accountClosing(a.ClosesAt)
	}
	return nil
}

func (a accountState) disabled(now time.Time) bool {
	return a.Status == user.StatusDisabled && (a.DisabledUntil == nil || now.Before(*a.DisabledUntil))
}

func accountDisabled() error {
	return fault.New(fault.AccountDisabled, "this account has been disabled")
}

// accountClosing names the time of the erasure where it is known.
func accountClosing(at *time.Time) error {
	closing := fault.New(fault.AccountClosing, "this account is being closed, as its owner asked; restoreAccount brings it back")
	closing.ClosesAt = at
	return closing
}

// querier is the database, or a transaction in it.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

const (
	memberColumns = `
SELECT s.id, s.app_id, s.refreshed_at, s.refresh_counter, s.first_login,
       i.id, i.open_id, i.union_id IS NOT NULL, i.session_key_print, i.last_login_at,
       u.id, u.status, u.disabled_until, u.closes_at, u.epoch, u.nickname, u.avatar_url, u.avatar_key, u.phone_sealed, u.phone_code_hash, u.phone_bound_at, u.created_at`
	memberTables = `
FROM sessions s
JOIN identities i ON i.id = s.identity_id
JOIN users u ON u.id = s.user_id
WHERE `
)

// member reads the session of the caller, who is asked to log in again if it has ended, or if they have
// become part of another user since their token was made: it speaks of somebody who is no more.
func (s *Service) member(ctx context.Context, q querier, caller Caller) (*member, error) {
	m, err := s.findMember(ctx, q, "s.id = $1 AND s.user_id = $2", caller.SessionID, caller.UserID)
	if err == nil && m == nil {
		return nil, sessionEnded()
	}
	return m, err
}

func sessionEnded() error { return fault.New(fault.SessionRevoked, "this session has ended") }

// accountGone is for who was erased, or became part of another user, while something was being done for
// them.
func accountGone() error { return fault.New(fault.SessionRevoked, "this account is gone") }

// findMember reads the session that the condition names, or nil.
func (s *Service) findMember(ctx context.Context, q querier, condition string, args ...any) (*member, error) {
	return s.queryMember(ctx, q, memberColumns+memberTables+condition, args)
}

// queryMember runs a query that begins with memberColumns; further columns go to more.
func (s *Service) queryMember(ctx context.Context, q querier, query string, args []any, more ...any) (*member, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read session: %w", err)
	}
	defer rows.Close()
	if !rows.Next() {
		return nil, rows.Err()
	}
	var m member
	var appID string
	var phone []byte
	err = rows.Scan(append([]any{
		&m.SessionID, &appID, database.Time(&m.RefreshedAt), &m.Counter, &m.FirstLogin,
		&m.IdentityID, &m.OpenID, &m.HasUnionID, &m.KeyPrint, database.Time(&m.LastLoginAt),
		&m.User.ID, &m.state.Status, database.NullTime(&m.state.DisabledUntil), database.NullTime(&m.state.ClosesAt), &m.Epoch,
		&m.Nickname, &m.AvatarURL, &m.AvatarKey, &phone, &m.PhoneCode, database.NullTime(&m.PhoneAt), database.Time(&m.CreatedAt),
	}, more...)...)
	if err != nil {
		return nil, fmt.Errorf("read session: %w", err)
	}
	app, err := s.Apps.Find(&appID)
	if err != nil {
		return nil, fault.New(fault.SessionRevoked, "this session is of an app that is no longer served")
	}
	m.App, m.flow = app, app.Flow
	s.showPicture(&m)
	return &m, s.withPhone(&m.User, phone)
}
