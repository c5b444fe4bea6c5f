package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
)

// LoginCode is the claim on one wx.login code: whoever inserts the row exchanges the code, everybody
// else waits for the session it opens. Kept for the five minutes that WeChat honours a code.
type LoginCode struct{ ent.Schema }

// Fields of the LoginCode.
func (LoginCode) Fields() []ent.Field {
	return []ent.Field{
		digestKey("SHA-256 of app and code."),
		field.Bytes("nonce_hash").MaxLen(32).Optional().Nillable().Immutable().
			Comment("SHA-256 of the client's nonce; only who knows the nonce gets the answer again."),
		momentOnce("claimed_at", "When the exchange began."),
		momentOnce("expires_at", "When the row may be removed."),
		field.String("failure").Optional().Nillable().
			Comment("The error code that the exchange ended in, when it is final."),
	}
}

// Indexes of the LoginCode.
func (LoginCode) Indexes() []ent.Index { return []ent.Index{index.Fields("expires_at")} }
