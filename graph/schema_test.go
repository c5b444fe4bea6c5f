package graph_test

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/formatter"

	"mpauth/graph/generated"
	"mpauth/internal/fault"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func schema() *ast.Schema { return generated.NewExecutableSchema(generated.Config{}).Schema() }

// The contract as clients see it, in one file: a change of it is seen in review.
func TestSchemaIsTheAgreedOne(t *testing.T) {
	t.Parallel()
	var printed bytes.Buffer
	formatter.NewFormatter(&printed, formatter.WithIndent("  ")).FormatSchema(schema())
	const golden = "testdata/schema.graphql"
	if *update {
		require.NoError(t, os.WriteFile(golden, printed.Bytes(), 0o644))
	}
	agreed, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(agreed), printed.String(),
		"the schema has changed: if that is meant, run `go test ./graph -run Schema -update` and read the difference")
}

// Default deny: whoever adds a root field has to say who may ask for it.
func TestEveryRootFieldSaysWhoMayAsk(t *testing.T) {
	t.Parallel()
	for _, field := range rootFields() {
		public := field.Directives.ForName("public") != nil
		guarded := field.Directives.ForName("mustAuth") != nil
		require.True(t, public != guarded, "%s must have exactly one of @public and @mustAuth", field.Name)
	}
}

// What anyone may ask for is a short list that a reviewer should have to change.
func TestOnlyTheseFieldsArePublic(t *testing.T) {
	t.Parallel()
	var public []string
	for _, field := range rootFields() {
		if field.Directives.ForName("public") != nil {
			public = append(public, field.Name)
		}
	}
	require.ElementsMatch(t, []string{"silentLogin", "restoreAccount", "refreshToken", "authFlow"}, public)
}

func TestEveryElementIsDescribed(t *testing.T) {
	t.Parallel()
	described := func(what, text string) {
		t.Helper()
		require.NotEmpty(t, strings.TrimSpace(text), "%s has no description", what)
	}
	for name, definition := range schema().Types {
		if definition.BuiltIn {
			continue
		}
		if name != "Query" && name != "Mutation" {
			described(name, definition.Description)
		}
		for _, field := range definition.Fields {
			if strings.HasPrefix(field.Name, "__") {
				continue
			}
			described(name+"."+field.Name, field.Description)
			for _, argument := range field.Arguments {
				described(name+"."+field.Name+"("+argument.Name+":)", argument.Description)
			}
		}
		for _, value := range definition.EnumValues {
			described(name+"."+value.Name, value.Description)
		}
	}
	for _, name := range []string{"public", "mustAuth"} {
		directive := schema().Directives[name]
		described("@"+name, directive.Description)
		for _, argument := range directive.Arguments {
			described("@"+name+"("+argument.Name+":)", argument.Description)
		}
	}
}

// The codes and actions of the schema are those that the server knows, and each description ends in
// what the server advises.
func TestErrorCodesAreThoseOfTheServer(t *testing.T) {
	t.Parallel()
	var codes []fault.Code
	actions := map[fault.Action]bool{}
	for _, value := range schema().Types["ErrorAction"].EnumValues {
		actions[fault.Action(value.Name)] = true
	}
	for _, value := range schema().Types["ErrorCode"].EnumValues {
		code := fault.Code(value.Name)
		codes = append(codes, code)
		require.True(t, actions[code.Action()], "%s advises %s, which the schema does not know", code, code.Action())
		require.Contains(t, value.Description, string(code.Action()), "the description of %s", code)
	}
	require.ElementsMatch(t, fault.Codes(), codes)
}

func rootFields() []*ast.FieldDefinition {
	var fields []*ast.FieldDefinition
	for _, root := range []*ast.Definition{schema().Query, schema().Mutation} {
		for _, field := range root.Fields {
			if !strings.HasPrefix(field.Name, "__") {
				fields = append(fields, field)
			}
		}
	}
	return fields
}
