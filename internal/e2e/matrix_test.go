package e2e_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

// cell is one question of the matrix: what a root field is asked with, and how it is answered to those
// who may ask. What everybody else is answered follows from the schema.
type cell struct {
	variables map[string]any // values that begin with $ are filled in; see matrix.fill
	self      string         // the code for the person it is about; "" is success
	other     string         // for somebody else who is logged in, or for an administrator with the role
}

// ofUsers says for each root field of the users' schema how it is asked for. A field that is not here
// fails the test: whoever adds one has to say what it answers to others.
var ofUsers = map[string]cell{
	"authFlow":        {},
	"silentLogin":     {variables: input("code", "nobody's"), self: "LOGIN_CODE_INVALID", other: "LOGIN_CODE_INVALID"},
	"restoreAccount":  {variables: input("code", "nobody's"), self: "LOGIN_CODE_INVALID", other: "LOGIN_CODE_INVALID"},
	"refreshToken":    {variables: input("refreshToken", "nobody's"), self: "UNAUTHENTICATED", other: "UNAUTHENTICATED"},
	"me":              {},
	"mustAuth":        {variables: map[string]any{"step": "ONE"}},
	"sessions":        {},
	"consents":        {},
	"mergeOffers":     {},
	"previewMerge":    {variables: map[string]any{"id": "00000000-0000-4000-8000-000000000000"}, self: "NOT_FOUND", other: "NOT_FOUND"},
	"mergeAccounts":   {variables: map[string]any{"id": "00000000-0000-4000-8000-000000000000"}, self: "NOT_FOUND", other: "NOT_FOUND"},
	"undoMerge":       {variables: map[string]any{"id": "00000000-0000-4000-8000-000000000000"}, self: "NOT_FOUND", other: "NOT_FOUND"},
	"checkSessionKey": {},
	"logout":          {},
	"revokeSession":   {variables: map[string]any{"id": "$session"}, other: "NOT_FOUND"},
	"deleteAccount":   {variables: input("code", "$code"), other: "LOGIN_CODE_INVALID"},
	"exportMyData":    {variables: input("code", "$code"), other: "LOGIN_CODE_INVALID"},
	"recordConsent":   {variables: input("purpose", "terms", "version", "1")},
	"updateUser":      {variables: input("nickname", "Changed")},
	"updatePhone":     {variables: input("code", "nobody's"), self: "PHONE_CODE_INVALID", other: "PHONE_CODE_INVALID"},
	"unbindPhone":     {},
}

// ofAdministrators is the same for their schema: other is whoever has the role.
var ofAdministrators = map[string]cell{
	"users":          {variables: map[string]any{"filter": map[string]any{"id": "$user"}, "reason": "matrix"}},
	"user":           {variables: map[string]any{"id": "$user", "reason": "matrix"}},
	"phoneNumber":    {variables: map[string]any{"userId": "$user", "reason": "matrix"}},
	"auditLog":       {},
	"exportAuditLog": {},
	"verifyAuditLog": {},
	"stats":          {variables: map[string]any{"from": "2026-01-01", "to": "2026-01-02"}},
	"wechatStatus":   {},
	"apps":           {},
	"adminKeys":      {},
	"setUserStatus":  {variables: input("userId", "$user", "status", "DISABLED", "reason", "matrix")},
	"revokeSessions": {variables: input("userId", "$user", "reason", "matrix")},
	"unbindPhone":    {variables: input("userId", "$user", "reason", "matrix")},
	"eraseUser":      {variables: input("userId", "$user", "reason", "matrix")},
	"undoMerge":      {variables: map[string]any{"id": "00000000-0000-4000-8000-000000000000", "reason": "matrix"}, other: "NOT_FOUND"},
	"rotateKeys":     {variables: map[string]any{"key": "REFRESH", "reason": "matrix"}},
	"createAdminKey": {variables: input("name", "made by the matrix", "roles", []string{"OPERATOR"}, "reason", "matrix")},
	"revokeAdminKey": {variables: map[string]any{"id": "$key", "reason": "matrix"}},
}

// input is the variables of a field that takes one input, of names and values in turn.
func input(pairs ...any) map[string]any {
	fields := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		fields[pairs[i].(string)] = pairs[i+1]
	}
	return map[string]any{"input": fields}
}

// readSchema reads a contract from its files.
func readSchema(t *testing.T, pattern string) *ast.Schema {
	t.Helper()
	paths, err := filepath.Glob("../../" + pattern)
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	var sources []*ast.Source
	for _, path := range paths {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		sources = append(sources, &ast.Source{Name: path, Input: string(text)})
	}
	schema, err := gqlparser.LoadSchema(sources...)
	require.NoError(t, err)
	return schema
}

// document asks for a root field with every field below it, and with the arguments that there is a
// value for.
func document(schema *ast.Schema, kind string, field *ast.FieldDefinition, variables map[string]any) string {
	var declared, passed []string
	for _, a := range field.Arguments {
		if _, given := variables[a.Name]; !given {
			continue
		}
		declared = append(declared, "$"+a.Name+": "+a.Type.String())
		passed = append(passed, a.Name+": $"+a.Name)
	}
	if len(declared) == 0 {
		return kind + " { " + field.Name + below(schema, field.Type.Name()) + " }"
	}
	return kind + " (" + strings.Join(declared, ", ") + ") { " + field.Name + "(" + strings.Join(passed, ", ") + ")" + below(schema, field.Type.Name()) + " }"
}

func below(schema *ast.Schema, name string) string {
	definition := schema.Types[name]
	if definition.Kind != ast.Object {
		return ""
	}
	var fields []string
	for _, f := range definition.Fields {
		fields = append(fields, f.Name+below(schema, f.Type.Name()))
	}
	return " { " + strings.Join(fields, " ") + " }"
}

// rootField is a field of Query or Mutation.
type rootField struct {
	*ast.FieldDefinition
	document string
}

// rootFields are all of a schema. Each must be in the table, and the table must have no others.
func rootFields(t *testing.T, schema *ast.Schema, table map[string]cell) []rootField {
	t.Helper()
	var all []rootField
	var names []string
	for kind, root := range map[string]*ast.Definition{"query": schema.Query, "mutation": schema.Mutation} {
		for _, f := range root.Fields {
			if strings.HasPrefix(f.Name, "__") {
				continue
			}
			names = append(names, f.Name)
			all = append(all, rootField{f, document(schema, kind, f, table[f.Name].variables)})
			for _, a := range f.Arguments {
				if a.Type.NonNull && a.DefaultValue == nil {
					require.Contains(t, table[f.Name].variables, a.Name, "%s needs an argument in the matrix", f.Name)
				}
			}
		}
	}
	require.ElementsMatch(t, slices.Collect(maps.Keys(table)), names, "each root field says in the matrix what it answers to whom")
	slices.SortFunc(all, func(a, b rootField) int { return strings.Compare(a.Name, b.Name) })
	return all
}
