package sessionkey_test

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"sync"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"mpauth/ent"
	"mpauth/internal/database"
	"mpauth/internal/database/databasetest"
	"mpauth/internal/seal"
	"mpauth/internal/sessionkey"
)

const (
	keyA = "AAAAAAAAAAAAAAAAAAAAAA=="
	keyB = "BBBBBBBBBBBBBBBBBBBBBA=="
)

// fixture is a store on a database, with what it is made of.
type fixture struct {
	*sessionkey.Store
	db   *ent.Client
	ring *seal.Keyring
	now  time.Time
}

func each(t *testing.T, run func(t *testing.T, f *fixture)) {
	t.Helper()
	databasetest.Each(t, func(t *testing.T, db *database.DB) { run(t, newFixture(t, db.Ent(), 1000)) })
}

func newFixture(t testing.TB, db *ent.Client, entries int64) *fixture {
	t.Helper()
	f := &fixture{db: db, now: time.Now().UTC().Truncate(time.Second)}
	ring, err := seal.NewKeyring(sealKey(t, 1))
	require.NoError(t, err)
	index, err := seal.NewIndex(random(t))
	require.NoError(t, err)
	f.ring = ring
	f.Store, err = sessionkey.NewStore(sessionkey.Options{
		DB: db, Keyring: ring, Index: index, Entries: entries, Now: func() time.Time { return f.now },
	})
	require.NoError(t, err)
	t.Cleanup(f.Close)
	return f
}

func random(t testing.TB) []byte {
	t.Helper()
	key := make([]byte, seal.SecretSize)
	_, err := rand.Read(key)
	require.NoError(t, err)
	return key
}

func sealKey(t testing.TB, id uint32) seal.Key {
	t.Helper()
	return seal.Key{ID: id, Secret: random(t)}
}

// stored is an identity in the database.
type stored struct {
	id     uuid.UUID
	openID string
	print  []byte
}

// store makes an identity with a current key and, if previous is not empty, one before it.
func (f *fixture) store(t testing.TB, openID, current, previous string) stored {
	t.Helper()
	ctx := t.Context()
	user := f.db.User.Create().SetAppGroup("wx").SetCreatedAt(f.now).SaveX(ctx)
	key := f.Seal("wx", openID, current)
	row := f.db.Identity.Create().SetUserID(user.ID).SetAppID("wx").SetOpenID(openID).
		SetSessionKey(key.Ciphertext).SetSessionKeyPrint(key.Print).SetSessionKeyAt(f.now).
		SetCreatedAt(f.now).SetLastLoginAt(f.now)
	if previous != "" {
		row.SetPreviousKey(f.Seal("wx", openID, previous).Ciphertext).SetPreviousKeyUntil(f.now.Add(sessionkey.PreviousLife))
	}
	return stored{row.SaveX(ctx).ID, openID, key.Print}
}

func (f *fixture) requireKeys(t testing.TB, s stored, want ...string) {
	t.Helper()
	got, err := f.Keys(t.Context(), s.id, s.print)
	require.NoError(t, err)
	require.Equal(t, want, got)
}

// The previous key is good for five minutes, to the moment, from the cache as from the database.
func TestPreviousKeyIsGoodForFiveMinutes(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fixture) {
		ann := f.store(t, "ann", keyA, keyB)
		f.requireKeys(t, ann, keyA, keyB)
		_, cached := f.Cached(ann.id)
		require.True(t, cached)
		f.now = f.now.Add(sessionkey.PreviousLife - time.Microsecond)
		f.requireKeys(t, ann, keyA, keyB)
		f.now = f.now.Add(time.Microsecond)
		f.requireKeys(t, ann, keyA)
		f.Forget(ann.id)
		f.requireKeys(t, ann, keyA)
	})
}

func TestNoKeyForNobody(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fixture) {
		f.requireKeys(t, stored{id: uuid.New(), print: []byte("print")})
		ann := f.store(t, "ann", keyA, "")
		f.requireKeys(t, ann, keyA)
		f.requireKeys(t, stored{id: ann.id}) // a row whose keys were erased has no print, whatever the cache says
		f.db.Identity.Update().ClearSessionKey().ClearSessionKeyPrint().ExecX(t.Context())
		keys, err := f.Reload(t.Context(), ann.id)
		require.NoError(t, err)
		require.Empty(t, keys)
	})
}

// The cache is a hint: lost, dropped, stale, foreign, broken, too small or closed, it costs a read and
// changes nothing.
func TestRistrettoLossIsHarmless(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fixture) {
		ann, bob := f.store(t, "ann", keyA, ""), f.store(t, "bob", keyB, "")
		stale := f.Seal("wx", "ann", keyB)
		foreign := f.Seal("wx", "bob", keyB)
		for name, spoil := range map[string]func(){
			"nothing":   func() {},
			"forgotten": func() { f.Forget(ann.id) },
			"out of date": func() {
				f.Remember(ann.id, "wx", "ann", sessionkey.Ring{Current: stale.Ciphertext, Print: stale.Print})
			},
			"of another, honestly": func() {
				f.Remember(ann.id, "wx", "bob", sessionkey.Ring{Current: foreign.Ciphertext, Print: foreign.Print})
			},
			"of another, under this print": func() {
				f.Remember(ann.id, "wx", "ann", sessionkey.Ring{Current: foreign.Ciphertext, Print: ann.print})
			},
			"broken": func() {
				f.Remember(ann.id, "wx", "ann", sessionkey.Ring{Current: []byte("broken"), Print: ann.print})
			},
		} {
			f.requireKeys(t, ann, keyA)
			spoil()
			_, _ = f.Cached(ann.id) // lets the cache settle
			f.requireKeys(t, ann, keyA)
			f.requireKeys(t, ann, keyA)
			require.NotEmpty(t, name)
		}
		f.Close()
		for range 2 {
			f.requireKeys(t, ann, keyA)
			f.requireKeys(t, bob, keyB)
			f.Forget(ann.id)
			f.Remember(ann.id, "wx", "ann", sessionkey.Ring{Current: stale.Ciphertext, Print: stale.Print})
		}
	})
}

func TestTinyCacheUnderLoad(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		f := newFixture(t, db.Ent(), 1)
		people := make([]stored, 20)
		for i := range people {
			people[i] = f.store(t, fmt.Sprint("user", i), fmt.Sprintf("%021dA==", i), "")
		}
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				for i, person := range people {
					keys, err := f.Keys(t.Context(), person.id, person.print)
					if err != nil || len(keys) != 1 || keys[0] != fmt.Sprintf("%021dA==", i) {
						t.Errorf("keys of %s: %q, %v", person.openID, keys, err)
					}
				}
			})
		}
		all.Wait()
	})
}

// What rests, in the cache as in the database, is ciphertext; and it prints as that too.
func TestKeysRestSealed(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fixture) {
		ann := f.store(t, "ann", keyA, keyB)
		f.requireKeys(t, ann, keyA, keyB)
		ring, cached := f.Cached(ann.id)
		require.True(t, cached)
		row := f.db.Identity.GetX(t.Context(), ann.id)
		require.Equal(t, *row.SessionKey, ring.Current)
		require.Equal(t, *row.PreviousKey, ring.Previous)
		for _, resting := range [][]byte{ring.Current, ring.Previous, ring.Print, []byte(fmt.Sprintf("%+v %+v", ring, row))} {
			for _, key := range []string{keyA, keyB, keyA[:16], keyB[:16]} {
				require.False(t, bytes.Contains(resting, []byte(key)))
			}
		}
	})
}

func TestPrintTellsSameFromOtherAndNothingElse(t *testing.T) {
	t.Parallel()
	f := newFixture(t, databasetest.Open(t, dialect.SQLite).Ent(), 10)
	one, again := f.Seal("wx", "ann", keyA), f.Seal("wx", "ann", keyA)
	require.Equal(t, one.Print, again.Print)
	require.NotEqual(t, one.Ciphertext, again.Ciphertext)
	for _, other := range []sessionkey.Sealed{f.Seal("wx", "ann", keyB), f.Seal("wx", "bob", keyA), f.Seal("wy", "ann", keyA)} {
		require.NotEqual(t, one.Print, other.Print)
	}
}

// Whoever can write to the database still cannot give one person the key of another.
func TestKeyOpensOnlyInItsOwnRow(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fixture) {
		ann, bob := f.store(t, "ann", keyA, ""), f.store(t, "bob", keyB, "")
		row := f.db.Identity.GetX(t.Context(), bob.id)
		f.db.Identity.UpdateOneID(ann.id).SetSessionKey(*row.SessionKey).SetSessionKeyPrint(*row.SessionKeyPrint).ExecX(t.Context())
		keys, err := f.Keys(t.Context(), ann.id, *row.SessionKeyPrint)
		require.ErrorIs(t, err, seal.ErrOpen)
		require.Empty(t, keys)
		require.NotContains(t, err.Error(), keyB)
	})
}

// A key that was sealed before the sealing key was replaced opens as long as the old one is kept.
func TestSealingKeyIsReplaced(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fixture) {
		old, next := sealKey(t, 7), sealKey(t, 8)
		require.NoError(t, f.ring.Replace(old))
		ann := f.store(t, "ann", keyA, keyB)
		require.NoError(t, f.ring.Replace(next, old))
		f.requireKeys(t, ann, keyA, keyB)
		keys, err := f.Reload(t.Context(), ann.id)
		require.NoError(t, err)
		require.Equal(t, []string{keyA, keyB}, keys)

		require.NoError(t, f.ring.Replace(next))
		_, err = f.Keys(t.Context(), ann.id, ann.print)
		require.ErrorIs(t, err, seal.ErrUnknownKey)

		// The next login brings a key that opens; that the one before is lost then hurts nobody.
		fresh := f.Seal("wx", "ann", keyB)
		f.db.Identity.UpdateOneID(ann.id).SetSessionKey(fresh.Ciphertext).SetSessionKeyPrint(fresh.Print).ExecX(t.Context())
		ann.print = fresh.Print
		f.requireKeys(t, ann, keyB)
	})
}
