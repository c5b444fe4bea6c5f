package e2e_test

import (
	"bytes"
	"encoding/json"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/stretchr/testify/require"
)

const (
	setAvatar     = `mutation ($key: String!) { updateUser(input: {avatarKey: $key}) { user { avatarUrl hasProfile } } }`
	setBoth       = `mutation ($key: String!, $name: String!) { updateUser(input: {avatarKey: $key, nickname: $name}) { user { avatarUrl hasProfile } } }`
	removeProfile = `mutation { updateUser(input: {removeProfile: true}) { user { avatarUrl hasProfile } } }`
)

// photograph is a JPEG of one colour.
func photograph(t testing.TB, width, height int, shade uint8) []byte {
	t.Helper()
	m := image.NewGray(image.Rect(0, 0, width, height))
	for i := range m.Pix {
		m.Pix[i] = shade
	}
	var b bytes.Buffer
	require.NoError(t, jpeg.Encode(&b, m, nil))
	return b.Bytes()
}

// upload sends a picture as wx.uploadFile does, and returns the answer.
func upload(t testing.TB, base, token string, picture []byte) (status int, fields map[string]any) {
	t.Helper()
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	require.NoError(t, form.WriteField("user", "me"))
	part, err := form.CreateFormFile("file", "tmp_1.jpg")
	require.NoError(t, err)
	_, err = part.Write(picture)
	require.NoError(t, err)
	require.NoError(t, form.Close())
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+"/avatars", &b)
	require.NoError(t, err)
	request.Header.Set("Content-Type", form.FormDataContentType())
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := web.Do(request)
	require.NoError(t, err)
	defer func() { require.NoError(t, response.Body.Close()) }()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(body, &fields), string(body))
	return response.StatusCode, fields
}

// uploaded is upload for when it must succeed.
func uploaded(t testing.TB, base, token string, picture []byte) (key string) {
	t.Helper()
	status, fields := upload(t, base, token, picture)
	require.Equal(t, http.StatusOK, status, "%v", fields)
	return fields["avatarKey"].(string)
}

// s3Settings name an S3 in memory (gofakes3) with an empty bucket.
func s3Settings(t testing.TB) (s settings, objects func() int) {
	t.Helper()
	backend := s3mem.New()
	require.NoError(t, backend.CreateBucket("pictures"))
	server := httptest.NewServer(gofakes3.New(backend).Server())
	t.Cleanup(server.Close)
	return settings{
			"AVATARS":       "s3://pictures/mpauth?region=us-east-1&endpoint=" + server.URL,
			"S3_ACCESS_KEY": "mpauth", "S3_SECRET_KEY": "a secret of the store",
		}, func() int {
			list, err := backend.ListBucket("pictures", nil, gofakes3.ListBucketPage{})
			require.NoError(t, err)
			return len(list.Contents)
		}
}

func TestAvatar(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	inDir := func() int {
		found, err := filepath.Glob(filepath.Join(data, "avatars", "*", "*"))
		require.NoError(t, err)
		return len(found)
	}
	s3, inS3 := s3Settings(t)
	for name, c := range map[string]struct {
		settings settings
		files    func() int
	}{
		"dir": {settings{"DATA": data}, inDir},
		"s3":  {s3, inS3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// Going over a photograph under the race detector takes many times as long as it does.
			p := start(t, c.settings.with(settings{"REQUEST_TIMEOUT": "1m"}))
			base, fake := p.url(), p.url()+"/fakewechat"
			ann := logIn(t, base, fake, "ann")

			first := uploaded(t, base, ann.token, photograph(t, 1500, 1000, 40))
			require.Empty(t, ask(t, base, ann.token, `{ me { avatarUrl } }`, nil).text("me.avatarUrl"))
			a := must(t, base, ann.token, setAvatar, map[string]any{"key": first})
			address := a.text("updateUser.user.avatarUrl")
			require.Equal(t, base+"/avatars/"+first, address)
			require.Equal(t, false, a.at("updateUser.user.hasProfile"))
			shown := get(t, address)
			require.Equal(t, http.StatusOK, shown.status)
			require.Equal(t, "image/jpeg", shown.header.Get("Content-Type"))
			picture, err := jpeg.Decode(strings.NewReader(shown.body))
			require.NoError(t, err)
			require.Equal(t, image.Rect(0, 0, 640, 427), picture.Bounds())
			require.InDelta(t, 40, color.GrayModel.Convert(picture.At(300, 200)).(color.Gray).Y, 3)

			second := uploaded(t, base, ann.token, photograph(t, 100, 100, 200))
			a = must(t, base, ann.token, setBoth, map[string]any{"key": second, "name": "Ann"})
			require.Equal(t, true, a.at("updateUser.user.hasProfile"))
			require.Equal(t, http.StatusNotFound, get(t, address).status, "the one before is gone")
			address = a.text("updateUser.user.avatarUrl")
			require.Equal(t, http.StatusOK, get(t, address).status)
			require.Equal(t, 1, c.files())

			bob := logIn(t, base, fake, "bob")
			for _, key := range []string{first, second} {
				require.Equal(t, "NOT_FOUND", ask(t, base, bob.token, setAvatar, map[string]any{"key": key}).code())
			}
			require.Equal(t, "BAD_INPUT", ask(t, base, bob.token, setAvatar, map[string]any{"key": address}).code())

			a = must(t, base, ann.token, removeProfile, nil)
			require.Nil(t, a.at("updateUser.user.avatarUrl"))
			require.Equal(t, http.StatusNotFound, get(t, address).status)
			require.Zero(t, c.files())

			status, refused := upload(t, base, "no token", photograph(t, 10, 10, 0))
			require.Equal(t, http.StatusUnauthorized, status)
			require.Equal(t, "RELOGIN", refused["action"])
			status, refused = upload(t, base, ann.token, []byte("<html>"))
			require.Equal(t, http.StatusUnsupportedMediaType, status)
			require.Equal(t, "BAD_INPUT", refused["code"])
			require.Zero(t, c.files())
			require.NotContains(t, p.stderr.String(), "pictures cannot be kept")
		})
	}
}

// A picture that was acknowledged is there after a crash, and uploads are limited.
func TestAvatarSurvivesACrash(t *testing.T) {
	t.Parallel()
	s := settings{"DATA": t.TempDir()}
	p := start(t, s)
	ann := logIn(t, p.url(), p.url()+"/fakewechat", "ann")
	var b bytes.Buffer
	require.NoError(t, png.Encode(&b, image.NewRGBA(image.Rect(0, 0, 5, 5))))
	key := uploaded(t, p.url(), ann.token, b.Bytes())
	must(t, p.url(), ann.token, setAvatar, map[string]any{"key": key})
	p.kill(t)

	p = start(t, s)
	shown := get(t, p.url()+"/avatars/"+key)
	require.Equal(t, http.StatusOK, shown.status)
	require.Equal(t, "image/png", shown.header.Get("Content-Type"))
	renewed := must(t, p.url(), "", refreshToken, map[string]any{"token": ann.refresh})
	token := renewed.text("refreshToken.token")
	require.Equal(t, p.url()+"/avatars/"+key, must(t, p.url(), token, `{ me { avatarUrl } }`, nil).text("me.avatarUrl"))
	for range 5 {
		uploaded(t, p.url(), token, b.Bytes())
	}
	status, refused := upload(t, p.url(), token, b.Bytes())
	require.Equal(t, http.StatusTooManyRequests, status)
	require.Equal(t, "RATE_LIMITED", refused["code"])
	require.Greater(t, refused["retryAfterMs"], 1000.0)
}

func TestAvatarsThatAreOffOrAway(t *testing.T) {
	t.Parallel()
	off := start(t, settings{"AVATARS": "off"})
	require.Equal(t, http.StatusNotFound, get(t, off.url()+"/avatars/"+strings.Repeat("a", 32)).status)
	s, _ := s3Settings(t)
	s["AVATARS"] = "s3://no-such-bucket?region=us-east-1&endpoint=http://127.0.0.1:1"
	away := start(t, s)
	ann := logIn(t, away.url(), away.url()+"/fakewechat", "ann")
	status, refused := upload(t, away.url(), ann.token, photograph(t, 10, 10, 0))
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Equal(t, "RETRY", refused["action"])
	eventually(t, func() bool { return strings.Contains(away.stderr.String(), "pictures cannot be kept") }, "the operator is told")
	require.NotContains(t, away.stderr.String(), s["S3_SECRET_KEY"])
}
