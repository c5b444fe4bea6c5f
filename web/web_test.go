package web_test

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"html"
	"net/http"
	"net/http/httptest"
	"regexp"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"mpauth/web"
)

var options = web.Options{
	Apps:       []web.App{{ID: "wx1", Flow: []string{"profile", "phone"}}, {ID: `wx"2'<>`, Flow: []string{"phone"}}},
	FakeWeChat: true, Rand: rand.Reader,
}

// get asks a handler; headers are names and values in turn.
func get(t *testing.T, h http.Handler, path string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "http://127.0.0.1:8080/", nil)
	r.URL.Path = path
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// found is the only match of a pattern's first group.
func found(t *testing.T, pattern, text string) string {
	t.Helper()
	all := regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1)
	require.Len(t, all, 1, "%s in %s", pattern, text)
	return html.UnescapeString(all[0][1])
}

func requireStrict(t *testing.T, h http.Header) {
	t.Helper()
	require.Len(t, h.Values("Content-Security-Policy"), 1)
	policy := h.Get("Content-Security-Policy")
	for _, directive := range []string{
		"default-src 'none'", "script-src 'self'", "worker-src 'self'", "connect-src 'self'", "font-src 'self'",
		"img-src 'self' data:", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
	} {
		require.Contains(t, policy+";", directive+";")
	}
	for _, lax := range []string{"unsafe-eval", "http", "*", "blob:", "script-src 'self' "} {
		require.NotContains(t, policy, lax)
	}
	require.Equal(t, "nosniff", h.Get("X-Content-Type-Options"))
	require.Equal(t, "no-referrer", h.Get("Referrer-Policy"))
	require.Contains(t, h.Get("Permissions-Policy"), "camera=()")
	require.Equal(t, "same-origin", h.Get("Cross-Origin-Opener-Policy"))
}

func TestPagesAreStrictAndNewEachTime(t *testing.T) {
	t.Parallel()
	pages := map[string]http.Handler{"/playground": web.Playground(options), "/": web.Index(options)}
	for path, handler := range pages {
		nonces := map[string]bool{}
		for range 3 {
			w := get(t, handler, path)
			require.Equal(t, http.StatusOK, w.Code)
			require.Equal(t, "text/html; charset=utf-8", w.Header().Get("Content-Type"))
			require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
			requireStrict(t, w.Header())
			nonce := found(t, `style-src 'self' 'nonce-([\w-]{24})'; style-src-attr`, w.Header().Get("Content-Security-Policy"))
			require.Equal(t, nonce, found(t, `nonce="([^"]*)"`, w.Body.String()))
			require.NotRegexp(t, `<script(?: [^>]*)?>\s*\w`, w.Body.String(), "inline scripts are not allowed to run")
			nonces[nonce] = true
		}
		require.Len(t, nonces, 3, "a nonce was used twice")
	}
}

func TestPageWithoutRandomnessIsNotServed(t *testing.T) {
	t.Parallel()
	broken := web.Options{Rand: iotest.ErrReader(errors.New("broken"))}
	require.Equal(t, http.StatusInternalServerError, get(t, web.Playground(broken), "/playground").Code)
	require.Equal(t, http.StatusInternalServerError, get(t, web.Index(broken), "/").Code)
}

func TestPlaygroundKnowsWhatTheServerIs(t *testing.T) {
	t.Parallel()
	for _, o := range []web.Options{options, {Apps: options.Apps[:1], Rand: rand.Reader}} {
		page := get(t, web.Playground(o), "/playground").Body.String()
		var settings struct {
			Apps []string
			Fake bool
		}
		require.NoError(t, json.Unmarshal([]byte(found(t, `<meta name="mpauth" content="([^"]*)">`, page)), &settings))
		require.Len(t, settings.Apps, len(o.Apps))
		for i, app := range o.Apps {
			require.Equal(t, app.ID, settings.Apps[i])
		}
		require.Equal(t, o.FakeWeChat, settings.Fake)
	}
}

func TestPlaygroundLoadsOnlyItsOwnFiles(t *testing.T) {
	t.Parallel()
	playground := web.Playground(options)
	page := get(t, playground, "/playground").Body.String()
	links := regexp.MustCompile(`(?:src|href)="([^"]*)"`).FindAllStringSubmatch(page, -1)
	require.GreaterOrEqual(t, len(links), 3, "a script, styles and an icon")
	for _, link := range links {
		require.Equal(t, http.StatusOK, get(t, playground, link[1]).Code, link[1])
	}
}

func TestPlaygroundHasOneAddress(t *testing.T) {
	t.Parallel()
	playground := web.Playground(options)
	w := get(t, playground, "/playground/")
	require.Equal(t, http.StatusPermanentRedirect, w.Code)
	require.Equal(t, "/playground", w.Header().Get("Location"))

	for _, path := range []string{"/playground", "/playground/licenses.md"} {
		w := httptest.NewRecorder()
		playground.ServeHTTP(w, httptest.NewRequest(http.MethodPost, path, nil))
		require.Equal(t, http.StatusMethodNotAllowed, w.Code)
	}
}

func TestIndexListsWhatThereIs(t *testing.T) {
	t.Parallel()
	page := get(t, web.Index(options), "/").Body.String()
	for _, link := range []string{"/playground", "/fakewechat/", "/.well-known/jwks.json", "/readyz", "/livez", "/playground/licenses.md"} {
		require.Contains(t, page, `href="`+link+`"`)
	}
	require.Contains(t, page, "http://127.0.0.1:8080/graphql")
	require.Contains(t, page, "<code>wx1</code>, <code>wx&#34;2&#39;&lt;&gt;</code>")

	require.NotContains(t, get(t, web.Index(web.Options{Rand: rand.Reader}), "/").Body.String(), "/fakewechat/",
		"there is no fake to link to")
}
