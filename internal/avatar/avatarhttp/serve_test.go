package avatarhttp_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"mpauth/internal/fault"
)

func TestPictureIsServedToWhoHasItsKey(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	key := keyOf(t, f.upload(t, field{"file", "a.png", picture(t)}))
	got := f.send(t, http.MethodGet, "/avatars/"+key, nil)
	require.Equal(t, http.StatusOK, got.status)
	require.Equal(t, "\x89PNG", got.body[:4])
	for name, want := range map[string]string{
		"Content-Type": "image/png", "X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; sandbox",
		"Content-Disposition": `inline; filename="avatar.png"`, "Cache-Control": "public, max-age=86400, immutable", "ETag": `"` + key + `"`,
	} {
		require.Equal(t, want, got.header.Get(name))
	}
	head := f.send(t, http.MethodHead, "/avatars/"+key, nil)
	require.Equal(t, http.StatusOK, head.status)
	require.Empty(t, head.body)
	require.Equal(t, got.header.Get("Content-Length"), head.header.Get("Content-Length"))
	again := f.send(t, http.MethodGet, "/avatars/"+key, nil, "If-None-Match", `"`+key+`"`)
	require.Equal(t, http.StatusNotModified, again.status)
	require.Empty(t, again.body)

	require.NoError(t, f.store.Put(t.Context(), strings.Repeat("a", 32), []byte("\xff\xd8\xff photograph")))
	got = f.send(t, http.MethodGet, "/avatars/"+strings.Repeat("a", 32), nil)
	require.Equal(t, "image/jpeg", got.header.Get("Content-Type"))
	require.Equal(t, `inline; filename="avatar.jpg"`, got.header.Get("Content-Disposition"))
}

func TestNothingElseIsServed(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	key := keyOf(t, f.upload(t, field{"file", "a.png", picture(t)}))
	foreign := strings.Repeat("b", 32)
	require.NoError(t, f.store.Put(t.Context(), foreign, []byte("<html><script>alert(1)</script>")))
	for _, path := range []string{
		foreign, strings.Repeat("a", 32), key[:31], key + "a", strings.ToUpper(key), key + ".png", "..%2f..%2fetc%2fpasswd", "%2e%2e",
		key[:2] + "%2f" + key, key + "%00", "%ff%fe",
	} {
		got := f.send(t, http.MethodGet, "/avatars/"+path, nil, "If-None-Match", "*")
		f.requireRefused(t, http.StatusNotFound, fault.NotFound, "no such picture", got)
		require.Equal(t, "default-src 'none'; sandbox", got.header.Get("Content-Security-Policy"))
		require.Empty(t, got.header.Get("ETag"))
	}
	for _, method := range []string{http.MethodPut, http.MethodDelete, http.MethodPost} {
		require.Equal(t, http.StatusMethodNotAllowed, f.send(t, method, "/avatars/"+key, nil).status)
	}
	require.Equal(t, http.StatusNotFound, f.send(t, http.MethodGet, "/avatars/", nil).status)
	require.NoError(t, f.store.Delete(t.Context(), key))
	f.requireRefused(t, http.StatusNotFound, fault.NotFound, "no such picture", f.send(t, http.MethodGet, "/avatars/"+key, nil, "If-None-Match", `"`+key+`"`))
}
