package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
	"github.com/google/uuid"
)

// CiphertextUse remembers that a piece of encrypted data has been used, so that it works once.
type CiphertextUse struct{ ent.Schema }

// Fields of the CiphertextUse.
func (CiphertextUse) Fields() []ent.Field {
	return []ent.Field{
		digestKey("SHA-256 of app, iv and ciphertext."),
		field.UUID("user_id", uuid.UUID{}).Immutable(),
		field.Enum("kind").Values("phone", "profile").Immutable(),
		field.Bool("withdrawn").Default(false).
			Comment("The person took back what this data gave; it must not give it again."),
		momentOnce("expires_at", "When the row may be removed: long after the data's own age limit."),
	}
}

// Indexes of the CiphertextUse.
func (CiphertextUse) Indexes() []ent.Index {
	return []ent.Index{index.Fields("expires_at"), index.Fields("user_id", "kind")}
}
