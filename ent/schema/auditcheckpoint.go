package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/field"
)

// AuditCheckpoint is a statement about the chain of AuditSeals: how long it was at a time, or up to
// where its beginning was removed because the time to keep it was over.
type AuditCheckpoint struct{ ent.Schema }

// Fields of the AuditCheckpoint.
func (AuditCheckpoint) Fields() []ent.Field {
	return []ent.Field{
		field.Enum("kind").Values("length", "removal").Immutable().
			Comment("length: the chain reaches to seal_id; removal: the events up to seal_id may be removed."),
		field.Int64("seal_id").Immutable(),
		field.Bytes("mac").MaxLen(32).Immutable().Comment("That of the seal."),
		field.Int64("event_id").Immutable().
			Comment("Every event with an id up to this one is sealed, or will never be there."),
		momentOnce("at", "When the statement was made."),
		field.Bytes("signature").MaxLen(32).Immutable().Comment("Keyed hash of all the above."),
	}
}
