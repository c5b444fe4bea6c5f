package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
	"github.com/google/uuid"
)

// Session is one login on one device. A new login on the device replaces the row, its id included;
// an ended session has no row.
type Session struct{ ent.Schema }

// Fields of the Session.
func (Session) Fields() []ent.Field {
	return []ent.Field{
		field.UUID("id", uuid.UUID{}).Immutable(),
		field.UUID("user_id", uuid.UUID{}).Immutable(),
		field.String("app_id").Immutable(),
		field.UUID("identity_id", uuid.UUID{}).Immutable(),
		field.String("device_id").
			Comment("The name the SDK gave the device; one made up by the server when it gave none."),
		field.String("device_name").Default(""),
		field.String("platform").Default(""),
		field.String("sdk_version").Default(""),
		field.Int64("refresh_counter").Default(0).
			Comment("Which refresh token of this session is the valid one. The tokens themselves are not stored."),
		moment("refreshed_at", "When refresh_counter last changed; the grace for a lost answer counts from here."),
		moment("idle_expires_at", "When the session ends if it is not refreshed before."),
		momentOnce("expires_at", "When the session ends whatever happens."),
		momentOnce("created_at", "When the device logged in."),
		field.Bytes("login_code_hash").MaxLen(32).Immutable().
			Comment("Which login code opened this session, so that a repeat of the request gets the same session."),
		field.Bool("first_login").Immutable().
			Comment("Whether this login created the person; part of the answer that a repeat gets again."),
	}
}

// Edges of the Session.
func (Session) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("user", User.Type).Ref("sessions").Field("user_id").Unique().Required().Immutable(),
		edge.From("identity", Identity.Type).Ref("sessions").Field("identity_id").Unique().Required().Immutable(),
	}
}

// Indexes of the Session.
func (Session) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("user_id", "device_id").Unique(),
		index.Fields("login_code_hash").Unique(),
		index.Fields("identity_id"),
		index.Fields("idle_expires_at"),
		index.Fields("expires_at"),
	}
}
