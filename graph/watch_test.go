package graph_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"mpauth/graph"
	"mpauth/graph/front"
	"mpauth/internal/account"
	"mpauth/internal/authn"
	"mpauth/internal/fault"
)

// TestEachRootFieldIsToldWithItsCode: whatever becomes of a request, it is counted, and under names
// that the schema chose.
func TestEachRootFieldIsToldWithItsCode(t *testing.T) {
	t.Parallel()
	type told struct {
		Field string
		Code  fault.Code
	}
	var mu sync.Mutex // the root fields of a query are resolved side by side
	var answered, resolved []told
	watch := front.Watch{
		Operation: func() func(string, fault.Code) {
			return func(field string, code fault.Code) { answered = append(answered, told{field, code}) }
		},
		Field: func(ctx context.Context, field string) (context.Context, func(fault.Code)) {
			return ctx, func(code fault.Code) {
				mu.Lock()
				defer mu.Unlock()
				resolved = append(resolved, told{field, code})
			}
		},
	}
	apps, err := account.NewApps(account.App{AppID: "wx0000000000000000", Flow: account.Flow{account.FactPhone}})
	require.NoError(t, err)
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	endpoint := (&authn.Authenticator{}).Middleware(graph.NewHandler(graph.Options{
		Account: account.New(account.Options{Apps: apps, Log: log}), Log: log, Watch: watch,
	}))

	for _, c := range []struct {
		query    string
		answered []told
		resolved []told
	}{
		{`{ authFlow { flow } }`, []told{{"authFlow", ""}}, []told{{"authFlow", ""}}},
		{`{ mine: authFlow(appId: "nobody's") { flow } ok: authFlow { flow } }`,
			[]told{{"authFlow", fault.BadInput}, {"authFlow", ""}}, []told{{"authFlow", fault.BadInput}, {"authFlow", ""}}},
		{`query Mine { ...f } fragment f on Query { me { id } sessions { id } }`,
			[]told{{"me", fault.Unauthenticated}, {"sessions", fault.Unauthenticated}}, nil},
		{`mutation { silentLogin(input: {code: ""}) { token } }`, []told{{"silentLogin", fault.BadInput}}, []told{{"silentLogin", fault.BadInput}}},
		{`mutation($in: SilentLoginInput!) { silentLogin(input: $in) { token } }`, []told{{"silentLogin", fault.BadInput}}, nil},
		{`{ nothingOfThatName }`, []told{{"", fault.BadInput}}, nil},
		{`{ authFlow { flow }`, []told{{"", fault.BadInput}}, nil},
		{``, []told{{"", fault.BadInput}}, nil},
	} {
		answered, resolved = nil, nil
		body, err := json.Marshal(map[string]string{"query": c.query})
		require.NoError(t, err)
		_, _ = post(t, endpoint, bytes.NewReader(body), http.Header{"Content-Type": {"application/json"}})
		require.ElementsMatch(t, c.answered, answered, c.query)
		require.ElementsMatch(t, c.resolved, resolved, c.query)
	}
	answered = nil
	_, _ = post(t, endpoint, strings.NewReader("{"), http.Header{"Content-Type": {"text/plain"}})
	require.Equal(t, []told{{"", fault.BadInput}}, answered)
}
