package avatarhttp

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"mpauth/internal/authn"
	"mpauth/internal/avatar"
	"mpauth/internal/fault"
)

// Serve answers GET /avatars/{key} with the picture, to anyone: the key is what has to be known.
//
// A picture never changes, so it may be kept; for a day and no longer, because it must be gone
// everywhere a day after the person has taken it back.
func Serve(store avatar.Store, log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Content-Security-Policy", "default-src 'none'; sandbox")
		key := r.PathValue("key")
		picture, err := get(r, store, key)
		if err != nil {
			if fault.CodeOf(err) != fault.NotFound {
				log.ErrorContext(r.Context(), "a picture was not served", "error", err)
			}
			authn.Refuse(w, err)
			return
		}
		kind, name := "image/jpeg", "avatar.jpg"
		if avatar.MediaType(picture) == "image/png" {
			kind, name = "image/png", "avatar.png"
		}
		header.Set("Content-Type", kind)
		header.Set("Content-Disposition", `inline; filename="`+name+`"`)
		header.Set("Cache-Control", "public, max-age=86400, immutable")
		header.Set("ETag", `"`+key+`"`)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(picture))
	})
}

func get(r *http.Request, store avatar.Store, key string) ([]byte, error) {
	missing := fault.New(fault.NotFound, "there is no such picture")
	if !avatar.IsKey(key) {
		return nil, missing
	}
	picture, err := store.Get(r.Context(), key)
	switch {
	case errors.Is(err, avatar.ErrNotFound):
		return nil, missing
	case err != nil:
		return nil, fault.Wrap(fault.Unavailable, "the picture cannot be read now; try again", err)
	case avatar.MediaType(picture) == "":
		return nil, fault.Wrap(fault.NotFound, missing.Message, errors.New("what is stored is no picture"))
	}
	return picture, nil
}
