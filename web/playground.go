package web

import (
	"embed"
	"encoding/json"
	"html/template"
	"io/fs"
	"net/http"
)

//go:embed dist
var dist embed.FS

// Playground serves the GraphQL playground: the page at /playground, its files below. That for users is
// for development: it logs in as anybody whom the fake WeChat knows. That for administrators holds
// nothing, and asks for a key.
func Playground(o Options) http.Handler {
	ids := make([]string, 0, len(o.Apps))
	for _, app := range o.Apps {
		ids = append(ids, app.ID)
	}
	settings, err := json.Marshal(map[string]any{"apps": ids, "fake": o.FakeWeChat, "administrators": o.Administrators})
	if err != nil {
		panic(err) // strings and a truth value always have a JSON form
	}
	files, err := fs.Sub(dist, "dist/playground")
	if err != nil {
		panic(err) // the path is a valid one
	}
	document := template.Must(template.ParseFS(files, "index.html"))
	mux := http.NewServeMux()
	mux.Handle("GET /playground", page(document, o.Rand, view{Options: o, Settings: string(settings)}))
	mux.Handle("GET /playground/{$}", http.RedirectHandler("/playground", http.StatusPermanentRedirect))
	mux.Handle("GET /playground/", http.StripPrefix("/playground/", newAssets(files)))
	return mux
}
