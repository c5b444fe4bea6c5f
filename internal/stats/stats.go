// Package stats owns the numbers by day that administrators see: logins, new users, steps reached and
// failures, per app.
//
// They are counted in memory and added to the table every ten seconds and at the end, because a row
// that every login writes would have the logins wait for each other. So a process that is killed loses
// ten seconds of them at most; whoever needs every login has the audit trail.
package stats

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	entsql "entgo.io/ent/dialect/sql"

	"mpauth/ent"
	"mpauth/ent/dailycount"
	"mpauth/internal/account"
	"mpauth/internal/database"
	"mpauth/internal/fault"
)

// The kinds of what is counted.
const (
	Login    = "login"    // a device logged in
	Register = "register" // a first login made a user
	Step     = "step"     // a person reached a step of the flow, which the name tells, for the first time
	Failure  = "failure"  // a request was refused, with the code that the name tells
)

const (
	flushInterval = 10 * time.Second
	lastFlush     = 3 * time.Second // how long the flush at the end may take
	day           = "2006-01-02"

	// MaxDays is how many days are read at once.
	MaxDays = 92
)

// Options are what a Counter needs; all of them are required.
type Options struct {
	DB   *database.DB
	Apps []string // the AppIDs that are served; others are counted together, under ""
	Now  func() time.Time
	Log  *slog.Logger
}

// Counter counts what this replica sees. It is safe for concurrent use.
type Counter struct {
	Options
	mu     sync.Mutex
	counts map[key]int64
}

// key is a row of the table.
type key struct{ day, app, kind, name string }

func (k key) compare(other key) int {
	return cmp.Or(strings.Compare(k.day, other.day), strings.Compare(k.app, other.app),
		strings.Compare(k.kind, other.kind), strings.Compare(k.name, other.name))
}

// New makes a Counter.
func New(o Options) *Counter { return &Counter{Options: o, counts: map[key]int64{}} }

// Observe is for account.Options.Observe.
func (c *Counter) Observe(e account.Event) {
	if e.Action == account.ActionLogin {
		c.add(e.AppID, Login, "", 1)
		if e.How == "new" {
			c.add(e.AppID, Register, "", 1)
		}
	}
	if e.Step != 0 {
		c.add(e.AppID, Step, e.Step.String(), 1)
	}
}

// Refused counts a request of a person that was refused. Where the request did not say which app it
// is about, appID is empty, and means the only app when there is one.
func (c *Counter) Refused(appID string, code fault.Code) {
	if code != "" {
		c.add(appID, Failure, string(code), 1)
	}
}

func (c *Counter) add(appID, kind, name string, n int64) {
	switch {
	case appID == "" && len(c.Apps) == 1:
		appID = c.Apps[0]
	case !slices.Contains(c.Apps, appID):
		appID = "" // a caller may write anything, and a row for each would fill the table
	}
	k := key{day: c.Now().UTC().Format(day), app: appID, kind: kind, name: name}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts[k] += n
}

// Run adds what was counted to the table until ctx ends, and then once more.
func (c *Counter) Run(ctx context.Context) {
	ticker := time.NewTicker(flushInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			c.tryFlush(ctx)
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastFlush)
			defer cancel()
			c.tryFlush(last)
			return
		}
	}
}

func (c *Counter) tryFlush(ctx context.Context) {
	if err := c.Flush(ctx); err != nil {
		c.Log.Warn("the statistics were not stored; they are kept for the next time", "error", err)
	}
}

// Flush adds what was counted to the table. What could not be added is kept; it counts twice when the
// database did add it and only its answer was lost.
func (c *Counter) Flush(ctx context.Context) error {
	c.mu.Lock()
	counts := c.counts
	c.counts = map[key]int64{}
	c.mu.Unlock()
	if len(counts) == 0 {
		return nil
	}
	err := c.store(ctx, counts)
	if err != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		for k, n := range counts {
			c.counts[k] += n
		}
	}
	return err
}

// store adds counts in one statement. They are in order so that replicas that add at the same time
// wait for each other rather than block each other.
func (c *Counter) store(ctx context.Context, counts map[key]int64) error {
	keys := slices.SortedFunc(maps.Keys(counts), key.compare)
	rows := make([]*ent.DailyCountCreate, len(keys))
	for i, k := range keys {
		rows[i] = c.DB.Ent().DailyCount.Create().SetDay(k.day).SetAppID(k.app).SetKind(k.kind).SetName(k.name).SetCount(counts[k])
	}
	sum := func(u *entsql.UpdateSet) {
		u.Set(dailycount.FieldCount, entsql.Expr("daily_counts.count + excluded.count"))
	}
	unique := entsql.ConflictColumns(dailycount.FieldDay, dailycount.FieldAppID, dailycount.FieldKind, dailycount.FieldName)
	err := c.DB.Ent().DailyCount.CreateBulk(rows...).OnConflict(unique, entsql.ResolveWith(sum)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("store statistics: %w", err)
	}
	return nil
}

// Read lists the counts of the days from the first to the last, of one app or of all when appID is nil,
// in the order of day, app, kind and name. What this replica has counted is in it; the others' is up
// to ten seconds old. Faults: BAD_INPUT, for what is no day or no AppID, or for too many days.
func (c *Counter) Read(ctx context.Context, from, to string, appID *string) ([]*ent.DailyCount, error) {
	if err := checkPeriod(from, to); err != nil {
		return nil, err
	}
	if err := c.Flush(ctx); err != nil {
		return nil, err
	}
	query := c.DB.Ent().DailyCount.Query().Where(dailycount.DayGTE(from), dailycount.DayLTE(to)).
		Order(ent.Asc(dailycount.FieldDay, dailycount.FieldAppID, dailycount.FieldKind, dailycount.FieldName))
	if appID != nil {
		if !utf8.ValidString(*appID) || strings.ContainsFunc(*appID, unicode.IsControl) {
			return nil, fault.New(fault.BadInput, "appId is no AppID")
		}
		query.Where(dailycount.AppID(*appID))
	}
	rows, err := query.All(ctx)
	if err != nil {
		return nil, fmt.Errorf("read statistics: %w", err)
	}
	return rows, nil
}

func checkPeriod(from, to string) error {
	first, err := time.Parse(day, from)
	if err != nil {
		return fault.New(fault.BadInput, "from is a day, as 2026-01-31")
	}
	last, err := time.Parse(day, to)
	if err != nil {
		return fault.New(fault.BadInput, "to is a day, as 2026-01-31")
	}
	if days := int(last.Sub(first)/(24*time.Hour)) + 1; days < 1 || days > MaxDays {
		return fault.New(fault.BadInput, fmt.Sprintf("the period must have 1 to %d days", MaxDays))
	}
	return nil
}
