package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"mpauth/internal/config"
	"mpauth/internal/database"
	"mpauth/internal/telemetry"
	"mpauth/internal/wechat/wechatfake"
)

// serveFake carries out `mpauth fakewechat`: WeChat alone, for a back end that is not ours.
func serveFake(ctx context.Context, c *config.Config, log *slog.Logger, stdout io.Writer) error {
	listener, err := listen(c)
	if err != nil {
		return err
	}
	defer listener.Close()
	fake := wechatfake.New(wechatfake.Options{Apps: fakeApps(c), AcceptUnknownApps: len(c.Apps) == 0, Log: log})
	defer fake.Close()
	mux := http.NewServeMux()
	mux.Handle("/fakewechat/", http.StripPrefix("/fakewechat", fake))
	mux.Handle("/", fake)
	fmt.Fprintf(stdout, "A fake of WeChat's server API listens on http://%s/ (control API under /_control/). It is for development only.\n", listener.Addr())
	h := newHTTPServer(telemetry.Requests(log, time.Now, rand.Reader, mux), log)
	failed := make(chan error, 1)
	go func() { failed <- h.Serve(listener) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	limit, cancel := context.WithTimeout(context.Background(), c.ShutdownTimeout)
	defer cancel()
	return h.Shutdown(limit)
}

// migrate carries out `mpauth migrate`.
func migrate(ctx context.Context, c *config.Config, stdout io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := makeDataDirectory(c); err != nil {
		return err
	}
	db, err := database.Open(databaseOptions(c))
	if err != nil {
		return fmt.Errorf("MPAUTH_DATABASE_URL: %w", err)
	}
	if err := errors.Join(db.Migrate(ctx), db.Close()); err != nil {
		return err
	}
	_, err = fmt.Fprintln(stdout, "The database schema is up to date.")
	return err
}

// banner says where things are. In development it also says loudly what must not be relied on.
func banner(stdout io.Writer, c *config.Config, address net.Addr) {
	base := "http://" + address.String()
	if c.Environment == config.Production {
		fmt.Fprintf(stdout, "mpauth listens on %s\n", base)
		return
	}
	fmt.Fprintf(stdout, `
  mpauth, DEVELOPMENT MODE: made-up keys, this machine only. Never put this on the internet.

    GraphQL        %[1]s/graphql
    Public keys    %[1]s/.well-known/jwks.json
    Ready?         %[1]s/readyz
`, base)
	if c.FakeInProcess() {
		fmt.Fprintf(stdout, "    Fake WeChat    %s/fakewechat/\n", base)
	}
	fmt.Fprintf(stdout, "    Apps           %s\n\n", appList(c))
}

func appList(c *config.Config) string {
	text := ""
	for i, app := range c.Apps {
		if i > 0 {
			text += ", "
		}
		text += app.ID
	}
	return text
}

// serveIndex tells a newcomer in development what there is.
func (s *server) serveIndex(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	banner(w, s.config, r.Context().Value(http.LocalAddrContextKey).(net.Addr))
}

// serveJWKS publishes the keys that verify access tokens. They may be kept for five minutes: new ones
// are published a day before they are used.
func (s *server) serveJWKS(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/jwk-set+json")
	w.Header().Set("Cache-Control", "public, max-age=300")
	_, _ = w.Write(s.rings.signing.JWKS())
}

// readyTimeout is how long the database may take to show that it is there.
const readyTimeout = time.Second

// serveReady answers 200 while requests should come here.
func (s *server) serveReady(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()
	switch {
	case s.draining.Load():
		health(w, http.StatusServiceUnavailable, "draining")
	case s.db.Ping(ctx) != nil:
		health(w, http.StatusServiceUnavailable, "the database does not answer")
	case s.revocations.Age() > 5*time.Second:
		health(w, http.StatusServiceUnavailable, "the revocation feed is behind")
	default:
		health(w, http.StatusOK, "ok")
	}
}

func health(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"status": text})
}
