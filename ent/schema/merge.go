package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
	"github.com/google/uuid"
)

// Merge is one person found to be two users: the offer to make them one, and, once that is done, what
// it takes to undo it.
type Merge struct{ ent.Schema }

// Fields of the Merge.
func (Merge) Fields() []ent.Field {
	return []ent.Field{
		id(),
		field.UUID("from_user", uuid.UUID{}).Comment("Whose identities and sessions move."),
		field.UUID("into_user", uuid.UUID{}).Comment("Who stays."),
		field.Enum("cause").Values("phone", "union").Immutable().Comment("What proved that both are one person."),
		field.Enum("state").Values("offered", "done", "undone").Default("offered"),
		field.Bytes("proof").MaxLen(32).Optional().Nillable().
			Comment("Of a phone: the keyed hash of the number. The offer holds while the one who stays has it."),
		field.Strings("identities").Optional().Comment("The ids of the identities that moved, once it is done."),
		field.Strings("moved").Optional().Comment("Which of nickname, picture and phone moved with them."),
		momentOnce("created_at", "When it was proved."),
		moment("until", "How long the offer holds, or, once it is done, how long it can be undone."),
	}
}

// Indexes of the Merge.
func (Merge) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("from_user", "into_user", "cause").Unique(),
		index.Fields("into_user"),
		index.Fields("until"),
	}
}
