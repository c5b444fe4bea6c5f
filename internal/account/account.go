// Package account owns what signing in, being signed in and leaving mean.
//
// Each verb spans several systems (WeChat, the database, the session keys, the tokens), and the
// order in which it goes through them is a security property; so the verbs live together here, below
// everything that speaks HTTP or GraphQL. Two rules hold for all of them: the database decides
// races, never a lock in memory; and no transaction is open while WeChat is asked.
//
// [Service.SilentLogin] is the one to read first.
package account

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"mpauth/internal/avatar"
	"mpauth/internal/database"
	"mpauth/internal/revocation"
	"mpauth/internal/seal"
	"mpauth/internal/sessionkey"
	"mpauth/internal/token"
	"mpauth/internal/wechat"
)

// WeChat is what the verbs ask of WeChat's server API; [wechat.Client] is the one there is.
type WeChat interface {
	Code2Session(ctx context.Context, appID, code string) (wechat.Session, error)
	PhoneNumber(ctx context.Context, appID, code, openID string) (wechat.PhoneInfo, error)
	CheckSession(ctx context.Context, appID, openID, sessionKey string) (bool, error)
	ResetUserSessionKey(ctx context.Context, appID, openID, sessionKey string) (string, error)
	CheckText(ctx context.Context, appID, openID, text string) (wechat.Verdict, error)
}

// Limits are the durations and numbers an operator may set.
type Limits struct {
	RefreshIdle time.Duration // how long a session lives without being refreshed
	RefreshMax  time.Duration // how long a session lives at most
	MaxSessions int           // how many sessions one person may have
	Closing     time.Duration // between the wish to close an account and its erasure; 0: none
}

// Options are what a Service needs; all of them but Avatars and Observe are required.
//
// Avatars is where uploaded pictures are; without it, AddAvatar must not be called. AvatarBase is the
// address under which they are served, to which the key is added.
//
// LimitLogin and LimitRefresh count a login of a person and a refresh of a session. What they return
// refuses it; faults: RATE_LIMITED.
type Options struct {
	DB           *database.DB
	WeChat       WeChat
	Apps         Apps
	Access       *token.Access
	Refresh      *token.Refresh
	SessionKeys  *sessionkey.Store
	Phones       *seal.Keyring
	PhoneIndex   *seal.Index
	Revocations  *revocation.Feed
	Avatars      avatar.Store
	AvatarBase   string
	Limits       Limits
	LimitLogin   func(ctx context.Context, appID, openID string) error
	LimitRefresh func(ctx context.Context, session uuid.UUID) error
	Now          func() time.Time
	Rand         io.Reader
	Log          *slog.Logger
	Observe      func(Event) // is told what happens, once it is stored
}

// Service carries out the verbs. It is safe for concurrent use; [Service.Close] waits for what is
// still being stored.
type Service struct {
	Options
	loginFlights flights[*Login]
	phoneFlights flights[*User]
	background   sync.WaitGroup
}

// New makes a Service.
func New(o Options) *Service {
	s := &Service{Options: o}
	s.loginFlights.running, s.phoneFlights.running = &s.background, &s.background
	return s
}

// Close returns when nothing that a caller has begun is still being carried out.
func (s *Service) Close() { s.background.Wait() }

// Caller is who asks: what a valid access token says.
type Caller struct {
	UserID    uuid.UUID
	SessionID uuid.UUID
	AppID     string
	Epoch     int64
}

// now is the current time as both databases can keep it.
func (s *Service) now() time.Time { return s.Now().UTC().Truncate(time.Microsecond) }

// newID makes the key of a new row.
func (s *Service) newID() (uuid.UUID, error) { return uuid.NewRandomFromReader(s.Rand) }
