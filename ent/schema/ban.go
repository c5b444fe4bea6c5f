package schema

import (
	"entgo.io/ent"
)

// Ban is what is left of an account that was disabled when it was erased: nothing that tells who it
// was, and enough to know them when they come back.
type Ban struct{ ent.Schema }

// Fields of the Ban.
func (Ban) Fields() []ent.Field {
	return []ent.Field{
		digestKey("Keyed hash of app and openid, or of a group of apps and unionid."),
		momentOnce("at", "When the account was erased."),
		momentIfAny("until", "When the person may register again; absent: never."),
	}
}
