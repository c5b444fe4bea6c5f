package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
	"github.com/google/uuid"
)

// User is a person, as one app group knows them.
type User struct{ ent.Schema }

// Fields of the User.
func (User) Fields() []ent.Field {
	return []ent.Field{
		id(),
		field.String("app_group").Immutable().
			Comment("The apps that share this person; an app that is in no group is a group of its own, named by its AppID."),
		field.Enum("status").Values("active", "disabled").Default("active"),
		field.String("disabled_reason").Optional().Nillable(),
		momentIfAny("disabled_until", "When a disabled person may log in again; absent: never."),
		field.Int64("epoch").Default(0).
			Comment("Counts the times that all of this person's tokens were ended at once. An integer, so that no clock decides."),
		field.String("nickname").Optional().Nillable(),
		field.String("avatar_url").Optional().Nillable().
			Comment("Address of a picture on WeChat's servers, only ever one that WeChat itself vouched for; absent when there is an avatar_key."),
		field.String("avatar_key").MaxLen(32).Optional().Nillable().
			Comment("Key of the uploaded picture that the person uses; absent when there is an avatar_url."),
		field.Bytes("phone_sealed").Optional().Nillable().
			Comment("The number in E.164, encrypted for this row."),
		field.Bytes("phone_index").MaxLen(32).Optional().Nillable().
			Comment("Keyed hash of the number: lets the database keep one number to one person without knowing it."),
		field.Bytes("phone_code_hash").MaxLen(32).Optional().Nillable().
			Comment("Which phone code brought the last number, also when it has been taken back since: a repeat of the request gets the same answer or is refused, and WeChat is not asked again."),
		momentIfAny("phone_bound_at", "When WeChat proved the last number, also when it has been taken back since."),
		field.String("nickname_key").Optional().Nillable().
			Comment("The nickname as administrators search it: in lower case."),
		momentIfAny("closes_at", "When the account is erased, once the person has asked to close it; logging in to restore it clears this."),
		field.UUID("merged_into", uuid.UUID{}).Optional().Nillable().
			Comment("Who this person turned out to be. Such a row has no identities; it is there so that the merge can be undone."),
		momentOnce("created_at", "When the person first logged in."),
	}
}

// Edges of the User. Erasing a person erases what hangs on them.
func (User) Edges() []ent.Edge {
	cascade := entsql.OnDelete(entsql.Cascade)
	return []ent.Edge{
		edge.To("identities", Identity.Type).Annotations(cascade),
		edge.To("sessions", Session.Type).Annotations(cascade),
		edge.To("consents", Consent.Type).Annotations(cascade),
		edge.To("avatars", Avatar.Type).Annotations(entsql.OnDelete(entsql.SetNull)), // the files must be removed first
	}
}

// Indexes of the User.
func (User) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("app_group", "phone_index").Unique(),
		index.Fields("app_group", "created_at", "id"), // for the lists of administrators
		index.Fields("created_at", "id"),
		index.Fields("created_at", "id").StorageKey("user_disabled").Annotations(entsql.IndexWhere("disabled_reason IS NOT NULL")),
		index.Fields("created_at", "id").StorageKey("user_with_phone").Annotations(entsql.IndexWhere("phone_index IS NOT NULL")),
		index.Fields("created_at", "id").StorageKey("user_without_phone").Annotations(entsql.IndexWhere("phone_index IS NULL")),
		index.Fields("nickname_key").Annotations(entsql.OpClass("text_pattern_ops")), // finds by how it begins
		index.Fields("closes_at").Annotations(entsql.IndexWhere("closes_at IS NOT NULL")),
		index.Fields("merged_into").Annotations(entsql.IndexWhere("merged_into IS NOT NULL")),
	}
}
