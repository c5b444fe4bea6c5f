package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
	"github.com/google/uuid"
)

// Avatar is one uploaded picture. The row is there before the file and stays until the file is gone,
// so that no file is ever without a row that leads to its removal.
type Avatar struct{ ent.Schema }

// Fields of the Avatar.
func (Avatar) Fields() []ent.Field {
	return []ent.Field{
		field.String("id").MaxLen(32).Immutable().
			Comment("The key of the file. Whoever has it may see the picture."),
		field.UUID("user_id", uuid.UUID{}).Optional().Nillable().
			Comment("Who uploaded it; absent once that person is erased, and then the file goes too."),
		field.Enum("state").Values("uploaded", "used", "leaving").Default("uploaded").
			Comment("uploaded: may become the person's picture; used: is it; leaving: the file is to be removed, then the row."),
		momentOnce("created_at", "When it was uploaded; one that nobody used goes after an hour."),
	}
}

// Edges of the Avatar.
func (Avatar) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("user", User.Type).Ref("avatars").Field("user_id").Unique(),
	}
}

// Indexes of the Avatar.
func (Avatar) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("user_id", "state"),
		index.Fields("state", "created_at"),
	}
}
