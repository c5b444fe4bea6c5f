package graph_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql/introspection"
	"github.com/stretchr/testify/require"
)

// attacks are operations that are cheap to send and meant to be costly to answer. All of them are
// refused, with a small reply. What they cost is measured by BenchmarkAttacks.
func attacks() map[string]string {
	repeat := strings.Repeat
	doubling := func(k int) string {
		var q strings.Builder
		q.WriteString("{...f0}")
		for i := range k {
			fmt.Fprintf(&q, " fragment f%d on Query{...f%d ...f%d}", i, i+1, i+1)
		}
		fmt.Fprintf(&q, " fragment f%d on Query{authFlow{flow}}", k)
		return q.String()
	}
	aliases := func(n int) string {
		var q strings.Builder
		for i := range n {
			fmt.Fprintf(&q, "a%d:authFlow{flow} ", i)
		}
		return q.String()
	}
	return map[string]string{
		"deep":                  "{" + repeat("a{", 200) + "b" + repeat("}", 200) + "}",
		"wide":                  "{" + repeat("authFlow{flow appId} ", 140) + "}",
		"alias bomb":            "{" + aliases(100) + "}",
		"alias bomb of logins":  `mutation{` + repeat(`a:silentLogin(input:{code:"x"}){token} `, 2) + repeat(`b:silentLogin(input:{code:"y"}){token} `, 2) + "}",
		"two mutations":         `mutation{logout{ok} unbindPhone{user{id}}}`,
		"mutation in fragments": `mutation{...f} fragment f on Mutation{refreshToken(input:{refreshToken:"x"}){token}}`,
		"fragment doubling 8":   doubling(8),
		"fragment doubling 26":  doubling(26),
		"cyclic fragments":      "{...a} fragment a on Query{...b} fragment b on Query{...a}",
		"fragment in itself":    "{...a} fragment a on Query{authFlow{flow} ...a}",
		"directive flood":       "{authFlow" + repeat(" @skip(if:false)", 100) + "{flow}}",
		"unknown directives":    "{authFlow" + repeat(" @x", 250) + "{flow}}",
		"repeated fields":       "{authFlow{" + repeat("flow ", 500) + "}}",
		"list nesting":          `{authFlow(appId:` + repeat("[", 290) + repeat("]", 290) + `){flow}}`,
		"object nesting":        `mutation{silentLogin(input:` + repeat("{a:", 180) + "1" + repeat("}", 180) + `){token}}`,
		"malformed":             "{" + repeat("(", 580),
		"token flood":           "{" + repeat("a ", 4000) + "}",
		"long query":            "{authFlow{flow}}" + repeat("#", 9<<10),
		"many operations":       repeat("query{authFlow{flow}} ", 80),
		"many unknown fields":   "{" + repeat("nope ", 500) + "}",
		"many in a fragment":    "{authFlow{flow}} fragment f on Query{" + repeat("nope ", 500) + "}",
		"many below __schema":   "{__schema{" + repeat("types{name} ", 100) + "}}",
	}
}

func TestAttacksAreRefusedInFewWords(t *testing.T) {
	t.Parallel()
	for name, query := range attacks() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body, err := json.Marshal(map[string]string{"query": query})
			require.NoError(t, err)
			w, a := post(t, endpoint(t, io.Discard), strings.NewReader(string(body)), http.Header{"Content-Type": {"application/json"}})
			require.NotEmpty(t, a.Errors)
			require.LessOrEqual(t, len(a.Errors), 3)
			require.Nil(t, a.Data, "nothing is begun")
			require.Less(t, w.Body.Len(), 4<<10)
		})
	}
}

// What real clients send stays below the limits: everything that the schema has, and the question of
// an editor for the schema itself.
func TestOrdinaryOperationsPass(t *testing.T) {
	t.Parallel()
	for name, query := range map[string]string{
		"fields, an alias, a fragment": `query Q{authFlow{appId flow} again:authFlow{...f} __typename} fragment f on AuthFlow{appId flow @include(if:true)}`,
		"introspection":                introspection.Query,
	} {
		body, err := json.Marshal(map[string]string{"query": query})
		require.NoError(t, err)
		w, a := post(t, open(t), strings.NewReader(string(body)), http.Header{"Content-Type": {"application/json"}})
		require.Empty(t, a.Errors, "%s: %s", name, w.Body)
	}
}

func BenchmarkAttacks(b *testing.B) {
	for name, query := range attacks() {
		body, err := json.Marshal(map[string]string{"query": query})
		require.NoError(b, err)
		handler := endpoint(b, io.Discard)
		b.Run(strings.ReplaceAll(name, " ", "_"), func(b *testing.B) {
			for b.Loop() {
				post(b, handler, strings.NewReader(string(body)), http.Header{"Content-Type": {"application/json"}})
			}
		})
	}
}
