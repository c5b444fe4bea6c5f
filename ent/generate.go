// Package ent owns the code that ent generates from the tables in ent/schema.
//
// Nothing here is edited; `scripts/generate` makes it again.
package ent

//go:generate go tool ent generate --feature sql/upsert,sql/execquery,sql/modifier,sql/lock,sql/versioned-migration ./schema
