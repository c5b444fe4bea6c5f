package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
)

// PhoneCode is the claim on one phone code. Each code is paid for and works once, so what it
// brought is stored before anybody is told, and a retry is answered from the store.
type PhoneCode struct{ ent.Schema }

// Fields of the PhoneCode.
func (PhoneCode) Fields() []ent.Field {
	return []ent.Field{
		digestKey("SHA-256 of app, person and code."),
		moment("claimed_at", "When the exchange began; a later caller takes over from one who died."),
		momentOnce("expires_at", "When the row may be removed."),
		field.String("failure").Optional().Nillable().
			Comment("The error code that the exchange ended in, when it is final. A success is seen at the user, who names the code."),
	}
}

// Indexes of the PhoneCode.
func (PhoneCode) Indexes() []ent.Index { return []ent.Index{index.Fields("expires_at")} }
