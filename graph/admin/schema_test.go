package admin_test

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/formatter"

	"mpauth/graph/admin/generated"
	"mpauth/internal/adminauth"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func schema() *ast.Schema { return generated.NewExecutableSchema(generated.Config{}).Schema() }

// The contract with administrators, in one file: a change of it is seen in review.
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
		"the schema has changed: if that is meant, run `go test ./graph/admin -run Schema -update` and read the difference")
}

// Default deny: whoever adds a root field has to say which role it needs. What each role opens is a
// list that a reviewer should have to change.
func TestEveryRootFieldNeedsARole(t *testing.T) {
	t.Parallel()
	opens := map[adminauth.Role][]string{}
	for _, root := range []*ast.Definition{schema().Query, schema().Mutation} {
		for _, field := range root.Fields {
			if strings.HasPrefix(field.Name, "__") {
				continue
			}
			directive := field.Directives.ForName("hasRole")
			require.NotNil(t, directive, "%s must have @hasRole", field.Name)
			role := adminauth.Role(directive.Arguments.ForName("role").Value.Raw)
			opens[role] = append(opens[role], field.Name)
		}
	}
	want := map[adminauth.Role][]string{
		adminauth.Support:  {"users", "user", "phoneNumber", "setUserStatus", "revokeSessions", "unbindPhone", "undoMerge"},
		adminauth.Privacy:  {"eraseUser"},
		adminauth.Auditor:  {"auditLog", "exportAuditLog", "verifyAuditLog"},
		adminauth.Operator: {"stats", "wechatStatus", "apps", "adminKeys", "rotateKeys", "createAdminKey", "revokeAdminKey"},
	}
	require.Len(t, opens, len(want))
	for role, fields := range want {
		require.ElementsMatch(t, fields, opens[role], role)
	}
}

// The roles of the schema are those that keys and tokens carry.
func TestRolesAreThoseOfKeys(t *testing.T) {
	t.Parallel()
	var roles []adminauth.Role
	for _, value := range schema().Types["Role"].EnumValues {
		roles = append(roles, adminauth.Role(value.Name))
	}
	require.ElementsMatch(t, adminauth.Roles(), roles)
}

func TestEveryElementIsDescribed(t *testing.T) {
	t.Parallel()
	for name, definition := range schema().Types {
		if definition.BuiltIn {
			continue
		}
		if name != "Query" && name != "Mutation" {
			require.NotEmpty(t, definition.Description, name)
		}
		for _, field := range definition.Fields {
			if strings.HasPrefix(field.Name, "__") {
				continue
			}
			require.NotEmpty(t, field.Description, name+"."+field.Name)
			for _, argument := range field.Arguments {
				require.NotEmpty(t, argument.Description, name+"."+field.Name+"("+argument.Name+":)")
			}
		}
		for _, value := range definition.EnumValues {
			require.NotEmpty(t, value.Description, name+"."+value.Name)
		}
	}
}
