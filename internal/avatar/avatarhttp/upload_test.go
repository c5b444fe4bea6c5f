package avatarhttp_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mpauth/internal/avatar"
	"mpauth/internal/avatar/avatarhttp"
	"mpauth/internal/fault"
)

// keyOf wants an answer to be a key.
func keyOf(t *testing.T, a answer) string {
	t.Helper()
	require.Equal(t, http.StatusOK, a.status, a.body)
	var got map[string]string
	require.NoError(t, json.Unmarshal([]byte(a.body), &got))
	require.Len(t, got, 1)
	require.True(t, avatar.IsKey(got["avatarKey"]), a.body)
	return got["avatarKey"]
}

// requireRefused wants an answer in JSON, with a code, and nothing stored.
func (f *fixture) requireRefused(t *testing.T, status int, code fault.Code, message string, a answer) {
	t.Helper()
	require.Equal(t, status, a.status, a.body)
	require.Equal(t, "application/json", a.header.Get("Content-Type"))
	require.Equal(t, "no-store", a.header.Get("Cache-Control"))
	require.Equal(t, "nosniff", a.header.Get("X-Content-Type-Options"))
	var got map[string]any
	require.NoError(t, json.Unmarshal([]byte(a.body), &got), a.body)
	require.Equal(t, string(code), got["code"], a.body)
	require.Equal(t, string(code.Action()), got["action"])
	require.Contains(t, got["message"], message)
}

func TestUploadInAnyOrder(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	file := field{"file", "../../etc/passwd.png", picture(t)}
	a, b := field{name: "user", content: "somebody else"}, field{name: "map", content: "{}"}
	seen := map[string]bool{}
	for _, fields := range [][]field{
		{file}, {a, file}, {file, a}, {a, file, b}, {b, a, file}, {{name: "file", content: picture(t)}}, {{name: "", content: "x"}, file},
		{{"other", "other.png", picture(t)}, file}, {{name: "long", content: strings.Repeat("x", 64<<10)}, file},
	} {
		key := keyOf(t, f.upload(t, fields...))
		require.False(t, seen[key])
		seen[key] = true
		kept, err := f.store.Get(t.Context(), key)
		require.NoError(t, err)
		require.Equal(t, "image/png", avatar.MediaType(kept))
		row := f.db.Ent().Avatar.GetX(t.Context(), key)
		require.Equal(t, "uploaded", row.State.String())
		require.Equal(t, f.now, row.CreatedAt)
	}
	require.Len(t, seen, f.db.Ent().Avatar.Query().CountX(t.Context()))
}

func TestUploadsThatAreNotTaken(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	file := field{"file", "a.png", picture(t)}
	many := make([]field, 33)
	for i := range many {
		many[i] = field{name: "n", content: "x"}
	}
	body, kind := form(t, file)
	raw := func(body, contentType string) answer {
		t.Helper()
		return f.send(t, http.MethodPost, "/avatars", strings.NewReader(body), "Content-Type", contentType, "Authorization", f.bearer)
	}
	const form400, form415 = http.StatusBadRequest, http.StatusUnsupportedMediaType
	for name, c := range map[string]struct {
		got     answer
		status  int
		message string
	}{
		"no file":              {f.upload(t, field{name: "user", content: "x"}), form400, "no field file"},
		"another field":        {f.upload(t, field{"avatar", "a.png", file.content}), form400, "no field file"},
		"an empty form":        {f.upload(t), form400, "no field file"},
		"two files":            {f.upload(t, file, file), form400, "more than one"},
		"too many fields":      {f.upload(t, append(many, file)...), form400, "too many"},
		"too long fields":      {f.upload(t, field{name: "a", content: strings.Repeat("x", 40<<10)}, field{name: "b", content: strings.Repeat("x", 40<<10)}, file), form400, "too many or too long"},
		"an empty file":        {f.upload(t, field{name: "file", file: "a.png"}), form415, "not a JPEG, PNG, GIF or WebP"},
		"a page":               {f.upload(t, field{"file", "a.png", "<html><script>alert(1)</script>"}), form415, "not a JPEG, PNG, GIF or WebP"},
		"SVG":                  {f.upload(t, field{"file", "a.svg", "<svg/>"}), form415, "not a JPEG, PNG, GIF or WebP"},
		"half a picture":       {f.upload(t, field{"file", "a.png", file.content[:len(file.content)/2]}), form400, "damaged"},
		"too many pixels":      {f.upload(t, field{"file", "a.gif", "GIF89a\xff\xff\xff\xff\x00\x00\x00;"}), http.StatusRequestEntityTooLarge, "too many pixels"},
		"a file too large":     {f.upload(t, field{"file", "a.jpg", "\xff\xd8\xff" + strings.Repeat("x", avatar.MaxUpload-2)}), http.StatusRequestEntityTooLarge, "larger than 10 MB"},
		"a body too large":     {f.upload(t, field{"file", "a.jpg", strings.Repeat("x", avatar.MaxUpload+1<<20)}), http.StatusRequestEntityTooLarge, "larger than 10 MB"},
		"half a form":          {raw(string(body[:len(body)-10]), kind), form400, "damaged or incomplete"},
		"a quarter of a form":  {raw(string(body[:60]), kind), form400, "damaged or incomplete"},
		"another boundary":     {raw(string(body), "multipart/form-data; boundary=other"), form400, "damaged or incomplete"},
		"no boundary":          {raw(string(body), "multipart/form-data"), form415, "send a form"},
		"another multipart":    {raw(string(body), strings.Replace(kind, "form-data", "mixed", 1)), form415, "send a form"},
		"a plain picture":      {raw(file.content, "image/png"), form415, "send a form"},
		"a form in a URL":      {raw("file=x", "application/x-www-form-urlencoded"), form415, "send a form"},
		"JSON":                 {raw(`{"file":"x"}`, "application/json"), form415, "send a form"},
		"no type":              {raw(string(body), ""), form415, "send a form"},
		"a type that is none":  {raw(string(body), ";;"), form415, "send a form"},
		"a boundary of nobody": {raw("", kind), form400, "damaged or incomplete"},
	} {
		f.requireRefused(t, c.status, fault.BadInput, c.message, c.got)
		require.NotContains(t, c.got.body, "script", name)
	}
	require.Zero(t, f.db.Ent().Avatar.Query().CountX(t.Context()))
	require.Empty(t, f.log.String(), "mistakes of clients are no errors of the server")
}

// endless is a body that never ends, and counts what was read of it.
type endless struct {
	head []byte
	fill byte
	read atomic.Int64
}

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, e.head)
	e.head = e.head[n:]
	for i := n; i < len(p); i++ {
		p[i] = e.fill
	}
	e.read.Add(int64(len(p)))
	return len(p), nil
}

func TestOversizeUploadInChunks(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	body, kind := form(t, field{"file", "a.jpg", "\xff\xd8\xff"})
	source := &endless{fill: 'x', head: body[:bytes.Index(body, []byte("\xff\xd8\xff"))+3]}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.URL+"/avatars", io.NopCloser(source))
	require.NoError(t, err)
	r.Header.Set("Content-Type", kind)
	r.Header.Set("Authorization", f.bearer)
	f.requireRefused(t, http.StatusRequestEntityTooLarge, fault.BadInput, "larger than 10 MB", f.do(t, r))
	require.Less(t, source.read.Load(), int64(avatar.MaxUpload+8<<20), "it was not read for ever")

	r, err = http.NewRequestWithContext(t.Context(), http.MethodPost, f.URL+"/avatars", io.NopCloser(&endless{fill: '\n'})) // no form ever begins
	require.NoError(t, err)
	r.Header.Set("Content-Type", kind)
	r.Header.Set("Authorization", f.bearer)
	f.requireRefused(t, http.StatusRequestEntityTooLarge, fault.BadInput, "larger than 10 MB", f.do(t, r))
}

func TestUploadNeedsALogin(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	body, kind := form(t, field{"file", "a.jpg", "\xff\xd8\xff" + strings.Repeat("x", 5<<20)})
	send := func(bearer string) answer {
		t.Helper()
		return f.send(t, http.MethodPost, "/avatars", bytes.NewReader(body), "Content-Type", kind, "Authorization", bearer)
	}
	f.requireRefused(t, http.StatusUnauthorized, fault.Unauthenticated, "needs a login", f.send(t, http.MethodPost, "/avatars", bytes.NewReader(body), "Content-Type", kind))
	for _, bearer := range []string{"Bearer x", "Basic dTpw", f.bearer[:len(f.bearer)-2]} {
		got := send(bearer)
		f.requireRefused(t, http.StatusUnauthorized, fault.Unauthenticated, "", got)
		require.Equal(t, "Bearer", got.header.Get("WWW-Authenticate"))
	}
	f.now = f.now.Add(11 * time.Minute)
	f.requireRefused(t, http.StatusServiceUnavailable, fault.Unavailable, "", func() answer {
		require.NoError(t, f.db.SQL.Close())
		f.now = f.now.Add(-5 * time.Minute)
		return send(f.bearer)
	}())
	f.now = f.now.Add(5 * time.Minute)
	f.requireRefused(t, http.StatusUnauthorized, fault.TokenExpired, "time is over", send(f.bearer))
}

func TestUploadTooOften(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	limited := fault.New(fault.RateLimited, "wait")
	limited.RetryAfter = 1500 * time.Millisecond
	f.limit = limited
	got := f.upload(t, field{"file", "a.png", picture(t)})
	f.requireRefused(t, http.StatusTooManyRequests, fault.RateLimited, "wait", got)
	require.Equal(t, "2", got.header.Get("Retry-After"))
	require.Contains(t, got.body, `"retryAfterMs":1500`)
	f.limit = nil
	keyOf(t, f.upload(t, field{"file", "a.png", picture(t)}))
}

// A phone sends everything before it reads anything: the answer must still be there then.
func TestRefusalReachesWhoSendsFirst(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.bearer = "Bearer x"
	conn, answer := f.slow(t, "Content-Length: "+strconv.Itoa(avatar.MaxUpload))
	_, err := io.WriteString(conn, strings.Repeat("x", avatar.MaxUpload))
	require.NoError(t, err)
	require.Contains(t, answer(), `"action":"RELOGIN"`)
}

// slow sends the beginning of an upload; what it returns waits for the answer.
func (f *fixture) slow(t *testing.T, declared string) (net.Conn, func() string) {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", f.Listener.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	_, err = io.WriteString(conn, "POST /avatars HTTP/1.1\r\nHost: x\r\nAuthorization: "+f.bearer+"\r\nContent-Type: multipart/form-data; boundary=b\r\n"+
		declared+"\r\n\r\n")
	require.NoError(t, err)
	return conn, func() string {
		t.Helper()
		require.NoError(t, conn.SetReadDeadline(time.Now().Add(30*time.Second)))
		got := make([]byte, 4096)
		n, err := conn.Read(got)
		require.NoError(t, err)
		return string(got[:n])
	}
}

func TestUploadThatDoesNotArrive(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(o *avatarhttp.UploadOptions) {
		o.Now = func() time.Time { return time.Now().Add(-19 * time.Second) } // the time is nearly over
	})
	conn, answer := f.slow(t, "Content-Length: 1000")
	_, err := io.WriteString(conn, "--b\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nGIF8")
	require.NoError(t, err)
	got := answer()
	require.Contains(t, got, "408 Request Timeout")
	require.Contains(t, got, `"code":"UNAVAILABLE"`)
	require.Contains(t, got, `"action":"RETRY"`)
}

// What is being received at one time is bounded, whether or not it is told how much is to come.
func TestUploadsAtOnceTakeBoundedMemory(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	file := field{"file", "a.png", picture(t)}
	var stalled []net.Conn
	require.Eventually(t, func() bool {
		conn, _ := f.slow(t, "Transfer-Encoding: chunked")
		stalled = append(stalled, conn)
		body, kind := form(t, file)
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.URL+"/avatars", io.NopCloser(bytes.NewReader(body)))
		require.NoError(t, err)
		r.Header.Set("Content-Type", kind)
		r.Header.Set("Authorization", f.bearer)
		got := f.do(t, r)
		if got.status == http.StatusOK {
			return false
		}
		f.requireRefused(t, http.StatusServiceUnavailable, fault.Unavailable, "too many pictures", got)
		require.Equal(t, "1", got.header.Get("Retry-After"))
		return true
	}, 30*time.Second, time.Millisecond)
	require.InDelta(t, 6, len(stalled), 2)
	keyOf(t, f.upload(t, file)) // a small one still finds room
	for _, conn := range stalled {
		require.NoError(t, conn.Close())
	}
	require.Eventually(t, func() bool {
		return f.upload(t, field{"file", "a.jpg", strings.Repeat("x", 9<<20)}).status != http.StatusServiceUnavailable
	},
		30*time.Second, 10*time.Millisecond, "what was held is given back")
	for range 10 { // more than all of the memory, one after the other
		keyOf(t, f.upload(t, field{"file", "a.png", file.content + strings.Repeat("x", 8<<20)}))
	}
}

// failing is a store that is away.
type failing struct{ avatar.Store }

var errAway = errors.New("dial tcp: away")

// Put implements avatar.Store.
func (failing) Put(context.Context, string, []byte) error { return errAway }

// Get implements avatar.Store.
func (failing) Get(context.Context, string) ([]byte, error) { return nil, errAway }

func TestStoreThatIsAway(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	key := keyOf(t, f.upload(t, field{"file", "a.png", picture(t)}))
	f.store = failing{f.store}
	for _, got := range []answer{f.upload(t, field{"file", "a.png", picture(t)}), f.send(t, http.MethodGet, "/avatars/"+key, nil)} {
		f.requireRefused(t, http.StatusServiceUnavailable, fault.Unavailable, "try again", got)
		require.NotContains(t, got.body, "dial")
	}
	require.Equal(t, 2, strings.Count(f.log.String(), errAway.Error()), "the log says what the answer does not")
}

func TestPictureThatCannotBeMadeInTime(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(o *avatarhttp.UploadOptions) { o.Timeout = 0 })
	f.requireRefused(t, http.StatusServiceUnavailable, fault.Unavailable, "in time", f.upload(t, field{"file", "a.png", picture(t)}))
}
