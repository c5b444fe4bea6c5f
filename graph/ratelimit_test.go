package graph_test

import (
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mpauth/graph"
	"mpauth/internal/authn"
	"mpauth/internal/clientip"
	"mpauth/internal/ratelimit"
)

// The endpoint counts a request before it looks at the query, so that one it refuses is counted too.
func TestEndpointIsLimited(t *testing.T) {
	t.Parallel()
	for name, query := range map[string]string{
		"malformed": `{!`, "too deep": strings.Repeat("{a", 20) + strings.Repeat("}", 20), "without a login": `{me{id}}`, "two mutations": `mutation{logout{ok} unbindPhone{user{id}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stopped := time.Now()
			limits := graph.NewLimits(ratelimit.New(100, func() time.Time { return stopped }), clientip.FromContext)
			h := graph.NewHandler(graph.Options{Limits: limits, Log: slog.New(slog.DiscardHandler)})
			h = clientip.Proxies{}.Middleware((&authn.Authenticator{}).Middleware(h))
			ask := func() string {
				_, a := post(t, h, strings.NewReader(`{"query":"`+query+`"}`), http.Header{"Content-Type": {"application/json"}})
				code, _ := a.Errors[0].Extensions["code"].(string)
				return code
			}
			for range 600 {
				require.NotEqual(t, "RATE_LIMITED", ask())
			}
			require.Equal(t, "RATE_LIMITED", ask())
		})
	}
	_, a := post(t, endpoint(t, io.Discard), strings.NewReader(`{"query":"{authFlow{flow}}"}`), http.Header{"Content-Type": {"application/json"}})
	require.Empty(t, a.Errors, "without limits nothing is counted")
}
