package e2e_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"mpauth/internal/database"
	"mpauth/internal/wechat/wechatfake"
)

// The kinds of values that an answer may show to the person they belong to.
var (
	ownTokens = []string{"access token", "refresh token"}
	ownPhone  = []string{"phone number"}
)

// ask sends a request and keeps the answer for the search.
func (c *canaries) ask(t *testing.T, token, query string, variables map[string]any, mayShow ...string) answer {
	t.Helper()
	a := ask(t, c.base, token, query, variables)
	c.heard(query, a.raw, mayShow...)
	return a
}

func (c *canaries) heard(to, text string, mayShow ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answers = append(c.answers, spoken{strings.Join(strings.Fields(to), " "), text, mayShow})
}

// send sends bytes as they are, and keeps headers and body of the answer.
func (c *canaries) send(t *testing.T, method, path, body string, headers ...string) {
	t.Helper()
	c.sendEchoed(t, method, path, body, nil, headers...)
}

// sendEchoed is send for a request whose sender may read some of it again in the answer.
func (c *canaries) sendEchoed(t *testing.T, method, path, body string, mayShow []string, headers ...string) {
	t.Helper()
	request, err := http.NewRequest(method, c.base+path, strings.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := web.Do(request)
	if err != nil && len(body) > 64<<10 {
		return // refused and cut before it was sent
	}
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	var all bytes.Buffer
	require.NoError(t, response.Header.Write(&all))
	_, err = io.Copy(&all, response.Body)
	require.NoError(t, err)
	c.heard(method+" "+path[:min(len(path), 12)], all.String(), mayShow...)
}

func (c *canaries) loginInput(app, person string) map[string]any {
	n := len(c.answers)
	return map[string]any{
		"appId":  app,
		"code":   c.fresh("login code", c.fake.LoginCode(app, person)),
		"nonce":  c.note(fmt.Sprintf("nonce %d", n), fmt.Sprintf("canary-nonce-%d-%s", n, person)),
		"device": map[string]any{"id": "device-" + person, "name": plantedDevice},
	}
}

// logIn logs a person in and notes what they hold.
func (c *canaries) logIn(t *testing.T, app, person string) login {
	t.Helper()
	a := c.ask(t, "", silentLogin, map[string]any{"input": c.loginInput(app, person)}, ownTokens...)
	require.Empty(t, a.code(), a.raw)
	c.note("session key of "+person, c.fake.SessionKey(app, person))
	c.note("phone number of "+person, c.fake.PhoneNumber(person))
	return login{
		user:    a.text("silentLogin.user.id"),
		token:   c.fresh("access token", a.text("silentLogin.token")),
		refresh: c.fresh("refresh token", a.text("silentLogin.refreshToken")),
	}
}

// runEverything calls each verb, with what is right and with what is refused.
func (c *canaries) runEverything(t *testing.T) {
	t.Helper()
	app := c.apps[0]
	c.note("nonce 1", "canary-nonce-of-the-first-login")
	input := c.loginInput(app, "alice")
	input["nonce"] = c.values["nonce 1"]
	first := c.ask(t, "", silentLogin, map[string]any{"input": input}, ownTokens...)
	again := c.ask(t, "", silentLogin, map[string]any{"input": input}, ownTokens...)
	require.Equal(t, first.text("silentLogin.refreshToken"), again.text("silentLogin.refreshToken"))
	input["nonce"] = c.note("nonce other", "canary-nonce-of-somebody-else")
	require.Equal(t, "LOGIN_CODE_INVALID", c.ask(t, "", silentLogin, map[string]any{"input": input}).code())

	alice, bob := c.logIn(t, app, "alice"), c.logIn(t, app, "bob")
	c.send(t, http.MethodGet, "/verify?step=TWO", "", "Authorization", "Bearer "+alice.token, "X-Request-Id", plantedID)
	c.ask(t, alice.token, `{ mustAuth(step: THREE, need: [PHONE]) { id } }`, nil)
	c.ask(t, alice.token, `mutation { checkSessionKey }`, nil)
	require.Contains(t, c.ask(t, alice.token, updateUser, map[string]any{"name": plantedName}).raw, plantedName)
	require.Equal(t, "CONTENT_RISKY", c.ask(t, alice.token, updateUser, map[string]any{"name": "违规"}).code())
	c.givePhones(t, app, alice, bob)
	c.giveProfile(t, app, alice)
	for _, query := range []string{me, sessions, `{ authFlow(appId: "` + app + `") { flow } }`} {
		require.Empty(t, c.ask(t, alice.token, query, nil, ownPhone...).code())
	}
	c.leave(t, alice, bob)
	for _, path := range []string{"/", "/livez", "/readyz", "/.well-known/jwks.json", "/fakewechat/"} {
		c.send(t, http.MethodGet, path, "")
	}
}

const updatePhoneEncrypted = `mutation ($iv: String!, $data: String!) {
	updatePhone(input: {encrypted: {iv: $iv, encryptedData: $data}}) { user { phone { number } } } }`

// givePhones binds numbers, in both ways, and fails to in all ways.
func (c *canaries) givePhones(t *testing.T, app string, alice, bob login) {
	t.Helper()
	phone := func(person, number string) map[string]any {
		return map[string]any{"code": c.fresh("phone code", c.fake.PhoneCode(app, person, number))}
	}
	taken := c.note("phone number taken", "13700001234")
	code := phone("alice", taken)
	for range 2 {
		require.Empty(t, c.ask(t, alice.token, updatePhone, code, ownPhone...).code())
	}
	require.Equal(t, "PHONE_CODE_INVALID", c.ask(t, bob.token, updatePhone, code).code())
	require.Equal(t, "PHONE_TAKEN", c.ask(t, bob.token, updatePhone, phone("bob", taken)).code())

	sealed, err := c.fake.Encrypt(app, "alice", wechatfake.KindPhone, nil)
	require.NoError(t, err)
	data := map[string]any{"iv": c.note("iv", sealed.IV), "data": c.note("encryptedData", sealed.EncryptedData)}
	require.Empty(t, c.ask(t, alice.token, updatePhoneEncrypted, data, ownPhone...).code())
	require.Equal(t, "DECRYPT_WX_OPEN_DATA_FAIL", c.ask(t, bob.token, updatePhoneEncrypted, data).code())
	data["data"] = "AAAA" + sealed.EncryptedData[4:]
	require.Equal(t, "DECRYPT_WX_OPEN_DATA_FAIL", c.ask(t, alice.token, updatePhoneEncrypted, data).code())
}

func (c *canaries) giveProfile(t *testing.T, app string, alice login) {
	t.Helper()
	sealed, err := c.fake.Encrypt(app, "alice", wechatfake.KindProfile, nil)
	require.NoError(t, err)
	c.note("iv of the profile", sealed.IV)
	c.note("encryptedData of the profile", sealed.EncryptedData)
	c.note("signature", sealed.Signature)
	a := c.ask(t, alice.token, `mutation ($p: EncryptedProfileInput!) { updateUser(input: {encrypted: $p}) { user { nickname } } }`,
		map[string]any{"p": map[string]any{"iv": sealed.IV, "encryptedData": sealed.EncryptedData, "rawData": sealed.RawData, "signature": sealed.Signature}})
	require.Empty(t, a.code(), a.raw)
}

// leave refreshes, reuses, revokes and logs out.
func (c *canaries) leave(t *testing.T, alice, bob login) {
	t.Helper()
	next := alice.refresh
	for range 3 {
		a := c.ask(t, "", refreshToken, map[string]any{"token": next}, ownTokens...)
		next = c.fresh("refresh token", a.text("refreshToken.refreshToken"))
		c.fresh("access token", a.text("refreshToken.token"))
	}
	require.Equal(t, "SESSION_REVOKED", c.ask(t, "", refreshToken, map[string]any{"token": alice.refresh}).code())
	require.Equal(t, "SESSION_REVOKED", c.ask(t, alice.token, me, nil).code())
	require.Empty(t, c.ask(t, bob.token, `mutation { unbindPhone { user { id } } }`, nil).code())
	require.Equal(t, "NOT_FOUND", c.ask(t, bob.token, `mutation { revokeSession(id: "00000000-0000-4000-8000-000000000000") { ok } }`, nil).code())
	require.Empty(t, c.ask(t, bob.token, logout, map[string]any{"scope": "ALL"}).code())
	require.Equal(t, "SESSION_REVOKED", c.ask(t, bob.token, me, nil).code())
}

// runFaults meets everything that WeChat can do to a call, with every call that carries a secret.
func (c *canaries) runFaults(t *testing.T) {
	t.Helper()
	faults := []wechatfake.Fault{
		{Kind: wechatfake.FaultErrCode, ErrCode: -1}, {Kind: wechatfake.FaultErrCode, ErrCode: 40029},
		{Kind: wechatfake.FaultErrCode, ErrCode: 45011}, {Kind: wechatfake.FaultErrCode, ErrCode: 40125},
		{Kind: wechatfake.FaultHTTP}, {Kind: wechatfake.FaultEmpty}, {Kind: wechatfake.FaultHang},
		{Kind: wechatfake.FaultCutBefore}, {Kind: wechatfake.FaultCutAfter}, {Kind: wechatfake.FaultInvalidJSON},
		{Kind: wechatfake.FaultTruncated}, {Kind: wechatfake.FaultOversize}, {Kind: wechatfake.FaultMissingField},
		{Kind: wechatfake.FaultContentType}, {Kind: wechatfake.FaultRotateKey}, {Kind: wechatfake.FaultBadKey},
	}
	for i, fault := range faults {
		app := c.apps[1+i]
		alice := c.logIn(t, app, "alice")
		for _, endpoint := range []string{"jscode2session", "getuserphonenumber", "stable_token", "checksession"} {
			fault.Endpoint, fault.Count, fault.AppID = endpoint, 0, app
			if c.fake.SetFault(fault) != nil {
				continue // a fault that this call cannot have
			}
			switch endpoint {
			case "jscode2session":
				c.ask(t, "", silentLogin, map[string]any{"input": c.loginInput(app, "alice")}, ownTokens...)
			case "checksession":
				c.ask(t, alice.token, `mutation { checkSessionKey }`, nil)
			default:
				code := c.fresh("phone code", c.fake.PhoneCode(app, "alice", ""))
				c.ask(t, alice.token, updatePhone, map[string]any{"code": code}, ownPhone...)
			}
			c.fake.ClearFaults()
		}
	}
}

// runWrongInput puts secrets where they do not belong.
func (c *canaries) runWrongInput(t *testing.T) {
	t.Helper()
	app := c.apps[20]
	alice := c.logIn(t, app, "alice")
	code := c.fresh("login code", c.fake.LoginCode(app, "alice"))
	phone := c.values["phone number of alice"]
	for _, body := range []string{
		`{"query":"mutation{silentLogin(input:{code:\"` + code + `\",bogus:\"` + alice.refresh + `\"}){token}}"}`,
		`{"query":"mutation{silentLogin(input:{code:\"` + code + `\"`,
		`{"query":"mutation{ ` + code + `(input:{}) }"}`,
		`{"query":"` + alice.token + `"}`,
		`{"query":"mutation($i:SilentLoginInput!){silentLogin(input:$i){token}}","variables":{"i":{"code":["` + code + `"],"appId":"` + app + `"}}}`,
		`{"query":"mutation($i:SilentLoginInput!){silentLogin(input:$i){token}}","variables":{"i":"` + code + `"}}`,
		`{"query":"mutation($i:SilentLoginInput!){silentLogin(input:$i){token}}","variables":{"i":{"code":"c","appId":"` + code + `"}}}`,
		`{"query":"mutation($i:SilentLoginInput!){silentLogin(input:$i){token}}","variables":{"i":{"code":"c","appId":"` + app + `","nonce":"` + phone + `"}}}`,
		`{"query":"{me{id}}","` + alice.refresh + `":1}`,
		`{"query":"{me{id}}"}` + alice.refresh,
		`{"query":"query ` + code + ` {me{id}}","operationName":"` + alice.token + `"}`,
		alice.refresh,
		"\xff\xfe" + alice.refresh,
		`{"query":"` + strings.Repeat(alice.refresh+" ", 2000) + `"}`,
	} {
		c.send(t, http.MethodPost, "/graphql", body, "Authorization", "Bearer "+alice.token)
		c.send(t, http.MethodPost, "/graphql", body, "Content-Type", "text/plain; x="+code)
	}
	// Where the schema wants another kind of value, the message shows what it got, to whoever sent it.
	c.sendEchoed(t, http.MethodPost, "/graphql", `{"query":"mutation{silentLogin(input:{code:`+phone+`}){token}}"}`, ownPhone)
	c.sendEchoed(t, http.MethodPost, "/graphql", `{"query":"mutation($s:LogoutScope!){logout(input:{scope:$s}){ok}}","variables":{"s":"`+alice.refresh+`"}}`, ownTokens)
	for _, path := range []string{"/verify?step=", "/verify?need=", "/graphql?query=", "/", "/avatars/", "/fakewechat/?x="} {
		c.send(t, http.MethodGet, path+alice.token, "", "X-Request-Id", alice.refresh, "Cookie", "t="+alice.token)
		c.send(t, alice.refresh[:20], path+code, "", "X-Request-Id", phone)
	}
	for _, bearer := range []string{alice.refresh, alice.token + "x", c.values["session key of alice"], phone, code} {
		c.send(t, http.MethodPost, "/graphql", `{"query":"{me{id}}"}`, "Authorization", "Bearer "+bearer)
		c.send(t, http.MethodGet, "/verify", "", "Authorization", "Basic "+bearer)
		c.ask(t, "", refreshToken, map[string]any{"token": bearer})
	}
}

// breakTables makes the server meet its own defects: what it logs then is what nobody has foreseen.
func (c *canaries) breakTables(t *testing.T, db *database.DB) {
	t.Helper()
	app := c.apps[21]
	carol := c.logIn(t, app, "carol")
	code := map[string]any{"code": c.fresh("phone code", c.fake.PhoneCode(app, "carol", ""))}
	require.Empty(t, c.ask(t, carol.token, updatePhone, code, ownPhone...).code())
	alter(t, db, `UPDATE users SET phone_sealed = phone_index WHERE phone_sealed IS NOT NULL`)
	require.Equal(t, "INTERNAL", c.ask(t, carol.token, me, nil).code())
	for _, table := range []string{"users", "sessions", "login_codes", "phone_codes", "audit_events"} {
		alter(t, db, `ALTER TABLE `+table+` RENAME TO gone`)
		c.ask(t, "", silentLogin, map[string]any{"input": c.loginInput(app, "dave")}, ownTokens...)
		c.ask(t, "", refreshToken, map[string]any{"token": carol.refresh}, ownTokens...)
		c.ask(t, carol.token, updatePhone, map[string]any{"code": c.fresh("phone code", c.fake.PhoneCode(app, "carol", ""))}, ownPhone...)
		c.ask(t, carol.token, logout, map[string]any{"scope": "OTHERS"})
		alter(t, db, `ALTER TABLE gone RENAME TO `+table)
	}
	// WeChat is gone as well: the one error of the network that would carry a whole URL.
	require.NoError(t, c.fake.SetFault(wechatfake.Fault{Endpoint: "*", Kind: wechatfake.FaultCutBefore, AppID: c.apps[22]}))
	c.ask(t, "", silentLogin, map[string]any{"input": c.loginInput(c.apps[22], "alice")})
	c.fake.ClearFaults()
}
