package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
	"github.com/google/uuid"
)

// DecryptFailure is one piece of encrypted data that did not decrypt. Their number is what stops an
// attack that forges ciphertexts by asking again and again.
type DecryptFailure struct{ ent.Schema }

// Fields of the DecryptFailure.
func (DecryptFailure) Fields() []ent.Field {
	return []ent.Field{
		field.UUID("user_id", uuid.UUID{}).Immutable(),
		field.UUID("session_id", uuid.UUID{}).Immutable(),
		momentOnce("at", "When it happened."),
	}
}

// Indexes of the DecryptFailure.
func (DecryptFailure) Indexes() []ent.Index {
	return []ent.Index{index.Fields("user_id", "at"), index.Fields("at")}
}
