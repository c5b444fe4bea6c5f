package web_test

import (
	"compress/gzip"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"mpauth/web"
)

// built lists the files of the playground, as paths of the server.
func built(t *testing.T) []string {
	t.Helper()
	var paths []string
	root := os.DirFS("dist/playground")
	require.NoError(t, fs.WalkDir(root, ".", func(name string, _ fs.DirEntry, err error) error {
		if name, zipped := strings.CutSuffix(name, ".gz"); zipped {
			paths = append(paths, "/playground/"+name)
		}
		return err
	}))
	require.Greater(t, len(paths), 5)
	return paths
}

func script(t *testing.T) string {
	t.Helper()
	for _, path := range built(t) {
		if strings.HasSuffix(path, ".js") {
			return path
		}
	}
	require.Fail(t, "no script")
	return ""
}

func TestEveryFileIsServedPackedAndPlain(t *testing.T) {
	t.Parallel()
	playground := web.Playground(options)
	mediaTypes := map[string]string{"js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8", "ttf": "font/ttf",
		"svg": "image/svg+xml", "md": "text/markdown; charset=utf-8"}
	for _, path := range built(t) {
		plain := get(t, playground, path)
		packed := get(t, playground, path, "Accept-Encoding", "gzip, deflate, br, zstd")
		for _, w := range []*httptest.ResponseRecorder{plain, packed} {
			require.Equal(t, http.StatusOK, w.Code, path)
			require.Equal(t, mediaTypes[path[strings.LastIndexByte(path, '.')+1:]], w.Header().Get("Content-Type"), path)
			require.Equal(t, "Accept-Encoding", w.Header().Get("Vary"))
			requireStrict(t, w.Header())
			require.NotContains(t, w.Header().Get("Content-Security-Policy"), "unsafe", "%s may be a worker with this policy", path)
			kept := strings.HasPrefix(path, "/playground/assets/")
			require.Equal(t, kept, strings.Contains(w.Header().Get("Cache-Control"), "immutable"), path)
		}
		require.Empty(t, plain.Header().Get("Content-Encoding"))
		require.Equal(t, "gzip", packed.Header().Get("Content-Encoding"))
		require.NotEqual(t, plain.Header().Get("ETag"), packed.Header().Get("ETag"), "they differ byte by byte")
		unpacked, err := gzip.NewReader(packed.Body)
		require.NoError(t, err)
		text, err := io.ReadAll(unpacked)
		require.NoError(t, err)
		require.Equal(t, plain.Body.Bytes(), text, path)
		require.NotEmpty(t, text)
	}
}

func TestWhoTakesGzip(t *testing.T) {
	t.Parallel()
	playground, path := web.Playground(options), script(t)
	for accept, want := range map[string]string{
		"":                    "",
		"identity":            "",
		"br":                  "",
		"gzip":                "gzip",
		"GZip":                "gzip",
		"br, gzip;q=0.2":      "gzip",
		"br ,gzip ; q=1":      "gzip",
		"gzip;q=0":            "",
		"gzip;q=0.000":        "",
		"gzip;q=no":           "",
		"*":                   "gzip",
		"*;q=0":               "",
		"gzip;q=0, *":         "",
		"*;q=0, gzip":         "gzip",
		"gzipped, not-gzip":   "",
		"identity;q=1, *;q=0": "",
	} {
		require.Equal(t, want, get(t, playground, path, "Accept-Encoding", accept).Header().Get("Content-Encoding"), "%q", accept)
	}
}

func TestUnchangedFileIsNotSentAgain(t *testing.T) {
	t.Parallel()
	playground := web.Playground(options)
	for _, encoding := range []string{"gzip", "identity"} {
		for _, path := range []string{script(t), "/playground/licenses.md"} {
			etag := get(t, playground, path, "Accept-Encoding", encoding).Header().Get("ETag")
			require.Regexp(t, `^"[\w-]{16}(-gzip)?"$`, etag)
			for _, known := range []string{etag, `"other", ` + etag, "W/" + etag, "*"} {
				w := get(t, playground, path, "Accept-Encoding", encoding, "If-None-Match", known)
				require.Equal(t, http.StatusNotModified, w.Code, known)
				require.Empty(t, w.Body.Bytes())
				require.Equal(t, etag, w.Header().Get("ETag"))
			}
			require.Equal(t, http.StatusOK, get(t, playground, path, "Accept-Encoding", encoding, "If-None-Match", `"other"`).Code)
		}
	}
}

func TestNothingButThePlaygroundsFilesIsServed(t *testing.T) {
	t.Parallel()
	playground, path := web.Playground(options), script(t)
	for _, path := range []string{
		"/playground/nothing", "/playground/index.html", "/playground/assets", "/playground/assets/",
		path + ".gz", path + "/", path + "/..", strings.ToUpper(path), "/playground/assets/../index.html", "/playground/../web.go",
		"/playground/..", "/playground/../../go.mod", `/playground/..\web.go`, "/playground//etc/passwd", "/playground/\x00",
		"/playground/assets/./" + path[len("/playground/assets/"):], "/playgrounds", "/",
	} {
		w := get(t, playground, path)
		require.Contains(t, []int{http.StatusNotFound, http.StatusMovedPermanently, http.StatusTemporaryRedirect}, w.Code, path)
		if w.Code != http.StatusNotFound { // to the same address, written plainly
			require.NotContains(t, w.Header().Get("Location"), "..")
		}
	}
}

// The phone simulator will need room beside it; the whole stays under four megabytes.
func TestPlaygroundIsNotTooLarge(t *testing.T) {
	t.Parallel()
	playground, total := web.Playground(options), 0
	for _, path := range built(t) {
		total += get(t, playground, path, "Accept-Encoding", "gzip").Body.Len()
	}
	require.Less(t, total, 2_000_000)
}
