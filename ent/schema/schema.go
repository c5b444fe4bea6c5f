// Package schema owns the shape of the tables: one file a table, written by hand, from which ent
// generates the code beside it.
//
// Rules that belong to the business (what signing in or unbinding means) are not here but in
// internal/account; a schema says only what a row is and what the database itself guarantees.
package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect"
	"entgo.io/ent/schema/field"
	"github.com/google/uuid"
)

// timestamp is a point in time. PostgreSQL keeps microseconds, so the server truncates to them.
var timestamp = map[string]string{dialect.Postgres: "timestamptz"}

// id is the key of a row that others refer to: a random UUID, made by the server so that a value
// can be sealed to its row before the row is inserted.
func id() ent.Field {
	return field.UUID("id", uuid.UUID{}).Default(uuid.New).Immutable()
}

// moment is a time that each row has.
func moment(name, comment string) ent.Field {
	return field.Time(name).SchemaType(timestamp).Comment(comment)
}

// momentOnce is a time that is set with the row and never changes.
func momentOnce(name, comment string) ent.Field {
	return field.Time(name).SchemaType(timestamp).Immutable().Comment(comment)
}

// momentIfAny is a time that may not have come yet.
func momentIfAny(name, comment string) ent.Field {
	return field.Time(name).SchemaType(timestamp).Optional().Nillable().Comment(comment)
}

// digestKey is a primary key that is the hash of something too secret to store.
func digestKey(comment string) ent.Field {
	return field.Bytes("id").MaxLen(32).Immutable().Comment(comment)
}
