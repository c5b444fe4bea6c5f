// Package graph owns the translation between the schema in schema/ and the verbs of internal/account.
//
// A resolver reads who asks, calls one verb and returns what it says; what a verb means, and who may
// read what, is decided below. Access is written in the schema and denied by default: a root field
// that says neither @public nor @mustAuth fails a test.
package graph

import "mpauth/internal/account"

// Resolver answers the schema with the verbs of an account service.
type Resolver struct {
	Account *account.Service
}
