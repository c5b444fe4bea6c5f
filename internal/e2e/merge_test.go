package e2e_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

const (
	mergeFields   = `id cause expiresAt keepsNickname keepsPhone movesIdentities movesSessions drops createdAt`
	previewMerge  = `query ($id: ID!) { previewMerge(id: $id) { ` + mergeFields + ` } }`
	mergeOffers   = `{ mergeOffers { ` + mergeFields + ` } }`
	mergeAccounts = `mutation ($id: ID!) { mergeAccounts(id: $id) { id undoUntil user { id nickname phone { number } } } }`
	undoMerge     = `mutation ($id: ID!) { undoMerge(id: $id) { user { id phone { number } } } }`
)

// offers are the ids of the merges that a person is offered.
func offers(t testing.TB, base, token string) (ids []string) {
	t.Helper()
	rows, _ := must(t, base, token, mergeOffers, nil).at("mergeOffers").([]any)
	for _, row := range rows {
		ids = append(ids, row.(map[string]any)["id"].(string))
	}
	return ids
}

// renewed is a login after one refresh of its tokens, with the user that the new ones speak of.
func renewed(t testing.TB, base string, l login) login {
	t.Helper()
	a := must(t, base, "", refreshToken, map[string]any{"token": l.refresh})
	token := a.text("refreshToken.token")
	require.Equal(t, a.text("refreshToken.user.id"), subject(t, token))
	return login{user: subject(t, token), token: token, refresh: a.text("refreshToken.refreshToken")}
}

// subject is who an access token speaks of.
func subject(t testing.TB, token string) string {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	require.NoError(t, err)
	var claims struct{ Sub string }
	require.NoError(t, json.Unmarshal(text, &claims))
	return claims.Sub
}

// TestMergingByPhone: whoever proves a number that another user holds is offered to become one with
// them, sees what would move, and can take it back.
func TestMergingByPhone(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, database settings) {
		database = database.with(settings{"PHONE_CONFLICT": "merge", "RATE_LIMITS": "off"})
		p := start(t, database)
		base, fake := p.url(), p.url()+"/fakewechat"
		ann, bob, eve := logIn(t, base, fake, "ann"), logIn(t, base, fake, "bob"), logIn(t, base, fake, "eve")
		const number = "13800138000"
		require.Empty(t, bind(t, base, fake, "ann", ann.token, number).code())
		must(t, base, ann.token, updateUser, map[string]any{"name": "Ann"})
		must(t, base, bob.token, updateUser, map[string]any{"name": "Bob"})

		code := phoneCode(t, fake, "bob", number)
		taken := ask(t, base, bob.token, updatePhone, map[string]any{"code": code})
		require.Equal(t, "PHONE_TAKEN", taken.code(), taken.raw)
		id, _ := taken.Errors[0].Extensions["mergeId"].(string)
		require.NotEmpty(t, id, taken.raw)
		require.NotContains(t, taken.raw, ann.user)
		require.Equal(t, id, ask(t, base, bob.token, updatePhone, map[string]any{"code": code}).Errors[0].Extensions["mergeId"], "a repeat gets the same offer")
		require.Nil(t, must(t, base, bob.token, me, nil).at("me.phone"), "an offer binds nothing")

		seen := must(t, base, bob.token, previewMerge, map[string]any{"id": id})
		require.Equal(t, "PHONE", seen.text("previewMerge.cause"))
		require.Equal(t, "A**", seen.text("previewMerge.keepsNickname"))
		require.Regexp(t, `^138\*+\d*$`, seen.text("previewMerge.keepsPhone"))
		require.Equal(t, []any{"PROFILE"}, seen.at("previewMerge.drops"))
		require.InDelta(t, 1, seen.at("previewMerge.movesIdentities"), 0)
		require.InDelta(t, 1, seen.at("previewMerge.movesSessions"), 0)
		require.NotContains(t, seen.raw, number)
		require.Equal(t, []string{id}, offers(t, base, bob.token))
		for _, other := range []login{ann, eve} { // the holder of a number has proved nothing
			require.Empty(t, offers(t, base, other.token))
			for _, operation := range []string{previewMerge, mergeAccounts, undoMerge} {
				require.Equal(t, "NOT_FOUND", ask(t, base, other.token, operation, map[string]any{"id": id}).code())
			}
		}

		merged := must(t, base, bob.token, mergeAccounts, map[string]any{"id": id})
		require.Equal(t, ann.user, merged.text("mergeAccounts.user.id"))
		require.Equal(t, "Ann", merged.text("mergeAccounts.user.nickname"))
		until, err := time.Parse(time.RFC3339Nano, merged.text("mergeAccounts.undoUntil"))
		require.NoError(t, err)
		require.WithinDuration(t, time.Now().Add(24*time.Hour), until, time.Minute)
		require.Equal(t, "SESSION_REVOKED", ask(t, base, bob.token, me, nil).code(), "bob's token speaks of somebody who is no more")
		require.Equal(t, "NOT_FOUND", ask(t, base, eve.token, undoMerge, map[string]any{"id": id}).code())
		require.Equal(t, ann.user, must(t, base, ann.token, me, nil).text("me.id"), "ann's goes on")
		moved := renewed(t, base, bob)
		require.Equal(t, ann.user, moved.user, "the session goes on as ann's")
		require.Equal(t, "+86"+number, must(t, base, moved.token, me, nil).text("me.phone.number"))
		require.Len(t, must(t, base, moved.token, sessions, nil).at("sessions"), 2)
		require.Equal(t, ann.user, logIn(t, base, fake, "bob").user, "and bob's openid is ann's")
		again := must(t, base, moved.token, mergeAccounts, map[string]any{"id": id})
		require.Equal(t, merged.at("mergeAccounts"), again.at("mergeAccounts"), "an answer that was lost is given again")
		requireTrail(t, database)

		undone := must(t, base, moved.token, undoMerge, map[string]any{"id": merged.text("mergeAccounts.id")})
		require.NotEmpty(t, undone.text("undoMerge.user.id"))
		require.Equal(t, "SESSION_REVOKED", ask(t, base, ann.token, me, nil).code(), "no token of then says who is whose now")
		ann = renewed(t, base, ann)
		require.Equal(t, "NOT_FOUND", ask(t, base, ann.token, undoMerge, map[string]any{"id": id}).code(), "once")
		bobAgain, annAgain := logIn(t, base, fake, "bob"), logIn(t, base, fake, "ann")
		require.Equal(t, bob.user, bobAgain.user)
		require.Equal(t, ann.user, annAgain.user)
		require.Equal(t, bob.user, renewed(t, base, moved).user, "the session went back with him")
		a := must(t, base, bobAgain.token, me, nil)
		require.Equal(t, "Bob", a.text("me.nickname"))
		require.Nil(t, a.at("me.phone"))
		require.Equal(t, "+86"+number, must(t, base, annAgain.token, me, nil).text("me.phone.number"))
		db := openDatabase(t, database)
		for action, n := range map[string]int{"merge.offer": 1, "merge.from": 1, "merge.into": 1, "merge.undo": 2} {
			require.Equal(t, n, count(t, db, `SELECT COUNT(*) FROM audit_events WHERE action = $1`, action), action)
		}
		requireTrail(t, database)
	})
}

// TestMergeThatMustNotBe: nobody escapes a ban or the end of their account by becoming somebody else, and
// an offer ends with what proved it.
func TestMergeThatMustNotBe(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, database settings) {
		database = database.with(settings{"PHONE_CONFLICT": "merge", "RATE_LIMITS": "off"})
		p, a := startAdmin(t, database)
		base, fake := p.url(), p.url()+"/fakewechat"
		offered := func(t *testing.T, who, number string) (holder, prover login, id string) {
			t.Helper()
			holder, prover = logIn(t, base, fake, "holder of "+who), logIn(t, base, fake, who)
			require.Empty(t, bind(t, base, fake, "holder of "+who, holder.token, number).code())
			id, _ = bind(t, base, fake, who, prover.token, number).Errors[0].Extensions["mergeId"].(string)
			require.NotEmpty(t, id)
			return holder, prover, id
		}
		holder, prover, id := offered(t, "ann", "13800000001")
		a.setStatus(t, holder.user, "DISABLED")
		require.Equal(t, "NOT_FOUND", ask(t, base, prover.token, mergeAccounts, map[string]any{"id": id}).code())

		holder, prover, id = offered(t, "bea", "13800000002")
		closeAccount(t, base, fake, "holder of bea", holder.token)
		closing := ask(t, base, prover.token, mergeAccounts, map[string]any{"id": id})
		require.Equal(t, "NOT_FOUND", closing.code(), "the state of the other account is not the prover's business")

		holder, prover, id = offered(t, "cat", "13800000003")
		must(t, base, holder.token, `mutation { unbindPhone { user { id } } }`, nil)
		require.Equal(t, "NOT_FOUND", ask(t, base, prover.token, mergeAccounts, map[string]any{"id": id}).code(), "the number is nobody's any more")
		require.Empty(t, bind(t, base, fake, "cat", prover.token, "13800000003").code(), "so it can be bound")

		_, prover, id = offered(t, "dan", "13800000004")
		alter(t, openDatabase(t, database), `UPDATE merges SET until = $1 WHERE id = $2`, time.Now().Add(-time.Second).UTC(), uuid.MustParse(id))
		require.Equal(t, "NOT_FOUND", ask(t, base, prover.token, mergeAccounts, map[string]any{"id": id}).code(), "an offer grows old")
		require.Equal(t, prover.user, must(t, base, prover.token, me, nil).text("me.id"))
		requireTrail(t, database)
	})
}

// TestErasingWhoWasMerged: what is left of the one who became part of another goes with them.
func TestErasingWhoWasMerged(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, database settings) {
		database = database.with(settings{"PHONE_CONFLICT": "merge", "CLOSING_PERIOD": "0s", "PUBLIC_URL": "http://mpauth.test"})
		p := start(t, database)
		base, fake := p.url(), p.url()+"/fakewechat"
		ann, bob := plant(t, p, database, "ann", "13900000001"), plant(t, p, database, "bob", "13900000002")
		taken := bind(t, base, fake, "bob", bob.token, ann.told["phone"])
		require.Equal(t, "PHONE_TAKEN", taken.code())
		merged := must(t, base, bob.token, mergeAccounts, map[string]any{"id": taken.Errors[0].Extensions["mergeId"]})
		require.Equal(t, ann.user, merged.text("mergeAccounts.user.id"))
		stored := everythingStored(t, database)
		require.Subset(t, search(stored, bob.all()), []string{"openid", "nickname", "avatar key", "device id"}, "bob's things are there, should it be taken back")

		now := renewed(t, base, bob.login)
		export := must(t, base, now.token, exportMyData, map[string]any{"code": newCode(t, fake, "login-code", "bob")}).text("exportMyData.json")
		require.Subset(t, search(export, ann.told), []string{"openid", "nickname", "phone", "device id"})
		require.Subset(t, search(export, bob.told), []string{"openid", "device id", "nickname", "phone", "avatar key"}, "what is kept of bob is hers to know")
		closeAccount(t, base, fake, "bob", now.token)
		db := openDatabase(t, database)
		require.Zero(t, count(t, db, `SELECT COUNT(*) FROM users`))
		require.Zero(t, count(t, db, `SELECT COUNT(*) FROM merges`))
		require.Empty(t, search(everythingStored(t, database), ann.all()))
		p.stop(t) // and let the janitor look, who has the last word about pictures
		start(t, database)
		eventually(t, func() bool {
			return len(search(everythingStored(t, database), bob.all())) == 0 && pictures(t, database) == 0
		}, "nothing is left of either")
		requireTrail(t, database)
	})
}

// TestPhoneOfSomebodyElse: without the policy to merge, the refusal is what it has always been, byte for
// byte, and nothing is offered.
func TestPhoneOfSomebodyElse(t *testing.T) {
	t.Parallel()
	for name, policy := range map[string]settings{"by default": {}, "reject": {"PHONE_CONFLICT": "reject"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onEach(t, func(t *testing.T, database settings) {
				p := start(t, database.with(policy))
				base, fake := p.url(), p.url()+"/fakewechat"
				ann, bob := logIn(t, base, fake, "ann"), logIn(t, base, fake, "bob")
				require.Empty(t, bind(t, base, fake, "ann", ann.token, "13800138000").code())
				code := phoneCode(t, fake, "bob", "13800138000")
				for range 2 { // and so is a repeat's
					raw := ask(t, base, bob.token, updatePhone, map[string]any{"code": code}).raw
					raw = regexp.MustCompile(`"requestId":"[0-9a-f]+"`).ReplaceAllString(raw, `"requestId":"R"`)
					require.Equal(t, `{"errors":[{"message":"this number belongs to another account","path":["updatePhone"],"locations":[{"line":1,"column":29}],`+
						`"extensions":{"action":"NONE","code":"PHONE_TAKEN","requestId":"R","retryable":false}}],"data":null}`, strings.TrimSpace(raw))
				}
				require.Empty(t, offers(t, base, bob.token))
				require.Zero(t, count(t, openDatabase(t, database), `SELECT COUNT(*) FROM merges`))
			})
		})
	}
}

// twoApps are the settings of a server for two apps of one owner.
func twoApps(t testing.TB, group string) (s settings, shop, club string) {
	t.Helper()
	shop, club = "wx00000000000shop1", "wx00000000000club1"
	secret := file(t, "secret", appSecret)
	lines := "apps:\n"
	for _, app := range []string{shop, club} {
		lines += fmt.Sprintf("  - {appId: %s, secretFile: %s%s}\n", app, secret, group)
	}
	return settings{"CONFIG": file(t, "apps.yaml", lines), "RATE_LIMITS": "off"}, shop, club
}

// enter logs a person in to one of several apps.
func enter(t testing.TB, base, fake, app, person string) login {
	t.Helper()
	code := control(t, fake, "login-code", map[string]any{"appid": app, "user": person})["code"]
	a := must(t, base, "", silentLogin, map[string]any{"input": map[string]any{"appId": app, "code": code}})
	isNew, _ := a.at("silentLogin.isNewUser").(bool)
	return login{a.text("silentLogin.user.id"), a.text("silentLogin.token"), a.text("silentLogin.refreshToken"), isNew}
}

// TestUnionIDThatComesLate: two users whom WeChat calls one person only once the app is bound to the
// owner's account are offered to become one, where the operator has grouped the apps.
func TestUnionIDThatComesLate(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, database settings) {
		apps, shop, club := twoApps(t, ", group: house")
		database = database.with(apps)
		p := start(t, database)
		base, fake := p.url(), p.url()+"/fakewechat"
		first := enter(t, base, fake, shop, "zoe")
		again := enter(t, base, fake, club, "zoe")
		require.Equal(t, first.user, again.user, "where both know the unionid, nobody has to merge")

		control(t, fake, "settings", map[string]any{"unboundApps": []string{club}})
		older, younger := enter(t, base, fake, shop, "ann"), enter(t, base, fake, club, "ann")
		require.NotEqual(t, older.user, younger.user)
		require.Equal(t, false, must(t, base, younger.token, `{ me { hasUnionId } }`, nil).at("me.hasUnionId"))
		require.Empty(t, offers(t, base, older.token))
		control(t, fake, "settings", map[string]any{"unboundApps": []string{}})
		younger = enter(t, base, fake, club, "ann")
		require.Equal(t, true, must(t, base, younger.token, `{ me { hasUnionId } }`, nil).at("me.hasUnionId"))
		offer := offers(t, base, younger.token)
		require.Len(t, offer, 1)
		require.Equal(t, offer, offers(t, base, older.token), "both sides see it")
		bob := enter(t, base, fake, shop, "bob")
		require.Empty(t, offers(t, base, bob.token))
		require.Equal(t, "NOT_FOUND", ask(t, base, bob.token, mergeAccounts, map[string]any{"id": offer[0]}).code())

		seen := must(t, base, older.token, previewMerge, map[string]any{"id": offer[0]})
		require.Equal(t, "UNION", seen.text("previewMerge.cause"))
		merged := must(t, base, older.token, mergeAccounts, map[string]any{"id": offer[0]})
		require.Equal(t, older.user, merged.text("mergeAccounts.user.id"), "the older one stays")
		require.Equal(t, older.user, renewed(t, base, younger).user)
		for _, app := range []string{shop, club} {
			require.Equal(t, older.user, enter(t, base, fake, app, "ann").user)
		}
		require.Empty(t, offers(t, base, older.token))
		requireTrail(t, database)
	})
}

// TestAppsWithoutAGroup: data stays in the app that collected it unless the operator says otherwise.
func TestAppsWithoutAGroup(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, database settings) {
		apps, shop, club := twoApps(t, ", phoneConflict: merge")
		p := start(t, database.with(apps))
		base, fake := p.url(), p.url()+"/fakewechat"
		here, there := enter(t, base, fake, shop, "ann"), enter(t, base, fake, club, "ann")
		require.NotEqual(t, here.user, there.user)
		for _, l := range []struct {
			login
			app string
		}{{here, shop}, {there, club}} {
			code := control(t, fake, "phone-code", map[string]any{"appid": l.app, "user": "ann", "phoneNumber": "13800138000"})["code"]
			must(t, base, l.token, updatePhone, map[string]any{"code": code})
			enter(t, base, fake, l.app, "ann")
			require.Empty(t, offers(t, base, l.token))
		}
		require.Zero(t, count(t, openDatabase(t, database), `SELECT COUNT(*) FROM merges`))
	})
}
