package authn_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"mpauth/internal/account"
	"mpauth/internal/authn"
	"mpauth/internal/fault"
)

func TestBearerIsTheCaller(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	raw := f.mint(t)
	for _, header := range []string{"Bearer " + raw, "bearer " + raw, "BEARER " + raw} { // RFC 9110 §11.1: schemes have no case
		caller, err := f.ask(t, header)
		require.NoError(t, err, header[:7])
		require.Equal(t, account.Caller{UserID: f.user, SessionID: f.session, AppID: app, Epoch: 3}, caller)
	}
	require.Zero(t, f.trips.Count(), "who asks is known without a query")
}

// What a header comes to that is not the bearer token of a living session; none of it costs a query.
func TestHeaderIsRefused(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	raw := f.mint(t)
	minted := func(user, session string, epoch int64) string {
		forged, _, err := f.Access.Mint(user, app, session, epoch)
		require.NoError(t, err)
		return "Bearer " + forged
	}
	otherAudience, _, err := f.access(t, "mpauth-admin", time.Minute).Mint(f.user.String(), app, f.session.String(), 3)
	require.NoError(t, err)
	ended, banned := uuid.New(), uuid.New()
	f.Revocations.EndSession(ended, f.now)
	f.Revocations.EndUser(banned, 4, f.now)
	for name, c := range map[string]struct {
		headers []string
		code    fault.Code
	}{
		"none":               {nil, fault.Unauthenticated},
		"empty":              {[]string{""}, fault.Unauthenticated},
		"scheme alone":       {[]string{"Bearer"}, fault.Unauthenticated},
		"scheme and a space": {[]string{"Bearer "}, fault.Unauthenticated},
		"token alone":        {[]string{raw}, fault.Unauthenticated},
		"Basic":              {[]string{"Basic " + base64url("ann:password")}, fault.Unauthenticated},
		"another scheme":     {[]string{"DPoP " + raw}, fault.Unauthenticated},
		"two headers":        {[]string{"Bearer " + raw, "Bearer " + raw}, fault.Unauthenticated},
		"two in one":         {[]string{"Bearer " + raw + ", Bearer " + raw}, fault.Unauthenticated},
		"two spaces":         {[]string{"Bearer  " + raw}, fault.Unauthenticated},
		"a space behind":     {[]string{"Bearer " + raw + " "}, fault.Unauthenticated},
		"garbage":            {[]string{"Bearer \x00\xff"}, fault.Unauthenticated},
		"three dots":         {[]string{"Bearer ..."}, fault.Unauthenticated},
		"a megabyte":         {[]string{"Bearer " + strings.Repeat("a", 1<<20)}, fault.Unauthenticated},
		"a changed bit":      {[]string{"Bearer " + flip(raw)}, fault.Unauthenticated},
		"no signature":       {[]string{"Bearer " + base64url(`{"alg":"none","typ":"at+jwt"}`) + "." + strings.Split(raw, ".")[1] + "."}, fault.Unauthenticated},
		"another audience":   {[]string{"Bearer " + otherAudience}, fault.Unauthenticated},
		"no UUID as user":    {[]string{minted("ann", f.session.String(), 3)}, fault.Unauthenticated},
		"no UUID as session": {[]string{minted(f.user.String(), "phone", 3)}, fault.Unauthenticated},
		"ended session":      {[]string{minted(f.user.String(), ended.String(), 3)}, fault.SessionRevoked},
		"ended epoch":        {[]string{minted(banned.String(), uuid.NewString(), 3)}, fault.SessionRevoked},
	} {
		caller, err := f.ask(t, c.headers...)
		require.Equal(t, c.code, fault.CodeOf(err), "%s: %v", name, err)
		require.Zero(t, caller, name)
		require.NotContains(t, err.Error(), raw[len(raw)-30:], name)
	}
	f.now = f.now.Add(10 * time.Minute)
	_, err = f.ask(t, "Bearer "+raw)
	require.Equal(t, fault.TokenExpired, fault.CodeOf(err))
	_, err = f.ask(t, "Bearer "+flip(raw))
	require.Equal(t, fault.Unauthenticated, fault.CodeOf(err), "that a forged token has expired is nobody's business")
	require.Zero(t, f.trips.Count(), f.trips.String())
}

// A feed that has lost touch asks the database, and without an answer nobody is let in.
func TestStaleFeedAsksAndThenRefuses(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.now = f.now.Add(2 * time.Second)
	raw := f.mint(t)
	_, err := f.ask(t, "Bearer "+raw)
	require.NoError(t, err)
	require.Equal(t, 1, f.trips.Count(), f.trips.String())

	require.NoError(t, f.db.SQL.Close())
	caller, err := f.ask(t, "Bearer "+raw)
	require.Equal(t, fault.Unavailable, fault.CodeOf(err))
	require.Zero(t, caller)
}

func TestRequestThatPassedNoMiddlewareHasNoCaller(t *testing.T) {
	t.Parallel()
	caller, err := authn.Caller(t.Context())
	require.Equal(t, fault.Internal, fault.CodeOf(err))
	require.Zero(t, caller)
}
