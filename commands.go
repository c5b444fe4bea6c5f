package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"mpauth/internal/config"
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
	apps := "any app is accepted"
	if len(c.Apps) > 0 {
		apps = "apps: " + appList(c)
	}
	fmt.Fprintf(stdout, "A fake of WeChat's server API listens on http://%s/ (control API under /_control/; %s). It is for development only.\n",
		listener.Addr(), apps)
	return serveUntilDone(ctx, newHTTPServer(mux, log), listener, ending{
		leave:  fake.ClearFaults, // lets go of calls that one holds back
		finish: func(context.Context) error { return nil },
		limit:  c.ShutdownTimeout,
	})
}

// migrate carries out `mpauth migrate`. It takes as long as it takes: until a signal comes.
func migrate(ctx context.Context, c *config.Config, stdout io.Writer) error {
	release, err := takeDataDirectory(c)
	if err != nil {
		return err
	}
	defer release()
	db, err := reachDatabase(ctx, c, databaseOptions(c))
	if err != nil {
		return err
	}
	if err := errors.Join(db.Migrate(ctx), db.Close()); err != nil {
		return databaseProblem(c, err)
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
	wechat := c.WechatURL
	if c.FakeInProcess() {
		wechat = base + "/fakewechat/ (inside this process)"
	}
	fmt.Fprintf(stdout, `
  mpauth, DEVELOPMENT MODE: made-up keys, this machine only. Never put this on the internet.

    Phone          %[1]s/
    Playground     %[1]s/playground
    GraphQL        %[1]s/graphql
    Public keys    %[1]s/.well-known/jwks.json
    Ready?         %[1]s/readyz
    WeChat         %[2]s
    Apps           %[3]s

`, base, wechat, appList(c))
}

func appIDs(c *config.Config) []string {
	var ids []string
	for _, app := range c.Apps {
		ids = append(ids, app.ID)
	}
	return ids
}

func appList(c *config.Config) string { return strings.Join(appIDs(c), ", ") }

// serveJWKS publishes the keys that verify access tokens. They may be kept for five minutes: new ones
// are published a day before they are used.
func (s *server) serveJWKS(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/jwk-set+json")
	w.Header().Set("Cache-Control", "public, max-age=300")
	_, _ = w.Write(s.rings.signing.JWKS())
}

// serveAlive answers 200 as long as the process answers at all.
func serveAlive(w http.ResponseWriter, _ *http.Request) { health(w, http.StatusOK, "ok") }

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
