//go:build unix

package keyfile

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func testFile(t *testing.T) (*File, string) {
	t.Helper()
	f, err := Generate(time.Unix(1772366400, 0), bytes.NewReader(sequence(4096)), false)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "keys.json")
	require.NoError(t, f.Create(path))
	return f, path
}

func sequence(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i ^ i>>8)
	}
	return b
}

func TestWhoMayReadTheFile(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		mode             fs.FileMode
		refusedIfOurs    bool
		refusedIfForeign bool
	}{
		{0o400, false, false},
		{0o600, false, false},
		{0o700, false, false},
		{0o440, true, false}, // a secret of Kubernetes with fsGroup
		{0o640, true, false},
		{0o660, true, true},
		{0o620, true, true},
		{0o604, true, true},
		{0o644, true, true}, // a secret of Kubernetes without defaultMode
		{0o602, true, true},
		{0o601, true, true},
		{0o777, true, true},
	} {
		require.Equal(t, tt.refusedIfOurs, tooOpen(tt.mode, false), "%04o, ours", tt.mode)
		require.Equal(t, tt.refusedIfForeign, tooOpen(tt.mode, true), "%04o, of another user", tt.mode)

		_, path := testFile(t)
		require.NoError(t, os.Chmod(path, tt.mode))
		_, err := Load(path)
		if tt.refusedIfOurs {
			require.EqualError(t, err, fmt.Sprintf("key file %s: mode %04o lets others than the owner at the keys: chmod 600 %s (in Kubernetes: defaultMode: 0400)",
				path, tt.mode, path))
		} else {
			require.NoError(t, err, "%04o", tt.mode)
		}
	}
}

func TestCreatedFileIsPrivate(t *testing.T) {
	t.Parallel()
	_, path := testFile(t)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), info.Mode())
}

func TestSaveKeepsOwnerAndMode(t *testing.T) {
	t.Parallel()
	f, path := testFile(t)
	uid := os.Geteuid()
	if uid == 0 { // only root can give a file away; another user checks that its own stays its own
		uid = 12345
		require.NoError(t, os.Chown(path, uid, uid))
	}
	require.NoError(t, os.Chmod(path, 0o400))
	require.NoError(t, f.Rotate(Phone, time.Unix(1772366400, 0), bytes.NewReader(bytes.Repeat([]byte{7}, 100)), Overlap{}))
	require.NoError(t, f.Save(path))
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o400), info.Mode())
	require.Equal(t, uint32(uid), info.Sys().(*syscall.Stat_t).Uid)
}

// Opening a pipe would wait for a writer for ever.
func TestPipeIsRefused(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "pipe")
	require.NoError(t, syscall.Mkfifo(path, 0o600))
	_, err := Load(path)
	require.ErrorContains(t, err, "is not a regular file")
}
