package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
)

// AuditSeal is one link of the chain over the audit trail. It is made after the event has been
// committed, because a chain inside the transactions would have them wait for each other.
type AuditSeal struct{ ent.Schema }

// Fields of the AuditSeal.
func (AuditSeal) Fields() []ent.Field {
	return []ent.Field{
		field.Int64("id").Positive().Immutable().
			Comment("The place in the chain, from 1 without a gap."),
		field.Int64("event_id").Immutable(),
		field.Bytes("mac").MaxLen(32).Immutable().
			Comment("Keyed hash of the link before this one and of the event."),
	}
}

// Indexes of the AuditSeal.
func (AuditSeal) Indexes() []ent.Index { return []ent.Index{index.Fields("event_id").Unique()} }
