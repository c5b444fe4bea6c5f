package front

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"
)

// How large an operation may be once its fragments are put in. The largest operation that a client of
// this schema has a use for has a third of each.
const (
	maxQuery      = 8 << 10 // bytes
	maxFields     = 150
	maxFieldDepth = 8
	maxAliases    = 5
	maxDirectives = 10
	maxSpreads    = 30
)

// shapeLimit refuses operations that are cheap to send and costly to answer, before they are even
// validated: validation compares fields with each other, and takes a tenth of a second for a query of
// 500. It looks at every fragment once and multiplies, so that it costs less than what it refuses;
// gqlgen's own complexity limit walks each spread anew, and takes seconds for a query of 900 bytes.
type shapeLimit struct {
	accepted graphql.Cache[*ast.QueryDocument] // queries that passed before
}

var (
	_ graphql.HandlerExtension          = shapeLimit{}
	_ graphql.OperationParameterMutator = shapeLimit{}
)

// ExtensionName names the limit to gqlgen.
func (shapeLimit) ExtensionName() string { return "ShapeLimit" }

// Validate has nothing to check.
func (shapeLimit) Validate(graphql.ExecutableSchema) error { return nil }

// MutateOperationParameters changes nothing; it refuses a query that is too large.
func (l shapeLimit) MutateOperationParameters(ctx context.Context, request *graphql.RawParams) *gqlerror.Error {
	if len(request.Query) > maxQuery {
		return gqlerror.Errorf("the query is longer than %d bytes", maxQuery)
	}
	if _, known := l.accepted.Get(ctx, request.Query); known {
		return nil
	}
	query, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: request.Query}, maxTokens)
	if err != nil {
		return nil // gqlgen says what is wrong with it
	}
	return measure(query)
}

// measure checks all that a document asks for, whichever operation of it is meant. A mutation does
// one thing, so that a limit on requests is a limit on what they do.
func measure(query *ast.QueryDocument) *gqlerror.Error {
	m := measurer{query: query, fragments: map[string]shape{}}
	var all shape
	written := 0
	for _, operation := range query.Operations {
		written += fieldsIn(operation.SelectionSet)
		if operation.Operation == ast.Mutation && !isOneField(operation.SelectionSet) {
			return gqlerror.Errorf("a mutation has one field, and no fragment around it")
		}
		all = all.beside(m.selections(operation.SelectionSet)).beside(shape{directives: len(operation.Directives)})
	}
	for _, fragment := range query.Fragments {
		written += fieldsIn(fragment.SelectionSet) // also one that nothing spreads is validated
	}
	all.fields = max(all.fields, written)
	return all.check()
}

// fieldsIn counts fields as they are written, which is what validation has to compare.
func fieldsIn(selections ast.SelectionSet) int {
	count := 0
	for _, selection := range selections {
		switch s := selection.(type) {
		case *ast.Field:
			count += 1 + fieldsIn(s.SelectionSet)
		case *ast.InlineFragment:
			count += fieldsIn(s.SelectionSet)
		}
	}
	return count
}

func isOneField(selections ast.SelectionSet) bool {
	if len(selections) != 1 {
		return false
	}
	_, ok := selections[0].(*ast.Field)
	return ok
}

// shape is how large a part of an operation is with its fragments put in. The numbers stop growing
// well above the limits, so that no product of them can wrap around.
type shape struct {
	fields, depth, aliases, directives, spreads int
}

const saturated = 1 << 20

func (s shape) check() *gqlerror.Error {
	limits := []struct {
		what  string
		have  int
		limit int
	}{
		{"fields", s.fields, maxFields}, {"levels", s.depth, maxFieldDepth}, {"aliases", s.aliases, maxAliases},
		{"directives", s.directives, maxDirectives}, {"fragment spreads", s.spreads, maxSpreads},
	}
	for _, l := range limits {
		if l.have > l.limit {
			return gqlerror.Errorf("the operation has more than %d %s", l.limit, l.what)
		}
	}
	return nil
}

// beside puts two parts next to each other.
func (s shape) beside(t shape) shape {
	return shape{
		fields:     min(s.fields+t.fields, saturated),
		depth:      max(s.depth, t.depth),
		aliases:    min(s.aliases+t.aliases, saturated),
		directives: min(s.directives+t.directives, saturated),
		spreads:    min(s.spreads+t.spreads, saturated),
	}
}

// measurer measures each fragment once.
type measurer struct {
	query     *ast.QueryDocument
	fragments map[string]shape // measured already
}

func (m measurer) selections(selections ast.SelectionSet) shape {
	var all shape
	for _, selection := range selections {
		switch s := selection.(type) {
		case *ast.Field:
			all = all.beside(m.field(s))
		case *ast.InlineFragment:
			all = all.beside(m.selections(s.SelectionSet)).beside(shape{directives: len(s.Directives)})
		case *ast.FragmentSpread:
			all = all.beside(m.fragment(s.Name)).beside(shape{directives: len(s.Directives), spreads: 1})
		}
	}
	return all
}

// field measures a field with what is below it. What lies below __schema and __type is deep by nature;
// it is counted as it is written only, for the schema bounds what comes of it.
func (m measurer) field(f *ast.Field) shape {
	own := shape{fields: 1, directives: len(f.Directives)}
	if f.Alias != f.Name {
		own.aliases = 1
	}
	if f.Name == "__schema" || f.Name == "__type" {
		return own
	}
	below := m.selections(f.SelectionSet)
	below.depth++
	return own.beside(below)
}

func (m measurer) fragment(name string) shape {
	if known, ok := m.fragments[name]; ok {
		return known
	}
	f := m.query.Fragments.ForName(name)
	if f == nil {
		return shape{} // validation says that there is no such fragment
	}
	m.fragments[name] = shape{fields: saturated} // a fragment inside itself is too large
	measured := m.selections(f.SelectionSet).beside(shape{directives: len(f.Directives)})
	m.fragments[name] = measured
	return measured
}

// maxErrors is how many errors one answer lists. A query of twenty kilobytes can have a thousand
// mistakes, and three megabytes of errors about them.
const maxErrors = 3

// fewErrors cuts a list of errors.
func fewErrors(errors gqlerror.List) gqlerror.List {
	if len(errors) <= maxErrors {
		return errors
	}
	return errors[:maxErrors]
}

// MutationOf is the one field of a mutation, by its name in the schema; see [measure]. It is empty
// for a query.
func MutationOf(operation *ast.OperationDefinition) string {
	if operation.Operation != ast.Mutation {
		return ""
	}
	field, _ := operation.SelectionSet[0].(*ast.Field)
	if field == nil {
		return ""
	}
	return field.Name
}
