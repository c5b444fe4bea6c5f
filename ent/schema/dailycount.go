package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
)

// DailyCount is how often something happened on a day, for the statistics of administrators.
type DailyCount struct{ ent.Schema }

// Fields of the DailyCount.
func (DailyCount) Fields() []ent.Field {
	return []ent.Field{
		field.String("day").MaxLen(10).Immutable().Comment("The day in UTC, as 2026-01-31."),
		field.String("app_id").Immutable(),
		field.String("kind").MaxLen(32).Immutable().Comment("What is counted: login, register, step, failure."),
		field.String("name").MaxLen(64).Immutable().Comment("Of a step or a failure: which."),
		field.Int64("count"),
	}
}

// Indexes of the DailyCount.
func (DailyCount) Indexes() []ent.Index {
	return []ent.Index{index.Fields("day", "app_id", "kind", "name").Unique()}
}
