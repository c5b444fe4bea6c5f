package metrics

import (
	"context"
	"net/http"
	"strconv"

	"mpauth/internal/fault"
	"mpauth/internal/telemetry"
)

// HTTP is a [telemetry.Watch].
func (m *Metrics) HTTP(r *http.Request) (context.Context, func(telemetry.Ended)) {
	return r.Context(), func(how telemetry.Ended) {
		m.httpRequests.WithLabelValues(how.Route, strconv.Itoa(how.Status)).Inc()
		m.httpDuration.WithLabelValues(how.Route).Observe(how.Duration.Seconds())
	}
}

// fulfilled is the code of a field without an error.
const fulfilled = "OK"

// Operation is for front.Watch.
func (m *Metrics) Operation() func(field string, code fault.Code) {
	began := m.Now()
	return func(field string, code fault.Code) {
		label := string(code)
		if code == "" {
			label = fulfilled
		}
		m.graphqlRequests.WithLabelValues(field, label).Inc()
		m.graphqlRequests.WithLabelValues(field, string(fault.Internal)).Add(0) // for the reason that begin names
		m.graphqlDuration.WithLabelValues(field).Observe(m.Now().Sub(began).Seconds())
	}
}
