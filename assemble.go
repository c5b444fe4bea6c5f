package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"entgo.io/ent/dialect"

	"mpauth/internal/account"
	"mpauth/internal/config"
	"mpauth/internal/database"
	"mpauth/internal/keyfile"
	"mpauth/internal/revocation"
	"mpauth/internal/sessionkey"
	"mpauth/internal/token"
	"mpauth/internal/wechat"
	"mpauth/internal/wechat/wechatfake"
)

const (
	tokenLeeway      = 10 * time.Second
	revocationWindow = 20 * time.Minute // longer than any access token lives
	cachedIdentities = 100_000
	sweepInterval    = time.Minute
	keyFileInterval  = 10 * time.Second
	startTimeout     = time.Minute // for reaching the database and bringing its tables up to date
)

// server is everything that runs.
type server struct {
	config      *config.Config
	log         *slog.Logger
	db          *database.DB
	rings       *rings
	access      *token.Access
	sessionKeys *sessionkey.Store
	revocations *revocation.Feed
	account     *account.Service
	fake        *wechatfake.Server // nil: the real WeChat is asked
	draining    atomic.Bool

	background sync.WaitGroup
	stop       context.CancelFunc
	cleanup    []func()
}

// assemble makes the server, from the bottom up: keys, database, WeChat, account. Nothing has to be
// undone when it fails, because the process ends.
func assemble(ctx context.Context, c *config.Config, log *slog.Logger, address net.Addr) (*server, error) {
	s := &server{config: c, log: log}
	if err := makeDataDirectory(c); err != nil {
		return nil, err
	}
	file, err := loadKeys(c)
	if err != nil {
		return nil, err
	}
	if s.rings, err = newRings(file, time.Now()); err != nil {
		return nil, err
	}
	if s.db, err = openDatabase(ctx, c); err != nil {
		return nil, err
	}
	if err := s.makeServices(issuerOf(c, address), s.wechatURL(address)); err != nil {
		return nil, err
	}
	if err := s.revocations.Look(ctx); err != nil {
		return nil, err
	}
	s.startBackground(file)
	return s, nil
}

// makeServices makes what answers requests.
func (s *server) makeServices(issuer, wechatURL string) (err error) {
	c := s.config
	s.access, err = token.NewAccess(token.AccessOptions{
		Issuer: issuer, Audience: c.Audience, TTL: c.AccessTTL, Leeway: tokenLeeway,
		Keys: s.rings.signing, Now: time.Now, Rand: rand.Reader,
	})
	if err != nil {
		return err
	}
	s.sessionKeys, err = sessionkey.NewStore(sessionkey.Options{
		DB: s.db.Ent(), Keyring: s.rings.session, Index: s.rings.index, Entries: cachedIdentities, Now: time.Now,
	})
	if err != nil {
		return err
	}
	apps, err := accountApps(c)
	if err != nil {
		return err
	}
	s.revocations = revocation.NewFeed(revocation.Options{
		DB: s.db, Window: revocationWindow, Notify: s.notifications(), Now: time.Now, Log: s.log,
	})
	s.account = account.New(account.Options{
		DB: s.db, WeChat: wechat.New(wechat.Options{BaseURL: wechatURL, Apps: secretsOf(c)}),
		Apps: apps, Access: s.access, Refresh: s.rings.refresh,
		SessionKeys: s.sessionKeys, Phones: s.rings.phone, PhoneIndex: s.rings.index, Revocations: s.revocations,
		Limits: account.Limits{RefreshIdle: c.RefreshIdle, RefreshMax: c.RefreshMax, MaxSessions: c.MaxSessions},
		Now:    time.Now, Rand: rand.Reader, Log: s.log,
	})
	return nil
}

// startBackground starts what runs beside the requests.
func (s *server) startBackground(file *keyfile.File) {
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.background.Go(func() { s.revocations.Run(ctx) })
	s.background.Go(func() { s.account.RunJanitor(ctx, sweepInterval) })
	s.background.Go(func() {
		ticker := time.NewTicker(keyFileInterval)
		defer ticker.Stop()
		keyfile.Watch(ctx, keysPath(s.config), file, time.Now(), ticker.C, s.rings.replace, func(err error) {
			s.log.Error("the key file was not taken over; the present keys stay in use", "error", err)
		})
	})
}

// close ends what runs beside the requests, after what requests have begun.
func (s *server) close() {
	s.account.Close()
	s.stop()
	s.background.Wait()
	for _, undo := range s.cleanup {
		undo()
	}
	s.sessionKeys.Close()
	if err := s.db.Close(); err != nil {
		s.log.Warn("the database was not closed cleanly", "error", err)
	}
}

// notifications is PostgreSQL's word that something was revoked; SQLite has none, and one process
// needs none.
func (s *server) notifications() <-chan struct{} {
	if s.db.Dialect != dialect.Postgres {
		return nil
	}
	wake, stop := revocation.Notifications(s.config.DatabaseURL.Reveal(), s.log)
	s.cleanup = append(s.cleanup, stop)
	return wake
}

// wechatURL is where WeChat is: at its own address, or inside this process.
func (s *server) wechatURL(address net.Addr) string {
	if !s.config.FakeInProcess() {
		return s.config.WechatURL
	}
	s.fake = wechatfake.New(wechatfake.Options{Apps: fakeApps(s.config), Log: s.log})
	s.cleanup = append(s.cleanup, s.fake.Close)
	return "http://" + address.String() + "/fakewechat"
}

// issuerOf is the `iss` of the tokens.
func issuerOf(c *config.Config, address net.Addr) string {
	if c.PublicURL != "" {
		return c.PublicURL
	}
	return "http://" + address.String()
}

// openDatabase reaches the database and brings its tables up to date, or says why not in one line.
func openDatabase(ctx context.Context, c *config.Config) (*database.DB, error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	db, err := database.Open(databaseOptions(c))
	if err != nil {
		return nil, fmt.Errorf("MPAUTH_DATABASE_URL: %w", err)
	}
	if err := db.Ping(ctx); err != nil {
		return nil, fmt.Errorf("MPAUTH_DATABASE_URL: %w; check that it runs and that the address, user and password are right", err)
	}
	if err := prepareSchema(ctx, c, db); err != nil {
		return nil, err
	}
	return db, refuseLossy(ctx, c, db)
}

func databaseOptions(c *config.Config) database.Options {
	options := database.Options{MaxConns: c.DBMaxConns}
	if url := c.DatabaseURL.Reveal(); url != "" && url != config.SQLite {
		options.PostgresURL = url
	} else {
		options.SQLitePath = filepath.Join(c.Data, "mpauth.db")
	}
	return options
}

func prepareSchema(ctx context.Context, c *config.Config, db *database.DB) error {
	if c.Migrate {
		return db.Migrate(ctx)
	}
	state, err := db.SchemaState(ctx)
	if err != nil {
		return err
	}
	return state.Err()
}

// refuseLossy keeps production off a database that may lose what it has confirmed.
func refuseLossy(ctx context.Context, c *config.Config, db *database.DB) error {
	if c.Environment != config.Production {
		return nil
	}
	setting, err := db.LossySetting(ctx)
	if err != nil {
		return err
	}
	if setting != "" {
		return fmt.Errorf("MPAUTH_DATABASE_URL: the database is set to %s and may lose what it has confirmed; set it to on", setting)
	}
	return nil
}

// makeDataDirectory makes the directory for what is kept in files, and sees that it can be written.
func makeDataDirectory(c *config.Config) error {
	err := os.MkdirAll(c.Data, 0o700)
	if err == nil {
		var probe *os.File
		if probe, err = os.CreateTemp(c.Data, ".write-*"); err == nil {
			err = errors.Join(probe.Close(), os.Remove(probe.Name()))
		}
	}
	if err != nil {
		return fmt.Errorf("MPAUTH_DATA: cannot write to %s: %w; make the directory writable, or set another one", c.Data, errors.Unwrap(err))
	}
	return nil
}

// accountApps are the apps as the core knows them.
func accountApps(c *config.Config) (account.Apps, error) {
	var apps []account.App
	for _, app := range c.Apps {
		flow, err := account.ParseFlow(join(app.Flow))
		if err != nil {
			return account.Apps{}, err
		}
		apps = append(apps, account.App{
			AppID: app.ID, Flow: flow, EncryptedData: app.EncryptedData, ContentCheck: app.ContentCheck,
		})
	}
	return account.NewApps(apps...)
}

// secretsOf finds the secret of an app for the WeChat client.
func secretsOf(c *config.Config) func(appID string) (wechat.App, bool) {
	apps := make(map[string]wechat.App, len(c.Apps))
	for _, app := range c.Apps {
		apps[app.ID] = wechat.App{ID: app.ID, Secret: app.Secret.Reveal()}
	}
	return func(appID string) (wechat.App, bool) {
		app, found := apps[appID]
		return app, found
	}
}

func fakeApps(c *config.Config) []wechatfake.App {
	var apps []wechatfake.App
	for _, app := range c.Apps {
		apps = append(apps, wechatfake.App{ID: app.ID, Secret: app.Secret.Reveal(), UnionScope: "mpauth"})
	}
	return apps
}
