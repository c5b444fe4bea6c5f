package e2e_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestAuditVerify: the command says that the trail of a real server holds, beside the server and after
// it, and finds what somebody with the rights of the tables' owner does to it.
func TestAuditVerify(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, database settings) {
		verify := func(args ...string) result {
			return run(t, command(database, append([]string{"audit", "verify"}, args...)...))
		}
		p := start(t, database)
		fake := p.url() + "/fakewechat"
		logIn(t, p.url(), fake, "alice")
		logIn(t, p.url(), fake, "bob")
		eventually(t, func() bool { return strings.HasPrefix(verify().stdout, "ok: 4 events") }, "the trail is sealed beside the server")
		stopped := p.stop(t)
		require.Contains(t, stopped.stderr, "audit checkpoint")
		all := strings.Split(stopped.stderr, "checkpoint=")
		checkpoint := strings.Fields(all[len(all)-1])[0] // a slow machine may have had time for an earlier one
		require.Contains(t, verify("--checkpoint", checkpoint).stdout, "ok: 4 events are as they were written; the chain reaches "+checkpoint)

		db := openDatabase(t, database)
		drop := "DROP TRIGGER keep_events_unchanged"
		if database["DATABASE_URL"] != "" {
			drop = "DROP TRIGGER keep_unchanged ON audit_events"
		}
		alter(t, db, drop)
		alter(t, db, "UPDATE audit_events SET app_id = 'wx2' WHERE id = 2")
		r := verify()
		require.Equal(t, 1, r.code)
		require.Contains(t, r.stdout, "event 2 was changed")
		require.Contains(t, r.stderr, "mpauth: the audit trail is not as it was written")
		require.Contains(t, verify("--checkpoint", "99:"+strings.Repeat("ab", 32)).stdout, "the end is cut off")
		require.Contains(t, verify("--checkpoint", "99").stderr, "is not a checkpoint")
	})
}

// requireTrail: beside the server, the command says that the trail holds, and that all of it is sealed.
func requireTrail(t testing.TB, s settings) {
	t.Helper()
	db := openDatabase(t, s)
	require.Positive(t, count(t, db, `SELECT COUNT(*) FROM audit_events`))
	eventually(t, func() bool {
		r := run(t, command(s, "audit", "verify"))
		require.Zero(t, r.code, r.stdout+r.stderr)
		return strings.HasPrefix(r.stdout, fmt.Sprintf("ok: %d events ", count(t, db, `SELECT COUNT(*) FROM audit_events`)))
	}, "the trail is sealed and holds")
}

var chainEnd = regexp.MustCompile(`the chain reaches (\S+?)[;,]?(\s|$)`)

// requireTrailReaches: the trail holds, whatever has become of the server, and still has all that it had
// when it reached a place. It returns the place that it reaches now.
func requireTrailReaches(t testing.TB, s settings, place string) string {
	t.Helper()
	args := []string{"audit", "verify"}
	if place != "" {
		args = append(args, "--checkpoint", place)
	}
	r := run(t, command(s, args...))
	require.Zero(t, r.code, r.stdout+r.stderr)
	found := chainEnd.FindStringSubmatch(r.stdout)
	if found == nil { // it was killed before anything was sealed
		require.Contains(t, r.stdout, "nothing is sealed yet")
		require.Empty(t, place)
		return ""
	}
	return found[1]
}
