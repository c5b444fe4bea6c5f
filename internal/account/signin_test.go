package account_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	"github.com/stretchr/testify/require"

	"mpauth/internal/account"
	"mpauth/internal/fault"
	"mpauth/internal/revocation"
	"mpauth/internal/wechat"
)

// variant is the same replica with other options.
func (w *world) variant(t testing.TB, change func(*account.Options)) *world {
	t.Helper()
	options := w.Options
	change(&options)
	v := *w
	v.Service = account.New(options)
	t.Cleanup(v.Close)
	return &v
}

// replicas is the service as it would run on this database: twice on PostgreSQL, once on SQLite.
func (w *world) replicas(t testing.TB) []*world {
	t.Helper()
	if w.db.Dialect == dialect.SQLite {
		return []*world{w}
	}
	return []*world{w, w.shared.replica(t)}
}

// together runs do n times at once and returns what each call came to.
func together[T any](n int, do func(i int) (T, error)) ([]T, []error) {
	values, failures := make([]T, n), make([]error, n)
	var ready, all sync.WaitGroup
	start := make(chan struct{})
	ready.Add(n)
	for i := range n {
		all.Go(func() {
			ready.Done()
			<-start
			values[i], failures[i] = do(i)
		})
	}
	ready.Wait()
	close(start)
	all.Wait()
	return values, failures
}

// requireRows wants so many users and sessions in the database.
func (w *world) requireRows(t testing.TB, users, sessions int) {
	t.Helper()
	require.Equal(t, users, w.db.Ent().User.Query().CountX(t.Context()), "users")
	require.Equal(t, users, w.db.Ent().Identity.Query().CountX(t.Context()), "identities")
	require.Equal(t, sessions, w.db.Ent().Session.Query().CountX(t.Context()), "sessions")
}

// refuses tells whether the replica refuses the access tokens of a session.
func (w *world) refuses(t testing.TB, c account.Caller) bool {
	t.Helper()
	err := w.feed.Check(t.Context(), c.SessionID, c.UserID, c.Epoch)
	if err != nil {
		require.ErrorIs(t, err, revocation.ErrRevoked)
	}
	return err != nil
}

// requireKeys wants the session keys of the only identity to be there, or not.
func (w *world) requireKeys(t testing.TB, there bool) {
	t.Helper()
	row := w.db.Ent().Identity.Query().OnlyX(t.Context())
	require.Equal(t, there, row.SessionKey != nil && len(*row.SessionKey) > 0)
	require.Equal(t, there, row.SessionKeyPrint != nil && len(*row.SessionKeyPrint) > 0)
	if !there {
		require.True(t, row.PreviousKey == nil || len(*row.PreviousKey) == 0)
	}
}

// gate is a WeChat whose answers to login codes are held back.
type gate struct {
	account.WeChat
	asked, open chan struct{}
}

func newGate(inner account.WeChat) *gate {
	return &gate{WeChat: inner, asked: make(chan struct{}, 100), open: make(chan struct{})}
}

func (g *gate) Code2Session(ctx context.Context, appID, code string) (wechat.Session, error) {
	session, err := g.WeChat.Code2Session(ctx, appID, code)
	g.asked <- struct{}{}
	select {
	case <-g.open:
	case <-ctx.Done():
	}
	return session, err
}

func TestFirstLoginCreatesThePerson(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		login, caller := w.login(t, "ann")
		require.True(t, login.IsNewUser)
		require.Equal(t, 600, login.ExpiresIn)
		require.Equal(t, account.StepOne, login.User.AuthStep())
		require.Equal(t, []account.AuthFact{profile, phone}, login.User.Missing())
		require.False(t, login.User.HasProfile())
		require.False(t, login.User.HasPhone())
		require.True(t, login.User.HasUnionID)
		require.Equal(t, w.clock.Now(), login.User.CreatedAt)
		require.Equal(t, w.clock.Now(), login.User.LastLoginAt)
		require.Equal(t, shop, caller.AppID)
		require.Equal(t, login.User.ID, caller.UserID)

		me, err := w.Me(t.Context(), caller)
		require.NoError(t, err)
		require.Equal(t, login.User, me)
		require.ElementsMatch(t, []string{"register", "login"}, w.actions(t))
		require.Zero(t, w.wechat.Calls("stable_token")+w.wechat.Calls("token"), "a login needs no access_token")

		w.clock.advance(time.Hour)
		again, _ := w.login(t, "ann")
		require.False(t, again.IsNewUser)
		require.Equal(t, login.User.ID, again.User.ID)
		require.Equal(t, login.User.CreatedAt, again.User.CreatedAt)
		require.Equal(t, w.clock.Now(), again.User.LastLoginAt)
		w.requireRows(t, 1, 1)
		require.Zero(t, w.wechat.Calls("stable_token")+w.wechat.Calls("token"))
	})
}

// WeChat knows a person by another openid in each app, and so do we.
func TestOnePersonInTwoAppsIsTwoUsers(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		inShop, err := w.SilentLogin(t.Context(), w.proof(shop, "ann", "phone"))
		require.NoError(t, err)
		inClub, err := w.SilentLogin(t.Context(), w.proof(club, "ann", "phone"))
		require.NoError(t, err)
		require.True(t, inClub.IsNewUser)
		require.NotEqual(t, inShop.User.ID, inClub.User.ID)
		require.Equal(t, []account.AuthFact{phone}, inClub.User.Missing())
		require.False(t, inClub.User.HasUnionID, "the club is in no Open Platform account")
		w.requireRows(t, 2, 2)
	})
}

// oneOpenID is a WeChat that knows everybody by the same openid, whatever the app.
type oneOpenID struct {
	account.WeChat
	unionID string
}

func (o *oneOpenID) Code2Session(ctx context.Context, appID, code string) (wechat.Session, error) {
	session, err := o.WeChat.Code2Session(ctx, appID, code)
	session.OpenID, session.UnionID = "o-the-same-openid-everywhere", o.unionID
	return session, err
}

func TestAnOpenIDCountsOnlyWithinItsApp(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		w = w.variant(t, func(o *account.Options) { o.WeChat = &oneOpenID{WeChat: o.WeChat} })
		inShop, err := w.SilentLogin(t.Context(), w.proof(shop, "ann", "phone"))
		require.NoError(t, err)
		inClub, err := w.SilentLogin(t.Context(), w.proof(club, "ann", "phone"))
		require.NoError(t, err)
		require.NotEqual(t, inShop.User.ID, inClub.User.ID)
		w.requireRows(t, 2, 2)
	})
}

func TestUnionIDMayAppearLaterAndThenStays(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		upstream := &oneOpenID{WeChat: w.WeChat}
		w = w.variant(t, func(o *account.Options) { o.WeChat = upstream })
		for _, step := range []struct {
			unionID string
			has     bool
		}{{"", false}, {"o-union", true}, {"", true}} {
			upstream.unionID = step.unionID
			login, caller := w.login(t, "ann")
			require.Equal(t, step.has, login.User.HasUnionID)
			me, err := w.Me(t.Context(), caller)
			require.NoError(t, err)
			require.Equal(t, step.has, me.HasUnionID)
		}
		require.Equal(t, "o-union", *w.db.Ent().Identity.Query().OnlyX(t.Context()).UnionID)
	})
}

func TestAppIDMayBeLeftOutWhenThereIsOneApp(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		proof := w.proof(shop, "ann", "phone")
		proof.AppID = nil
		_, err := w.SilentLogin(t.Context(), proof)
		requireFault(t, fault.BadInput, err)
		require.ErrorContains(t, err, "appId is needed")

		proof.AppID = new("wx_not_served_here")
		_, err = w.SilentLogin(t.Context(), proof)
		requireFault(t, fault.BadInput, err)
		require.NotContains(t, err.Error(), shop, "who asks must not learn which apps there are")

		_, err = w.AuthFlow(nil)
		requireFault(t, fault.BadInput, err)
		flow, err := w.AuthFlow(new(club))
		require.NoError(t, err)
		require.Equal(t, &account.AuthFlow{AppID: club, Flow: []account.AuthFact{phone}}, flow)

		single := w.variant(t, func(o *account.Options) {
			o.Apps, err = account.NewApps(account.App{AppID: shop, Flow: account.Flow{phone}})
			require.NoError(t, err)
		})
		proof.AppID = nil
		login, err := single.SilentLogin(t.Context(), proof)
		require.NoError(t, err)
		require.Equal(t, shop, w.caller(t, login).AppID)
		flow, err = single.AuthFlow(nil)
		require.NoError(t, err)
		require.Equal(t, shop, flow.AppID)
	})
}

func TestAppsAreAtLeastOneAndEachOnce(t *testing.T) {
	t.Parallel()
	_, err := account.NewApps()
	require.ErrorContains(t, err, "no app is configured")
	_, err = account.NewApps(account.App{AppID: shop}, account.App{AppID: club}, account.App{AppID: shop})
	require.ErrorContains(t, err, "app "+shop+" is configured twice")
	apps, err := account.NewApps(account.App{AppID: shop}, account.App{AppID: club})
	require.NoError(t, err)
	require.Equal(t, []string{club, shop}, apps.IDs())
}

func TestDefaultAppIsMeantWhenNobodyNamesOne(t *testing.T) {
	t.Parallel()
	apps, err := account.NewApps(account.App{AppID: shop}, account.App{AppID: club})
	require.NoError(t, err)
	_, err = apps.Find(nil)
	requireFault(t, fault.BadInput, err)
	_, err = apps.WithDefault("wx00000000000000ff").Find(nil)
	requireFault(t, fault.BadInput, err)

	app, err := apps.WithDefault(club).Find(nil)
	require.NoError(t, err)
	require.Equal(t, club, app.AppID)
	app, err = apps.WithDefault(club).Find(new(shop))
	require.NoError(t, err)
	require.Equal(t, shop, app.AppID)
}

// What cannot be right is refused before WeChat or the database is asked.
func TestLoginInputIsChecked(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		long := func(n int) string { return repeat("x", n) }
		cases := map[string]struct {
			change func(*account.SilentLoginInput)
			code   fault.Code
		}{
			"no code":              {func(in *account.SilentLoginInput) { in.Code = "" }, fault.BadInput},
			"long code":            {func(in *account.SilentLoginInput) { in.Code = long(257) }, fault.BadInput},
			"mock code":            {func(in *account.SilentLoginInput) { in.Code = "the code is a mock one" }, fault.LoginCodeInvalid},
			"other mock code":      {func(in *account.SilentLoginInput) { in.Code = "this code is a mock one" }, fault.LoginCodeInvalid},
			"short nonce":          {func(in *account.SilentLoginInput) { in.Nonce = new(long(15)) }, fault.BadInput},
			"nonce of many bytes":  {func(in *account.SilentLoginInput) { in.Nonce = new(repeat("码", 15)) }, fault.BadInput},
			"long nonce":           {func(in *account.SilentLoginInput) { in.Nonce = new(long(129)) }, fault.BadInput},
			"empty device":         {func(in *account.SilentLoginInput) { in.Device.ID = "" }, fault.BadInput},
			"long device":          {func(in *account.SilentLoginInput) { in.Device.ID = long(65) }, fault.BadInput},
			"device with a space":  {func(in *account.SilentLoginInput) { in.Device.ID = "unnamed device" }, fault.BadInput},
			"device with NUL":      {func(in *account.SilentLoginInput) { in.Device.ID = "a\x00b" }, fault.BadInput},
			"long device name":     {func(in *account.SilentLoginInput) { in.Device.Name = new(long(65)) }, fault.BadInput},
			"name with NUL":        {func(in *account.SilentLoginInput) { in.Device.Name = new("a\x00b") }, fault.BadInput},
			"name turned around":   {func(in *account.SilentLoginInput) { in.Device.Name = new("a\u202eb") }, fault.BadInput},
			"name that is no text": {func(in *account.SilentLoginInput) { in.Device.Name = new("a\xffb") }, fault.BadInput},
			"long platform":        {func(in *account.SilentLoginInput) { in.Device.Platform = new(long(33)) }, fault.BadInput},
			"long sdkVersion":      {func(in *account.SilentLoginInput) { in.Device.SdkVersion = new(long(33)) }, fault.BadInput},
		}
		for name, c := range cases {
			proof := w.proof(shop, "ann", "phone")
			c.change(&proof)
			w.trips.Reset()
			_, err := w.SilentLogin(t.Context(), proof)
			require.Equal(t, c.code, fault.CodeOf(err), "%s: %v", name, err)
			require.Zero(t, w.trips.Count(), name)
		}
		require.Zero(t, w.wechat.Calls("jscode2session"))

		proof := w.proof(shop, "ann", long(64))
		proof.Nonce = new(long(128))
		proof.Device.Name, proof.Device.Platform, proof.Device.SdkVersion = new(repeat("汉", 64)), new(long(32)), new("")
		_, err := w.SilentLogin(t.Context(), proof)
		require.NoError(t, err)
	})
}

// A login prints as nothing that is worth a login.
func TestLoginKeepsItsTokensOutOfALog(t *testing.T) {
	t.Parallel()
	login := &account.Login{Token: "canary-token", RefreshToken: "canary-refresh"}
	for _, verb := range []string{"%v", "%+v", "%s"} {
		require.NotContains(t, fmt.Sprintf(verb, login), "canary", verb)
	}
}
