package keyfile_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"mpauth/internal/keyfile"
)

func names(t testing.TB, directory string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(directory)
	require.NoError(t, err)
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

func TestCreateNeverOverwrites(t *testing.T) {
	t.Parallel()
	_, path := created(t, &counter{})
	err := generate(t, &counter{n: 100}).Create(path)
	require.ErrorIs(t, err, fs.ErrExist)
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, golden, string(raw))

	link := filepath.Join(t.TempDir(), "link.json")
	require.NoError(t, os.Symlink(filepath.Join(t.TempDir(), "nowhere"), link))
	require.ErrorIs(t, generate(t, &counter{}).Create(link), fs.ErrExist, "a dangling link might lead out of the directory")
}

func TestCreateInAMissingDirectory(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "absent", "keys.json")
	require.EqualError(t, generate(t, &counter{}).Create(path), "create key file "+path+": no such file or directory")
}

func TestSaveReplacesInOneStep(t *testing.T) {
	t.Parallel()
	f, path := created(t, &counter{})
	before, err := os.Open(path) // a reader in the middle of the old file
	require.NoError(t, err)
	defer before.Close()

	require.NoError(t, f.Rotate(keyfile.Phone, start(), &counter{n: 100}, overlap()))
	require.NoError(t, f.Save(path))
	require.Equal(t, f.Summary(start()), load(t, path).Summary(start()))
	require.Equal(t, []string{"keys.json"}, names(t, filepath.Dir(path)), "nothing is left beside it")
	old := make([]byte, len(golden)+1)
	n, err := before.Read(old)
	require.NoError(t, err)
	require.Equal(t, golden, string(old[:n]), "the old file was replaced, not overwritten")

	require.NoError(t, f.Save(path), "saving again changes nothing")
}

func TestSaveRefusesToLoseSomething(t *testing.T) {
	t.Parallel()
	t.Run("keys that were never on disk", func(t *testing.T) {
		t.Parallel()
		_, path := created(t, &counter{})
		require.ErrorContains(t, generate(t, &counter{n: 100}).Save(path), "these keys are new; create a file for them")
		require.Equal(t, "20260301-01010101", load(t, path).SigningKeys()[0].ID)
	})
	t.Run("a file changed by somebody else", func(t *testing.T) {
		t.Parallel()
		_, path := created(t, &counter{})
		mine, theirs := load(t, path), load(t, path)
		require.NoError(t, theirs.Rotate(keyfile.Phone, start(), &counter{n: 100}, overlap()))
		require.NoError(t, theirs.Save(path))
		require.NoError(t, mine.Rotate(keyfile.Phone, start(), &counter{n: 120}, overlap()))
		require.ErrorContains(t, mine.Save(path), "it has been changed since it was read; load it again")
		require.Equal(t, theirs.Summary(start()), load(t, path).Summary(start()))
	})
	t.Run("a file that is gone", func(t *testing.T) {
		t.Parallel()
		f, path := created(t, &counter{})
		require.NoError(t, os.Remove(path))
		require.ErrorIs(t, f.Save(path), fs.ErrNotExist)
	})
}

func TestSaveThroughALink(t *testing.T) {
	t.Parallel()
	f, path := created(t, &counter{})
	link := filepath.Join(t.TempDir(), "link.json")
	require.NoError(t, os.Symlink(path, link))
	require.NoError(t, f.Rotate(keyfile.Phone, start(), &counter{n: 100}, overlap()))
	require.NoError(t, f.Save(link))
	info, err := os.Lstat(link)
	require.NoError(t, err)
	require.Equal(t, fs.ModeSymlink, info.Mode().Type(), "the link stays")
	require.Equal(t, f.Summary(start()), load(t, path).Summary(start()))
}
