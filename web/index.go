package web

import (
	_ "embed"
	"html/template"
	"net/http"
)

//go:embed index.html
var indexHTML string

// Index serves a list of what there is to try, where there is no phone to try it with.
func Index(o Options) http.Handler {
	return page(template.Must(template.New("index").Parse(indexHTML)), o.Rand, view{Options: o})
}
