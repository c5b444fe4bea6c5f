// Package authn owns the way from a bearer token to the caller it stands for.
//
// It runs once per request, in front of everything, and decides without a query. A request without a
// valid token is not refused here, because some of what it may ask for is public; the refusal travels
// with the request, and whatever needs a caller returns it before anything is resolved.
package authn

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/google/uuid"

	"mpauth/internal/account"
	"mpauth/internal/fault"
	"mpauth/internal/revocation"
	"mpauth/internal/token"
)

// Authenticator tells who asks.
type Authenticator struct {
	Access      *token.Access
	Revocations *revocation.Feed
}

// outcome is what a request carries: a caller, or why there is none.
type outcome struct {
	caller  account.Caller
	refusal error
}

type contextKey struct{}

// Middleware decides who asks, for the handlers behind it.
func (a *Authenticator) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		caller, refusal := a.authenticate(r)
		ctx := context.WithValue(r.Context(), contextKey{}, outcome{caller, refusal})
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// Caller is who asks. Faults: UNAUTHENTICATED, TOKEN_EXPIRED, SESSION_REVOKED, UNAVAILABLE.
func Caller(ctx context.Context) (account.Caller, error) {
	decided, ok := ctx.Value(contextKey{}).(outcome)
	if !ok {
		return account.Caller{}, errors.New("authn: the request did not pass the middleware")
	}
	return decided.caller, decided.refusal
}

func (a *Authenticator) authenticate(r *http.Request) (account.Caller, error) {
	raw, err := bearer(r)
	if err != nil {
		return account.Caller{}, err
	}
	claims, err := a.Access.Verify(raw)
	switch {
	case errors.Is(err, token.ErrExpired):
		return account.Caller{}, fault.New(fault.TokenExpired, "the access token's time is over")
	case err != nil:
		return account.Caller{}, unreadable()
	}
	caller, err := callerOf(claims)
	if err != nil {
		return account.Caller{}, err
	}
	err = a.Revocations.Check(r.Context(), caller.SessionID, caller.UserID, caller.Epoch)
	switch {
	case errors.Is(err, revocation.ErrRevoked):
		return account.Caller{}, fault.New(fault.SessionRevoked, "this session has ended")
	case err != nil:
		return account.Caller{}, fault.Wrap(fault.Unavailable, "whether this session goes on cannot be known now; try again", err)
	}
	return caller, nil
}

// bearer is the token of the Authorization header.
func bearer(r *http.Request) (string, error) {
	headers := r.Header.Values("Authorization")
	if len(headers) == 0 {
		return "", fault.New(fault.Unauthenticated, "this needs a login")
	}
	scheme, raw, _ := strings.Cut(headers[0], " ")
	if len(headers) > 1 || !strings.EqualFold(scheme, "Bearer") || raw == "" {
		return "", unreadable()
	}
	return raw, nil
}

func callerOf(claims token.Claims) (account.Caller, error) {
	user, err := uuid.Parse(claims.Subject)
	if err != nil {
		return account.Caller{}, unreadable()
	}
	session, err := uuid.Parse(claims.SessionID)
	if err != nil {
		return account.Caller{}, unreadable()
	}
	return account.Caller{UserID: user, SessionID: session, AppID: claims.ClientID, Epoch: claims.Version}, nil
}

func unreadable() error { return fault.New(fault.Unauthenticated, "the access token cannot be read") }
