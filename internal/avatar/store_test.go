package avatar_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"mpauth/internal/avatar"
)

func newKey(t testing.TB) string {
	t.Helper()
	key, err := avatar.NewKey(rand.Reader)
	require.NoError(t, err)
	return key
}

func TestKeysCannotBeGuessed(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 1000 {
		key := newKey(t)
		require.True(t, avatar.IsKey(key), key)
		require.False(t, seen[key])
		seen[key] = true
	}
	key, err := avatar.NewKey(bytes.NewReader(make([]byte, 20)))
	require.NoError(t, err)
	require.Equal(t, strings.Repeat("a", 32), key, "all of its 160 bits are random")
	_, err = avatar.NewKey(bytes.NewReader(make([]byte, 19)))
	require.Error(t, err)
}

// noKeys are what somebody could try in place of a key.
var noKeys = []string{
	"", ".", "..", "a", strings.Repeat("a", 31), strings.Repeat("a", 33), strings.Repeat("A", 32), strings.Repeat("1", 32),
	"../" + strings.Repeat("a", 29), strings.Repeat("a", 31) + "/", strings.Repeat("a", 31) + "\x00", strings.Repeat("a", 30) + "é",
	"aa/" + strings.Repeat("a", 29), strings.Repeat("a", 27) + ".part",
}

// exercise is what every store has to do.
func exercise(t *testing.T, open func(t *testing.T) avatar.Store) {
	t.Helper()
	t.Run("what is put is there until it is deleted", func(t *testing.T) {
		t.Parallel()
		s, ctx := open(t), t.Context()
		first, second := newKey(t), newKey(t)
		require.NoError(t, s.Put(ctx, first, []byte("one")))
		require.NoError(t, s.Put(ctx, second, bytes.Repeat([]byte("two"), 1<<20)))
		got, err := s.Get(ctx, first)
		require.NoError(t, err)
		require.Equal(t, "one", string(got))
		require.NoError(t, s.Delete(ctx, first))
		_, err = s.Get(ctx, first)
		require.ErrorIs(t, err, avatar.ErrNotFound)
		got, err = s.Get(ctx, second)
		require.NoError(t, err)
		require.Len(t, got, 3<<20)
	})
	t.Run("what is not there is not found, and gone already", func(t *testing.T) {
		t.Parallel()
		s, ctx := open(t), t.Context()
		_, err := s.Get(ctx, newKey(t))
		require.ErrorIs(t, err, avatar.ErrNotFound)
		key := newKey(t)
		require.NoError(t, s.Delete(ctx, key))
		require.NoError(t, s.Put(ctx, key, []byte("one")))
		require.NoError(t, s.Delete(ctx, key))
		require.NoError(t, s.Delete(ctx, key))
	})
	t.Run("only keys are names", func(t *testing.T) {
		t.Parallel()
		s, ctx := open(t), t.Context()
		for _, name := range noKeys {
			require.False(t, avatar.IsKey(name))
			require.ErrorContains(t, s.Put(ctx, name, []byte("x")), "not the key", "%q", name)
			_, err := s.Get(ctx, name)
			require.ErrorContains(t, err, "not the key", "%q", name)
			require.ErrorContains(t, s.Delete(ctx, name), "not the key", "%q", name)
		}
	})
	t.Run("many at a time", func(t *testing.T) {
		t.Parallel()
		s, ctx := open(t), t.Context()
		var all errgroup.Group
		for range 20 {
			key := newKey(t)
			all.Go(func() error {
				content := bytes.Repeat([]byte(key), 1000)
				if err := s.Put(ctx, key, content); err != nil {
					return err
				}
				got, err := s.Get(ctx, key)
				if err == nil && !bytes.Equal(content, got) {
					return errors.New("another picture")
				}
				return errors.Join(err, s.Delete(ctx, key))
			})
		}
		require.NoError(t, all.Wait())
	})
}

func openDir(t *testing.T, path string) *avatar.Dir {
	t.Helper()
	dir, err := avatar.OpenDir(path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, dir.Close()) })
	return dir
}

func TestDir(t *testing.T) {
	t.Parallel()
	exercise(t, func(t *testing.T) avatar.Store { return openDir(t, filepath.Join(t.TempDir(), "avatars")) })
}

// files are the paths of all files below a folder.
func files(t *testing.T, root string) (found []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			found = append(found, path)
		}
		return err
	}))
	return found
}

func TestDirIsForItsOwnerOnly(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "data", "avatars")
	dir, key := openDir(t, path), newKey(t)
	require.NoError(t, dir.Put(t.Context(), key, []byte("one")))
	for name, want := range map[string]fs.FileMode{
		path: 0o700 | fs.ModeDir, filepath.Join(path, key[:2]): 0o700 | fs.ModeDir, filepath.Join(path, key[:2], key): 0o600,
	} {
		info, err := os.Stat(name)
		require.NoError(t, err)
		require.Equal(t, want, info.Mode(), name)
	}
	require.Len(t, files(t, path), 1, "nothing else is left")
}

func TestDirAfterACrash(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	dir, key := openDir(t, path), newKey(t)
	require.NoError(t, os.Mkdir(filepath.Join(path, key[:2]), 0o700))
	half := filepath.Join(path, key[:2], key+".part")
	require.NoError(t, os.WriteFile(half, []byte("ha"), 0o600))
	_, err := dir.Get(t.Context(), key)
	require.ErrorIs(t, err, avatar.ErrNotFound, "half a picture is none")
	require.NoError(t, dir.Delete(t.Context(), key))
	require.Empty(t, files(t, path), "nothing is left of it for ever")
}

func TestDirDoesNotFollowLinksOutOfIt(t *testing.T) {
	t.Parallel()
	outside, path, key := t.TempDir(), t.TempDir(), newKey(t)
	require.NoError(t, os.WriteFile(filepath.Join(outside, key), []byte("secret"), 0o600))
	require.NoError(t, os.Symlink(outside, filepath.Join(path, key[:2])))
	dir := openDir(t, path)
	_, err := dir.Get(t.Context(), key)
	require.Error(t, err)
	require.Error(t, dir.Put(t.Context(), key, []byte("x")))
	require.Error(t, dir.Delete(t.Context(), key))
	content, err := os.ReadFile(filepath.Join(outside, key))
	require.NoError(t, err)
	require.Equal(t, "secret", string(content))
}

func TestDirThatFails(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(path, "plain"), nil, 0o600))
	_, err := avatar.OpenDir(filepath.Join(path, "plain"))
	require.Error(t, err)

	dir, key := openDir(t, path), newKey(t)
	require.NoError(t, os.WriteFile(filepath.Join(path, key[:2]), nil, 0o600)) // where the folder should be
	require.Error(t, dir.Put(t.Context(), key, []byte("x")))
}

const bucket = "pictures"

// openFake is an S3 in memory (gofakes3), which looks at everything but the signature.
func openFake(t *testing.T, wrap func(http.Handler) http.Handler) *avatar.S3 {
	t.Helper()
	backend := s3mem.New()
	require.NoError(t, backend.CreateBucket(bucket))
	server := httptest.NewServer(wrap(gofakes3.New(backend).Server()))
	t.Cleanup(server.Close)
	endpoint, err := url.Parse(server.URL)
	require.NoError(t, err)
	s, err := avatar.NewS3(avatar.S3Options{
		Endpoint: endpoint, Region: "us-east-1", Bucket: bucket, Prefix: "mpauth/avatars/", AccessKey: "id", SecretKey: "one secret",
	})
	require.NoError(t, err)
	return s
}

func asIs(h http.Handler) http.Handler { return h }

func TestS3(t *testing.T) {
	t.Parallel()
	exercise(t, func(t *testing.T) avatar.Store { return openFake(t, asIs) })
}

// The same against a server of its own, which checks signatures: scripts/with-s3 provides one, in
// MPAUTH_TEST_S3_URL as http://key:secret@host:port/bucket?region=….
func TestS3Server(t *testing.T) {
	t.Parallel()
	text := os.Getenv("MPAUTH_TEST_S3_URL")
	if text == "" {
		t.Skip("no S3 server to test on: run scripts/with-s3 go test ./internal/avatar")
	}
	location, err := url.Parse(text)
	require.NoError(t, err)
	secret, _ := location.User.Password()
	options := avatar.S3Options{
		Endpoint: &url.URL{Scheme: location.Scheme, Host: location.Host}, Region: location.Query().Get("region"),
		Bucket: strings.Trim(location.Path, "/"), Prefix: "mpauth/avatars/", AccessKey: location.User.Username(), SecretKey: secret,
	}
	open := func(t *testing.T, o avatar.S3Options) avatar.Store {
		t.Helper()
		s, err := avatar.NewS3(o)
		require.NoError(t, err)
		return s
	}
	exercise(t, func(t *testing.T) avatar.Store { return open(t, options) })
	t.Run("who has no right has no picture", func(t *testing.T) {
		t.Parallel()
		key := newKey(t)
		require.NoError(t, open(t, options).Put(t.Context(), key, []byte("one")))
		other := options
		other.SecretKey = "another secret"
		stranger := open(t, other)
		_, err := stranger.Get(t.Context(), key)
		require.ErrorContains(t, err, "signature")
		require.NotErrorIs(t, err, avatar.ErrNotFound)
		require.NotContains(t, err.Error(), other.SecretKey)
		require.Error(t, stranger.Put(t.Context(), newKey(t), []byte("x")))
		require.Error(t, stranger.Delete(t.Context(), key))
		nowhere := options
		nowhere.Bucket = "no-such-bucket"
		_, err = open(t, nowhere).Get(t.Context(), key)
		require.NotErrorIs(t, err, avatar.ErrNotFound, "a bucket that is not there is not a picture that is not there")
		require.Error(t, err)
		require.NoError(t, open(t, options).Delete(t.Context(), key))
	})
}

func TestS3NamesAndTypesItsObjects(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var seen []string
	s := openFake(t, func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			seen = append(seen, r.Method+" "+r.URL.Path+" "+r.Header.Get("Content-Type"))
			mu.Unlock()
			h.ServeHTTP(w, r)
		})
	})
	key := newKey(t)
	require.NoError(t, s.Put(t.Context(), key, []byte("\xff\xd8\xff picture")))
	require.NoError(t, s.Delete(t.Context(), key))
	require.Equal(t, []string{"PUT /pictures/mpauth/avatars/" + key + " image/jpeg", "DELETE /pictures/mpauth/avatars/" + key + " "}, seen,
		"one request each, and the region is not asked for")
}

// transport answers requests without a network.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestS3FindsTheBucketByHostWhereTheStoreWantsThat(t *testing.T) {
	t.Parallel()
	var host string
	s, err := avatar.NewS3(avatar.S3Options{
		Endpoint: &url.URL{Scheme: "https", Host: "cos.example.com"}, Region: "ap-guangzhou", Bucket: bucket, VirtualHost: true,
		AccessKey: "id", SecretKey: "one secret",
		Transport: transport(func(r *http.Request) (*http.Response, error) {
			host = r.URL.Scheme + "://" + r.URL.Host
			return &http.Response{StatusCode: http.StatusNoContent, Body: http.NoBody, Request: r}, nil
		}),
	})
	require.NoError(t, err)
	require.NoError(t, s.Delete(t.Context(), newKey(t)))
	require.Equal(t, "https://pictures.cos.example.com", host)
}

func TestS3ThatFails(t *testing.T) {
	t.Parallel()
	s := openFake(t, func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	})
	_, err := s.Get(t.Context(), newKey(t))
	require.Error(t, err)
	require.NotErrorIs(t, err, avatar.ErrNotFound)
	require.Error(t, s.Put(t.Context(), newKey(t), []byte("x")))
	require.Error(t, s.Delete(t.Context(), newKey(t)))

	hanging := openFake(t, func(http.Handler) http.Handler {
		return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, hanging.Put(ctx, newKey(t), []byte("x")), context.Canceled)
}
