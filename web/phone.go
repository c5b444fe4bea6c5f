package web

import (
	"encoding/json"
	"html/template"
	"io/fs"
	"net/http"
	"strings"
)

// Phone serves the page at /: a phone in which the demo Mini Program runs against this server; its files are below
// /simulator/. A phone needs the fake WeChat inside the server. Without it the page lists what there is to try.
func Phone(o Options) http.Handler {
	files, err := fs.Sub(dist, "dist/simulator")
	if err != nil {
		panic(err) // the path is a valid one
	}
	mux := http.NewServeMux()
	mux.Handle("GET /simulator/", http.StripPrefix("/simulator/", newAssets(files)))
	if !o.FakeWeChat {
		mux.Handle("GET /{$}", Index(o))
		return mux
	}
	type app struct {
		ID   string `json:"id"`
		Flow string `json:"flow"`
	}
	apps := make([]app, 0, len(o.Apps))
	for _, a := range o.Apps {
		apps = append(apps, app{a.ID, strings.Join(a.Flow, ",")})
	}
	settings, err := json.Marshal(map[string]any{"apps": apps})
	if err != nil {
		panic(err) // strings always have a JSON form
	}
	document := template.Must(template.ParseFS(files, "index.html"))
	mux.Handle("GET /{$}", page(document, nil, view{Options: o, Settings: string(settings)}))
	return mux
}
