package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"
)

// types are the media types of the files of a page, by extension. The system's own table differs from
// machine to machine.
var types = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
	".md":  "text/markdown; charset=utf-8",
	".png": "image/png",
	".svg": "image/svg+xml",
	".ttf": "font/ttf",
}

// An asset is a file of a page.
type asset struct {
	zipped      []byte
	contentType string
	etag        string // without quotes
	kept        bool   // its name changes with its content, so a browser may keep it
}

// assets serves files that are compressed already, by name.
type assets map[string]asset

// newAssets finds the files of a page: everything that ends in .gz, under its name without it.
func newAssets(files fs.FS) assets {
	all := assets{}
	err := fs.WalkDir(files, ".", func(name string, _ fs.DirEntry, err error) error {
		name, zipped := strings.CutSuffix(name, ".gz")
		if err != nil || !zipped {
			return err
		}
		content, err := fs.ReadFile(files, name+".gz")
		sum := sha256.Sum256(content)
		all[name] = asset{
			zipped: content, contentType: types[path.Ext(name)],
			etag: base64.RawURLEncoding.EncodeToString(sum[:12]),
			kept: strings.HasPrefix(name, "assets/"),
		}
		return err
	})
	if err != nil {
		panic(err) // what is embedded can be read
	}
	return all
}

// ServeHTTP answers with the file that the path names, as it is stored to a client that takes gzip and
// unpacked to any other.
func (a assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	file, found := a[r.URL.Path]
	strict(w.Header(), "")
	if !found {
		http.Error(w, "there is no such file", http.StatusNotFound)
		return
	}
	h := w.Header()
	h.Set("Content-Type", file.contentType)
	h.Set("Vary", "Accept-Encoding")
	h.Set("Cache-Control", "no-cache")
	if file.kept {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	content, etag := file.zipped, file.etag+"-gzip"
	if takesGzip(r) {
		h.Set("Content-Encoding", "gzip")
	} else {
		var err error
		if content, err = unzip(file.zipped); err != nil {
			http.Error(w, "the file cannot be unpacked", http.StatusInternalServerError)
			return
		}
		etag = file.etag
	}
	h.Set("ETag", `"`+etag+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}

func unzip(zipped []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(zipped))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// takesGzip tells whether the client accepts gzip, by name or by "*"; see RFC 9110, section 12.5.3.
func takesGzip(r *http.Request) bool {
	named, any := -1.0, -1.0
	for _, header := range r.Header.Values("Accept-Encoding") {
		for item := range strings.SplitSeq(header, ",") {
			coding, weight := weigh(item)
			switch strings.ToLower(coding) {
			case "gzip", "x-gzip":
				named = weight
			case "*":
				any = weight
			}
		}
	}
	if named >= 0 {
		return named > 0
	}
	return any > 0
}

// weigh splits "gzip;q=0.5" into the coding and its weight, which is 1 where there is none.
func weigh(item string) (coding string, weight float64) {
	coding, params, _ := strings.Cut(item, ";")
	if q, found := strings.CutPrefix(strings.TrimSpace(params), "q="); found {
		weight, err := strconv.ParseFloat(q, 64)
		if err != nil {
			weight = 0
		}
		return strings.TrimSpace(coding), weight
	}
	return strings.TrimSpace(coding), 1
}
