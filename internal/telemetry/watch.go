package telemetry

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"time"
)

// Watch is told of a request before it is handled, and may give it another context. The function that
// it returns is called when the request has ended.
type Watch func(*http.Request) (context.Context, func(Ended))

// Ended is how a request ended. It holds nothing that the client made up.
type Ended struct {
	Route    string        // the pattern that [http.ServeMux] matched, or "unmatched"
	Status   int           // 0: the connection was cut before there was an answer
	Duration time.Duration // from the first look at the request until the handler had returned
	Notes    []slog.Attr   // what was added with [Annotate]
}

// begin tells all watches of a request. They are told of its end in the opposite order.
func begin(r *http.Request, watches []Watch) (*http.Request, func(Ended)) {
	var ends []func(Ended)
	for _, watch := range watches {
		ctx, ended := watch(r)
		r = r.WithContext(ctx)
		ends = append(ends, ended)
	}
	return r, func(how Ended) {
		for _, ended := range slices.Backward(ends) {
			ended(how)
		}
	}
}
