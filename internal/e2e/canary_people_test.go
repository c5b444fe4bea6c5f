package e2e_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// mergingApp is the one app that offers to merge users.
const mergingApp = 23

// closeAndMerge has people agree and withdraw, become one and come apart, take their data along, close
// their accounts and come back.
func (c *canaries) closeAndMerge(t *testing.T) {
	t.Helper()
	app := c.apps[mergingApp]
	dora, emil := c.logIn(t, app, "dora"), c.logIn(t, app, "emil")
	number := c.note("phone number of both", "13700005678")
	phone := func(person string) map[string]any {
		return map[string]any{"code": c.fresh("phone code", c.fake.PhoneCode(app, person, number))}
	}
	require.Empty(t, c.ask(t, dora.token, updatePhone, phone("dora"), ownPhone...).code())
	for range 2 {
		require.Empty(t, c.ask(t, dora.token, recordConsent, map[string]any{"input": map[string]any{"purpose": "news", "version": "1", "granted": false}}).code())
	}
	taken := c.ask(t, emil.token, updatePhone, phone("emil"))
	require.Equal(t, "PHONE_TAKEN", taken.code())
	offer := map[string]any{"id": taken.Errors[0].Extensions["mergeId"]}
	require.Empty(t, c.ask(t, emil.token, mergeOffers, nil).code())
	require.Empty(t, c.ask(t, emil.token, previewMerge, offer).code())
	require.Empty(t, c.ask(t, emil.token, mergeAccounts, offer, ownPhone...).code())
	emil = c.renew(t, emil)
	require.Empty(t, c.ask(t, emil.token, undoMerge, offer, ownPhone...).code())
	dora = c.renew(t, dora)
	c.closeAccounts(t, app, dora)
}

func (c *canaries) renew(t *testing.T, l login) login {
	t.Helper()
	a := c.ask(t, "", refreshToken, map[string]any{"token": l.refresh}, ownTokens...)
	require.Empty(t, a.code(), a.raw)
	return login{
		user:    a.text("refreshToken.user.id"),
		token:   c.fresh("access token", a.text("refreshToken.token")),
		refresh: c.fresh("refresh token", a.text("refreshToken.refreshToken")),
	}
}

// closeAccounts has dora export, close and restore, with proofs that are good and bad.
func (c *canaries) closeAccounts(t *testing.T, app string, dora login) {
	t.Helper()
	for _, operation := range []string{exportMyData, deleteAccount} {
		for _, wrong := range []string{
			c.fresh("login code", c.fake.LoginCode(app, "emil")), c.fresh("phone code", c.fake.PhoneCode(app, "dora", "")), dora.refresh, dora.token[:200],
		} {
			require.Equal(t, "LOGIN_CODE_INVALID", c.ask(t, dora.token, operation, map[string]any{"code": wrong}).code())
		}
	}
	proof := func() map[string]any {
		return map[string]any{"code": c.fresh("login code", c.fake.LoginCode(app, "dora"))}
	}
	require.Empty(t, c.ask(t, dora.token, exportMyData, proof(), ownPhone...).code())
	require.Empty(t, c.ask(t, dora.token, deleteAccount, proof()).code())
	require.Equal(t, "ACCOUNT_CLOSING", c.ask(t, "", silentLogin, map[string]any{"input": c.loginInput(app, "dora")}).code())
	back := c.ask(t, "", restoreAccount, map[string]any{"input": c.loginInput(app, "dora")}, "access token", "refresh token", "phone number")
	require.Empty(t, back.code(), back.raw)
	c.fresh("access token", back.text("restoreAccount.token"))
	c.fresh("refresh token", back.text("restoreAccount.refreshToken"))
}

// administrate has an administrator do everything to a person, with a key that is made for it.
func (c *canaries) administrate(t *testing.T, a administrators) {
	t.Helper()
	app := c.apps[mergingApp]
	fred := c.logIn(t, app, "fred")
	number := c.note("phone number of fred", "13700009999")
	code := c.fresh("phone code", c.fake.PhoneCode(app, "fred", number))
	require.Empty(t, c.ask(t, fred.token, updatePhone, map[string]any{"code": code}, ownPhone...).code())
	asking := func(key, query string, variables map[string]any, mayShow ...string) answer {
		got := ask(t, a.url, key, query, variables)
		c.heard(query, got.raw, mayShow...)
		return got
	}
	made := ask(t, a.url, a.key, `mutation { createAdminKey(input: {name: "canary", roles: [SUPPORT, PRIVACY, AUDITOR, OPERATOR], reason: "canary"}) { secret key { id } } }`, nil)
	key := c.note("administrator key", made.text("createAdminKey.secret"))
	require.NotEmpty(t, key, made.raw)
	for _, wrong := range []string{key[:len(key)-1] + "_", key + "x", fred.token, fred.refresh, number} {
		require.Equal(t, "UNAUTHENTICATED", asking(wrong, `{ apps { appId } }`, nil).code())
	}
	day := time.Now().UTC().Format(time.DateOnly)
	of := map[string]any{"id": fred.user, "phone": number, "openId": c.fake.OpenID(c.apps[0], "alice"), "unionId": c.fake.UnionID(app, "fred"), "day": day}
	for _, query := range []string{
		`query ($phone: String!) { users(filter: {phone: $phone}, reason: "canary") { edges { cursor node { id phone identities { openId } sessions { id } consents { purpose } events { action detail } } } } }`,
		`query ($openId: String!) { users(filter: {openId: $openId}, reason: "canary") { edges { node { id nickname } } } }`,
		`query ($unionId: String!) { users(filter: {unionId: $unionId}, reason: "canary") { edges { node { id nickname } } } }`,
		`query ($id: ID!) { user(id: $id, reason: "canary") { status phone avatarUrl identities { openId unionId hasSessionKey } } }`,
		`query ($id: ID!) { phoneNumber(userId: $id, reason: "canary") }`,
		`{ auditLog(first: 100) { edges { node { action actor reason detail } } } }`, `{ exportAuditLog { lines } }`, `{ verifyAuditLog { ok problems } }`,
		`query ($day: String!) { stats(from: $day, to: $day) { appId kind name count } }`, `{ wechatStatus { appId endpoints { name breaker } } }`, `{ apps { appId } }`, `{ adminKeys { id name } }`,
		`mutation ($id: ID!) { unbindPhone(input: {userId: $id, reason: "canary"}) { user { phone } } }`,
		`mutation ($id: ID!) { revokeSessions(input: {userId: $id, reason: "canary"}) { revoked } }`,
		`mutation ($id: ID!) { setUserStatus(input: {userId: $id, status: DISABLED, reason: "canary"}) { user { status } } }`,
		`mutation ($id: ID!) { eraseUser(input: {userId: $id, reason: "canary"}) { userId } }`,
		`mutation { rotateKeys(key: REFRESH, reason: "canary") { useFrom } }`,
		`mutation { revokeAdminKey(id: "` + made.text("createAdminKey.key.id") + `", reason: "canary") { revokedAt } }`,
	} {
		used := map[string]any{}
		for name, value := range of {
			if strings.Contains(query, "$"+name+":") {
				used[name] = value
			}
		}
		got := asking(key, query, used, ownPhone...)
		require.Empty(t, got.code(), "%s: %s", query, got.raw)
	}
	require.Equal(t, "UNAUTHENTICATED", asking(key, `{ apps { appId } }`, nil).code())
}
