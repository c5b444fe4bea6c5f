package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
	"github.com/google/uuid"
)

// Consent is one line of a person's ledger: that they agreed to a version of a text, or withdrew.
type Consent struct{ ent.Schema }

// Fields of the Consent.
func (Consent) Fields() []ent.Field {
	return []ent.Field{
		id(),
		field.UUID("user_id", uuid.UUID{}),
		field.String("app_id").Immutable(),
		field.String("purpose").MaxLen(64).Immutable().Comment("What was agreed to, for example `privacy-policy`."),
		field.String("version").MaxLen(32).Immutable().Comment("The version of the text that the person saw."),
		field.Bool("granted").Immutable().Comment("false: withdrawn."),
		field.String("client").MaxLen(100).Default("").Immutable().Comment("The platform and SDK version that showed the text."),
		momentOnce("at", "When the person decided."),
	}
}

// Edges of the Consent.
func (Consent) Edges() []ent.Edge {
	return []ent.Edge{edge.From("user", User.Type).Ref("consents").Field("user_id").Unique().Required()}
}

// Indexes of the Consent.
func (Consent) Indexes() []ent.Index { return []ent.Index{index.Fields("user_id", "at")} }
