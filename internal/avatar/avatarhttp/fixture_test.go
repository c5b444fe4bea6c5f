package avatarhttp_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"image"
	"image/color"
	"image/png"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"mpauth/internal/account"
	"mpauth/internal/authn"
	"mpauth/internal/avatar"
	"mpauth/internal/avatar/avatarhttp"
	"mpauth/internal/database"
	"mpauth/internal/database/databasetest"
	"mpauth/internal/revocation"
	"mpauth/internal/token"
)

const app = "wx0000000000000001"

// fixture is a server with the two routes, one person, and what stands behind them.
type fixture struct {
	*httptest.Server
	db     *database.DB
	store  avatar.Store
	log    bytes.Buffer
	now    time.Time
	bearer string
	limit  error // what the limit of uploads says
}

func newFixture(t *testing.T, change ...func(*avatarhttp.UploadOptions)) *fixture {
	t.Helper()
	f := &fixture{now: time.Now().UTC().Truncate(time.Second)}
	clock := func() time.Time { return f.now }
	f.db = databasetest.Open(t, dialect.SQLite)
	_, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	signing, err := token.NewKeyRing(clock, token.SigningKey{ID: "test", Private: private, SignFrom: f.now})
	require.NoError(t, err)
	access, err := token.NewAccess(token.AccessOptions{
		Issuer: "http://test", Audience: "mpauth", TTL: 10 * time.Minute, Keys: signing, Now: clock, Rand: rand.Reader,
	})
	require.NoError(t, err)
	feed := revocation.NewFeed(revocation.Options{DB: f.db, Window: 20 * time.Minute, Now: clock, Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, feed.Look(t.Context()))
	dir, err := avatar.OpenDir(t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, dir.Close()) })
	f.store = dir
	accounts := account.New(account.Options{
		DB: f.db, Avatars: f, Now: clock, Rand: rand.Reader, Log: slog.New(slog.NewTextHandler(&f.log, nil)),
	})

	user := uuid.New()
	require.NoError(t, f.db.Ent().User.Create().SetID(user).SetAppGroup(app).SetCreatedAt(f.now).Exec(t.Context()))
	raw, _, err := access.Mint(user.String(), app, uuid.NewString(), 0)
	require.NoError(t, err)
	f.bearer = "Bearer " + raw

	options := avatarhttp.UploadOptions{
		Account: accounts, Press: avatar.NewPress(), Timeout: 10 * time.Second, Now: time.Now,
		Limit: func(context.Context, uuid.UUID) error { return f.limit },
	}
	for _, c := range change {
		c(&options)
	}
	callers := authn.Authenticator{Access: access, Revocations: feed}
	mux := http.NewServeMux()
	mux.Handle("POST /avatars", callers.Middleware(avatarhttp.Upload(options)))
	mux.Handle("GET /avatars/{key}", avatarhttp.Serve(f, accounts.Log))
	f.Server = httptest.NewServer(mux)
	t.Cleanup(f.Close)
	return f
}

// The fixture stands in front of its store, so that a test can change that.

// Put implements avatar.Store.
func (f *fixture) Put(ctx context.Context, key string, picture []byte) error {
	return f.store.Put(ctx, key, picture)
}

// Get implements avatar.Store.
func (f *fixture) Get(ctx context.Context, key string) ([]byte, error) { return f.store.Get(ctx, key) }

// Delete implements avatar.Store.
func (f *fixture) Delete(ctx context.Context, key string) error { return f.store.Delete(ctx, key) }

// field is a part of a form; with a file name it is a file.
type field struct{ name, file, content string }

// form writes fields in their order.
func form(t testing.TB, fields ...field) (body []byte, contentType string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, f := range fields {
		var part io.Writer
		var err error
		if f.file != "" {
			part, err = w.CreateFormFile(f.name, f.file)
		} else {
			part, err = w.CreateFormField(f.name)
		}
		require.NoError(t, err)
		_, err = io.WriteString(part, f.content)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return b.Bytes(), w.FormDataContentType()
}

// picture is a small PNG.
func picture(t testing.TB) string {
	t.Helper()
	m := image.NewNRGBA(image.Rect(0, 0, 30, 20))
	for i := range m.Pix {
		m.Pix[i] = uint8(i)
	}
	m.SetNRGBA(0, 0, color.NRGBA{})
	var b bytes.Buffer
	require.NoError(t, png.Encode(&b, m))
	return b.String()
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

// send sends a request with pairs of header name and value.
func (f *fixture) send(t testing.TB, method, path string, body io.Reader, headers ...string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, f.URL+path, body)
	require.NoError(t, err)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return f.do(t, r)
}

func (f *fixture) do(t testing.TB, r *http.Request) answer {
	t.Helper()
	response, err := f.Client().Do(r)
	require.NoError(t, err)
	defer func() { require.NoError(t, response.Body.Close()) }()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return answer{response.StatusCode, response.Header, string(body)}
}

// upload sends a form as the person.
func (f *fixture) upload(t testing.TB, fields ...field) answer {
	t.Helper()
	body, kind := form(t, fields...)
	return f.send(t, http.MethodPost, "/avatars", bytes.NewReader(body), "Content-Type", kind, "Authorization", f.bearer)
}
