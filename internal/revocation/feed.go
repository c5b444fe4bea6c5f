// Package revocation owns the knowledge of which sessions have been ended before their tokens expire.
//
// Whoever ends a session writes an audit event that says so, in the transaction that ends it. Each
// replica follows those events (several times a second, and at once when PostgreSQL notifies) and
// holds the recent ones in memory, so that a dead session is refused within a second without a query
// per request. A replica that has lost touch does not guess: it asks the database for each request,
// and refuses when that cannot answer either.
package revocation

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"mpauth/internal/database"
)

const (
	// pollInterval bounds how long a revocation stays unseen when no notification arrives.
	pollInterval = 250 * time.Millisecond
	// freshFor is how old the last look at the events may be for memory to be believed. With it, what
	// was ended a second ago is refused even by a replica that has just lost the database.
	freshFor = time.Second
	// maxCursors bounds how many connections are remembered, with those that are closed.
	maxCursors = 1024
	// askTimeout bounds the question to the database when memory is not believed.
	askTimeout = time.Second
	// lookTimeout bounds a look. It is long, since on a new connection a look reads the whole window, and
	// a feed that gave up on it would never be fresh again; requests ask the tables meanwhile.
	lookTimeout = 10 * time.Second
)

// The answers of [Feed.Check] that refuse.
var (
	ErrRevoked = errors.New("the session has been ended")
	ErrStale   = errors.New("whether the session has been ended cannot be known now")
)

// Options are what a Feed needs.
type Options struct {
	DB     *database.DB
	Window time.Duration    // for how long an event matters: no token lives longer
	Notify <-chan struct{}  // wakes the feed early; nil: it only polls
	Now    func() time.Time // for telling how fresh the feed is
	Log    *slog.Logger
}

// Feed follows the revocations. It is safe for concurrent use.
type Feed struct {
	Options
	mu       sync.RWMutex
	sessions map[uuid.UUID]time.Time   // ended sessions, and when
	users    map[uuid.UUID]userEnd     // ended epochs
	lastLook atomic.Pointer[time.Time] // when the events were last read successfully; nil: never

	looking sync.Mutex    // guards cursors: one look at a time
	cursors map[any]int64 // by connection
}

type userEnd struct {
	epoch int64 // tokens of an older epoch are refused
	at    time.Time
}

// NewFeed makes a Feed that knows nothing yet; it is stale until its first look.
func NewFeed(o Options) *Feed {
	return &Feed{Options: o, sessions: map[uuid.UUID]time.Time{}, users: map[uuid.UUID]userEnd{}, cursors: map[any]int64{}}
}

// Run follows the events until ctx ends.
func (f *Feed) Run(ctx context.Context) {
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	healthy := true
	for {
		err := f.lookInTime(ctx)
		if ctx.Err() != nil {
			return
		}
		if (err == nil) != healthy {
			healthy = err == nil
			f.logChange(ctx, err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-f.Notify:
		}
	}
}

func (f *Feed) lookInTime(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	return f.Look(ctx)
}

// logChange says once that the feed was lost, and once that it is back.
func (f *Feed) logChange(ctx context.Context, err error) {
	if err != nil {
		f.Log.ErrorContext(ctx, "the revocation feed has lost the database; each request asks it until the feed is back", "error", err)
		return
	}
	f.Log.InfoContext(ctx, "the revocation feed is back")
}

// Age is how long ago the events were last read; very large before the first time. It is negative
// after the clock was set back, if that is not one that only goes forward, as that of time.Now is.
func (f *Feed) Age() time.Duration {
	last := f.lastLook.Load()
	if last == nil {
		return math.MaxInt64
	}
	return f.Now().Sub(*last)
}

// Known is how many ended sessions, and people with ended tokens, memory holds.
func (f *Feed) Known() (sessions, people int) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return len(f.sessions), len(f.users)
}

// EndSession makes a session refused on this replica from now on.
func (f *Feed) EndSession(session uuid.UUID, at time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sessions[session] = at
}

// EndUser makes all tokens of a person that are older than epoch refused on this replica from now on.
func (f *Feed) EndUser(person uuid.UUID, epoch int64, at time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.users[person].epoch < epoch {
		f.users[person] = userEnd{epoch: epoch, at: at}
	}
}

// Check returns nil for a session that goes on, [ErrRevoked] for one that was ended, and [ErrStale]
// when neither memory nor the database can tell.
func (f *Feed) Check(ctx context.Context, session, person uuid.UUID, epoch int64) error {
	if f.ended(session, person, epoch) {
		return ErrRevoked
	}
	if age := f.Age(); age >= 0 && age <= freshFor {
		return nil
	}
	return f.ask(ctx, session, person, epoch)
}

// ended is what memory knows.
func (f *Feed) ended(session, person uuid.UUID, epoch int64) bool {
	f.mu.RLock()
	defer f.mu.RUnlock()
	_, gone := f.sessions[session]
	return gone || epoch < f.users[person].epoch
}

// forget drops what no living token can meet any more.
func (f *Feed) forget(before time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for session, at := range f.sessions {
		if at.Before(before) {
			delete(f.sessions, session)
		}
	}
	for person, end := range f.users {
		if end.at.Before(before) {
			delete(f.users, person)
		}
	}
}
