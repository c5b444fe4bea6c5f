package databasetest

import (
	"context"
	"database/sql/driver"
	"slices"
	"strings"
	"sync"
	"time"

	"mpauth/internal/database"
)

// Counter counts what is sent to a database: every statement, BEGIN, COMMIT, ROLLBACK and ping is one
// round trip. Give its Wrap to Open; the zero Counter is ready.
type Counter struct {
	mu    sync.Mutex
	calls []string
}

// Reset forgets what was counted.
func (c *Counter) Reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls = nil
}

// Calls lists what was sent, in order: the statements without their arguments.
func (c *Counter) Calls() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.calls)
}

// Count is the number of round trips.
func (c *Counter) Count() int { return len(c.Calls()) }

// String lists the calls, one a line, for the message of a test that found too many.
func (c *Counter) String() string { return strings.Join(c.Calls(), "\n") }

func (c *Counter) add(call string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls = append(c.calls, call)
}

// Wrap is for Open and database.Options.Wrap.
func (c *Counter) Wrap(inner driver.Connector) driver.Connector {
	return database.Observe(time.Now, func(_ context.Context, call database.Call) {
		if call.SQL != "CONNECT" { // how many connections a pool opens is chance
			c.add(call.SQL)
		}
	})(inner)
}
