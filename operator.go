package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/pprof"

	"mpauth/internal/config"
)

// operatorRoutes is the HTTP surface of the operator port. Whoever can reach the port may call all of
// it; that is why it is another one than the public port, and on loopback unless it is told otherwise.
func (s *server) operatorRoutes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", s.metrics.Handler())
	mux.HandleFunc("GET /livez", serveAlive)
	mux.HandleFunc("GET /readyz", s.serveReady)
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	if s.config.Environment == config.Development {
		return thisMachineOnly(mux)
	}
	return mux
}

// listenOperator takes the operator port, if there is to be one.
func listenOperator(c *config.Config) (net.Listener, error) {
	if c.OperatorListen == "" {
		return nil, nil //nolint:nilnil // there is none, and that is no error
	}
	return listenOn("MPAUTH_OPERATOR_LISTEN", c.OperatorListen, "127.0.0.1:9091")
}

// serveOperator serves the operator port, if there is one, until stop is called: longer than the
// public port, so that the end of that can be watched.
func (s *server) serveOperator(listener net.Listener, stdout io.Writer) (stop func()) {
	if listener == nil {
		return func() {}
	}
	fmt.Fprintf(stdout, "The operator port is http://%s (/metrics, /debug/pprof/, /livez, /readyz).\n", listener.Addr())
	h := newHTTPServer(s.operatorRoutes(), s.log)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := h.Serve(listener); err != http.ErrServerClosed {
			s.log.Error("the operator port is gone", "error", err)
		}
	}()
	return func() {
		_ = h.Close()
		<-ended
	}
}
