// Package admin owns the translation between the schema in schema/admin/ and the verbs of
// internal/admin.
//
// It is a server of its own, on a port of its own, for administrators alone: nothing is answered to
// anybody else, not even what the schema is. Which role a field needs is written in the schema and
// denied by default: a root field without @hasRole fails a test.
package admin

import (
	"mpauth/internal/admin"
	"mpauth/internal/adminauth"
)

// Resolver answers the schema with the verbs of the administrators.
type Resolver struct {
	Admin *admin.Service
	Keys  *adminauth.Keys
}
