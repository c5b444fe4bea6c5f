package keyfile_test

import (
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"mpauth/internal/keyfile"
	"mpauth/internal/seal"
	"mpauth/internal/token"
)

func TestRotateSigning(t *testing.T) {
	t.Parallel()
	f := generate(t, &counter{})
	rotated := start().Add(30 * 24 * time.Hour)
	require.NoError(t, f.Rotate(keyfile.Signing, rotated, &counter{n: 100}, overlap()))
	keys := f.SigningKeys()
	require.Len(t, keys, 2)
	takeover := rotated.Add(24 * time.Hour)
	require.Equal(t, "20260331-65656565", keys[0].ID)
	require.Equal(t, takeover, keys[0].SignFrom)
	require.True(t, keys[0].VerifyUntil.IsZero())
	require.Equal(t, "20260301-01010101", keys[1].ID)
	require.Equal(t, takeover.Add(10*time.Minute+5*time.Second), keys[1].VerifyUntil)

	// The next rotation drops what verifies no longer, and nothing else.
	require.NoError(t, f.Rotate(keyfile.Signing, takeover, &counter{n: 110}, overlap()))
	require.Len(t, f.SigningKeys(), 3)
	require.NoError(t, f.Rotate(keyfile.Signing, takeover.Add(48*time.Hour), &counter{n: 120}, overlap()))
	require.Len(t, f.SigningKeys(), 2)
}

func TestRotateKeepsOldKeys(t *testing.T) {
	t.Parallel()
	for kind, ids := range map[string]func(*keyfile.File, time.Time) []uint32{
		keyfile.Refresh: func(f *keyfile.File, now time.Time) (ids []uint32) {
			for _, k := range f.RefreshKeys(now) {
				ids = append(ids, k.ID)
			}
			return ids
		},
		keyfile.Session: func(f *keyfile.File, now time.Time) []uint32 { return sealIDs(f.SessionKeys(now)) },
		keyfile.Phone:   func(f *keyfile.File, now time.Time) []uint32 { return sealIDs(f.PhoneKeys(now)) },
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			f := generate(t, &counter{})
			first := ids(f, start())[0]
			require.NoError(t, f.Rotate(kind, start(), &counter{n: 100}, keyfile.Overlap{PublishAhead: time.Hour}))
			const second = 0x65656565
			takeover := start().Add(time.Hour)
			require.Equal(t, []uint32{first, second}, ids(f, takeover.Add(-time.Nanosecond)), "the new key opens before it seals")
			require.Equal(t, []uint32{second, first}, ids(f, takeover))
			require.False(t, f.TakesOver(start(), takeover.Add(-time.Nanosecond)))
			require.True(t, f.TakesOver(start(), takeover))
			require.False(t, f.TakesOver(takeover, takeover.Add(time.Hour)))

			require.NoError(t, f.Rotate(kind, takeover, &counter{n: 110}, keyfile.Overlap{}))
			require.Equal(t, []uint32{0x6f6f6f6f, second, first}, ids(f, takeover.Add(keyfile.PublishAhead)))
		})
	}
}

func sealIDs(keys []seal.Key) (ids []uint32) {
	for _, k := range keys {
		ids = append(ids, k.ID)
	}
	return ids
}

func TestRotateRefuses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		which   string
		overlap keyfile.Overlap
		want    string
	}{
		"phone index":        {keyfile.PhoneIndex, overlap(), "rotate phoneIndex: the phone index cannot be rotated like this"},
		"audit":              {keyfile.Audit, overlap(), "rotate audit: the audit key cannot be rotated"},
		"unknown kind":       {"phones", overlap(), "no such kind of key; choose signing, refresh, session or phone"},
		"no token lifetime":  {keyfile.Signing, keyfile.Overlap{}, "the lifetime of access tokens is needed"},
		"negative leeway":    {keyfile.Signing, keyfile.Overlap{AccessTTL: time.Minute, Leeway: -1}, "leeway not negative"},
		"into the past":      {keyfile.Phone, keyfile.Overlap{PublishAhead: -time.Hour}, "time to publish ahead must be a second or more"},
		"without publishing": {keyfile.Phone, keyfile.Overlap{PublishAhead: time.Second - 1}, "time to publish ahead must be a second or more"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := generate(t, &counter{})
			before := f.Summary(start())
			require.ErrorContains(t, f.Rotate(tt.which, start(), &counter{n: 100}, tt.overlap), tt.want)
			require.Equal(t, before, f.Summary(start()))
		})
	}
}

func TestRotateRefusesASecondWaitingKey(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{keyfile.Signing, keyfile.Refresh, keyfile.Session, keyfile.Phone} {
		f := generate(t, &counter{})
		require.NoError(t, f.Rotate(kind, start(), &counter{n: 100}, overlap()))
		before := f.Summary(start())
		err := f.Rotate(kind, start().Add(23*time.Hour), &counter{n: 110}, overlap())
		require.ErrorContains(t, err, "is waiting to take over at 2026-03-02T12:00:00Z; rotate again after that")
		require.Equal(t, before, f.Summary(start()))
		require.NoError(t, f.Rotate(kind, start().Add(24*time.Hour), &counter{n: 110}, overlap()))
	}
}

func TestRotateNeedsRandomness(t *testing.T) {
	t.Parallel()
	f := generate(t, &counter{})
	before := f.Summary(start())
	for _, kind := range []string{keyfile.Signing, keyfile.Refresh, keyfile.Session, keyfile.Phone} {
		require.ErrorContains(t, f.Rotate(kind, start(), iotest.ErrReader(errors.New("no randomness")), overlap()), "no randomness")
	}
	require.Equal(t, before, f.Summary(start()))
}

// replica is a server that read the file at some moment, and gives its rings their keys anew when a key takes over.
type replica struct {
	read    *keyfile.File
	now     *time.Time
	access  *token.Access
	ring    *token.KeyRing
	refresh *token.Refresh
	session *seal.Keyring
}

func newReplica(t *rapid.T, path string, now *time.Time) *replica {
	f, err := keyfile.Load(path)
	require.NoError(t, err)
	r := &replica{read: f, now: now}
	clock := func() time.Time { return *now }
	r.ring, err = token.NewKeyRing(clock, f.SigningKeys()...)
	require.NoError(t, err)
	r.access, err = token.NewAccess(token.AccessOptions{
		Issuer: "i", Audience: "a", TTL: overlap().AccessTTL, Leeway: overlap().Leeway, Keys: r.ring, Now: clock,
	})
	require.NoError(t, err)
	r.refresh, err = token.NewRefresh(f.RefreshKeys(*now)...)
	require.NoError(t, err)
	r.session, err = seal.NewKeyring(f.SessionKeys(*now)...)
	require.NoError(t, err)
	return r
}

func (r *replica) apply(t *rapid.T) {
	require.NoError(t, r.ring.Replace(r.read.SigningKeys()...))
	require.NoError(t, r.refresh.Replace(r.read.RefreshKeys(*r.now)...))
	require.NoError(t, r.session.Replace(r.read.SessionKeys(*r.now)...))
}

// The promise of rotation: whatever one replica signs, seals or mints, each other can check and open, at every moment in which it is good, as long
// as every replica reads the file within the time that keys are published ahead.
func TestReplicasUnderstandEachOtherThroughRotations(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	rotations := 0
	rapid.Check(t, func(t *rapid.T) {
		path := filepath.Join(directory, rapid.StringMatching(`[a-z]{20}`).Draw(t, "name")+".json")
		defer os.Remove(path)
		f, err := keyfile.Generate(start(), rand.Reader, false)
		require.NoError(t, err)
		require.NoError(t, f.Create(path))

		now, place := start(), seal.Place{Table: "t", Column: "c", Row: "r"}
		replicas := []*replica{newReplica(t, path, &now), newReplica(t, path, &now)}
		type product struct {
			access, refresh string
			sealed          []byte
			at              time.Time
		}
		var products []product
		// Keys are published 20 minutes ahead; a replica reads the file within 18, for a step takes at most 10.
		published := overlap()
		published.PublishAhead = 20 * time.Minute
		lastRead := []time.Time{now, now}
		for range 16 {
			now = now.Add(time.Duration(rapid.Int64Range(int64(time.Minute), int64(10*time.Minute)).Draw(t, "step")))
			if kind := rapid.SampledFrom([]string{"", "", "", keyfile.Signing, keyfile.Refresh, keyfile.Session}).Draw(t, "rotate"); kind != "" {
				if f.Rotate(kind, now, rand.Reader, published) == nil {
					require.NoError(t, f.Save(path))
					rotations++
				}
			}
			for i, r := range replicas {
				if now.Sub(lastRead[i]) > 8*time.Minute || rapid.IntRange(0, 9).Draw(t, "read") == 0 {
					r.read, err = keyfile.Load(path)
					require.NoError(t, err)
					lastRead[i] = now
					r.apply(t)
				} else if rapid.Bool().Draw(t, "notices a takeover") {
					r.apply(t)
				}
			}
			maker := rapid.SampledFrom(replicas).Draw(t, "maker")
			access, _, err := maker.access.Mint("user", "app", "session", 0)
			require.NoError(t, err)
			products = append(products, product{access, maker.refresh.Mint(uuid.Max, 1), maker.session.Seal([]byte("value"), place), now})
			for _, r := range replicas {
				// The newest is what replicas could quarrel about, the first what a rotation could have left behind.
				for _, p := range slices.Concat(products[:1], products[max(0, len(products)-2):]) {
					if now.Sub(p.at) < overlap().AccessTTL {
						_, err := r.access.Verify(p.access)
						require.NoError(t, err)
					}
					_, _, err = r.refresh.Verify(p.refresh)
					require.NoError(t, err)
					_, err = r.session.Open(p.sealed, place)
					require.NoError(t, err)
				}
			}
		}
	})
	require.Positive(t, rotations)
}

// The file says what the rings do: the key that Summary reports as in use is the one that signs.
func TestSummaryAgreesWithTheRings(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f, err := keyfile.Generate(start(), rand.Reader, false)
		require.NoError(t, err)
		now := start()
		for range rapid.IntRange(0, 4).Draw(t, "rotations") {
			ahead := time.Duration(rapid.Int64Range(1, 48).Draw(t, "ahead")) * time.Hour
			o := keyfile.Overlap{PublishAhead: ahead, AccessTTL: time.Hour}
			for _, kind := range []string{keyfile.Signing, keyfile.Refresh, keyfile.Session, keyfile.Phone} {
				require.NoError(t, f.Rotate(kind, now, rand.Reader, o))
			}
			now = now.Add(ahead + time.Duration(rapid.Int64Range(0, 72).Draw(t, "later"))*time.Hour)
		}
		now = now.Add(-time.Duration(rapid.Int64Range(0, 1).Draw(t, "back")) * time.Minute)
		if now.Before(start()) {
			now = start()
		}
		inUse := map[string][]string{}
		for _, e := range f.Summary(now) {
			if e.State == keyfile.InUse {
				inUse[e.Kind] = append(inUse[e.Kind], e.ID)
			}
		}
		require.Len(t, inUse, 6)
		for kind, ids := range inUse {
			require.Len(t, ids, 1, "%s has one key in use", kind)
		}
		ring, err := token.NewKeyRing(func() time.Time { return now }, f.SigningKeys()...)
		require.NoError(t, err)
		access, err := token.NewAccess(token.AccessOptions{Issuer: "i", Audience: "a", TTL: time.Minute, Keys: ring, Now: func() time.Time { return now }})
		require.NoError(t, err)
		raw, _, err := access.Mint("user", "app", "session", 0)
		require.NoError(t, err)
		signer := slices.IndexFunc(f.SigningKeys(), func(k token.SigningKey) bool { return k.ID == inUse[keyfile.Signing][0] })
		only, err := token.NewKeyRing(func() time.Time { return now }, f.SigningKeys()[signer])
		require.NoError(t, err)
		access, err = token.NewAccess(token.AccessOptions{Issuer: "i", Audience: "a", TTL: time.Minute, Keys: only, Now: func() time.Time { return now }})
		require.NoError(t, err)
		_, err = access.Verify(raw)
		require.NoError(t, err)
	})
}
