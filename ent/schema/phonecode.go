package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
	"github.com/google/uuid"
)

// PhoneCode is the claim on one phone code. Each code is paid for and works once, so its outcome is
// stored before anybody is told, and a retry is answered from here.
type PhoneCode struct{ ent.Schema }

// Fields of the PhoneCode.
func (PhoneCode) Fields() []ent.Field {
	return []ent.Field{
		digestKey("SHA-256 of app and code."),
		field.UUID("user_id", uuid.UUID{}).Immutable(),
		momentOnce("claimed_at", "When the exchange began."),
		momentOnce("expires_at", "When the row may be removed."),
		field.String("outcome").Optional().Nillable().
			Comment("BOUND, or the error code that the exchange ended in; absent while it is under way."),
	}
}

// Indexes of the PhoneCode.
func (PhoneCode) Indexes() []ent.Index { return []ent.Index{index.Fields("expires_at")} }
