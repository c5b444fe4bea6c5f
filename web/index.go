package web

import (
	_ "embed"
	"html/template"
	"net/http"
)

//go:embed index.html
var indexHTML string

// Index serves the page at / in development: a list of what there is to try.
func Index(o Options) http.Handler {
	return page(template.Must(template.New("index").Parse(indexHTML)), o.Rand, view{Options: o})
}
