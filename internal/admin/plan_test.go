package admin_test

import (
	"context"
	"database/sql"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"mpauth/internal/admin"
)

// wholeTable is a plan that reads everything there is of something that grows without end.
var wholeTable = regexp.MustCompile(`Seq Scan on (users|identities|sessions|audit_events|audit_seals|consents)`)

// planner asks PostgreSQL how it would carry out statements.
type planner struct {
	*sql.Conn
	known int
}

func newPlanner(t *testing.T, w *world) *planner {
	t.Helper()
	conn, err := w.db.SQL.Conn(context.Background())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	return &planner{Conn: conn}
}

// requireIndex wants that a statement reads no table from one end to the other: neither when it is
// planned for its values, nor when it was planned without knowing them, which PostgreSQL may do from the
// sixth time on.
func (p *planner) requireIndex(t *testing.T, what string, s statement) {
	t.Helper()
	args := make([]any, len(s.args))
	unknown := make([]string, len(s.args))
	for i, arg := range s.args {
		args[i], unknown[i] = arg.Value, "NULL"
	}
	p.known++
	name := fmt.Sprintf("known_%d", p.known)
	execute := "EXPLAIN EXECUTE " + name
	if len(args) > 0 {
		execute += "(" + strings.Join(unknown, ", ") + ")"
	}
	plans := []string{p.explain(t, "EXPLAIN "+s.sql, args...)}
	for _, step := range []string{"SET plan_cache_mode = force_generic_plan", "PREPARE " + name + " AS " + s.sql} {
		_, err := p.ExecContext(t.Context(), step)
		require.NoError(t, err)
	}
	plans = append(plans, p.explain(t, execute))
	_, err := p.ExecContext(t.Context(), "DEALLOCATE "+name)
	require.NoError(t, err)
	_, err = p.ExecContext(t.Context(), "RESET plan_cache_mode")
	require.NoError(t, err)
	for _, plan := range plans {
		require.NotRegexp(t, wholeTable, plan, "%s\n%s", what, s.sql)
	}
}

func (p *planner) explain(t *testing.T, query string, args ...any) string {
	t.Helper()
	rows, err := p.QueryContext(t.Context(), query, args...)
	require.NoError(t, err, query)
	var plan strings.Builder
	for rows.Next() {
		var line string
		require.NoError(t, rows.Scan(&line))
		plan.WriteString(line + "\n")
	}
	require.NoError(t, rows.Err())
	require.NoError(t, rows.Close())
	return plan.String()
}

// city is how many people the plans are made for: enough that reading all of them is not the quickest.
const city = 30_000

// every calls do with each combination of n things.
func every(n int, do func(has func(i int) bool, set int)) {
	for set := range 1 << n {
		do(func(i int) bool { return set&(1<<i) != 0 }, set)
	}
}

func TestNoSearchReadsAllPeople(t *testing.T) {
	t.Parallel()
	var seen spy
	w := newCity(t, city, seen.wrap)
	p := newPlanner(t, w)
	some := uuid.MustParse("00000000-0000-4000-8000-000000000fff")
	halfway := time.Now().Add(-city / 2 * time.Minute)
	later := halfway.Add(24 * time.Hour)
	page, err := w.Users(t.Context(), sue, nil, 20, nil, why)
	require.NoError(t, err)
	cursor := page.PageInfo.EndCursor
	statuses := []admin.UserStatus{admin.UserActive, admin.UserDisabled, admin.UserClosing, admin.UserMerged}
	names := []string{"name 7", "name 7f", "name 7f3a", "nobody"}
	set := []func(f *admin.UserFilter, combination int){
		func(f *admin.UserFilter, _ int) { f.ID = &some },
		func(f *admin.UserFilter, _ int) { f.OpenID = new("o00000000000000000000000000000000") },
		func(f *admin.UserFilter, _ int) { f.UnionID = new("u00000000000000000000000000000000") },
		func(f *admin.UserFilter, _ int) { f.Phone = new("13800000001") },
		func(f *admin.UserFilter, n int) { f.Nickname = new(names[n%len(names)]) },
		func(f *admin.UserFilter, n int) { f.AppID = new([]string{shop, club, mall, stand}[n/3%4]) },
		func(f *admin.UserFilter, n int) { f.Status = new(statuses[n/5%len(statuses)]) },
		func(f *admin.UserFilter, n int) { f.HasPhone = new(n/7%2 == 0) },
		func(f *admin.UserFilter, _ int) { f.CreatedFrom = &halfway },
		func(f *admin.UserFilter, _ int) { f.CreatedBefore = &later },
	}
	checked := 0
	search := func(filter *admin.UserFilter, after *string) {
		seen.take()
		_, err := w.Users(t.Context(), sue, filter, 20, after, why)
		require.NoError(t, err)
		for _, s := range seen.take() {
			if strings.HasPrefix(s.sql, "SELECT") {
				p.requireIndex(t, fmt.Sprintf("%+v", filter), s)
				checked++
			}
		}
	}
	every(len(set), func(has func(int) bool, combination int) {
		var filter admin.UserFilter
		for i := range set {
			if has(i) {
				set[i](&filter, combination)
			}
		}
		after := cursor
		if combination%2 == 0 {
			after = nil
		}
		search(&filter, after)
	})
	for _, after := range []*string{nil, cursor} { // what the combinations do not go through by themselves
		for _, status := range statuses {
			for _, phone := range []*bool{nil, new(true), new(false)} {
				search(&admin.UserFilter{Status: &status, HasPhone: phone}, after)
			}
		}
		for _, app := range []string{shop, club, mall, stand} {
			search(&admin.UserFilter{AppID: &app}, after)
			search(&admin.UserFilter{AppID: &app, CreatedFrom: &halfway}, after)
		}
		for _, name := range names {
			search(&admin.UserFilter{Nickname: &name}, after)
		}
	}
	require.Greater(t, checked, 1024, "the spy has seen the statements")
}

func TestNoPageReadsAllOfWhatHangsOnPeople(t *testing.T) {
	t.Parallel()
	var seen spy
	w := newCity(t, city, seen.wrap)
	p := newPlanner(t, w)
	for _, size := range []int{1, 100} {
		seen.take()
		page, err := w.Users(t.Context(), sue, nil, size, nil, why)
		require.NoError(t, err)
		person := page.Edges[0].Node
		_, err = person.Identities(t.Context())
		require.NoError(t, err)
		_, err = person.Sessions(t.Context())
		require.NoError(t, err)
		events, err := person.Events(t.Context())
		require.NoError(t, err)
		require.NotEmpty(t, events)
		statements := seen.take()
		require.GreaterOrEqual(t, len(statements), 6)
		for _, s := range statements {
			if strings.HasPrefix(s.sql, "SELECT") && !strings.Contains(s.sql, "audit_seals") { // which is empty here
				p.requireIndex(t, fmt.Sprintf("%d on the page", size), s)
			}
		}
	}
}

func TestNoReadingOfTheTrailReadsAllOfIt(t *testing.T) {
	t.Parallel()
	var seen spy
	w := newCity(t, city, seen.wrap)
	p := newPlanner(t, w)
	some := uuid.MustParse("00000000-0000-4000-8000-000000000fff")
	from, before := time.Now().Add(-48*time.Hour), time.Now().Add(-time.Hour)
	page, err := w.AuditLog(t.Context(), sue, nil, 20, nil)
	require.NoError(t, err)
	cursor := page.PageInfo.EndCursor
	actions := []string{"login", "session.", "account.close", "admin.", "nothing.", "account."}
	set := []func(f *admin.AuditFilter){
		func(f *admin.AuditFilter) { f.UserID = &some },
		func(f *admin.AuditFilter) { f.Actor = new("key:sue") },
		func(f *admin.AuditFilter) { f.AppID = new(shop) },
		func(f *admin.AuditFilter) { f.From = &from },
		func(f *admin.AuditFilter) { f.Before = &before },
	}
	every(len(set), func(has func(int) bool, combination int) {
		for _, action := range append([]string{""}, actions...) {
			for _, after := range []*string{nil, cursor} {
				var filter admin.AuditFilter
				for i := range set {
					if has(i) {
						set[i](&filter)
					}
				}
				if action != "" {
					filter.Action = &action
				}
				seen.take()
				_, err := w.AuditLog(t.Context(), sue, &filter, 20, after)
				require.NoError(t, err)
				_, err = w.ExportAuditLog(t.Context(), sue, &admin.AuditFilter{
					UserID: filter.UserID, Actor: filter.Actor, AppID: filter.AppID, Action: filter.Action, From: &before, Before: new(before.Add(time.Minute)),
				}, after)
				require.NoError(t, err)
				for _, s := range seen.take() {
					if strings.HasPrefix(s.sql, "SELECT") && !strings.Contains(s.sql, "audit_seals") {
						p.requireIndex(t, fmt.Sprintf("%+v", filter), s)
					}
				}
			}
		}
	})
}

// The check itself is checked: it does see a table that is read from one end to the other.
func TestAReadingOfTheWholeTableIsSeen(t *testing.T) {
	t.Parallel()
	w := newCity(t, 2000)
	p := newPlanner(t, w)
	require.Regexp(t, wholeTable, p.explain(t, "EXPLAIN SELECT * FROM users WHERE nickname LIKE '%name%' ORDER BY epoch LIMIT 20"))
}
