package admin_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"log/slog"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"mpauth/ent"
	"mpauth/internal/account"
	"mpauth/internal/admin"
	"mpauth/internal/audit"
	"mpauth/internal/database"
	"mpauth/internal/database/databasetest"
	"mpauth/internal/fault"
	"mpauth/internal/keyfile"
	"mpauth/internal/revocation"
	"mpauth/internal/seal"
	"mpauth/internal/sessionkey"
	"mpauth/internal/stats"
	"mpauth/internal/token"
	"mpauth/internal/wechat"
	"mpauth/internal/wechat/wechatfake"
)

const (
	shop  = "wx00000000000shop0"
	club  = "wx00000000000club0"
	mall  = "wx00000000000mall0" // shares its users with stand, and merges them
	stand = "wx0000000000stand0"

	avatarBase = "https://auth.example/avatars/"
)

// sue is the administrator who asks.
var sue = account.Actor{Kind: "key", Name: "sue"}

// why is the reason that she has where a test does not care.
const why = "ticket 1"

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

// world is a server as administrators meet it, with its database and its WeChat.
type world struct {
	*admin.Service
	account *account.Service
	db      *database.DB
	slow    *database.DB // of a city: with time for statements that fill it
	trips   *databasetest.Counter
	wechat  *wechatfake.Server
	clock   *clock
	chain   *audit.Chain
	stats   *stats.Counter
	access  *token.Access
	keys    string       // path of the key file
	log     bytes.Buffer // of the administrators' service
}

func inEachWorld(t *testing.T, run func(t *testing.T, w *world)) {
	t.Helper()
	for name, kind := range map[string]string{"sqlite": dialect.SQLite, "postgres": dialect.Postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			trips := new(databasetest.Counter)
			w := newWorld(t, databasetest.Open(t, kind, trips.Wrap))
			w.trips = trips
			run(t, w)
		})
	}
}

func newWorld(t testing.TB, db *database.DB) *world {
	t.Helper()
	w := &world{db: db, clock: &clock{now: time.Now().UTC().Truncate(time.Second)}}
	c := w.clock
	w.wechat = wechatfake.New(wechatfake.Options{
		Now: c.Now,
		Apps: []wechatfake.App{{ID: shop, Secret: "shop secret", UnionScope: "one account"}, {ID: club, Secret: "club secret"},
			{ID: mall, Secret: "mall secret"}, {ID: stand, Secret: "stand secret"}},
	})
	t.Cleanup(w.wechat.Close)
	api := httptest.NewServer(w.wechat)
	t.Cleanup(api.Close)
	secrets := map[string]string{shop: "shop secret", club: "club secret", mall: "mall secret", stand: "stand secret"}
	client := wechat.New(wechat.Options{BaseURL: api.URL, Now: c.Now, Timeout: time.Minute, Apps: func(id string) (wechat.App, bool) {
		secret, found := secrets[id]
		return wechat.App{ID: id, Secret: secret}, found
	}})
	w.stats = stats.New(stats.Options{DB: db, Apps: []string{club, shop}, Now: c.Now, Log: slog.New(slog.DiscardHandler)})
	w.account = account.New(w.accountOptions(t, client))
	t.Cleanup(w.account.Close)
	w.chain = audit.New(audit.Options{DB: db, Key: randomKey(t), Now: c.Now, Log: slog.New(slog.DiscardHandler)})
	w.keys = filepath.Join(t.TempDir(), "keys.json")
	file, err := keyfile.Generate(c.now, rand.Reader, false)
	require.NoError(t, err)
	require.NoError(t, file.Create(w.keys))
	w.Service = admin.New(admin.Options{
		DB: db, Account: w.account, Chain: w.chain, WeChat: client, Stats: w.stats,
		Keys: admin.KeyFile{Path: w.keys, Overlap: keyfile.Overlap{AccessTTL: 10 * time.Minute}}, Now: c.Now, Rand: rand.Reader,
		Log: slog.New(slog.NewTextHandler(&w.log, nil)),
	})
	return w
}

func (w *world) accountOptions(t testing.TB, client *wechat.Client) account.Options {
	t.Helper()
	c := w.clock
	_, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	signing, err := token.NewKeyRing(c.Now, token.SigningKey{ID: "test", Private: private, SignFrom: c.now})
	require.NoError(t, err)
	refresh, err := token.NewRefresh(token.RefreshKey{ID: 1, Secret: randomKey(t)})
	require.NoError(t, err)
	index, err := seal.NewIndex(randomKey(t))
	require.NoError(t, err)
	keys, err := sessionkey.NewStore(sessionkey.Options{DB: w.db.Ent(), Keyring: newKeyring(t), Index: index, Entries: 1000, Now: c.Now})
	require.NoError(t, err)
	t.Cleanup(keys.Close)
	w.access, err = token.NewAccess(token.AccessOptions{
		Issuer: "http://test", Audience: "mpauth", TTL: 10 * time.Minute, Keys: signing, Now: c.Now, Rand: rand.Reader,
	})
	require.NoError(t, err)
	apps, err := account.NewApps(
		account.App{AppID: shop, Flow: account.Flow{account.FactProfile, account.FactPhone}, EncryptedData: true},
		account.App{AppID: club, Flow: account.Flow{account.FactPhone}},
		account.App{AppID: mall, Flow: account.Flow{account.FactPhone}, UserGroup: "market", MergePhones: true},
		account.App{AppID: stand, Flow: account.Flow{account.FactPhone}, UserGroup: "market", MergePhones: true, AskFirst: true},
	)
	require.NoError(t, err)
	feed := revocation.NewFeed(revocation.Options{DB: w.db, Window: 20 * time.Minute, Now: c.Now, Log: slog.New(slog.DiscardHandler)})
	looked := func() bool { return feed.Look(t.Context()) == nil } // within a second, which a busy machine may not give
	require.Eventually(t, looked, time.Minute, 10*time.Millisecond)
	return account.Options{
		DB: w.db, WeChat: client, Apps: apps, Access: w.access, Refresh: refresh, SessionKeys: keys,
		Phones: newKeyring(t), PhoneIndex: index, Revocations: feed, AvatarBase: avatarBase,
		Limits:       account.Limits{RefreshIdle: 30 * 24 * time.Hour, RefreshMax: 90 * 24 * time.Hour, MaxSessions: 10, Closing: 7 * 24 * time.Hour},
		LimitLogin:   func(context.Context, string, string) error { return nil },
		LimitRefresh: func(context.Context, uuid.UUID) error { return nil },
		Now:          c.Now, Rand: rand.Reader, Log: slog.New(slog.DiscardHandler), Observe: w.stats.Observe,
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

// login logs a WeChat user in to an app, from a device of theirs, a moment after whoever came before.
func (w *world) login(t testing.TB, app, user, device string) (*account.Login, account.Caller) {
	t.Helper()
	w.clock.advance(time.Second)
	login, err := w.tryLogin(t.Context(), app, user, device)
	require.NoError(t, err)
	claims, err := w.access.Verify(login.Token)
	require.NoError(t, err)
	return login, account.Caller{
		UserID: uuid.MustParse(claims.Subject), SessionID: uuid.MustParse(claims.SessionID),
		AppID: claims.ClientID, Epoch: claims.Version,
	}
}

func (w *world) tryLogin(ctx context.Context, app, user, device string) (*account.Login, error) {
	return w.account.SilentLogin(ctx, account.SilentLoginInput{
		AppID: &app, Code: w.wechat.LoginCode(app, user), Nonce: new(uuid.NewString()),
		Device: &account.DeviceInput{ID: device, Name: new("phone of " + user), Platform: new("ios"), SdkVersion: new("3.5.0")},
	})
}

// name gives a person a nickname.
func (w *world) name(t testing.TB, caller account.Caller, nickname string) {
	t.Helper()
	_, err := w.account.UpdateUser(t.Context(), caller, account.UpdateUserInput{Nickname: &nickname})
	require.NoError(t, err)
}

// phone has a person give a number.
func (w *world) phone(t testing.TB, caller account.Caller, user, number string) {
	t.Helper()
	code := w.wechat.PhoneCode(caller.AppID, user, number)
	_, err := w.account.UpdatePhone(t.Context(), caller, account.UpdatePhoneInput{Code: &code})
	require.NoError(t, err)
}

// trail is what administrators have done, in order, without what the world itself did.
func (w *world) trail(t testing.TB) []*ent.AuditEvent {
	t.Helper()
	rows, err := w.db.Ent().AuditEvent.Query().Order(ent.Asc("id")).All(t.Context())
	require.NoError(t, err)
	var done []*ent.AuditEvent
	for _, row := range rows {
		if row.Actor != nil {
			done = append(done, row)
		}
	}
	return done
}

func (w *world) lastDeed(t testing.TB) *ent.AuditEvent {
	t.Helper()
	done := w.trail(t)
	require.NotEmpty(t, done)
	return done[len(done)-1]
}

// forgetful has the database refuse to record what administrators do.
func (w *world) forgetful(t testing.TB) {
	t.Helper()
	statements := []string{`CREATE TRIGGER forgetful BEFORE INSERT ON audit_events WHEN NEW.actor IS NOT NULL
		BEGIN SELECT RAISE(ABORT, 'forgetful'); END`}
	if w.db.Dialect == dialect.Postgres {
		statements = []string{
			`CREATE FUNCTION forget() RETURNS trigger AS 'BEGIN RAISE EXCEPTION ''forgetful''; END' LANGUAGE plpgsql`,
			`CREATE TRIGGER forgetful BEFORE INSERT ON audit_events FOR EACH ROW WHEN (NEW.actor IS NOT NULL) EXECUTE FUNCTION forget()`,
		}
	}
	for _, statement := range statements {
		_, err := w.db.SQL.ExecContext(t.Context(), statement)
		require.NoError(t, err)
	}
}

func requireFault(t testing.TB, code fault.Code, err error) {
	t.Helper()
	require.Error(t, err)
	require.Equal(t, code, fault.CodeOf(err), "%v", err)
}
