// Command mpauth signs people in to WeChat Mini Programs: a GraphQL server for login, profile, phone
// and sessions, and everything it needs around it.
//
// This file is where it all comes together. Nothing below reads the configuration, the clock or the
// environment by itself.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"mpauth/graph"
	"mpauth/internal/authn"
	"mpauth/internal/clientip"
	"mpauth/internal/config"
	"mpauth/internal/telemetry"
	"mpauth/web"
)

//go:generate go tool gqlgen generate
//go:generate go tool gqlgen generate --config gqlgen.admin.yml

func main() {
	if err := run(untilAsked(), os.Args[1:], os.Environ(), os.Stdout, os.Stderr); err != nil {
		fmt.Fprintf(os.Stderr, "mpauth: %v\n", err)
		os.Exit(1)
	}
}

// untilAsked is a context that ends with the first signal. The second one ends the process there and then. Both are
// waited for here: between two ways of handling signals the second would be lost.
func untilAsked() context.Context {
	asked := make(chan os.Signal, 2)
	signal.Notify(asked, os.Interrupt, syscall.SIGTERM)
	ctx, end := context.WithCancel(context.Background())
	go func() {
		<-asked
		end()
		<-asked
		fmt.Fprintln(os.Stderr, "mpauth: ended at once by a second signal")
		os.Exit(1)
	}()
	return ctx
}

// run carries out one command. Its error says in one line a problem what is wrong and how to put it right.
func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) error {
	c, err := config.Parse(args, environ, stdout)
	if errors.Is(err, config.ErrShown) {
		return nil
	}
	if err != nil {
		return err
	}
	log := telemetry.NewLogger(stderr, c.LogFormat, c.LogLevel)
	if c.Command == config.Serve {
		return serve(ctx, c, log, stdout)
	}
	warn(c, log)
	switch c.Command {
	case config.FakeWechat:
		return serveFake(ctx, c, log, stdout)
	case config.Migrate:
		return migrate(ctx, c, stdout)
	case config.AuditVerify:
		return verifyAudit(ctx, c, log, stdout)
	case config.AdminKeyMake, config.AdminKeyList, config.AdminKeyRevoke:
		return manageAdminKeys(ctx, c, log, stdout)
	default:
		return manageKeys(c, stdout)
	}
}

func warn(c *config.Config, log *slog.Logger) {
	for _, warning := range c.Warnings {
		log.Warn(warning)
	}
}

// serve runs the server until ctx ends, and then lets what has begun come to its end.
func serve(ctx context.Context, c *config.Config, log *slog.Logger, stdout io.Writer) error {
	listener, err := listen(c)
	if err != nil {
		return err
	}
	defer listener.Close()
	operator, err := listenOperator(c)
	if err != nil {
		return err
	}
	defer closeUnused(operator)
	administrators, err := listenAdministrators(c)
	if err != nil {
		return err
	}
	defer closeUnused(administrators)
	s, err := assemble(ctx, c, log, listener.Addr())
	if err != nil {
		return err
	}
	warn(c, log) // not before: a start that is refused says why, and nothing else
	banner(stdout, c, listener.Addr())
	stopAdministrators := s.serveAdministrators(administrators, stdout)
	defer s.serveOperator(operator, stdout)()
	return serveUntilDone(ctx, newHTTPServer(s.routes(), log), listener, ending{
		leave: s.leave, limit: c.ShutdownTimeout,
		finish: func(ctx context.Context) error { return errors.Join(stopAdministrators(ctx), s.finish(ctx)) },
	})
}

// closeUnused gives back a port that may not have come to be served.
func closeUnused(listener net.Listener) {
	if listener != nil {
		_ = listener.Close()
	}
}

// routes is the whole HTTP surface, with who may call it.
func (s *server) routes() http.Handler {
	mux := http.NewServeMux()
	callers := authn.Authenticator{Access: s.access, Revocations: s.revocations}
	proxies := clientip.Proxies(s.config.Proxies)
	known := func(h http.Handler) http.Handler { return proxies.Middleware(callers.Middleware(h)) }
	limited := func(h http.Handler) http.Handler { return limitTime(s.config.RequestTimeout, known(h)) }
	// Anyone; each field says in the schema whether it needs a login.
	mux.Handle("POST /graphql", limited(graph.NewHandler(graph.Options{
		Account: s.account, Introspection: s.config.Introspection, Limits: s.limits, Documents: s.documents, Log: s.log, Watch: s.watchGraph(),
		Refused: s.stats.Refused,
	})))
	s.routeAvatars(mux, known, limited)
	// Anyone: answers about the token in the request.
	mux.Handle("GET /verify", limited(authn.Verify(s.account)))
	// Anyone: public keys.
	mux.HandleFunc("GET /.well-known/jwks.json", s.serveJWKS)
	// Anyone: whether the process lives, and whether it can work.
	mux.HandleFunc("GET /livez", serveAlive)
	mux.HandleFunc("GET /readyz", s.serveReady)
	if s.config.Environment == config.Production {
		return s.sayGoodbye(s.observed(mux))
	}
	// This machine only: what there is to try, and the WeChat inside the process.
	s.routePages(mux)
	all := http.NewServeMux()
	all.Handle("/", s.observed(mux))
	if s.fake != nil {
		all.Handle("/fakewechat/", http.StripPrefix("/fakewechat", s.fake))
	}
	return s.sayGoodbye(thisMachineOnly(all))
}

// routePages serves what a developer looks at: the phone at /, and the playground.
func (s *server) routePages(mux *http.ServeMux) {
	options := web.Options{FakeWeChat: s.fake != nil, Rand: rand.Reader}
	for _, app := range s.config.Apps {
		options.Apps = append(options.Apps, web.App{ID: app.ID, Flow: app.Flow})
	}
	phone, playground := web.Phone(options), web.Playground(options)
	mux.Handle("GET /{$}", phone)
	mux.Handle("/simulator/", phone)
	mux.Handle("/playground", playground)
	mux.Handle("/playground/", playground)
}

// sayGoodbye asks clients to connect anew, and so elsewhere, once this server is about to leave:
// without it they would send their next request on a connection that is just being closed.
func (s *server) sayGoodbye(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.draining.Load() {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

// thisMachineOnly refuses requests for another host's name: a page in the browser of a developer
// could otherwise reach this server through a name that it points at this machine.
func thisMachineOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Auth-Mode", "dev")
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		ip := net.ParseIP(strings.Trim(host, "[]"))
		if !strings.EqualFold(host, "localhost") && (ip == nil || !ip.IsLoopback()) {
			http.Error(w, "development mode answers to localhost only", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// limitTime ends the work on a request after a time, whatever it waits for.
func limitTime(limit time.Duration, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), limit)
		defer cancel()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// newHTTPServer bounds how long and how much a client may send before it is heard.
func newHTTPServer(handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      90 * time.Second, // longer than any request may take; see limitTime
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

// listen takes the address before anything else is touched: a second server that is started by
// mistake must not even look at the database of the first.
func listen(c *config.Config) (net.Listener, error) {
	return listenOn("MPAUTH_LISTEN", c.Listen, "127.0.0.1:8090")
}

// listenOn takes the address of a setting.
func listenOn(setting, address, another string) (net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%s: %s is in use by another program; stop it, or set another address such as %s", setting, address, another)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: cannot listen on %s: %w; set an address of this machine and a port that this user may take", setting, address, cause(err))
	}
	return listener, nil
}

// ending is how a server comes to its end.
type ending struct {
	leave  func()                      // tells others that it leaves, and gives them time
	finish func(context.Context) error // ends what runs beside the requests
	limit  time.Duration               // for the requests that have begun, and for finish
}

// serveUntilDone serves until ctx ends, and then goes through the ending.
func serveUntilDone(ctx context.Context, h *http.Server, listener net.Listener, e ending) error {
	failed := make(chan error, 1)
	go func() { failed <- h.Serve(listener) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	e.leave()
	limit, cancel := context.WithTimeout(context.Background(), e.limit)
	defer cancel()
	err := h.Shutdown(limit)
	if err == nil {
		err = e.finish(limit)
	}
	if err != nil { // what still runs ends with the process
		return fmt.Errorf("MPAUTH_SHUTDOWN_TIMEOUT: requests were still running after %s; make it longer than MPAUTH_REQUEST_TIMEOUT", e.limit)
	}
	return nil
}
