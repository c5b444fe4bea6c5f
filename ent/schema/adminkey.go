package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/field"
)

// AdminKey is what lets an administrator, or a program of theirs, use the administrators' API.
type AdminKey struct{ ent.Schema }

// Fields of the AdminKey.
func (AdminKey) Fields() []ent.Field {
	return []ent.Field{
		field.String("id").MaxLen(16).Immutable().Comment("The part of the key that names it."),
		field.String("name").MaxLen(64).Unique().Immutable().Comment("Whose it is; the audit trail names it."),
		field.Bytes("hash").MaxLen(32).Immutable().Comment("SHA-256 of the key; the key itself is not stored."),
		field.Strings("roles").Immutable(),
		momentOnce("created_at", "When it was made."),
		momentOnce("expires_at", "When it ends."),
		momentIfAny("last_used_at", "When it was last used, to the minute."),
		momentIfAny("revoked_at", "When it was ended before its time."),
	}
}
