//go:build darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd

package lockfile_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"mpauth/internal/lockfile"
)

func TestASecondClaimIsRefusedUntilTheFirstIsReleased(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	first, err := lockfile.Acquire(path)
	require.NoError(t, err)

	_, err = lockfile.Acquire(path)
	require.ErrorIs(t, err, lockfile.ErrHeld)

	require.NoError(t, first.Release())
	again, err := lockfile.Acquire(path)
	require.NoError(t, err)
	require.NoError(t, again.Release())
	require.Error(t, again.Release(), "released twice")
}

func TestAnotherFileIsAnotherClaim(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	one, err := lockfile.Acquire(filepath.Join(dir, "one"))
	require.NoError(t, err)
	two, err := lockfile.Acquire(filepath.Join(dir, "two"))
	require.NoError(t, err)
	require.NoError(t, one.Release())
	require.NoError(t, two.Release())
}

func TestTheFileIsItsOwnersAlone(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	lock, err := lockfile.Acquire(path)
	require.NoError(t, err)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	require.NoError(t, lock.Release())
}

func TestAFileThatCannotBeMadeIsAnErrorOfItsOwn(t *testing.T) {
	t.Parallel()
	_, err := lockfile.Acquire(filepath.Join(t.TempDir(), "missing", "lock"))
	require.ErrorIs(t, err, os.ErrNotExist)
	require.NotErrorIs(t, err, lockfile.ErrHeld)
}
