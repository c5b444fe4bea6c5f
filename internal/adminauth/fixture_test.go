package adminauth_test

import (
	"crypto/rand"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mpauth/internal/account"
	"mpauth/internal/adminauth"
	"mpauth/internal/clientip"
	"mpauth/internal/database"
	"mpauth/internal/fault"
	"mpauth/internal/ratelimit"
)

// clock is a time that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(by)
}

// root may make any key.
func root() adminauth.Administrator {
	return adminauth.Administrator{Actor: account.Actor{Kind: "shell", Name: "test"}, Roles: adminauth.Roles()}
}

func newKeys(db *database.DB, c *clock) *adminauth.Keys {
	return adminauth.NewKeys(adminauth.KeysOptions{DB: db, Now: c.Now, Rand: rand.Reader, Log: slog.New(slog.DiscardHandler)})
}

// door is what a request passes on its way to the administrators' API.
type door struct {
	*adminauth.Authenticator
}

func newDoor(keys *adminauth.Keys, c *clock) *door {
	return &door{&adminauth.Authenticator{Keys: keys, Limiter: ratelimit.New(1000, c.Now)}}
}

// enter shows Authorization headers from an address.
func (d *door) enter(address string, headers ...string) (who adminauth.Administrator, err error) {
	inner := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { who, err = adminauth.Caller(r.Context()) })
	r := httptest.NewRequest(http.MethodPost, "/graphql", nil)
	r.RemoteAddr = address
	for _, header := range headers {
		r.Header.Add("Authorization", header)
	}
	clientip.Proxies{}.Middleware(d.Middleware(inner)).ServeHTTP(httptest.NewRecorder(), r)
	return who, err
}

func (d *door) show(raw string) (adminauth.Administrator, error) {
	return d.enter("10.0.0.1:1", "Bearer "+raw)
}

func requireRefused(t *testing.T, err error, why ...any) {
	t.Helper()
	require.Equal(t, fault.Unauthenticated, fault.CodeOf(err), why...)
	require.Equal(t, "the key or token is not that of an administrator", err.(*fault.Error).Message, why...)
	require.NoError(t, err.(*fault.Error).Err, "the caller's error carries no cause")
}
