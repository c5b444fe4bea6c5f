package account_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mpauth/internal/account"
	"mpauth/internal/wechat"
)

const (
	keyA = "AAAAAAAAAAAAAAAAAAAAAA=="
	keyB = "BBBBBBBBBBBBBBBBBBBBBA=="
	keyC = "CCCCCCCCCCCCCCCCCCCCCA=="
)

// givesKey is a WeChat that gives the session_key it is told to.
type givesKey struct {
	account.WeChat
	key string
}

func (g *givesKey) Code2Session(ctx context.Context, appID, code string) (wechat.Session, error) {
	session, err := g.WeChat.Code2Session(ctx, appID, code)
	session.SessionKey = g.key
	return session, err
}

// Which key is the current one is decided by when WeChat answered, not by who was stored first: a
// replica that was held up must not put an old key in front of a new one.
func TestSessionKeysAreInTheOrderOfTheirExchange(t *testing.T) {
	t.Parallel()
	type login struct {
		key  string
		late time.Duration // how long ago WeChat answered when the login was stored
	}
	for name, c := range map[string]struct {
		logins []login
		want   []string
	}{
		"one":                       {[]login{{keyA, 0}}, []string{keyA}},
		"another":                   {[]login{{keyA, 0}, {keyB, 0}}, []string{keyB, keyA}},
		"a third":                   {[]login{{keyA, 0}, {keyB, 0}, {keyC, 0}}, []string{keyC, keyB}},
		"the same again":            {[]login{{keyA, 0}, {keyB, 0}, {keyB, 0}}, []string{keyB, keyA}},
		"the first again":           {[]login{{keyA, 0}, {keyB, 0}, {keyA, 0}}, []string{keyA, keyB}},
		"an older one late":         {[]login{{keyB, 0}, {keyA, 10 * time.Second}}, []string{keyB, keyA}},
		"an older one late, third":  {[]login{{keyA, 0}, {keyC, 0}, {keyB, 10 * time.Second}}, []string{keyC, keyB}},
		"the same late":             {[]login{{keyA, 0}, {keyB, 0}, {keyB, 10 * time.Second}}, []string{keyB, keyA}},
		"older, and then a new one": {[]login{{keyB, 0}, {keyA, 10 * time.Second}, {keyC, 0}}, []string{keyC, keyB}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inEachWorld(t, func(t *testing.T, w *world) {
				upstream := &givesKey{WeChat: w.WeChat}
				for _, login := range c.logins {
					w.clock.advance(time.Second)
					upstream.key = login.key
					replica := w.variant(t, func(o *account.Options) {
						o.WeChat = upstream
						o.Now = func() time.Time { return w.clock.Now().Add(-login.late) }
					})
					_, _ = replica.loginFrom(t, "phone")
				}
				row := w.db.Ent().Identity.Query().OnlyX(t.Context())
				requireKeys := func(want []string) {
					t.Helper()
					for _, replica := range w.replicas(t) {
						got, err := replica.keys.Reload(t.Context(), row.ID)
						require.NoError(t, err)
						require.Equal(t, want, got)
						got, err = replica.keys.Keys(t.Context(), row.ID, *row.SessionKeyPrint)
						require.NoError(t, err)
						require.Equal(t, want, got)
					}
				}
				requireKeys(c.want)
				w.clock.advance(5 * time.Minute)
				requireKeys(c.want[:1])
			})
		})
	}
}

// Nor does a login that was held up set back when the person was last here.
func TestNothingOfALateLoginIsNewer(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		_, caller := w.loginFrom(t, "phone")
		w.wechat.RotateKey(shop, "ann")
		late := w.variant(t, func(o *account.Options) {
			o.Now = func() time.Time { return w.clock.Now().Add(-10 * time.Second) }
		})
		_, _ = late.loginFrom(t, "tablet")
		me, err := w.Me(t.Context(), caller)
		require.NoError(t, err)
		require.Equal(t, w.clock.Now(), me.LastLoginAt)
	})
}
