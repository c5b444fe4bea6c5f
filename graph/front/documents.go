package front

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"

	"mpauth/internal/fault"
)

// Documents are the operations of the clients that a team builds, when the server is to accept no
// others. Whoever has only the address then cannot ask for anything that no client asks for.
type Documents struct {
	byID  map[string]string
	texts map[string]bool
}

// ParseDocuments reads what a client's build emits: a JSON object from the id of a document, commonly
// its hash, to its text. A document that is not GraphQL is an error, for it could never be asked for.
func ParseDocuments(raw []byte) (*Documents, error) {
	var byID map[string]string
	if err := json.Unmarshal(raw, &byID); err != nil {
		return nil, errors.New("is not a JSON object from ids to documents")
	}
	if len(byID) == 0 {
		return nil, errors.New("lists no document, so that nothing could be asked for")
	}
	d := &Documents{byID: byID, texts: make(map[string]bool, len(byID))}
	for id, text := range byID {
		if _, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: text}, maxTokens); err != nil {
			return nil, fmt.Errorf("holds %q, which is not GraphQL: %w", id, err)
		}
		d.texts[text] = true
	}
	return d, nil
}

// text is the document of an id, or empty.
func (d *Documents) text(id string) string {
	if d == nil {
		return ""
	}
	return d.byID[id]
}

// trusted refuses what is not among the documents; without any it refuses nothing.
type trusted struct{ documents *Documents }

var (
	_ graphql.HandlerExtension          = trusted{}
	_ graphql.OperationParameterMutator = trusted{}
)

// ExtensionName names the extension to gqlgen.
func (trusted) ExtensionName() string { return "TrustedDocuments" }

// Validate has nothing to check.
func (trusted) Validate(graphql.ExecutableSchema) error { return nil }

// MutateOperationParameters changes nothing; it refuses a query that no client of the team asks.
func (t trusted) MutateOperationParameters(_ context.Context, request *graphql.RawParams) *gqlerror.Error {
	if t.documents == nil || t.documents.texts[request.Query] {
		return nil
	}
	return gqlerror.Wrap(fault.New(fault.Forbidden, "this server accepts only the operations of its own clients"))
}
