package web_test

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"mpauth/web"
)

func TestPhoneIsStricterThanThePlayground(t *testing.T) {
	t.Parallel()
	w := get(t, web.Phone(options), "/")
	require.Equal(t, http.StatusOK, w.Code)
	require.Equal(t, "text/html; charset=utf-8", w.Header().Get("Content-Type"))
	require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
	requireStrict(t, w.Header())
	require.NotContains(t, w.Header().Get("Content-Security-Policy"), "unsafe-inline")
	require.NotRegexp(t, `<script(?: [^>]*)?>\s*\w|<style| style=|\son\w+=`, w.Body.String())
}

func TestPhoneKnowsTheAppsAndTheirFlows(t *testing.T) {
	t.Parallel()
	var settings struct{ Apps []struct{ ID, Flow string } }
	page := get(t, web.Phone(options), "/").Body.String()
	require.NoError(t, json.Unmarshal([]byte(found(t, `<meta name="mpauth" content="([^"]*)">`, page)), &settings))
	require.Len(t, settings.Apps, 2)
	require.Equal(t, "wx1", settings.Apps[0].ID)
	require.Equal(t, "profile,phone", settings.Apps[0].Flow)
	require.Equal(t, `wx"2'<>`, settings.Apps[1].ID)
	require.Equal(t, "phone", settings.Apps[1].Flow)
}

func TestPhoneLoadsOnlyItsOwnFiles(t *testing.T) {
	t.Parallel()
	phone := web.Phone(options)
	page := get(t, phone, "/").Body.String()
	links := regexp.MustCompile(`(?:src|href)="(/simulator/[^"]*)"`).FindAllStringSubmatch(page, -1)
	require.GreaterOrEqual(t, len(links), 3, "a script, styles and an icon")
	for _, link := range links {
		w := get(t, phone, link[1])
		require.Equal(t, http.StatusOK, w.Code, link[1])
		requireStrict(t, w.Header())
	}
	require.NotRegexp(t, `(?:src|href)="(?:https?:)?//`, page)

	// The pictures of the demo are named in the script.
	script := get(t, phone, found(t, `<script [^>]*src="([^"]*)"`, page)).Body.String()
	pictures := regexp.MustCompile(`/simulator/assets/[\w-]+\.png`).FindAllString(script, -1)
	require.NotEmpty(t, pictures)
	for _, picture := range pictures {
		w := get(t, phone, picture)
		require.Equal(t, http.StatusOK, w.Code, picture)
		require.Equal(t, "image/png", w.Header().Get("Content-Type"))
	}
}

// Nobody could log in without somebody who makes codes.
func TestPhoneNeedsAWeChatInTheBox(t *testing.T) {
	t.Parallel()
	page := get(t, web.Phone(web.Options{Apps: options.Apps, Rand: rand.Reader}), "/").Body.String()
	require.Contains(t, page, `href="/playground"`)
	require.NotContains(t, page, "/simulator/")
	broken := web.Phone(web.Options{Rand: iotest.ErrReader(errors.New("broken"))})
	require.Equal(t, http.StatusInternalServerError, get(t, broken, "/").Code)
}

// What every binary carries for development stays small, compressed as it is.
func TestPagesAreSmall(t *testing.T) {
	t.Parallel()
	const most = 4 << 20
	sizes := map[string]int64{}
	var all int64
	err := fs.WalkDir(os.DirFS("dist"), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			page, _, _ := strings.Cut(name, "/")
			sizes[page] += info.Size()
			all += info.Size()
		}
		return err
	})
	require.NoError(t, err)
	require.Contains(t, sizes, "playground")
	require.Contains(t, sizes, "simulator")
	require.LessOrEqual(t, all, int64(most), "%v bytes", sizes)
	require.LessOrEqual(t, sizes["simulator"], int64(400<<10), "the phone has to be there at once")
}
