package metrics

import (
	"context"

	"mpauth/internal/database"
)

// Database is for database.Observe.
func (m *Metrics) Database(_ context.Context, call database.Call) {
	verb := call.Verb()
	m.databaseDuration.WithLabelValues(verb).Observe(call.Duration.Seconds())
	if class := call.Class(); class != "" {
		m.databaseFailures.WithLabelValues(verb, class).Inc()
	}
}
