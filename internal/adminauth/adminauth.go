// Package adminauth owns who an administrator is, and what they may do.
//
// An administrator shows a key of this server (a row of admin_keys, see [Keys]) or a token of the
// identity provider that the operator has named (see [OIDC]). Neither has anything to do with the
// tokens of users: those are checked by another package, on another port, and each side refuses what
// belongs to the other. Every refusal looks the same from outside; why it came about is in the log.
package adminauth

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"mpauth/internal/account"
	"mpauth/internal/clientip"
	"mpauth/internal/fault"
	"mpauth/internal/ratelimit"
	"mpauth/internal/telemetry"
)

// Role is what an administrator may do; the administrators' schema says what each role opens.
type Role string

// The roles.
const (
	Support  Role = "SUPPORT"
	Privacy  Role = "PRIVACY"
	Auditor  Role = "AUDITOR"
	Operator Role = "OPERATOR"
)

// MarshalGQL writes the role.
func (r Role) MarshalGQL(w io.Writer) { _, _ = io.WriteString(w, strconv.Quote(string(r))) }

// UnmarshalGQL reads a role.
func (r *Role) UnmarshalGQL(v any) error {
	name, _ := v.(string)
	if !slices.Contains(Roles(), Role(name)) {
		return errors.New("there is no such role")
	}
	*r = Role(name)
	return nil
}

// Roles are all roles there are.
func Roles() []Role { return []Role{Support, Privacy, Auditor, Operator} }

// ParseRoles reads roles with commas between them. The error names what is none.
func ParseRoles(text string) ([]Role, error) {
	var roles []Role
	for word := range strings.SplitSeq(text, ",") {
		role := Role(strings.TrimSpace(word))
		if !slices.Contains(Roles(), role) {
			return nil, errors.New("\"" + string(role) + "\" is no role; the roles are SUPPORT, PRIVACY, AUDITOR and OPERATOR")
		}
		if !slices.Contains(roles, role) {
			roles = append(roles, role)
		}
	}
	return roles, nil
}

// Administrator is who asks, and what they may do.
type Administrator struct {
	account.Actor
	Roles []Role
}

// Has tells whether the administrator has a role.
func (a Administrator) Has(role Role) bool { return slices.Contains(a.Roles, role) }

// Authenticator tells which administrator asks.
type Authenticator struct {
	Keys *Keys
	OIDC *OIDC // nil: only keys are taken

	// Development is a key of this process alone, which has every role; empty: there is none.
	Development Secret

	// Limiter counts what is refused; nil: nothing is counted.
	Limiter *ratelimit.Limiter
}

// refusalsPerAddress bounds how often an address may show what is refused. Guessing a key is hopeless
// anyway; this bounds what the guesses cost the database and the identity provider.
var refusalsPerAddress = ratelimit.Rule{Name: "refused administrators per address", Events: 20, Per: time.Minute}

// outcome is what a request carries: an administrator, or why there is none.
type outcome struct {
	administrator Administrator
	refusal       error
}

type contextKey struct{}

// Middleware decides who asks, for the handlers behind it. It expects [clientip.Proxies.Middleware] in
// front of it.
func (a *Authenticator) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		administrator, refusal := a.authenticate(r)
		name := "nobody"
		if refusal == nil {
			name = administrator.String()
		}
		telemetry.Annotate(r.Context(), slog.String("actor", name))
		ctx := context.WithValue(r.Context(), contextKey{}, outcome{administrator, refusal})
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// Caller is who asks. Faults: UNAUTHENTICATED, FORBIDDEN, RATE_LIMITED, UNAVAILABLE.
func Caller(ctx context.Context) (Administrator, error) {
	decided, ok := ctx.Value(contextKey{}).(outcome)
	if !ok {
		return Administrator{}, errors.New("adminauth: the request did not pass the middleware")
	}
	return decided.administrator, decided.refusal
}

// refused is why somebody is turned away; the log alone is told.
type refused string

func (r refused) Error() string { return string(r) }

func (a *Authenticator) authenticate(r *http.Request) (Administrator, error) {
	ctx := r.Context()
	raw, given := bearer(r)
	if !given {
		return Administrator{}, fault.New(fault.Unauthenticated, "this needs the key or the token of an administrator")
	}
	caller := clientip.Network(clientip.FromContext(ctx)).String()
	if err := a.tooMany(ctx, caller, raw); err != nil {
		return Administrator{}, err
	}
	administrator, err := a.find(ctx, raw)
	if why, ok := errors.AsType[refused](err); ok {
		telemetry.Annotate(ctx, slog.String("refused", string(why)))
		if a.Limiter != nil {
			a.Limiter.Take(refusalsPerAddress, caller)
		}
		return Administrator{}, fault.New(fault.Unauthenticated, "the key or token is not that of an administrator")
	}
	return administrator, err
}

// find looks for the administrator whose key or token it is.
func (a *Authenticator) find(ctx context.Context, raw string) (Administrator, error) {
	switch {
	case a.Development.matches(raw):
		return Administrator{account.Actor{Kind: "development", Name: "key"}, Roles()}, nil
	case strings.HasPrefix(raw, prefix):
		return a.Keys.find(ctx, raw)
	case a.OIDC != nil:
		return a.OIDC.find(ctx, raw)
	}
	return Administrator{}, refused("what is no key")
}

// tooMany refuses an address that was refused too often, without looking anything up. Whose key was
// good before goes on: somebody else behind the same proxy must not shut them out.
func (a *Authenticator) tooMany(ctx context.Context, caller, raw string) error {
	if a.Limiter == nil || a.Development.matches(raw) || a.Keys.remembers(raw) {
		return nil
	}
	wait, ok := a.Limiter.Check(refusalsPerAddress, caller)
	if ok {
		return nil
	}
	telemetry.Annotate(ctx, slog.String("limit", refusalsPerAddress.Name))
	limited := fault.New(fault.RateLimited, "too many keys were refused; wait, then try again")
	limited.RetryAfter = (wait + time.Millisecond - 1).Truncate(time.Millisecond)
	return limited
}

// bearer is what the Authorization header carries; of two headers, neither is taken.
func bearer(r *http.Request) (raw string, given bool) {
	headers := r.Header.Values("Authorization")
	if len(headers) == 0 {
		return "", false
	}
	scheme, raw, _ := strings.Cut(headers[0], " ")
	if len(headers) > 1 || !strings.EqualFold(scheme, "Bearer") {
		return "", true
	}
	return raw, true
}
