package keyfile_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"mpauth/internal/keyfile"
)

// watched runs Watch on a file, tick by tick.
type watched struct {
	ticks   chan time.Time
	applied []*keyfile.File
	faults  []string
	refuse  error
	stop    context.CancelFunc
}

func watch(t *testing.T, path string, inUse *keyfile.File) *watched {
	w := &watched{ticks: make(chan time.Time)}
	ctx, stop := context.WithCancel(context.Background())
	w.stop = stop
	go keyfile.Watch(ctx, path, inUse, start(), w.ticks,
		func(f *keyfile.File) error { w.applied = append(w.applied, f); return w.refuse },
		func(err error) { w.faults = append(w.faults, err.Error()) })
	t.Cleanup(stop)
	return w
}

// tick lets Watch look once, at a moment, and waits until it has.
func (w *watched) tick(after time.Duration) {
	w.ticks <- start().Add(after)
	synctest.Wait()
}

func TestWatchAppliesAChangedFile(t *testing.T) {
	t.Parallel()
	f, path := created(t, &counter{})
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, path, load(t, path))
		defer w.stop()
		w.tick(1 * time.Second)
		require.Empty(t, w.applied, "nothing has changed")

		require.NoError(t, f.Rotate(keyfile.Phone, start(), &counter{n: 100}, overlap()))
		require.NoError(t, f.Save(path))
		w.tick(2 * time.Second)
		require.Len(t, w.applied, 1)
		require.Equal(t, f.Summary(start()), w.applied[0].Summary(start()))
		w.tick(3 * time.Second)
		require.Len(t, w.applied, 1, "once is enough")
		require.Empty(t, w.faults)
	})
}

func TestWatchSeesAChangeOfSameSizeAndDate(t *testing.T) {
	t.Parallel()
	_, path := created(t, &counter{})
	before, err := os.Stat(path)
	require.NoError(t, err)
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, path, load(t, path))
		defer w.stop()
		write(t, path, edited(t, `"id": 50529027`, `"id": 50529028`))
		require.NoError(t, os.Chtimes(path, before.ModTime(), before.ModTime()))
		w.tick(time.Second)
		require.Len(t, w.applied, 1)
		require.Equal(t, uint32(50529028), w.applied[0].RefreshKeys(start())[0].ID)
	})
}

func TestWatchAppliesAgainWhenAKeyTakesOver(t *testing.T) {
	t.Parallel()
	f, path := created(t, &counter{})
	require.NoError(t, f.Rotate(keyfile.Session, start(), &counter{n: 100}, overlap()))
	require.NoError(t, f.Save(path))
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, path, load(t, path))
		defer w.stop()
		w.tick(24*time.Hour - time.Second)
		require.Empty(t, w.applied)
		require.NoError(t, os.Remove(path))
		w.tick(24*time.Hour + time.Second)
		require.Len(t, w.applied, 1, "though the file cannot be read: other replicas go over too")
		require.Equal(t, uint32(0x65656565), w.applied[0].SessionKeys(start().Add(24 * time.Hour))[0].ID)
		require.Len(t, w.faults, 1)
		w.tick(25 * time.Hour)
		require.Len(t, w.applied, 1)
	})
}

func TestWatchKeepsTheKeysWhenTheFileIsBad(t *testing.T) {
	t.Parallel()
	_, path := created(t, &counter{})
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, path, load(t, path))
		defer w.stop()
		write(t, path, golden[:100]) // half written
		w.tick(1 * time.Second)
		w.tick(2 * time.Second)
		require.Len(t, w.faults, 1, "the same fault is reported once")
		require.Contains(t, w.faults[0], "not valid JSON")
		require.NoError(t, os.Chmod(path, 0o644))
		w.tick(3 * time.Second)
		require.Len(t, w.faults, 2)
		require.Contains(t, w.faults[1], "chmod 600")
		require.NoError(t, os.Chmod(path, 0o600))
		write(t, path, golden)
		w.tick(4 * time.Second)
		require.Empty(t, w.applied, "the text is the one in use again")

		write(t, path, golden[:100])
		w.tick(5 * time.Second)
		require.Len(t, w.faults, 3, "after a good look, a fault is news again")
	})
}

func TestWatchTriesAgainWhatWasRefused(t *testing.T) {
	t.Parallel()
	_, path := created(t, &counter{})
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, path, load(t, path))
		defer w.stop()
		w.refuse = errors.New("development keys in production")
		write(t, path, edited(t, "20260301-01010101", "dev-20260301-01010101"))
		w.tick(1 * time.Second)
		w.tick(2 * time.Second)
		require.Len(t, w.applied, 2)
		require.Equal(t, []string{"key file " + path + ": development keys in production"}, w.faults)
		w.refuse = nil
		w.tick(3 * time.Second)
		w.tick(4 * time.Second)
		require.Len(t, w.applied, 3)
	})
}

// Kubernetes mounts a secret as a link to a link, and changes the secret by exchanging the inner one.
func TestWatchFollowsASecretMount(t *testing.T) {
	t.Parallel()
	mount := t.TempDir()
	for version, text := range map[string]string{"..1": golden, "..2": edited(t, `"id": 50529027`, `"id": 50529028`)} {
		require.NoError(t, os.Mkdir(filepath.Join(mount, version), 0o700))
		write(t, filepath.Join(mount, version, "keys.json"), text)
		require.NoError(t, os.Chmod(filepath.Join(mount, version, "keys.json"), 0o400))
	}
	require.NoError(t, os.Symlink("..1", filepath.Join(mount, "..data")))
	path := filepath.Join(mount, "keys.json")
	require.NoError(t, os.Symlink(filepath.Join("..data", "keys.json"), path))
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, path, load(t, path))
		defer w.stop()
		w.tick(1 * time.Second)
		require.Empty(t, w.applied)
		require.NoError(t, os.Symlink("..2", filepath.Join(mount, "..next")))
		require.NoError(t, os.Rename(filepath.Join(mount, "..next"), filepath.Join(mount, "..data")))
		w.tick(2 * time.Second)
		require.Len(t, w.applied, 1)
		require.Equal(t, uint32(50529028), w.applied[0].RefreshKeys(start())[0].ID)
	})
}

func TestWatchEndsWithItsContext(t *testing.T) {
	t.Parallel()
	f, path := created(t, &counter{})
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		keyfile.Watch(ctx, path, f, start(), nil, nil, nil)
	}()
	stop()
	<-ended
}
