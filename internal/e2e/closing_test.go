package e2e_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

const (
	deleteAccount  = `mutation ($code: String!) { deleteAccount(input: {code: $code}) { closesAt } }`
	restoreAccount = `mutation ($input: SilentLoginInput!) {
		restoreAccount(input: $input) { token refreshToken isNewUser user { id nickname phone { number } } } }`
	exportMyData = `mutation ($code: String!) { exportMyData(input: {code: $code}) { at json } }`
)

// closeAccount has a person ask for their account to be closed, and returns when it is to be erased.
func closeAccount(t testing.TB, base, fake, person, token string) time.Time {
	t.Helper()
	a := must(t, base, token, deleteAccount, map[string]any{"code": newCode(t, fake, "login-code", person)})
	at, err := time.Parse(time.RFC3339Nano, a.text("deleteAccount.closesAt"))
	require.NoError(t, err)
	return at
}

// arrive is the input of a login with a fresh code.
func arrive(t testing.TB, fake, person string, more map[string]any) map[string]any {
	t.Helper()
	input := map[string]any{"code": newCode(t, fake, "login-code", person)}
	for name, value := range more {
		input[name] = value
	}
	return map[string]any{"input": input}
}

// comeDue makes the cooling-off time of all closing accounts pass, and starts the server anew: the
// janitor looks when it starts.
func comeDue(t testing.TB, p *process, s settings) {
	t.Helper()
	require.Zero(t, p.stop(t).code)
	alter(t, openDatabase(t, s), `UPDATE users SET closes_at = $1 WHERE closes_at IS NOT NULL`, time.Now().Add(-time.Minute).UTC())
}

// TestClosingIsHeardEverywhere: whoever asks to close their account is out on every replica within a
// second, is told until when they may come back, and comes back to what they had.
func TestClosingIsHeardEverywhere(t *testing.T) {
	t.Parallel()
	c := startCluster(t, settings{"CLOSING_PERIOD": "72h"})
	fake := c.fake.url()
	phone, tablet := logIn(t, c.url(), fake, "ann"), logIn(t, c.url(), fake, "ann")
	bob := logIn(t, c.url(), fake, "bob")
	must(t, c.url(), phone.token, updateUser, map[string]any{"name": "Ann"})
	require.Empty(t, bind(t, c.url(), fake, "ann", phone.token, "13800138000").code())

	began := time.Now()
	closesAt := closeAccount(t, c.replicas[0].url(), fake, "ann", phone.token)
	require.WithinRange(t, closesAt, began.Add(72*time.Hour-time.Second), time.Now().Add(72*time.Hour+time.Second))
	closed := time.Now()
	for _, p := range c.replicas {
		c.requireOut(t, p, closed, phone, tablet)
		a := ask(t, p.url(), "", silentLogin, arrive(t, fake, "ann", nil))
		require.Equal(t, "ACCOUNT_CLOSING", a.code(), a.raw)
		told, err := time.Parse(time.RFC3339Nano, a.Errors[0].Extensions["closesAt"].(string))
		require.NoError(t, err)
		require.True(t, closesAt.Equal(told), a.raw)
		require.Equal(t, false, a.Errors[0].Extensions["retryable"])
		require.Equal(t, "NONE", a.Errors[0].Extensions["action"])
		must(t, p.url(), bob.token, me, nil)
	}
	require.Equal(t, "PHONE_TAKEN", bind(t, c.url(), fake, "bob", bob.token, "13800138000").code(), "the number stays ann's until she is erased")

	back := must(t, c.replicas[1].url(), "", restoreAccount, arrive(t, fake, "ann", nil))
	require.Equal(t, phone.user, back.text("restoreAccount.user.id"))
	require.Equal(t, "Ann", back.text("restoreAccount.user.nickname"))
	require.Equal(t, "+8613800138000", back.text("restoreAccount.user.phone.number"))
	require.Equal(t, false, back.at("restoreAccount.isNewUser"))
	for _, p := range c.replicas {
		require.Equal(t, phone.user, must(t, p.url(), back.text("restoreAccount.token"), me, nil).text("me.id"))
		require.Equal(t, phone.user, logIn(t, p.url(), fake, "ann").user)
		require.Equal(t, "SESSION_REVOKED", ask(t, p.url(), phone.token, me, nil).code(), "the sessions of then stay ended")
	}
	requireTrail(t, c.settings)
}

// requireOut: the tokens of ended sessions are refused on every way in.
func (c *cluster) requireOut(t *testing.T, p *process, since time.Time, sessions ...login) {
	t.Helper()
	for _, s := range sessions {
		requireRefused(t, since, unauthorized, "/verify", verifying(t, p, s.token))
		require.Equal(t, "SESSION_REVOKED", ask(t, p.url(), s.token, me, nil).code())
		require.Equal(t, "SESSION_REVOKED", ask(t, p.url(), "", refreshToken, map[string]any{"token": s.refresh}).code())
	}
}

// TestClosingAsksWhoIsThere: only a fresh code of the same person closes an account or takes its data.
func TestClosingAsksWhoIsThere(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, database settings) {
		p := start(t, database)
		fake := p.url() + "/fakewechat"
		ann := logIn(t, p.url(), fake, "ann")
		used := newCode(t, fake, "login-code", "ann")
		must(t, p.url(), ann.token, exportMyData, map[string]any{"code": used})
		for what, code := range map[string]string{
			"used": used, "bob's": newCode(t, fake, "login-code", "bob"), "a phone code": newCode(t, fake, "phone-code", "ann"),
		} {
			for _, operation := range []string{deleteAccount, exportMyData} {
				a := ask(t, p.url(), ann.token, operation, map[string]any{"code": code})
				require.Equal(t, "LOGIN_CODE_INVALID", a.code(), "%s: %s", what, a.raw)
				require.NotContains(t, a.raw, "identities")
			}
		}
		fresh := newCode(t, fake, "login-code", "ann")
		require.Equal(t, "UNAUTHENTICATED", ask(t, p.url(), "", deleteAccount, map[string]any{"code": fresh}).code())
		must(t, p.url(), ann.token, me, nil)
		require.Zero(t, count(t, openDatabase(t, database), `SELECT COUNT(*) FROM users WHERE closes_at IS NOT NULL`))
	})
}

// TestErasure: what a person has left behind is found by a look at everything that is stored, and not
// any more once the cooling-off time is over. Before that, the export has shown it to them.
func TestErasure(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, database settings) {
		database = database.with(settings{"CLOSING_PERIOD": "1h", "LOG_LEVEL": "debug", "PUBLIC_URL": "http://mpauth.test"})
		p := start(t, database)
		fake := p.url() + "/fakewechat"
		ann, bob := plant(t, p, database, "ann", "13900000001"), plant(t, p, database, "bob", "13900000002")
		requireExport(t, p.url(), fake, "ann", ann, bob)
		closeAccount(t, p.url(), fake, "ann", ann.token)
		comeDue(t, p, database)
		said := p.stdout.String() + p.stderr.String()
		p = start(t, database)
		fake = p.url() + "/fakewechat"
		db := openDatabase(t, database)
		eventually(t, func() bool {
			return count(t, db, `SELECT COUNT(*) FROM users WHERE id = $1`, uuid.MustParse(ann.user)) == 0
		}, "the account is erased")
		eventually(t, func() bool { return len(search(everythingStored(t, database), ann.all())) == 0 }, "with all that was hers")
		eventually(t, func() bool { return pictures(t, database) == 1 }, "bob's picture is left, and no trial of the store")
		stored := everythingStored(t, database)
		require.ElementsMatch(t, bob.names(), search(stored, bob.all()), "nothing of others is gone")
		require.Equal(t, []string{"audit_events"}, tablesWith(t, db, ann.user), "an id is left in the trail, and leads nowhere")
		if db.Dialect == dialect.SQLite {
			alter(t, db, `PRAGMA wal_checkpoint(TRUNCATE)`) // as the server does when it ends
			files := sqliteFiles(t, database)
			require.Subset(t, search(files, bob.all()), []string{"openid", "nickname", "phone, sealed"})
			require.Empty(t, search(files, ann.all()), "nor has the space in the file that is free now")
		}

		require.Equal(t, bob.user, logIn(t, p.url(), fake, "bob").user)
		again := logIn(t, p.url(), fake, "ann")
		require.True(t, again.isNew, "she may register anew")
		require.NotEqual(t, ann.user, again.user)
		a := must(t, p.url(), again.token, `{ me { nickname avatarUrl hasPhone } consents { purpose } sessions { id } }`, nil)
		require.Nil(t, a.at("me.nickname"))
		require.Nil(t, a.at("me.avatarUrl"))
		require.Equal(t, false, a.at("me.hasPhone"))
		require.Empty(t, a.at("consents"))
		require.Len(t, a.at("sessions"), 1)
		require.Equal(t, "SESSION_REVOKED", ask(t, p.url(), ann.token, me, nil).code())
		requireTrail(t, database)
		require.Empty(t, search(said+p.stdout.String()+p.stderr.String(), ann.all()), "no log has had any of it")
	})
}

// TestErasureAtOnce: without a cooling-off time the answer comes when it is done.
func TestErasureAtOnce(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, database settings) {
		database = database.with(settings{"CLOSING_PERIOD": "0s"})
		p := start(t, database)
		fake := p.url() + "/fakewechat"
		ann := plant(t, p, database, "ann", "13900000001")
		eventually(t, func() bool { return pictures(t, database) == 1 }, "the server has tried its store")
		closeAccount(t, p.url(), fake, "ann", ann.token)
		require.Zero(t, pictures(t, database))
		require.Empty(t, search(everythingStored(t, database), ann.all()))
		require.Equal(t, "SESSION_REVOKED", ask(t, p.url(), ann.token, me, nil).code())
		back := must(t, p.url(), "", restoreAccount, arrive(t, fake, "ann", nil))
		require.Equal(t, true, back.at("restoreAccount.isNewUser"), "there is nothing to bring back")
		requireTrail(t, database)
	})
}

// TestABanOutlivesTheAccount: being erased, by one's own wish or by an administrator, is no way back in.
func TestABanOutlivesTheAccount(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, database settings) {
		database = database.with(settings{"CLOSING_PERIOD": "1h"})
		p, a := startAdmin(t, database)
		fake := p.url() + "/fakewechat"
		ann := plant(t, p, database, "ann", "13900000001")
		bob, carol := logIn(t, p.url(), fake, "bob"), logIn(t, p.url(), fake, "carol")
		closeAccount(t, p.url(), fake, "ann", ann.token)
		for _, banned := range []login{ann.login, bob} {
			a.setStatus(t, banned.user, "DISABLED")
		}
		require.Equal(t, "ACCOUNT_DISABLED", ask(t, p.url(), "", restoreAccount, arrive(t, fake, "ann", nil)).code(), "no restoring around it")
		for _, erased := range []login{bob, carol} {
			a.must(t, `mutation ($input: UserReasonInput!) { eraseUser(input: $input) { userId } }`,
				map[string]any{"input": map[string]any{"userId": erased.user, "reason": "e2e"}})
		}
		comeDue(t, p, database)
		p, _ = startAdmin(t, database)
		fake = p.url() + "/fakewechat"
		db := openDatabase(t, database)
		eventually(t, func() bool { return count(t, db, `SELECT COUNT(*) FROM users`) == 0 }, "all are erased")
		eventually(t, func() bool { return pictures(t, database) == 0 }, "with their pictures")
		for _, person := range []string{"ann", "bob"} {
			for _, operation := range []string{silentLogin, restoreAccount} {
				refused := ask(t, p.url(), "", operation, arrive(t, fake, person, nil))
				require.Equal(t, "ACCOUNT_DISABLED", refused.code(), "%s: %s", person, refused.raw)
			}
		}
		require.Zero(t, count(t, db, `SELECT COUNT(*) FROM users`), "no record is made of them")
		require.Equal(t, 2, count(t, db, `SELECT COUNT(*) FROM bans`))
		require.Empty(t, search(everythingStored(t, database), ann.all()), "the ban tells nobody who it is about")
		require.True(t, logIn(t, p.url(), fake, "carol").isNew, "who was not banned is as good as new")
		requireTrail(t, database)
	})
}

// requireExport: what a person takes with them holds all that they have told, and nothing of others.
func requireExport(t testing.TB, base, fake, person string, who, other planted) {
	t.Helper()
	export := must(t, base, who.token, exportMyData, map[string]any{"code": newCode(t, fake, "login-code", person)})
	text := export.text("exportMyData.json")
	require.ElementsMatch(t, slices.Collect(maps.Keys(who.told)), search(text, who.told), text)
	require.Empty(t, search(text, other.all()))
	require.Empty(t, search(text, map[string]string{"access token": who.token, "refresh token": who.refresh}))
	var data struct {
		User     struct{ ID, PhoneNumber, AvatarURL string }
		Consents []struct {
			Purpose, Version string
			Granted          bool
		}
		Identities, Sessions []struct{ AppID string }
		Events               []struct{ Action string }
	}
	require.NoError(t, json.Unmarshal([]byte(text), &data))
	require.Equal(t, who.user, data.User.ID)
	require.Equal(t, "+86"+who.told["phone"], data.User.PhoneNumber)
	require.Equal(t, "http://mpauth.test/avatars/"+who.told["avatar key"], data.User.AvatarURL)
	require.Len(t, data.Identities, 1)
	require.Len(t, data.Sessions, 1)
	require.Len(t, data.Consents, 1)
	require.True(t, data.Consents[0].Granted)
	require.Equal(t, "2026-01", data.Consents[0].Version)
	require.GreaterOrEqual(t, len(data.Events), 5) // register, consent, login, profile, phone
}

// sqliteFiles are the bytes of the database where it is a file.
func sqliteFiles(t testing.TB, s settings) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(s["DATA"], "mpauth.db*"))
	require.NoError(t, err)
	var all strings.Builder
	for _, name := range found {
		content, err := os.ReadFile(name)
		require.NoError(t, err)
		all.Write(content)
	}
	return all.String()
}
