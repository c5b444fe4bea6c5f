package e2e_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	recordConsent = `mutation ($input: ConsentInput!) { recordConsent(input: $input) { consents { purpose version granted at } } }`
	consents      = `{ consents { purpose version granted } }`
)

// ledger is what `consents` answers, a line a decision.
func ledger(t testing.TB, base, token string) (lines []string) {
	t.Helper()
	rows, _ := must(t, base, token, consents, nil).at("consents").([]any)
	for _, row := range rows {
		c := row.(map[string]any)
		lines = append(lines, fmt.Sprintf("%v %v %v", c["purpose"], c["version"], c["granted"]))
	}
	return lines
}

// TestConsentComesFirst: where the operator wants it so, nothing is stored about somebody who has not
// agreed, and everything is as usual for who has.
func TestConsentComesFirst(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, database settings) {
		p := start(t, database.with(settings{"CREATE_ON_SILENT_LOGIN": "off"}))
		base, fake := p.url(), p.url()+"/fakewechat"
		state := control(t, fake, "state", map[string]any{"user": "ann"})["person"].(map[string]any)
		device := map[string]any{"id": "device-id-of-ann", "name": "telephone-of-ann"}
		hers := map[string]string{
			"openid": state["openid"].(string), "unionid": state["unionid"].(string),
			"device": "device-id-of-ann", "name": "telephone-of-ann",
		}
		agreed := map[string]any{"purpose": "privacy-policy", "version": "7"}
		refused := map[string]any{"purpose": "privacy-policy", "version": "7", "granted": false}
		db := openDatabase(t, database)
		first := arrive(t, fake, "ann", map[string]any{"device": device})
		for what, input := range map[string]map[string]any{
			"without a word": first, "by a no": arrive(t, fake, "ann", map[string]any{"device": device, "consent": refused}),
		} {
			a := ask(t, base, "", silentLogin, input)
			require.Equal(t, "CONSENT_REQUIRED", a.code(), "%s: %s", what, a.raw)
			require.Equal(t, "NONE", a.Errors[0].Extensions["action"])
			require.Equal(t, false, a.Errors[0].Extensions["retryable"])
		}
		require.Equal(t, "CONSENT_REQUIRED", ask(t, base, "", restoreAccount, arrive(t, fake, "ann", nil)).code())
		require.Empty(t, search(everythingStored(t, database), hers), "nothing about her is stored")
		for _, table := range []string{"users", "identities", "sessions", "consents", "audit_events"} {
			require.Zero(t, count(t, db, `SELECT COUNT(*) FROM `+table), table)
		}
		first["input"].(map[string]any)["consent"] = agreed
		require.NotEmpty(t, ask(t, base, "", silentLogin, first).code(), "her code is spent")

		in := must(t, base, "", silentLogin, arrive(t, fake, "ann", map[string]any{"device": device, "consent": agreed}))
		require.Equal(t, true, in.at("silentLogin.isNewUser"))
		require.Equal(t, []string{"privacy-policy 7 true"}, ledger(t, base, in.text("silentLogin.token")))
		require.Equal(t, []string{"device", "name", "openid", "unionid"}, search(everythingStored(t, database), hers), "the same look finds her now")
		back := must(t, base, "", silentLogin, arrive(t, fake, "ann", map[string]any{"device": device}))
		require.Equal(t, in.text("silentLogin.user.id"), back.text("silentLogin.user.id"), "who is known is not asked again")
		require.Equal(t, []string{"privacy-policy 7 true"}, ledger(t, base, back.text("silentLogin.token")))
		requireTrail(t, database)
	})
}

// TestConsentIsALedger: it only grows, withdrawing is as easy as agreeing, and it is nobody else's.
func TestConsentIsALedger(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, database settings) {
		p := start(t, database)
		base, fake := p.url(), p.url()+"/fakewechat"
		ann, bob := logIn(t, base, fake, "ann"), logIn(t, base, fake, "bob")
		require.Empty(t, ledger(t, base, ann.token))
		for _, decision := range []map[string]any{
			{"purpose": "privacy-policy", "version": "1"}, {"purpose": "newsletter", "version": "3"},
			{"purpose": "newsletter", "version": "3", "granted": false}, {"purpose": "privacy-policy", "version": "2", "granted": true},
		} {
			must(t, base, ann.token, recordConsent, map[string]any{"input": decision})
		}
		want := []string{"privacy-policy 2 true", "newsletter 3 false", "newsletter 3 true", "privacy-policy 1 true"}
		require.Equal(t, want, ledger(t, base, ann.token), "the latest first")
		require.Empty(t, ledger(t, base, bob.token))
		for _, wrong := range []map[string]any{
			{"purpose": "Privacy Policy", "version": "1"}, {"purpose": "p", "version": ""}, {"purpose": "p", "version": "1\n"}, {"purpose": "", "version": "1"},
		} {
			require.Equal(t, "BAD_INPUT", ask(t, base, ann.token, recordConsent, map[string]any{"input": wrong}).code(), "%v", wrong)
			require.Equal(t, "BAD_INPUT", ask(t, base, "", silentLogin, arrive(t, fake, "ann", map[string]any{"consent": wrong})).code(), "%v", wrong)
		}
		require.Equal(t, "UNAUTHENTICATED", ask(t, base, "", recordConsent, map[string]any{"input": map[string]any{"purpose": "p", "version": "1"}}).code())
		require.Equal(t, want, ledger(t, base, ann.token))
		must(t, base, ann.token, logout, map[string]any{"scope": "ALL"})
		require.Equal(t, want, ledger(t, base, logIn(t, base, fake, "ann").token), "it outlives a logout")
		requireTrail(t, database)
	})
}
