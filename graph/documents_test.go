package graph_test

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"mpauth/graph"
	"mpauth/graph/front"
	"mpauth/internal/account"
	"mpauth/internal/authn"
)

// With trusted documents a server answers what its own clients ask, by text or by id, and nothing else.
func TestOnlyTrustedDocumentsAreAnswered(t *testing.T) {
	t.Parallel()
	documents, err := front.ParseDocuments([]byte(`{"sha256:flow":"query Flow { authFlow { flow } }"}`))
	require.NoError(t, err)
	apps, err := account.NewApps(account.App{AppID: "wx0000000000000000", Flow: account.Flow{account.FactPhone}})
	require.NoError(t, err)
	log := slog.New(slog.DiscardHandler)
	closed := (&authn.Authenticator{}).Middleware(graph.NewHandler(graph.Options{
		Account: account.New(account.Options{Apps: apps, Log: log}), Documents: documents, Log: log, Introspection: true,
	}))
	cases := map[string]struct {
		request map[string]string
		code    string // empty: answered
	}{
		"its text":                    {map[string]string{"query": "query Flow { authFlow { flow } }"}, ""},
		"its id":                      {map[string]string{"documentId": "sha256:flow"}, ""},
		"another text":                {map[string]string{"query": "query Flow { authFlow { flow appId } }"}, "FORBIDDEN"},
		"the same but for a space":    {map[string]string{"query": "query Flow { authFlow { flow }  }"}, "FORBIDDEN"},
		"another text under its id":   {map[string]string{"documentId": "sha256:flow", "query": "{ authFlow { appId } }"}, "FORBIDDEN"},
		"an id that is not there":     {map[string]string{"documentId": "sha256:other"}, "BAD_INPUT"},
		"the schema":                  {map[string]string{"query": "{ __schema { types { name } } }"}, "FORBIDDEN"},
		"an operation that has no id": {map[string]string{"query": "{ me { id } }"}, "FORBIDDEN"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body, err := json.Marshal(c.request)
			require.NoError(t, err)
			_, a := post(t, closed, strings.NewReader(string(body)), http.Header{"Content-Type": {"application/json"}})
			if c.code == "" {
				require.Empty(t, a.Errors)
				return
			}
			require.Len(t, a.Errors, 1)
			require.Equal(t, c.code, a.Errors[0].Extensions["code"])
			require.Nil(t, a.Data)
		})
	}
}

func TestIDsNeedTrustedDocuments(t *testing.T) {
	t.Parallel()
	_, a := post(t, endpoint(t, io.Discard), strings.NewReader(`{"documentId":"sha256:flow"}`), http.Header{"Content-Type": {"application/json"}})
	require.Equal(t, "BAD_INPUT", a.Errors[0].Extensions["code"])
}

func TestDocumentsThatAreNone(t *testing.T) {
	t.Parallel()
	for raw, says := range map[string]string{
		"":                 "is not a JSON object from ids to documents",
		`["{me{id}}"]`:     "is not a JSON object from ids to documents",
		`{}`:               "lists no document, so that nothing could be asked for",
		`{"a":"{me{id}"}`:  `holds "a", which is not GraphQL`,
		`{"a":{"b":"me"}}`: "is not a JSON object from ids to documents",
	} {
		_, err := front.ParseDocuments([]byte(raw))
		require.ErrorContains(t, err, says, raw)
	}
}
