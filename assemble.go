package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"entgo.io/ent/dialect"

	"mpauth/graph"
	"mpauth/graph/front"
	"mpauth/internal/account"
	"mpauth/internal/admin"
	"mpauth/internal/adminauth"
	"mpauth/internal/audit"
	"mpauth/internal/avatar"
	"mpauth/internal/clientip"
	"mpauth/internal/config"
	"mpauth/internal/database"
	"mpauth/internal/keyfile"
	"mpauth/internal/metrics"
	"mpauth/internal/ratelimit"
	"mpauth/internal/revocation"
	"mpauth/internal/sessionkey"
	"mpauth/internal/stats"
	"mpauth/internal/token"
	"mpauth/internal/tracing"
	"mpauth/internal/wechat"
	"mpauth/internal/wechat/wechatfake"
)

const (
	tokenLeeway      = 10 * time.Second
	revocationWindow = 20 * time.Minute // longer than any access token lives
	cachedIdentities = 100_000
	limitedCallers   = 1 << 20 // 17 MB
	sweepInterval    = time.Minute
	keyFileInterval  = 10 * time.Second
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
	limits      *graph.Limits    // nil: there are none
	documents   *front.Documents // nil: every operation is answered
	avatars     avatar.Store     // nil: no pictures are taken
	wechat      *wechat.Client
	account     *account.Service
	chain       *audit.Chain
	stats       *stats.Counter
	metrics     *metrics.Metrics
	tracer      *tracing.Tracer
	fake        *wechatfake.Server // nil: the real WeChat is asked
	draining    atomic.Bool

	admin          *admin.Service
	adminKeys      *adminauth.Keys
	adminLimiter   *ratelimit.Limiter // nil: nothing is counted
	administrators *adminauth.Authenticator

	background sync.WaitGroup
	stop       context.CancelFunc
	cleanup    []func()
}

// assemble makes the server, from the bottom up: files, keys, database, WeChat, account. Nothing has
// to be undone when it fails, because the process ends.
func assemble(ctx context.Context, c *config.Config, log *slog.Logger, address net.Addr) (*server, error) {
	s := &server{config: c, log: log}
	documents, err := readDocuments(c)
	if err != nil {
		return nil, err
	}
	s.documents = documents
	release, err := takeDataDirectory(c)
	if err != nil {
		return nil, err
	}
	s.cleanup = append(s.cleanup, release)
	file, err := loadKeys(c)
	if err != nil {
		return nil, err
	}
	if s.rings, err = newRings(file, time.Now()); err != nil {
		return nil, err
	}
	s.makeObservers()
	if s.db, err = openDatabase(ctx, c, database.Observe(time.Now, s.watchDatabase)); err != nil {
		return nil, err
	}
	if err := s.makeServices(issuerOf(c, address), s.wechatURL(address)); err != nil {
		return nil, err
	}
	if err := s.readRevocations(ctx); err != nil {
		return nil, err
	}
	s.chain = newChain(s.db, file, s.log)
	if err := s.makeAdministrators(); err != nil {
		return nil, err
	}
	s.followState()
	s.startBackground(file)
	return s, nil
}

// readRevocations has the feed know what has been ended before the first request comes: the longest of its
// looks, and as long as it takes where many servers start at once.
func (s *server) readRevocations(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	return s.revocations.Look(ctx)
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
		Observe: s.metrics.SessionKeyCache,
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
	if c.RateLimits {
		s.limits = graph.NewLimits(ratelimit.New(limitedCallers, time.Now), clientip.FromContext)
	}
	if err := s.openAvatars(); err != nil {
		return err
	}
	s.wechat = wechat.New(wechat.Options{BaseURL: wechatURL, Apps: secretsOf(c), Observe: s.watchWeChat, Misconfigured: s.tellMisconfigured})
	s.stats = stats.New(stats.Options{DB: s.db, Apps: appIDs(c), Now: time.Now, Log: s.log})
	s.account = account.New(account.Options{
		DB: s.db, WeChat: s.wechat,
		Apps: apps, Access: s.access, Refresh: s.rings.refresh,
		SessionKeys: s.sessionKeys, Phones: s.rings.phone, PhoneIndex: s.rings.index, Revocations: s.revocations,
		Avatars: s.avatars, AvatarBase: issuer + "/avatars/",
		Limits:     account.Limits{RefreshIdle: c.RefreshIdle, RefreshMax: c.RefreshMax, MaxSessions: c.MaxSessions, Closing: c.ClosingPeriod},
		LimitLogin: s.limits.Login, LimitRefresh: s.limits.Refresh,
		Now: time.Now, Rand: rand.Reader, Log: s.log, Observe: s.observeAccount,
	})
	return nil
}

// startBackground starts what runs beside the requests.
func (s *server) startBackground(file *keyfile.File) {
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.background.Go(func() { s.revocations.Run(ctx) })
	s.background.Go(func() { s.account.RunJanitor(ctx, sweepInterval) })
	s.background.Go(func() { s.chain.Run(ctx, s.config.AuditRetention) })
	s.background.Go(func() { s.stats.Run(ctx) })
	if s.avatars != nil {
		s.background.Go(func() { s.probeAvatars(ctx) })
	}
	s.background.Go(func() {
		ticker := time.NewTicker(keyFileInterval)
		defer ticker.Stop()
		keyfile.Watch(ctx, keysPath(s.config), file, time.Now(), ticker.C, s.rings.replace, func(err error) {
			s.log.Error("the key file was not taken over; the present keys stay in use", "error", err)
		})
	})
}

// leave says that the server is no longer ready, and goes on answering for the drain delay, so that
// proxies can take it out.
func (s *server) leave() {
	s.draining.Store(true)
	s.log.Info("draining", "delay", s.config.DrainDelay.String(), "timeout", s.config.ShutdownTimeout.String())
	<-time.After(s.config.DrainDelay)
}

// finish waits for what requests have begun and left to be stored, and then ends what runs beside the
// requests. The error means that ctx ended first.
func (s *server) finish(ctx context.Context) error {
	stored := make(chan struct{})
	go func() {
		s.account.Close()
		close(stored)
	}()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-stored:
	}
	s.stop()
	s.background.Wait()
	s.sessionKeys.Close()
	if err := s.db.Close(); err != nil {
		s.log.Warn("the database was not closed cleanly", "error", err)
	}
	if err := s.tracer.Close(ctx); err != nil {
		s.log.Warn("the last traces were not exported", "error", err)
	}
	for _, undo := range slices.Backward(s.cleanup) {
		undo()
	}
	return nil
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
	s.fake = wechatfake.New(wechatfake.Options{Apps: fakeApps(s.config), DefaultApp: s.config.DefaultApp, WelcomeBack: true, Log: s.log})
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

// accountApps are the apps as the core knows them.
func accountApps(c *config.Config) (account.Apps, error) {
	var apps []account.App
	for _, app := range c.Apps {
		flow, err := account.ParseFlow(strings.Join(app.Flow, ","))
		if err != nil {
			return account.Apps{}, err
		}
		apps = append(apps, account.App{
			AppID: app.ID, Flow: flow, EncryptedData: app.EncryptedData, ContentCheck: app.ContentCheck,
			AskFirst: !app.CreateOnSilentLogin, UserGroup: app.Group, MergePhones: app.MergePhones,
		})
	}
	set, err := account.NewApps(apps...)
	return set.WithDefault(c.DefaultApp), err
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

// readDocuments reads the operations that are answered, when the operator has listed them.
func readDocuments(c *config.Config) (*front.Documents, error) {
	if c.TrustedDocuments == "" {
		return nil, nil
	}
	raw, err := os.ReadFile(c.TrustedDocuments)
	if err != nil {
		return nil, fmt.Errorf("MPAUTH_TRUSTED_DOCUMENTS: cannot read the file: %w; name the file that the client's build emits", err)
	}
	documents, err := front.ParseDocuments(raw)
	if err != nil {
		return nil, fmt.Errorf("MPAUTH_TRUSTED_DOCUMENTS: %s %w; name the file that the client's build emits", c.TrustedDocuments, err)
	}
	return documents, nil
}
