package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestASlowClientIsCut: no client may hold a connection by sending, or reading, slowly.
func TestASlowClientIsCut(t *testing.T) {
	t.Parallel()
	h := newHTTPServer(http.NotFoundHandler(), slog.New(slog.DiscardHandler))
	require.Equal(t, 5*time.Second, h.ReadHeaderTimeout)
	require.Equal(t, 10*time.Second, h.ReadTimeout)
	require.Equal(t, 16<<10, h.MaxHeaderBytes)
	require.Positive(t, h.IdleTimeout)
	require.Greater(t, h.WriteTimeout, time.Minute, "MPAUTH_REQUEST_TIMEOUT may be a minute")
	require.NotNil(t, h.ErrorLog, "net/http would write to stderr by itself")
}

func TestLimitTimeEndsTheWorkOnARequest(t *testing.T) {
	t.Parallel()
	var ended error
	h := limitTime(10*time.Millisecond, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		ended = r.Context().Err()
	}))
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
	require.ErrorIs(t, ended, context.DeadlineExceeded)
}

func TestAServerThatCannotServeSaysSo(t *testing.T) {
	t.Parallel()
	err := serveUntilDone(t.Context(), &http.Server{ReadHeaderTimeout: time.Second}, brokenListener{}, ending{})
	require.ErrorIs(t, err, errBroken)
}

// brokenListener accepts nobody.
type brokenListener struct{ net.Listener }

func (brokenListener) Accept() (net.Conn, error) { return nil, errBroken }
func (brokenListener) Close() error              { return nil }
func (brokenListener) Addr() net.Addr            { return &net.TCPAddr{} }

var errBroken = errors.New("the listener is broken")
