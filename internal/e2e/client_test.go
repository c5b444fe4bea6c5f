package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	appID     = "wx0000000000e2e001"
	appSecret = "0e2e5ec2e70e2e5ec2e70e2e5ec2e71f"
)

// answer is what a GraphQL request came back with.
type answer struct {
	status int
	raw    string
	Data   map[string]any
	Errors []struct {
		Message    string
		Extensions map[string]any
	}
}

// code is the error code of the answer, or "" when it has none.
func (a answer) code() string {
	if len(a.Errors) == 0 {
		return ""
	}
	code, _ := a.Errors[0].Extensions["code"].(string)
	return code
}

// retryable is whether a client is told to send the same again: a busy server may say so of anything.
func (a answer) retryable() bool {
	return len(a.Errors) > 0 && a.Errors[0].Extensions["retryable"] == true
}

// at is the value under a path such as "me.phone.number".
func (a answer) at(path string) any {
	var node any = a.Data
	for name := range strings.SplitSeq(path, ".") {
		object, _ := node.(map[string]any)
		node = object[name]
	}
	return node
}

func (a answer) text(path string) string {
	text, _ := a.at(path).(string)
	return text
}

// web keeps no connection alive: a connection that outlives a killed server would be a fault of ours.
var web = &http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableKeepAlives: true}}

// try sends a GraphQL request. The error means that there was no whole answer.
func try(base, token, query string, variables map[string]any) (a answer, err error) {
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		return a, err
	}
	request, err := http.NewRequest(http.MethodPost, base+"/graphql", bytes.NewReader(body))
	if err != nil {
		return a, err
	}
	request.Header.Set("Content-Type", "application/json")
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := web.Do(request)
	if err != nil {
		return a, err
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		return a, err
	}
	a.status, a.raw = response.StatusCode, string(raw)
	return a, json.Unmarshal(raw, &a)
}

// ask is try for when the server must answer.
func ask(t testing.TB, base, token, query string, variables map[string]any) answer {
	t.Helper()
	a, err := try(base, token, query, variables)
	require.NoError(t, err)
	return a
}

// persist is ask for a client that does what it is told: as long as the answer says so, it sends the same again.
func persist(t testing.TB, base, token, query string, variables map[string]any) (a answer) {
	t.Helper()
	eventually(t, func() bool {
		a = ask(t, base, token, query, variables)
		return !a.retryable()
	}, "the request is answered")
	return a
}

// must is persist for when it must also succeed.
func must(t testing.TB, base, token, query string, variables map[string]any) answer {
	t.Helper()
	a := persist(t, base, token, query, variables)
	require.Empty(t, a.code(), a.raw)
	require.Equal(t, http.StatusOK, a.status)
	return a
}

// control steers the fake of WeChat that stands at base, through its control API.
func control(t testing.TB, base, name string, request map[string]any) map[string]any {
	t.Helper()
	got, err := tryControl(base, name, request)
	require.NoError(t, err)
	return got
}

func tryControl(base, name string, request map[string]any) (got map[string]any, err error) {
	if request == nil {
		request = map[string]any{}
	}
	body, err := json.Marshal(request)
	if err != nil {
		return nil, err
	}
	response, err := web.Post(base+"/_control/"+name, "application/json", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", name, raw)
	}
	return got, json.Unmarshal(raw, &got)
}

// newCode is a login or phone code for a person, who is any word.
func newCode(t testing.TB, fake, kind, person string) string {
	t.Helper()
	code, _ := control(t, fake, kind, map[string]any{"user": person})["code"].(string)
	require.NotEmpty(t, code)
	return code
}

// The operations of a client, as the README shows them.
const (
	silentLogin = `mutation ($input: SilentLoginInput!) {
		silentLogin(input: $input) { token expiresIn refreshToken isNewUser user { id authStep missing hasUnionId } } }`
	refreshToken = `mutation ($token: String!) { refreshToken(input: {refreshToken: $token}) { token refreshToken user { id } } }`
	updatePhone  = `mutation ($code: String!) { updatePhone(input: {code: $code}) { user { authStep missing phone { masked countryCode number } } } }`
	updateUser   = `mutation ($name: String!) { updateUser(input: {nickname: $name}) { user { nickname authStep missing } } }`
	logout       = `mutation ($scope: LogoutScope!) { logout(input: {scope: $scope}) { ok } }`
	me           = `{ me { id nickname hasProfile hasPhone authStep missing phone { number } } }`
	sessions     = `{ sessions { id current device { name platform sdkVersion } } }`
)

// login is what a person holds after silentLogin.
type login struct {
	user, token, refresh string
	isNew                bool
}

// logIn logs a person in on a server whose WeChat is the fake.
func logIn(t testing.TB, base, fake, person string) login {
	t.Helper()
	a := must(t, base, "", silentLogin, map[string]any{"input": map[string]any{"code": newCode(t, fake, "login-code", person)}})
	isNew, _ := a.at("silentLogin.isNewUser").(bool)
	return login{a.text("silentLogin.user.id"), a.text("silentLogin.token"), a.text("silentLogin.refreshToken"), isNew}
}

// reply is an answer to a plain request.
type reply struct {
	status int
	header http.Header
	body   string
}

// get sends a plain GET, with pairs of header name and value; "Host" is the host that it is for.
func get(t testing.TB, url string, headers ...string) reply {
	t.Helper()
	r, err := tryGet(url, headers...)
	require.NoError(t, err)
	return r
}

func tryGet(url string, headers ...string) (reply, error) {
	request, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return reply{}, err
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	request.Host = request.Header.Get("Host")
	response, err := web.Do(request)
	if err != nil {
		return reply{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return reply{response.StatusCode, response.Header, string(body)}, err
}
