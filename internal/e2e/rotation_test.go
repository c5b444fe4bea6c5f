package e2e_test

import (
	"crypto/rand"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mpauth/internal/keyfile"
)

// publishAhead is longer than the ten seconds after which every replica has read the key file.
const publishAhead = 13 * time.Second

// TestKeysRotateUnderLoad replaces the keys of every kind that can be replaced, on three replicas that
// take the new ones over at moments of their own. No good token is refused and no row becomes
// unreadable, neither before, nor during, nor after.
func TestKeysRotateUnderLoad(t *testing.T) {
	t.Parallel()
	c := startCluster(t, nil)
	crowd := newCrowd(c)
	crowd.pause = 50 * time.Millisecond
	stop := crowd.begin(t, 4, 2)
	crowd.await(t, 20)
	first := logIn(t, c.url(), c.fake.url(), "first")
	old := keyOf(t, first.token)

	file, err := keyfile.Load(c.settings["KEYS_FILE"])
	require.NoError(t, err)
	overlap := keyfile.Overlap{PublishAhead: publishAhead, AccessTTL: 10 * time.Minute, Leeway: 10 * time.Second}
	for _, kind := range []string{keyfile.Signing, keyfile.Refresh, keyfile.Session, keyfile.Phone} {
		require.NoError(t, file.Rotate(kind, time.Now(), rand.Reader, overlap))
	}
	require.NoError(t, file.Save(c.settings["KEYS_FILE"]))

	db := openDatabase(t, c.settings)
	sealedBy := func(column, table string) int { // how many keys; the identifier follows the version
		return count(t, db, `SELECT COUNT(DISTINCT substring(`+column+` FROM 2 FOR 4)) FROM `+table)
	}
	eventually(t, func() bool {
		return keyOf(t, logIn(t, c.url(), c.fake.url(), "later").token) != old &&
			sealedBy("phone_sealed", "users") == 2 && sealedBy("session_key", "identities") == 2
	}, "the new keys sign and seal")
	for _, p := range c.replicas {
		require.Len(t, published(t, p.url()), 2)
		eventually(t, func() bool { return keyOf(t, logIn(t, p.url(), c.fake.url(), "later").token) != old }, "each replica signs with the new key")
		must(t, p.url(), first.token, me, nil)
	}
	crowd.await(t, 40)
	stop()
	require.Zero(t, crowd.failed())
	c.requireNothingLost(t, crowd)
	crowd.requireEveryAnswerHolds(t) // those of before and those of after, whichever replica is asked
	var reading sync.WaitGroup
	for _, p := range c.replicas {
		reading.Go(func() {
			for _, v := range crowd.history.visits {
				if a, err := try(p.url(), v.token, me, nil); v.acknowledged && (err != nil || a.text("me.phone.number") != "+86"+v.number) {
					t.Errorf("%s: %v %s", v.person, err, a.raw)
				}
			}
		})
	}
	reading.Wait()
	t.Logf("%d requests, %d numbers, %d failed", crowd.asked.Load(), len(crowd.history.visits), crowd.failed())
}
