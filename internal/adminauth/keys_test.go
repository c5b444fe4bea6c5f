package adminauth_test

import (
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	"github.com/stretchr/testify/require"

	"mpauth/ent"
	"mpauth/ent/auditevent"
	"mpauth/internal/account"
	"mpauth/internal/adminauth"
	"mpauth/internal/database"
	"mpauth/internal/database/databasetest"
	"mpauth/internal/fault"
)

func TestAKeyOpensUntilItsTimeIsOver(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		c := newClock()
		keys := newKeys(db, c)
		key, secret, err := keys.Create(t.Context(), root(), adminauth.NewKey{Name: "ann", Roles: []adminauth.Role{adminauth.Support, adminauth.Auditor}, Days: 90, Reason: "new colleague"})
		require.NoError(t, err)
		require.Regexp(t, `^ak_[0-9a-f]{16}_[A-Za-z0-9_-]{43}$`, secret.Reveal())
		require.Equal(t, "ak_"+key.ID, secret.Reveal()[:19])
		row, err := db.Ent().AdminKey.Get(t.Context(), key.ID)
		require.NoError(t, err)
		sum := sha256.Sum256([]byte(secret.Reveal()))
		require.Equal(t, sum[:], row.Hash, "the table has the hash")
		require.Equal(t, c.Now().AddDate(0, 0, 90), key.ExpiresAt.UTC())

		d := newDoor(keys, c)
		who, err := d.show(secret.Reveal())
		require.NoError(t, err)
		require.Equal(t, adminauth.Administrator{Actor: account.Actor{Kind: "key", Name: "ann"}, Roles: []adminauth.Role{adminauth.Support, adminauth.Auditor}}, who)
		require.True(t, who.Has(adminauth.Auditor))
		require.False(t, who.Has(adminauth.Operator))

		c.advance(90*24*time.Hour - time.Microsecond)
		_, err = d.show(secret.Reveal())
		require.NoError(t, err)
		c.advance(time.Microsecond)
		_, err = d.show(secret.Reveal())
		requireRefused(t, err)
	})
}

func TestARevokedKeyIsRefusedWithinASecondOnEveryReplica(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		c := newClock()
		here, there := newKeys(db, c), newKeys(db, c)
		row, secret, err := here.Create(t.Context(), root(), adminauth.NewKey{Name: "ann", Roles: adminauth.Roles(), Days: 1, Reason: "new colleague"})
		require.NoError(t, err)
		for _, keys := range []*adminauth.Keys{here, there} {
			_, err := newDoor(keys, c).show(secret.Reveal())
			require.NoError(t, err)
		}
		revoked, err := here.Revoke(t.Context(), root().Actor, row.ID, "new colleague")
		require.NoError(t, err)
		require.Equal(t, c.Now(), revoked.RevokedAt.UTC())
		_, err = newDoor(here, c).show(secret.Reveal())
		requireRefused(t, err, "at once where it was revoked")
		c.advance(time.Second)
		_, err = newDoor(there, c).show(secret.Reveal())
		requireRefused(t, err, "and everywhere else after a second")

		again, err := there.Revoke(t.Context(), root().Actor, row.ID, "new colleague")
		require.NoError(t, err)
		require.Equal(t, revoked.RevokedAt, again.RevokedAt, "it keeps the time of the first end")
		_, err = here.Revoke(t.Context(), root().Actor, "0000000000000000", "new colleague")
		require.Equal(t, fault.NotFound, fault.CodeOf(err))
		_, err = here.Revoke(t.Context(), root().Actor, "000000000000000\x00", "new colleague")
		require.Equal(t, fault.NotFound, fault.CodeOf(err))
		requireTrail(t, db, "admin.key.create", "admin.key.revoke")
	})
}

// requireTrail reads the audit trail: what was done, by whom, and never the key.
func requireTrail(t *testing.T, db *database.DB, actions ...string) {
	t.Helper()
	events, err := db.Ent().AuditEvent.Query().Order(auditevent.ByID()).All(t.Context())
	require.NoError(t, err)
	require.Len(t, events, len(actions))
	for i, action := range actions {
		require.Equal(t, action, events[i].Action)
		require.Equal(t, "shell:test", *events[i].Actor)
		require.Equal(t, "new colleague", *events[i].Reason)
		require.Equal(t, "ann", events[i].Detail["name"])
		require.Len(t, events[i].Detail, 3)
	}
}

func TestKeysThatAreNotMade(t *testing.T) {
	t.Parallel()
	c, db := newClock(), databasetest.Open(t, dialect.SQLite)
	keys := newKeys(db, c)
	support := []adminauth.Role{adminauth.Support}
	maker := adminauth.Administrator{Actor: account.Actor{Kind: "key", Name: "maker"}, Roles: []adminauth.Role{adminauth.Operator, adminauth.Support}}
	_, _, err := keys.Create(t.Context(), maker, adminauth.NewKey{Name: "taken", Roles: support, Days: 366, Reason: "new colleague"})
	require.NoError(t, err)
	for name, c := range map[string]struct {
		key  adminauth.NewKey
		code fault.Code
	}{
		"no name":                 {adminauth.NewKey{Name: "", Roles: support, Days: 1, Reason: "new colleague"}, fault.BadInput},
		"a long name":             {adminauth.NewKey{Name: strings.Repeat("n", 65), Roles: support, Days: 1, Reason: "new colleague"}, fault.BadInput},
		"two lines":               {adminauth.NewKey{Name: "a\nb", Roles: support, Days: 1, Reason: "new colleague"}, fault.BadInput},
		"a space at the end":      {adminauth.NewKey{Name: "a ", Roles: support, Days: 1, Reason: "new colleague"}, fault.BadInput},
		"a name that is taken":    {adminauth.NewKey{Name: "taken", Roles: support, Days: 1, Reason: "new colleague"}, fault.BadInput},
		"no role":                 {adminauth.NewKey{Name: "a", Days: 1, Reason: "new colleague"}, fault.BadInput},
		"no reason":               {adminauth.NewKey{Name: "a", Roles: support, Days: 1, Reason: " "}, fault.BadInput},
		"no day":                  {adminauth.NewKey{Name: "a", Roles: support, Days: 0, Reason: "new colleague"}, fault.BadInput},
		"more than a year":        {adminauth.NewKey{Name: "a", Roles: support, Days: 367, Reason: "new colleague"}, fault.BadInput},
		"a role beyond the maker": {adminauth.NewKey{Name: "a", Roles: []adminauth.Role{adminauth.Support, adminauth.Privacy}, Days: 1, Reason: "new colleague"}, fault.Forbidden},
	} {
		_, _, err := keys.Create(t.Context(), maker, c.key)
		require.Equal(t, c.code, fault.CodeOf(err), name)
	}
	rows, err := keys.List(t.Context())
	require.NoError(t, err)
	require.Len(t, rows, 1)
}

func TestKeysAreListedNewestFirst(t *testing.T) {
	t.Parallel()
	c := newClock()
	keys := newKeys(databasetest.Open(t, dialect.SQLite), c)
	for _, name := range []string{"a", "b", "c"} {
		_, _, err := keys.Create(t.Context(), root(), adminauth.NewKey{Name: name, Roles: adminauth.Roles(), Days: 1, Reason: "new colleague"})
		require.NoError(t, err)
		c.advance(time.Second)
	}
	rows, err := keys.List(t.Context())
	require.NoError(t, err)
	var names []string
	for _, row := range rows {
		names = append(names, row.Name)
	}
	require.Equal(t, []string{"c", "b", "a"}, names)
}

func TestTheMinuteOfTheLastUseIsKept(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		c := newClock()
		keys := newKeys(db, c)
		row, secret, err := keys.Create(t.Context(), root(), adminauth.NewKey{Name: "ann", Roles: adminauth.Roles(), Days: 1, Reason: "new colleague"})
		require.NoError(t, err)
		require.Nil(t, row.LastUsedAt)
		begun := c.Now()
		d := newDoor(keys, c)
		for _, at := range []struct{ after, stored time.Duration }{
			{10 * time.Second, 0}, {59 * time.Second, 0}, {60 * time.Second, time.Minute}, {150 * time.Second, 2 * time.Minute},
		} {
			c.advance(begun.Add(at.after).Sub(c.Now()))
			_, err := d.show(secret.Reveal())
			require.NoError(t, err)
			stored, err := db.Ent().AdminKey.Get(t.Context(), row.ID)
			require.NoError(t, err)
			require.Equal(t, begun.Add(at.stored), stored.LastUsedAt.UTC())
		}
	})
}

// One statement for each half of a second, and one for each minute: a busy administrator costs the
// database next to nothing.
func TestAKeyThatWasJustReadIsNotReadAgain(t *testing.T) {
	t.Parallel()
	counter := &databasetest.Counter{}
	db := databasetest.Open(t, dialect.SQLite, counter.Wrap)
	c := newClock()
	keys := newKeys(db, c)
	_, secret, err := keys.Create(t.Context(), root(), adminauth.NewKey{Name: "ann", Roles: adminauth.Roles(), Days: 1, Reason: "new colleague"})
	require.NoError(t, err)
	d := newDoor(keys, c)
	_, err = d.show(secret.Reveal())
	require.NoError(t, err)
	before := counter.Count()
	for range 10 {
		_, err = d.show(secret.Reveal())
		require.NoError(t, err)
	}
	require.Equal(t, before, counter.Count())
}

func TestWhatIsNoKeyIsRefusedAlike(t *testing.T) {
	t.Parallel()
	c, db := newClock(), databasetest.Open(t, dialect.SQLite)
	keys := newKeys(db, c)
	_, made, err := keys.Create(t.Context(), root(), adminauth.NewKey{Name: "ann", Roles: adminauth.Roles(), Days: 1, Reason: "new colleague"})
	require.NoError(t, err)
	good := made.Reveal()
	other, err := adminauth.NewSecret(rand.Reader)
	require.NoError(t, err)
	d := newDoor(keys, c)
	d.Limiter = nil
	for name, raw := range map[string]string{
		"empty": "", "a word": "letmein", "the prefix": "ak_", "another key": other.Reveal(),
		"the id of one with the rest of another": good[:20] + other.Reveal()[20:],
		"cut short":                              good[:len(good)-1],
		"one more":                               good + "A",
		"another last bit":                       good[:len(good)-1] + string(lastBit(good[len(good)-1])),
		"capitals in the id":                     "ak_" + strings.ToUpper(good[3:19]) + "G" + good[20:],
		"padded":                                 good + "=",
		"a blank in front":                       " " + good,
		"the hash of it":                         fmt.Sprintf("ak_%s_%x", good[3:19], sha256.Sum256([]byte(good)))[:63],
	} {
		_, err := d.show(raw)
		requireRefused(t, err, name)
	}
	_, err = d.enter("10.0.0.1:1", "Bearer "+good, "Bearer "+good)
	requireRefused(t, err, "two headers")
	_, err = d.enter("10.0.0.1:1", "Basic "+good)
	requireRefused(t, err, "another scheme")
	_, err = d.enter("10.0.0.1:1")
	require.Equal(t, fault.Unauthenticated, fault.CodeOf(err), "no header")
	_, err = d.enter("10.0.0.1:1", "bearer "+good)
	require.NoError(t, err, "the scheme is a word in any case (RFC 9110, 11.1)")
}

// lastBit changes the two bits of the last character that base64url does not use.
func lastBit(c byte) byte {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return alphabet[strings.IndexByte(alphabet, c)^1]
}

func TestRefusalsAreCountedAndGoodKeysGoOn(t *testing.T) {
	t.Parallel()
	counter := &databasetest.Counter{}
	db := databasetest.Open(t, dialect.SQLite, counter.Wrap)
	c := newClock()
	keys := newKeys(db, c)
	_, known, err := keys.Create(t.Context(), root(), adminauth.NewKey{Name: "known", Roles: adminauth.Roles(), Days: 1, Reason: "new colleague"})
	require.NoError(t, err)
	_, newcomer, err := keys.Create(t.Context(), root(), adminauth.NewKey{Name: "newcomer", Roles: adminauth.Roles(), Days: 1, Reason: "new colleague"})
	require.NoError(t, err)
	d := newDoor(keys, c)
	_, err = d.show(known.Reveal())
	require.NoError(t, err)
	guess, err := adminauth.NewSecret(rand.Reader)
	require.NoError(t, err)
	for range 20 {
		_, err := d.show(guess.Reveal())
		requireRefused(t, err)
	}
	before := counter.Count()
	_, err = d.show(guess.Reveal())
	require.Equal(t, fault.RateLimited, fault.CodeOf(err))
	require.Equal(t, 3*time.Second, err.(*fault.Error).RetryAfter)
	require.Equal(t, before, counter.Count(), "nothing is looked up")
	_, err = d.show(newcomer.Reveal())
	require.Equal(t, fault.RateLimited, fault.CodeOf(err), "a key that this process has not seen has to wait")
	_, err = d.show(known.Reveal())
	require.NoError(t, err, "one that it has seen goes on")
	_, err = d.enter("10.0.0.2:1", "Bearer "+newcomer.Reveal())
	require.NoError(t, err, "another address is not concerned")
	c.advance(3 * time.Second)
	_, err = d.show(newcomer.Reveal())
	require.NoError(t, err)
}

func TestTheKeyOfDevelopment(t *testing.T) {
	t.Parallel()
	c := newClock()
	d := newDoor(newKeys(databasetest.Open(t, dialect.SQLite), c), c)
	key, err := adminauth.NewSecret(rand.Reader)
	require.NoError(t, err)
	_, err = d.show(key.Reveal())
	requireRefused(t, err, "there is none unless it was made")
	d.Development = key
	who, err := d.show(key.Reveal())
	require.NoError(t, err)
	require.Equal(t, "development:key", who.String())
	require.Equal(t, adminauth.Roles(), who.Roles)
	_, err = d.show("")
	requireRefused(t, err)
}

func TestASecretDoesNotPrintItself(t *testing.T) {
	t.Parallel()
	key, err := adminauth.NewSecret(rand.Reader)
	require.NoError(t, err)
	held := struct {
		Key adminauth.Secret
		Row *ent.AdminKey
	}{key, &ent.AdminKey{}}
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		require.NotContains(t, fmt.Sprintf(format, held), key.Reveal()[20:])
	}
}

func TestRoles(t *testing.T) {
	t.Parallel()
	roles, err := adminauth.ParseRoles("SUPPORT, AUDITOR,SUPPORT")
	require.NoError(t, err)
	require.Equal(t, []adminauth.Role{adminauth.Support, adminauth.Auditor}, roles)
	for _, text := range []string{"", "support", "ROOT", "SUPPORT,"} {
		_, err := adminauth.ParseRoles(text)
		require.ErrorContains(t, err, "is no role; the roles are SUPPORT, PRIVACY, AUDITOR and OPERATOR")
	}
}
