package graph

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/google/uuid"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"mpauth/graph/front"
	"mpauth/internal/authn"
	"mpauth/internal/clientip"
	"mpauth/internal/fault"
	"mpauth/internal/ratelimit"
	"mpauth/internal/telemetry"
)

// How often one caller may do what. These are all the limits there are.
//
// Carriers put thousands of people behind one address, so what is counted by address is generous,
// with one exception: a login that WeChat refuses. Phones do not send codes that WeChat does not
// know, and each one costs a call that WeChat counts.
var (
	anythingPerAddress     = ratelimit.Rule{Name: "anything per address", Events: 600, Per: time.Minute}
	anythingPerUser        = ratelimit.Rule{Name: "anything per user", Events: 300, Per: time.Minute}
	failedLoginsPerAddress = ratelimit.Rule{Name: "failed logins per address", Events: 20, Per: time.Minute}
	loginsPerAddress       = ratelimit.Rule{Name: "logins per address", Events: 600, Per: time.Minute}
	loginsPerOpenID        = ratelimit.Rule{Name: "logins per openid", Events: 20, Per: time.Minute}
	uploadsPerUser         = ratelimit.Rule{Name: "uploads per user", Events: 5, Per: 5 * time.Minute}
	refreshesPerSession    = ratelimit.Rule{Name: "refreshes per session", Events: 10, Per: time.Minute}

	mutationsPerUser = map[string]ratelimit.Rule{
		"updatePhone":     {Name: "updatePhone per user", Events: 5, Per: 10 * time.Minute},
		"updateUser":      {Name: "updateUser per user", Events: 10, Per: time.Minute},
		"checkSessionKey": {Name: "checkSessionKey per user", Events: 10, Per: time.Minute},
		"unbindPhone":     {Name: "unbindPhone per user", Events: 30, Per: time.Minute},
		"logout":          {Name: "logout per user", Events: 30, Per: time.Minute},
		"revokeSession":   {Name: "revokeSession per user", Events: 30, Per: time.Minute},
		"recordConsent":   {Name: "recordConsent per user", Events: 30, Per: time.Minute},
		"mergeAccounts":   {Name: "mergeAccounts per user", Events: 10, Per: time.Minute},
		"undoMerge":       {Name: "undoMerge per user", Events: 10, Per: time.Minute},
		"deleteAccount":   {Name: "deleteAccount per user", Events: 5, Per: 10 * time.Minute},
		"exportMyData":    {Name: "exportMyData per user", Events: 5, Per: 10 * time.Minute},
	}
)

// Limits applies the limits. A nil *Limits allows everything.
type Limits struct {
	limiter *ratelimit.Limiter
	address func(context.Context) netip.Addr
}

// NewLimits makes Limits. address is where the request of a context came from.
func NewLimits(limiter *ratelimit.Limiter, address func(context.Context) netip.Addr) *Limits {
	return &Limits{limiter, address}
}

// Login counts a login of a person in an app. It can be asked only when WeChat has said who they are,
// and so after the code is spent. Faults: RATE_LIMITED.
func (l *Limits) Login(ctx context.Context, appID, openID string) error {
	if l == nil {
		return nil
	}
	return l.take(ctx, loginsPerOpenID, appID+"/"+openID)
}

// Refresh counts a refresh of a session, whose token must have been verified: with a forged one
// anybody could use up the limit of somebody else's session. Faults: RATE_LIMITED.
func (l *Limits) Refresh(ctx context.Context, session uuid.UUID) error {
	if l == nil {
		return nil
	}
	return l.take(ctx, refreshesPerSession, session.String())
}

// Upload counts a picture that a user uploads. Faults: RATE_LIMITED.
func (l *Limits) Upload(ctx context.Context, user uuid.UUID) error {
	if l == nil {
		return nil
	}
	return l.take(ctx, uploadsPerUser, user.String())
}

// anything counts a request, whatever it asks for and whether or not it can be understood. Who is
// logged in counts for themselves: many people share the address of their mobile carrier.
func (l *Limits) anything(ctx context.Context) error {
	if caller, err := authn.Caller(ctx); err == nil {
		return l.take(ctx, anythingPerUser, caller.UserID.String())
	}
	return l.take(ctx, anythingPerAddress, l.network(ctx))
}

// begin counts a mutation by the user who asks for it, and looks whether a login may be tried.
func (l *Limits) begin(ctx context.Context, mutation string) error {
	if logsIn(mutation) {
		if err := l.check(ctx, failedLoginsPerAddress, l.network(ctx)); err != nil {
			return err
		}
		return l.check(ctx, loginsPerAddress, l.network(ctx))
	}
	rule, limited := mutationsPerUser[mutation]
	if caller, err := authn.Caller(ctx); limited && err == nil {
		return l.take(ctx, rule, caller.UserID.String())
	}
	return nil
}

// end counts a login by how it ended. What was the fault of this server or of WeChat is not counted:
// an outage must not shut people out for longer than it lasts.
func (l *Limits) end(ctx context.Context, mutation string, answer *graphql.Response) {
	switch {
	case !logsIn(mutation):
	case failed(ctx, answer):
		l.limiter.Take(failedLoginsPerAddress, l.network(ctx))
	case answer != nil && len(answer.Errors) == 0:
		l.limiter.Take(loginsPerAddress, l.network(ctx))
	}
}

// logsIn tells whether a mutation exchanges a login code of whoever sends it.
func logsIn(mutation string) bool { return mutation == "silentLogin" || mutation == "restoreAccount" }

// failed tells whether WeChat was asked in vain. Who leaves before the answer is taken to know that
// it was; otherwise leaving early would be a way not to be counted.
func failed(ctx context.Context, answer *graphql.Response) bool {
	if errors.Is(ctx.Err(), context.Canceled) {
		return true
	}
	if answer == nil {
		return false
	}
	for _, e := range answer.Errors {
		if code := e.Extensions["code"]; code == fault.LoginCodeInvalid || code == fault.LoginBlocked {
			return true
		}
	}
	return false
}

func (l *Limits) network(ctx context.Context) string {
	return clientip.Network(l.address(ctx)).String()
}

func (l *Limits) take(ctx context.Context, rule ratelimit.Rule, caller string) error {
	wait, ok := l.limiter.Take(rule, caller)
	return verdict(ctx, rule, wait, ok)
}

func (l *Limits) check(ctx context.Context, rule ratelimit.Rule, caller string) error {
	wait, ok := l.limiter.Check(rule, caller)
	return verdict(ctx, rule, wait, ok)
}

// verdict is the refusal, which names the rule to the log only. The wait is rounded up to what a
// client is told it in, so that a retry is never too early.
func verdict(ctx context.Context, rule ratelimit.Rule, wait time.Duration, ok bool) error {
	if ok {
		return nil
	}
	telemetry.Annotate(ctx, slog.String("limit", rule.Name))
	limited := fault.New(fault.RateLimited, "this was asked for too often; wait, then try again")
	limited.RetryAfter = (wait + time.Millisecond - 1).Truncate(time.Millisecond)
	return limited
}

// rateLimit has operations pass the limits. It needs to be used after what knows the caller, and
// before what looks at the query, so that a query that is refused is counted too.
type rateLimit struct {
	limits    *Limits
	presenter front.Presenter
}

var (
	_ graphql.HandlerExtension          = rateLimit{}
	_ graphql.OperationParameterMutator = rateLimit{}
	_ graphql.OperationInterceptor      = rateLimit{}
)

// ExtensionName names the limits to gqlgen.
func (rateLimit) ExtensionName() string { return "RateLimit" }

// Validate has nothing to check.
func (rateLimit) Validate(graphql.ExecutableSchema) error { return nil }

// MutateOperationParameters changes nothing; it refuses a request too many.
func (r rateLimit) MutateOperationParameters(ctx context.Context, _ *graphql.RawParams) *gqlerror.Error {
	if r.limits == nil {
		return nil
	}
	if err := r.limits.anything(ctx); err != nil {
		return gqlerror.Wrap(err)
	}
	return nil
}

// InterceptOperation refuses a mutation too many, before any of it is resolved.
func (r rateLimit) InterceptOperation(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	mutation := front.MutationOf(graphql.GetOperationContext(ctx).Operation)
	if r.limits == nil || mutation == "" {
		return next(ctx)
	}
	if err := r.limits.begin(ctx, mutation); err != nil {
		return r.presenter.Refuse(ctx, err)
	}
	respond := next(ctx)
	return func(ctx context.Context) *graphql.Response {
		answer := respond(ctx)
		r.limits.end(ctx, mutation, answer)
		return answer
	}
}
