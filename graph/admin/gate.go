package admin

import (
	"context"
	"log/slog"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"mpauth/internal/adminauth"
	"mpauth/internal/clientip"
	"mpauth/internal/fault"
	"mpauth/internal/ratelimit"
	"mpauth/internal/telemetry"
)

// How often an administrator may ask, and an address that shows no key. Keys and tokens that are
// refused are counted where they are; see internal/adminauth.
var (
	anythingPerAdministrator = ratelimit.Rule{Name: "anything per administrator", Events: 300, Per: time.Minute}
	strangersPerAddress      = ratelimit.Rule{Name: "strangers per address", Events: 60, Per: time.Minute}
)

// gate counts a request, and lets only administrators' through, before anything looks at its query:
// even what is wrong with it is for them alone.
type gate struct{ limiter *ratelimit.Limiter } // nil: nothing is counted

var (
	_ graphql.HandlerExtension          = gate{}
	_ graphql.OperationParameterMutator = gate{}
)

// ExtensionName names the gate to gqlgen.
func (gate) ExtensionName() string { return "Gate" }

// Validate has nothing to check.
func (gate) Validate(graphql.ExecutableSchema) error { return nil }

// MutateOperationParameters changes nothing; it refuses a request too many, and every stranger's.
func (g gate) MutateOperationParameters(ctx context.Context, _ *graphql.RawParams) *gqlerror.Error {
	caller, stranger := adminauth.Caller(ctx)
	rule, who := anythingPerAdministrator, caller.String()
	if stranger != nil {
		rule, who = strangersPerAddress, clientip.Network(clientip.FromContext(ctx)).String()
	}
	if g.limiter != nil {
		if wait, ok := g.limiter.Take(rule, who); !ok {
			telemetry.Annotate(ctx, slog.String("limit", rule.Name))
			limited := fault.New(fault.RateLimited, "this was asked for too often; wait, then try again")
			limited.RetryAfter = (wait + time.Millisecond - 1).Truncate(time.Millisecond)
			return gqlerror.Wrap(limited)
		}
	}
	if stranger != nil {
		return gqlerror.Wrap(stranger)
	}
	return nil
}
