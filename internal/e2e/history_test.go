package e2e_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"entgo.io/ent/dialect"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"mpauth/internal/database"
)

// history is what clients know: what they have sent, and what the server has acknowledged. It lives
// outside the server, so it survives whatever happens to that.
type history struct {
	mu      sync.Mutex
	visits  []*visit
	devices []*device
}

// visit is a person who logs in once and binds one number.
type visit struct {
	login
	person, number, code string
	sent, acknowledged   bool // the binding
}

// device is a client that goes on with its session again and again.
type device struct {
	login
	refreshed int // how many refreshes were acknowledged
	sent      int // how many different refresh tokens were presented
}

func (h *history) add(v *visit) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.visits = append(h.visits, v)
}

// forged is the history of a liar: whatever was sent counts as acknowledged. Held against it, a
// server that crashed must be found to have lost something.
func (h *history) forged() *history {
	h.mu.Lock()
	defer h.mu.Unlock()
	lie := &history{}
	for _, v := range h.visits {
		forged := *v
		forged.acknowledged = v.sent
		lie.visits = append(lie.visits, &forged)
	}
	for _, d := range h.devices {
		forged := *d
		forged.refreshed = d.sent
		lie.devices = append(lie.devices, &forged)
	}
	return lie
}

// losses lists what was acknowledged and is not in the database.
func (h *history) losses(t testing.TB, db *database.DB) (lost []string) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, v := range h.visits {
		session := sessionOf(t, v.token)
		if count(t, db, `SELECT COUNT(*) FROM sessions WHERE id = $1 AND user_id = $2`, session, uuid.MustParse(v.user)) != 1 {
			lost = append(lost, "login of "+v.person)
		}
		if !v.acknowledged {
			continue
		}
		if count(t, db, `SELECT COUNT(*) FROM users WHERE id = $1 AND phone_sealed IS NOT NULL`, uuid.MustParse(v.user)) != 1 {
			lost = append(lost, "phone of "+v.person)
		}
		if count(t, db, `SELECT COUNT(*) FROM audit_events WHERE user_id = $1 AND session_id = $2 AND action = 'phone.bind'`, uuid.MustParse(v.user), session) != 1 {
			lost = append(lost, "audit of the phone of "+v.person)
		}
	}
	for i, d := range h.devices {
		if count(t, db, `SELECT COUNT(*) FROM sessions WHERE id = $1 AND refresh_counter >= $2`, sessionOf(t, d.token), d.refreshed) != 1 {
			lost = append(lost, fmt.Sprintf("refresh %d of device %d", d.refreshed, i))
		}
	}
	return lost
}

// invariants must hold after every transaction: each query counts the rows that break one.
var invariants = map[string]string{
	"a number without its index, or an index without a number": `SELECT COUNT(*) FROM users WHERE (phone_sealed IS NULL) <> (phone_index IS NULL)`,
	"a number of unknown age":                                  `SELECT COUNT(*) FROM users WHERE (phone_sealed IS NULL) <> (phone_bound_at IS NULL)`,
	"a number that no code brought":                            `SELECT COUNT(*) FROM users WHERE (phone_sealed IS NULL) <> (phone_code_hash IS NULL)`,
	"a number without an audit event":                          `SELECT COUNT(*) FROM users u WHERE phone_sealed IS NOT NULL AND NOT EXISTS (SELECT 1 FROM audit_events e WHERE e.user_id = u.id AND e.action = 'phone.bind')`,
	"an audit event without a number":                          `SELECT COUNT(*) FROM audit_events e WHERE action = 'phone.bind' AND NOT EXISTS (SELECT 1 FROM users u WHERE u.id = e.user_id AND u.phone_sealed IS NOT NULL)`,
	"a number that was bound twice":                            `SELECT COUNT(*) FROM (SELECT user_id FROM audit_events WHERE action = 'phone.bind' GROUP BY user_id HAVING COUNT(*) > 1) twice`,
	"a code that brought two numbers":                          `SELECT COUNT(*) FROM (SELECT phone_code_hash FROM users WHERE phone_code_hash IS NOT NULL GROUP BY phone_code_hash HAVING COUNT(*) > 1) twice`,
	"a number whose code is unclaimed":                         `SELECT COUNT(*) FROM users u WHERE phone_code_hash IS NOT NULL AND NOT EXISTS (SELECT 1 FROM phone_codes c WHERE c.id = u.phone_code_hash AND c.failure IS NULL)`,
	"a person without an identity":                             `SELECT COUNT(*) FROM users u WHERE NOT EXISTS (SELECT 1 FROM identities i WHERE i.user_id = u.id)`,
	"a person who never registered":                            `SELECT COUNT(*) FROM users u WHERE (SELECT COUNT(*) FROM audit_events e WHERE e.user_id = u.id AND e.action = 'register') <> 1`,
	"a registration of nobody":                                 `SELECT COUNT(*) FROM audit_events e WHERE action = 'register' AND NOT EXISTS (SELECT 1 FROM users u WHERE u.id = e.user_id)`,
	"a session without a person":                               `SELECT COUNT(*) FROM sessions s WHERE NOT EXISTS (SELECT 1 FROM users u WHERE u.id = s.user_id)`,
	"a session of another's identity":                          `SELECT COUNT(*) FROM sessions s WHERE NOT EXISTS (SELECT 1 FROM identities i WHERE i.id = s.identity_id AND i.user_id = s.user_id AND i.app_id = s.app_id)`,
	"a session without a login":                                `SELECT COUNT(*) FROM sessions s WHERE (SELECT COUNT(*) FROM audit_events e WHERE e.session_id = s.id AND e.action = 'login') <> 1`,
	"a login without a session":                                `SELECT COUNT(*) FROM audit_events e WHERE action = 'login' AND NOT EXISTS (SELECT 1 FROM sessions s WHERE s.id = e.session_id) AND NOT EXISTS (SELECT 1 FROM audit_events r WHERE r.session_id = e.session_id AND r.revokes = 'session')`,
	"a session whose code is open":                             `SELECT COUNT(*) FROM sessions s WHERE NOT EXISTS (SELECT 1 FROM login_codes c WHERE c.id = s.login_code_hash AND c.failure IS NULL)`,
	"a session key without its print":                          `SELECT COUNT(*) FROM identities WHERE (session_key IS NULL) <> (session_key_print IS NULL)`,
}

// halfStates lists the invariants that do not hold.
func halfStates(t testing.TB, db *database.DB) (broken []string) {
	t.Helper()
	for what, query := range invariants {
		if n := count(t, db, query); n != 0 {
			broken = append(broken, fmt.Sprintf("%s: %d", what, n))
		}
	}
	if db.Dialect == dialect.SQLite {
		var verdict string
		require.NoError(t, db.SQL.QueryRowContext(t.Context(), `PRAGMA integrity_check`).Scan(&verdict))
		if verdict != "ok" {
			broken = append(broken, verdict)
		}
	}
	return broken
}

// sessionOf is the session that an access token speaks of.
func sessionOf(t testing.TB, token string) uuid.UUID {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	require.NoError(t, err)
	var claims struct{ Sid uuid.UUID }
	require.NoError(t, json.Unmarshal(text, &claims))
	return claims.Sid
}
