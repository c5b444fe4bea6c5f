// Package web owns the pages that the binary serves in development: the phone with the demo Mini Program, and the GraphQL
// playground.
//
// The pages are built beforehand (scripts/web) and embedded, so that `go run .` needs neither Node nor a
// network. They load nothing from elsewhere and send nothing elsewhere; a Content-Security-Policy makes
// sure of it, because a playground sees tokens.
package web

import (
	"bytes"
	"encoding/base64"
	"html/template"
	"io"
	"net/http"
)

// Options are what the pages tell about the server.
type Options struct {
	// Apps are the Mini Programs that the server serves.
	Apps []App
	// FakeWeChat says whether WeChat is the fake inside the process, whose control API is under
	// /fakewechat/_control/.
	FakeWeChat bool
	// Administrators says that the page is for those, and asks for a key.
	Administrators bool
	// Rand feeds the nonces of the pages.
	Rand io.Reader
}

// App is a Mini Program, as far as anybody may know it.
type App struct {
	ID   string
	Flow []string // the facts that it asks for, in this order, as "profile" and "phone"
}

// policy is the Content-Security-Policy of everything that is served here, but for styles.
const policy = "default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self'; img-src 'self' data:; " +
	"font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "

// strict sets the headers that let a page do no more than it needs. The editor of the playground draws
// each line with a style attribute, so these are allowed; a style element has to carry the nonce.
func strict(h http.Header, nonce string) {
	styles := "style-src 'self'"
	if nonce != "" {
		styles += " 'nonce-" + nonce + "'; style-src-attr 'unsafe-inline'"
	}
	h.Set("Content-Security-Policy", policy+styles)
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
}

// view is what a page is filled in with.
type view struct {
	Options
	Host     string // as the browser calls this server
	Nonce    string
	Settings string // JSON, for scripts
}

// page serves a document that is made anew for each request, because each has a nonce of its own: one without styles of
// its own needs none, and has no random.
func page(t *template.Template, random io.Reader, fill view) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fill := fill
		fill.Host = r.Host
		if random != nil {
			raw := make([]byte, 18)
			if _, err := io.ReadFull(random, raw); err != nil {
				http.Error(w, "no randomness", http.StatusInternalServerError)
				return
			}
			fill.Nonce = base64.RawURLEncoding.EncodeToString(raw)
		}
		var document bytes.Buffer
		if err := t.Execute(&document, fill); err != nil {
			http.Error(w, "the page cannot be made", http.StatusInternalServerError)
			return
		}
		strict(w.Header(), fill.Nonce)
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(document.Bytes()) // the client is gone if this fails
	})
}
