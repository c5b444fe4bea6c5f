package front

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/stretchr/testify/require"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"mpauth/internal/fault"
)

// What a caller sees of an error, and what only the log sees.
func TestPresentedErrors(t *testing.T) {
	t.Parallel()
	step := fault.New(fault.AuthStepRequired, "more is needed")
	step.Step = &fault.Step{Have: "ONE", Need: []string{"PHONE"}, Next: "PHONE"}
	limited := fault.New(fault.RateLimited, "wait")
	limited.RetryAfter = 1500 * time.Millisecond
	cases := map[string]struct {
		err        error
		message    string
		extensions map[string]any
		logged     string
	}{
		"a fault": {
			fault.New(fault.PhoneTaken, "taken"), "taken",
			map[string]any{"code": fault.PhoneTaken, "retryable": false, "action": fault.None, "requestId": ""}, "",
		},
		"a fault with a cause keeps the cause to the log": {
			fault.Wrap(fault.Unavailable, "try again", errors.New("pq: the planted cause")), "try again",
			map[string]any{"code": fault.Unavailable, "retryable": true, "action": fault.Retry, "requestId": ""}, "the planted cause",
		},
		"a fault inside another error": {
			fmt.Errorf("login: %w", fault.New(fault.LoginBlocked, "blocked")), "blocked",
			map[string]any{"code": fault.LoginBlocked, "retryable": false, "action": fault.None, "requestId": ""}, "",
		},
		"a wait": {
			limited, "wait",
			map[string]any{"code": fault.RateLimited, "retryable": true, "action": fault.Retry, "requestId": "", "retryAfterMs": int64(1500)}, "",
		},
		"a missing step": {
			step, "more is needed",
			map[string]any{"code": fault.AuthStepRequired, "retryable": false, "action": fault.Authorize, "requestId": "", "have": "ONE", "need": []string{"PHONE"}, "next": "PHONE"}, "",
		},
		"the database's own words": {
			errors.New(`pq: duplicate key value violates unique constraint "planted"`), "internal error",
			map[string]any{"code": fault.Internal, "retryable": false, "action": fault.None, "requestId": ""}, "planted",
		},
		"a panic": {
			fmt.Errorf("resolver: %w", panicked{"planted"}), "internal error",
			map[string]any{"code": fault.Internal, "retryable": false, "action": fault.None, "requestId": ""}, "planted",
		},
		"a mistake in the query": {
			gqlerror.Errorf("Cannot query field"), "Cannot query field",
			map[string]any{"code": fault.BadInput, "retryable": false, "action": fault.None, "requestId": ""}, "",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			p := Presenter{Log: slog.New(slog.NewTextHandler(&log, nil))}
			shown := p.Present(graphql.WithResponseContext(t.Context(), nil, nil), c.err)
			require.Equal(t, c.message, shown.Message)
			require.Equal(t, c.extensions, shown.Extensions)
			require.NoError(t, shown.Err, "nothing may be reached through the shown error")
			if c.logged != "" {
				require.Contains(t, log.String(), c.logged)
				require.NotContains(t, shown.Error(), c.logged)
			}
		})
	}
}
