package account_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"database/sql/driver"
	"errors"
	"log/slog"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"mpauth/internal/account"
	"mpauth/internal/database"
	"mpauth/internal/database/databasetest"
	"mpauth/internal/fault"
	"mpauth/internal/revocation"
	"mpauth/internal/seal"
	"mpauth/internal/sessionkey"
	"mpauth/internal/token"
	"mpauth/internal/wechat"
	"mpauth/internal/wechat/wechatfake"
)

const (
	shop = "wx00000000000shop0" // asks for profile, then phone
	club = "wx00000000000club0" // asks for a phone alone
)

// clock is a time that stands still until a test moves it.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// world is a replica of the service with its database and its WeChat.
type world struct {
	*account.Service
	db      *database.DB
	trips   *databasetest.Counter // round trips to the database
	wechat  *wechatfake.Server
	clock   *clock
	feed    *revocation.Feed
	keys    *sessionkey.Store
	access  *token.Access
	refresh *token.Refresh
	album   *album // of uploaded pictures
	shared  shared
}

// shared is what the replicas of one service have in common.
type shared struct {
	options   database.Options
	clock     *clock
	wechat    *wechatfake.Server
	wechatURL string
	signing   *token.KeyRing
	refresh   *token.Refresh
	sessions  *seal.Keyring
	phones    *seal.Keyring
	index     *seal.Index
	album     *album

	apps     []account.App // what the Mini Programs are configured to ask for
	patience time.Duration // how long WeChat is waited for
}

// inEachWorld runs a test on SQLite and on PostgreSQL.
func inEachWorld(t *testing.T, run func(t *testing.T, w *world)) {
	t.Helper()
	for name, kind := range map[string]string{"sqlite": dialect.SQLite, "postgres": dialect.Postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, newWorld(t, kind))
		})
	}
}

func newWorld(t testing.TB, kind string) *world {
	t.Helper()
	c := &clock{now: time.Now().UTC().Truncate(time.Second)}
	apps := []wechatfake.App{{ID: shop, Secret: "shop secret", UnionScope: "one account"}, {ID: club, Secret: "club secret", UnionScope: "one account"}}
	fake := wechatfake.New(wechatfake.Options{Apps: apps, Now: c.Now})
	t.Cleanup(fake.Close)
	require.NoError(t, fake.Configure(func(s *wechatfake.Settings) { s.UnboundApps = []string{club} }))
	api := httptest.NewServer(fake)
	t.Cleanup(api.Close)
	_, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	signing, err := token.NewKeyRing(c.Now, token.SigningKey{ID: "test", Private: private, SignFrom: c.now})
	require.NoError(t, err)
	refresh, err := token.NewRefresh(token.RefreshKey{ID: 1, Secret: randomKey(t)})
	require.NoError(t, err)
	index, err := seal.NewIndex(randomKey(t))
	require.NoError(t, err)
	options := databasetest.Options(t, kind)
	options.StatementTimeout = time.Minute // a busy machine is no outage
	hurry(&options)
	return (&shared{
		options: options, clock: c, wechat: fake, wechatURL: api.URL, patience: time.Minute,
		signing: signing, refresh: refresh, sessions: newKeyring(t), phones: newKeyring(t), index: index, album: new(album),
		apps: []account.App{
			{AppID: shop, Flow: account.Flow{profile, phone}, EncryptedData: true, ContentCheck: true},
			{AppID: club, Flow: account.Flow{phone}},
		},
	}).replica(t)
}

// hurry has a database answer before the disk has: these tests ask nothing about what a power cut leaves.
func hurry(o *database.Options) {
	if o.SQLitePath != "" {
		o.Wrap = func(c driver.Connector) driver.Connector { return hurried{c} }
		return
	}
	o.PostgresURL += "&synchronous_commit=off"
}

type hurried struct{ driver.Connector }

func (h hurried) Connect(ctx context.Context) (driver.Conn, error) {
	c, err := h.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := c.(database.Conn).ExecContext(ctx, "PRAGMA synchronous=OFF", nil); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// replica is another process of the same service.
func (s *shared) replica(t testing.TB) *world {
	t.Helper()
	trips := new(databasetest.Counter)
	options := s.options
	if inner := options.Wrap; inner != nil {
		options.Wrap = func(c driver.Connector) driver.Connector { return trips.Wrap(inner(c)) }
	} else {
		options.Wrap = trips.Wrap
	}
	db := databasetest.OpenWith(t, options)
	keys, err := sessionkey.NewStore(sessionkey.Options{DB: db.Ent(), Keyring: s.sessions, Index: s.index, Entries: 1000, Now: s.clock.Now})
	require.NoError(t, err)
	t.Cleanup(keys.Close)
	access, err := token.NewAccess(token.AccessOptions{
		Issuer: "http://test", Audience: "mpauth", TTL: 10 * time.Minute, Keys: s.signing, Now: s.clock.Now, Rand: rand.Reader,
	})
	require.NoError(t, err)
	apps, err := account.NewApps(s.apps...)
	require.NoError(t, err)
	feed := revocation.NewFeed(revocation.Options{DB: db, Window: 20 * time.Minute, Now: s.clock.Now, Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, feed.Look(t.Context()))
	secrets := map[string]string{shop: "shop secret", club: "club secret"}
	service := account.New(account.Options{
		DB: db, Apps: apps, Access: access, Refresh: s.refresh, SessionKeys: keys,
		WeChat: wechat.New(wechat.Options{BaseURL: s.wechatURL, Now: s.clock.Now, Timeout: s.patience, Apps: func(id string) (wechat.App, bool) {
			secret, found := secrets[id]
			return wechat.App{ID: id, Secret: secret}, found
		}}),
		Phones: s.phones, PhoneIndex: s.index, Revocations: feed, Avatars: s.album, AvatarBase: avatarBase,
		Limits:       account.Limits{RefreshIdle: 30 * 24 * time.Hour, RefreshMax: 90 * 24 * time.Hour, MaxSessions: 10, Closing: week},
		LimitLogin:   func(context.Context, string, string) error { return nil },
		LimitRefresh: func(context.Context, uuid.UUID) error { return nil },
		Now:          s.clock.Now, Rand: rand.Reader, Log: slog.New(slog.DiscardHandler),
	})
	t.Cleanup(service.Close)
	return &world{
		Service: service, db: db, trips: trips, wechat: s.wechat, clock: s.clock, feed: feed, keys: keys,
		access: access, refresh: s.refresh, album: s.album, shared: *s,
	}
}

func randomKey(t testing.TB) []byte {
	t.Helper()
	key := make([]byte, 32)
	_, err := rand.Read(key)
	require.NoError(t, err)
	return key
}

func newKeyring(t testing.TB) *seal.Keyring {
	t.Helper()
	ring, err := seal.NewKeyring(seal.Key{ID: 1, Secret: randomKey(t)})
	require.NoError(t, err)
	return ring
}

// login logs a WeChat user in to the shop, from their one device.
func (w *world) login(t testing.TB, user string) (*account.Login, account.Caller) {
	t.Helper()
	login, err := w.SilentLogin(t.Context(), w.proof(shop, user, user+"-phone"))
	require.NoError(t, err)
	return login, w.caller(t, login)
}

// proof is a new login code of a WeChat user, with a nonce, from a device.
func (w *world) proof(app, user, device string) account.SilentLoginInput {
	return account.SilentLoginInput{
		AppID: &app, Code: w.wechat.LoginCode(app, user), Nonce: new(uuid.NewString()),
		Device: &account.DeviceInput{ID: device},
	}
}

// caller is who the access token of a login stands for.
func (w *world) caller(t testing.TB, login *account.Login) account.Caller {
	t.Helper()
	claims, err := w.access.Verify(login.Token)
	require.NoError(t, err)
	return account.Caller{
		UserID: uuid.MustParse(claims.Subject), SessionID: uuid.MustParse(claims.SessionID),
		AppID: claims.ClientID, Epoch: claims.Version,
	}
}

// requireFault wants an error with the code.
func requireFault(t testing.TB, code fault.Code, err error) {
	t.Helper()
	require.Error(t, err)
	require.Equal(t, code, fault.CodeOf(err), "%v", err)
}

// actions lists the audit trail.
func (w *world) actions(t testing.TB) []string {
	t.Helper()
	events, err := w.db.Ent().AuditEvent.Query().All(context.WithoutCancel(t.Context()))
	require.NoError(t, err)
	actions := make([]string, len(events))
	for i, e := range events {
		actions[i] = e.Action
	}
	return actions
}

// set moves the clock to a time.
func (c *clock) set(to time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = to
}
