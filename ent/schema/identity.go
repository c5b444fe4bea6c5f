package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
	"github.com/google/uuid"
)

// Identity is what one Mini Program knows a person by, with the session keys that WeChat gave for it.
//
// WeChat keeps one valid session_key per person and app, so the keys live here and not with a session.
type Identity struct{ ent.Schema }

// Fields of the Identity.
func (Identity) Fields() []ent.Field {
	return []ent.Field{
		id(),
		field.String("app_id").Immutable(),
		field.String("open_id").Immutable(),
		field.String("union_id").Optional().Nillable().
			Comment("Appears when the app is bound to an Open Platform account, perhaps long after the first login."),
		field.UUID("user_id", uuid.UUID{}),
		field.Bytes("session_key").Optional().Nillable().
			Comment("The current session_key, encrypted for this app_id and open_id."),
		field.Bytes("session_key_print").Optional().Nillable().
			Comment("Keyed hash of the current session_key: tells whether WeChat gave the same one again."),
		momentIfAny("session_key_at", "When the exchange that brought the current session_key was answered."),
		field.Bytes("previous_key").Optional().Nillable().
			Comment("The session_key before the current one, encrypted the same way."),
		momentIfAny("previous_key_until", "How long data encrypted with the previous key is still accepted."),
		momentOnce("created_at", "When this app first saw the person."),
		moment("last_login_at", "The last silentLogin."),
	}
}

// Edges of the Identity.
func (Identity) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("user", User.Type).Ref("identities").Field("user_id").Unique().Required(),
		edge.To("sessions", Session.Type).Annotations(entsql.OnDelete(entsql.Cascade)),
	}
}

// Indexes of the Identity. The first is what decides a race of first logins.
func (Identity) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("app_id", "open_id").Unique(),
		index.Fields("user_id"),
		index.Fields("open_id"),
		index.Fields("union_id").Annotations(entsql.IndexWhere("union_id IS NOT NULL")),
	}
}
