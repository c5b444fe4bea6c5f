package e2e_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vektah/gqlparser/v2/ast"

	"mpauth/internal/database"
)

// matrix is a server with both its ports, and everybody who asks it.
type matrix struct {
	users          string
	administrators administrators
	db             *database.DB
	people         int
	keys           int
	all            []string // the roles
}

// person is somebody who has given all there is to give, and what of theirs nobody else may see.
type person struct {
	login
	name, session string
	planted       []string
}

func startMatrix(t *testing.T, s settings) *matrix {
	t.Helper()
	p, a := startAdmin(t, s.with(settings{"RATE_LIMITS": "off"}))
	return &matrix{
		users: p.url(), administrators: a, db: openDatabase(t, s), all: []string{"SUPPORT", "PRIVACY", "AUDITOR", "OPERATOR"},
	}
}

func (m *matrix) person(t *testing.T) person {
	t.Helper()
	m.people++
	p := person{name: fmt.Sprintf("person%d", m.people)}
	p.login = logIn(t, m.users, m.fake(), p.name)
	nickname := "Planted " + p.name
	must(t, m.users, p.token, updateUser, map[string]any{"name": nickname})
	code := newCode(t, m.fake(), "phone-code", p.name)
	number := must(t, m.users, p.token, updatePhone, map[string]any{"code": code}).text("updatePhone.user.phone.number")
	p.session = must(t, m.users, p.token, sessions, nil).at("sessions").([]any)[0].(map[string]any)["id"].(string)
	require.NotEmpty(t, number)
	p.planted = []string{p.user, p.session, nickname, number}
	return p
}

func (m *matrix) fake() string { return m.users + "/fakewechat" }

// key makes a key of an administrator. It returns what names it, and the key.
func (m *matrix) key(t *testing.T, roles ...string) (id, key string) {
	t.Helper()
	m.keys++
	made := m.administrators.must(t, `mutation ($input: CreateAdminKeyInput!) { createAdminKey(input: $input) { secret key { id } } }`,
		input("name", fmt.Sprintf("key %d", m.keys), "roles", roles, "reason", "matrix"))
	return made.text("createAdminKey.key.id"), made.text("createAdminKey.secret")
}

// fill puts what belongs to a person into the variables of a cell.
func (m *matrix) fill(t *testing.T, variables map[string]any, about person) map[string]any {
	t.Helper()
	filled := map[string]any{}
	for name, value := range variables {
		switch value := value.(type) {
		case map[string]any:
			filled[name] = m.fill(t, value, about)
			continue
		case string:
			if with, ok := map[string]func() string{
				"$user":    func() string { return about.user },
				"$session": func() string { return about.session },
				"$code":    func() string { return newCode(t, m.fake(), "login-code", about.name) },
				"$key":     func() string { id, _ := m.key(t, "SUPPORT"); return id },
			}[value]; ok {
				filled[name] = with()
				continue
			}
		}
		filled[name] = value
	}
	return filled
}

// events is how much stands in the audit trail: what is refused leaves nothing there.
func (m *matrix) events(t *testing.T) int {
	t.Helper()
	return count(t, m.db, `SELECT COUNT(*) FROM audit_events`)
}

// requireNothing holds an answer against what a refused one must be: no data at all for whoever is
// nobody, and nothing under the field for whoever may not ask for it.
func (p person) requireNothing(t *testing.T, a answer, field, what string) {
	t.Helper()
	require.Nil(t, a.at(field), "%s: %s", what, a.raw)
	if a.code() == "UNAUTHENTICATED" {
		require.Nil(t, a.Data, "%s: %s", what, a.raw)
	}
	p.requireHidden(t, a, what)
}

func (p person) requireHidden(t *testing.T, a answer, what string) {
	t.Helper()
	for _, planted := range p.planted {
		require.NotContains(t, a.raw, planted, what)
	}
}

// TestWhoMayAskUsers: every root field of the users' schema, with every field below it, asked for by
// everybody. It is made from the schema: a field that says nothing in the table fails.
func TestWhoMayAskUsers(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s settings) { startMatrix(t, s).askUsers(t) })
}

func (m *matrix) askUsers(t *testing.T) {
	t.Helper()
	_, operator := m.key(t, m.all...)
	for _, field := range rootFields(t, readSchema(t, "schema/*.graphql"), ofUsers) {
		public, expected := field.Directives.ForName("public") != nil, ofUsers[field.Name]
		for _, caller := range []string{"nobody", "an administrator", "development's administrator", "somebody else", "the person"} {
			what := field.Name + " asked for by " + caller
			self, other := m.person(t), m.person(t)
			variables, before := m.fill(t, expected.variables, self), m.events(t)
			token := map[string]string{
				"nobody": "", "an administrator": operator, "development's administrator": m.administrators.key,
				"somebody else": other.token, "the person": self.token,
			}[caller]
			a := ask(t, m.users, token, field.document, variables)
			switch {
			case caller == "the person":
				require.Equal(t, expected.self, a.code(), "%s: %s", what, a.raw)
			case caller == "somebody else" || public:
				require.Equal(t, expected.other, a.code(), "%s: %s", what, a.raw)
				self.requireHidden(t, a, what)
			default:
				require.Equal(t, "UNAUTHENTICATED", a.code(), "%s: %s", what, a.raw)
				self.requireNothing(t, a, field.Name, what)
				require.Equal(t, before, m.events(t), what)
			}
		}
	}
}

// TestWhoMayAskAdministrators is the same for the administrators' schema.
func TestWhoMayAskAdministrators(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s settings) { startMatrix(t, s).askAdministrators(t) })
}

func (m *matrix) askAdministrators(t *testing.T) {
	t.Helper()
	expired, expiredKey := m.key(t, m.all...)
	alter(t, m.db, `UPDATE admin_keys SET expires_at = created_at WHERE id = '`+expired+`'`)
	revoked, revokedKey := m.key(t, m.all...)
	m.administrators.must(t, `mutation ($id: ID!) { revokeAdminKey(id: $id, reason: "matrix") { revokedAt } }`, map[string]any{"id": revoked})
	with, without := map[string]string{}, map[string]string{}
	for _, role := range m.all {
		_, with[role] = m.key(t, role)
		_, without[role] = m.key(t, slices.DeleteFunc(slices.Clone(m.all), func(r string) bool { return r == role })...)
	}
	schema := readSchema(t, "schema/admin/*.graphql")
	for _, field := range rootFields(t, schema, ofAdministrators) {
		role, expected := roleOf(t, field), ofAdministrators[field.Name]
		for caller, code := range map[string]string{
			"nobody": "UNAUTHENTICATED", "the person": "UNAUTHENTICATED", "an expired key": "UNAUTHENTICATED", "a revoked key": "UNAUTHENTICATED",
			"a key without the role": "FORBIDDEN", "a key with the role": expected.other,
		} {
			what := field.Name + " asked for by " + caller
			self := m.person(t)
			variables, before := m.fill(t, expected.variables, self), m.events(t)
			token := map[string]string{
				"nobody": "", "the person": self.token, "an expired key": expiredKey, "a revoked key": revokedKey,
				"a key without the role": without[role], "a key with the role": with[role],
			}[caller]
			a := ask(t, m.administrators.url, token, field.document, variables)
			require.Equal(t, code, a.code(), "%s: %s", what, a.raw)
			if caller != "a key with the role" {
				self.requireNothing(t, a, field.Name, what)
				require.Equal(t, before, m.events(t), what)
				require.Equal(t, self.user, must(t, m.users, self.token, me, nil).text("me.id"), what)
			}
		}
	}
}

// roleOf is the role that a field needs.
func roleOf(t *testing.T, field rootField) string {
	t.Helper()
	directive := field.Directives.ForName("hasRole")
	require.NotNil(t, directive, "%s says no role", field.Name)
	return directive.Arguments.ForName("role").Value.Raw
}

// TestTheTwoSchemasShareNothingButWords: no type of administrators is in the users' schema. Where both
// have a type of the same name it is one that users have by themselves, and a reviewer has seen it.
func TestTheTwoSchemasShareNothingButWords(t *testing.T) {
	t.Parallel()
	users, admins := readSchema(t, "schema/*.graphql"), readSchema(t, "schema/admin/*.graphql")
	var both []string
	for name, definition := range admins.Types {
		if !definition.BuiltIn && users.Types[name] != nil {
			both = append(both, name)
		}
	}
	require.ElementsMatch(t, []string{"Query", "Mutation", "Time", "URL", "User", "UserPayload", "Session", "Consent"}, both)
	require.Nil(t, users.Directives["hasRole"])
	for _, name := range []string{"mustAuth", "public"} {
		require.Nil(t, admins.Directives[name])
	}
	require.Empty(t, sharedFields(users.Query, admins.Query))
	require.ElementsMatch(t, []string{"unbindPhone", "undoMerge"}, sharedFields(users.Mutation, admins.Mutation))
	for _, secret := range []string{"disabledReason", "openId", "unionId", "identities", "actor", "reason"} {
		for name, definition := range users.Types {
			require.Nil(t, definition.Fields.ForName(secret), "%s.%s", name, secret)
		}
	}
}

func sharedFields(a, b *ast.Definition) (names []string) {
	for _, field := range a.Fields {
		if !strings.HasPrefix(field.Name, "__") && b.Fields.ForName(field.Name) != nil {
			names = append(names, field.Name)
		}
	}
	return names
}
