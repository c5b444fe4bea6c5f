package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"text/tabwriter"
	"time"

	graphadmin "mpauth/graph/admin"
	"mpauth/graph/front"
	"mpauth/internal/account"
	"mpauth/internal/admin"
	"mpauth/internal/adminauth"
	"mpauth/internal/clientip"
	"mpauth/internal/config"
	"mpauth/internal/database"
	"mpauth/internal/fault"
	"mpauth/internal/ratelimit"
	"mpauth/web"
)

const (
	limitedAdministrators = 1 << 12
	providerTimeout       = 3 * time.Second // for the identity provider to answer
)

// listenAdministrators takes the administrators' port, if there is to be one.
func listenAdministrators(c *config.Config) (net.Listener, error) {
	if c.AdminListen == "" {
		return nil, nil //nolint:nilnil // there is none, and that is no error
	}
	return listenOn("MPAUTH_ADMIN_LISTEN", c.AdminListen, "127.0.0.1:8091")
}

// makeAdministrators makes what tells who an administrator is. Development has a key that lives as
// long as the process and is told to nobody but whoever started it.
func (s *server) makeAdministrators() (err error) {
	if s.config.RateLimits {
		s.adminLimiter = ratelimit.New(limitedAdministrators, time.Now)
	}
	s.adminKeys = newAdminKeys(s.db, s.log)
	s.administrators = &adminauth.Authenticator{Keys: s.adminKeys, OIDC: identityProvider(s.config), Limiter: s.adminLimiter}
	s.admin = admin.New(admin.Options{
		DB: s.db, Account: s.account, Chain: s.chain, WeChat: s.wechat, Stats: s.stats, Now: time.Now, Rand: rand.Reader, Log: s.log,
		Keys: admin.KeyFile{Path: keysPath(s.config), Overlap: overlap(s.config)},
	})
	if s.config.Environment == config.Development && s.config.AdminListen != "" {
		s.administrators.Development, err = adminauth.NewSecret(rand.Reader)
	}
	return err
}

func newAdminKeys(db *database.DB, log *slog.Logger) *adminauth.Keys {
	return adminauth.NewKeys(adminauth.KeysOptions{DB: db, Now: time.Now, Rand: rand.Reader, Log: log})
}

// identityProvider is whose tokens open the administrators' API beside keys; nil: nobody's.
func identityProvider(c *config.Config) *adminauth.OIDC {
	if c.AdminOIDCIssuer == "" {
		return nil
	}
	roles := make(map[string][]adminauth.Role, len(c.AdminRoles))
	for name, ours := range c.AdminRoles {
		for _, role := range ours {
			roles[name] = append(roles[name], adminauth.Role(role))
		}
	}
	return adminauth.NewOIDC(adminauth.OIDCOptions{
		Issuer: c.AdminOIDCIssuer, Audience: c.AdminOIDCAudience, RolesClaim: c.AdminOIDCRolesClaim, Roles: roles,
		HTTP: &http.Client{Timeout: providerTimeout}, Now: time.Now,
	})
}

// adminRoutes is the HTTP surface of the administrators' port, with who may call it.
func (s *server) adminRoutes() http.Handler {
	mux := http.NewServeMux()
	proxies := clientip.Proxies(s.config.Proxies)
	// Administrators; each field says in the schema which role it needs. Nothing is answered to others.
	mux.Handle("POST /graphql", limitTime(s.config.RequestTimeout, proxies.Middleware(s.administrators.Middleware(
		graphadmin.NewHandler(graphadmin.Options{
			Admin: s.admin, Keys: s.adminKeys, Limiter: s.adminLimiter, Log: s.log, Watch: front.Watch{Field: s.tracer.Field},
		}),
	))))
	// Anyone who reaches the port: a page that holds nothing, and asks for a key.
	playground := web.Playground(web.Options{Administrators: true, Rand: rand.Reader})
	mux.Handle("GET /{$}", http.RedirectHandler("/playground", http.StatusFound))
	mux.Handle("/playground", playground)
	mux.Handle("/playground/", playground)
	if s.config.Environment == config.Development {
		return thisMachineOnly(s.observedApart(mux))
	}
	return s.sayGoodbye(s.observedApart(mux))
}

// serveAdministrators serves the administrators' port, if there is one, until stop is called, which
// waits for what has begun.
func (s *server) serveAdministrators(listener net.Listener, stdout io.Writer) (stop func(context.Context) error) {
	if listener == nil {
		return func(context.Context) error { return nil }
	}
	s.announceAdministrators(stdout, "http://"+listener.Addr().String())
	h := newHTTPServer(s.adminRoutes(), s.log)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := h.Serve(listener); err != http.ErrServerClosed {
			s.log.Error("the administrators' port is gone", "error", err)
		}
	}()
	return func(ctx context.Context) error {
		err := h.Shutdown(ctx)
		<-ended
		return err
	}
}

// announceAdministrators says where the port is. The key of development stands behind a #, which a
// browser sends to nobody.
func (s *server) announceAdministrators(stdout io.Writer, base string) {
	if key := s.administrators.Development.Reveal(); key != "" {
		fmt.Fprintf(stdout, "    For administrators, with a key that ends with this process:\n    %s/playground#key=%s\n\n", base, key)
		return
	}
	fmt.Fprintf(stdout, "The administrators' port is %s (/graphql, /playground).\n", base)
}

// atTheShell is the reason that the audit trail has for a command: nobody is asked for one there.
const atTheShell = "by command"

// manageAdminKeys carries out `mpauth keys admin`, `admin-list` and `admin-revoke`, for the time when
// nobody has a key that opens the administrators' API.
func manageAdminKeys(ctx context.Context, c *config.Config, log *slog.Logger, stdout io.Writer) error {
	release, err := takeDataDirectory(c)
	if err != nil {
		return err
	}
	defer release()
	db, err := reachDatabase(ctx, c, databaseOptions(c))
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }() // what was done is committed
	state, err := db.SchemaState(ctx)
	if err == nil {
		err = state.Err()
	}
	if err != nil {
		return databaseProblem(c, err)
	}
	keys := newAdminKeys(db, log)
	shell := adminauth.Administrator{Actor: account.Actor{Kind: "shell", Name: "mpauth"}, Roles: adminauth.Roles()}
	switch c.Command {
	case config.AdminKeyMake:
		return makeAdminKey(ctx, keys, shell, c.AdminKey, stdout)
	case config.AdminKeyRevoke:
		if _, err := keys.Revoke(ctx, shell.Actor, c.AdminKeyID, atTheShell); err != nil {
			return inWords(c.AdminKeyID, err)
		}
	}
	return listAdminKeys(ctx, keys, stdout)
}

func makeAdminKey(ctx context.Context, keys *adminauth.Keys, by adminauth.Administrator, want config.AdminKey, stdout io.Writer) error {
	key := adminauth.NewKey{Name: want.Name, Days: want.Days, Reason: atTheShell}
	for _, role := range want.Roles {
		key.Roles = append(key.Roles, adminauth.Role(role))
	}
	made, secret, err := keys.Create(ctx, by, key)
	if err != nil {
		return inWords("--name", err)
	}
	_, err = fmt.Fprintf(stdout, "A key for %s, good until %s. It is shown this once:\n\n%s\n", made.Name, moment(made.ExpiresAt), secret.Reveal())
	return err
}

// inWords is why a key was not made or ended, without the code that is for programs.
func inWords(what string, err error) error {
	if known, ok := errors.AsType[*fault.Error](err); ok && known.Err == nil {
		return fmt.Errorf("%s: %s", what, known.Message)
	}
	return fmt.Errorf("%s: %w", what, err)
}

func listAdminKeys(ctx context.Context, keys *adminauth.Keys, stdout io.Writer) error {
	all, err := keys.List(ctx)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tNAME\tROLES\tUNTIL\tLAST USED\tREVOKED")
	for _, key := range all {
		var roles []string
		for _, role := range key.Roles {
			roles = append(roles, string(role))
		}
		var never time.Time
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", key.ID, key.Name, strings.Join(roles, ","), moment(key.ExpiresAt),
			moment(*cmp.Or(key.LastUsedAt, &never)), moment(*cmp.Or(key.RevokedAt, &never)))
	}
	return table.Flush()
}
