package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
	"github.com/google/uuid"
)

// AuditEvent is one thing that happened to an account, written in the transaction that did it.
//
// An event that ends sessions says so in revokes; the revocation feed follows those rows, so there
// is no way to end a session that leaves no trace, and none that other replicas miss.
//
// Rows never change: triggers refuse it, and AuditSeal makes it show where somebody gets past them.
type AuditEvent struct{ ent.Schema }

// Fields of the AuditEvent. No personal data: the trail outlives the account.
func (AuditEvent) Fields() []ent.Field {
	return []ent.Field{
		field.Int64("id").Immutable(),
		field.Int64("xid").Optional().Immutable().
			Annotations(entsql.DefaultExprs(map[string]string{
				dialect.Postgres: "((pg_current_xact_id())::text)::bigint",
				dialect.SQLite:   "0",
			})).
			Comment("The writing transaction. PostgreSQL hands out ids before commits, so a reader that must miss nothing goes by this."),
		momentOnce("at", "When it happened, by the clock of the replica that did it."),
		field.String("action").Immutable(),
		field.String("app_id").Immutable(),
		field.UUID("user_id", uuid.UUID{}).Optional().Nillable().Immutable(),
		field.UUID("session_id", uuid.UUID{}).Optional().Nillable().Immutable(),
		field.Enum("revokes").Values("session", "user").Optional().Nillable().Immutable().
			Comment("What this event ended: its session_id, or all tokens of its user_id older than epoch."),
		field.Int64("epoch").Default(0).Immutable(),
		field.String("actor").Optional().Nillable().Immutable().
			Comment("The administrator who did it, as kind:name; absent: the person themselves, or the server by its own rules."),
		field.String("reason").Optional().Nillable().Immutable().
			Comment("Why the administrator did it, in their words."),
		field.JSON("detail", map[string]string{}).Optional().Immutable(),
	}
}

// Indexes of the AuditEvent.
func (AuditEvent) Indexes() []ent.Index {
	followed := entsql.IndexWhere("revokes IS NOT NULL")
	return []ent.Index{
		index.Fields("user_id", "at"),
		index.Fields("at", "id"), // for the lists of administrators, and for retention
		index.Fields("actor", "at").Annotations(entsql.IndexWhere("actor IS NOT NULL")),
		index.Fields("action", "at").Annotations(entsql.OpClassColumn("action", "text_pattern_ops")), // also by how it begins
		index.Fields("xid").Annotations(followed),                                                    // for each look of the revocation feed
		index.Fields("at").Annotations(followed),                                                     // for its first look
	}
}
