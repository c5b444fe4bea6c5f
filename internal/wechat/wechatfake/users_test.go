package wechatfake_test

import (
	"fmt"
	"regexp"
	"testing"

	"github.com/nyaruka/phonenumbers"
	"github.com/stretchr/testify/require"

	"mpauth/internal/wechat/wechatfake"
)

// People of scripts and demos must stay who they are, so these values may never change.
func TestIdentitiesAreRepeatable(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.Equal(t, "ojQcWXWxYKMQkL5J5KHoXStcsJpb", b.fake.OpenID(shopApp, "alice"))
	require.Equal(t, "o9Opwuz7vzbYA2EV5Vg84K0IeOTn", b.fake.OpenID(clubApp, "alice"))
	require.Equal(t, "oY-5wR-fNH9kTjgv9HBuDGhM7bH7", b.fake.UnionID(shopApp, "alice"))
	require.Equal(t, "13184676421", b.fake.PhoneNumber("alice"))
	require.Equal(t, "南方24", b.fake.Nickname("alice"))
	require.Equal(t, "https://thirdwx.qlogo.cn/mmopen/vi_32/f85d665914749ecf7bfbec32f7000db4/132", b.fake.AvatarURL("alice"))
}

func TestIdentitiesAcrossAppsAndUsers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.NotEqual(t, b.fake.OpenID(shopApp, "alice"), b.fake.OpenID(shopApp, "bob"))
	require.Equal(t, b.fake.UnionID(shopApp, "alice"), b.fake.UnionID(clubApp, "alice"), "one owner, one unionid")
	require.NotEqual(t, b.fake.UnionID(shopApp, "alice"), b.fake.UnionID(shopApp, "bob"))
	require.Empty(t, b.fake.UnionID(loneApp, "alice"), "not bound to an Open Platform account")
}

func TestIdentitiesHaveTheShapesOfWeChat(t *testing.T) {
	t.Parallel()
	b := setup(t)
	openID := regexp.MustCompile(`^o[A-Za-z0-9_-]{27}$`)
	seen := map[string]bool{}
	for i := range 2000 {
		user := fmt.Sprintf("user %d 用户", i)
		require.Regexp(t, openID, b.fake.OpenID(shopApp, user))
		require.Regexp(t, openID, b.fake.UnionID(shopApp, user))
		number := b.fake.PhoneNumber(user)
		require.Regexp(t, `^1[3-9]\d{9}$`, number)
		parsed, err := phonenumbers.Parse(number, "CN")
		require.NoError(t, err)
		require.True(t, phonenumbers.IsValidNumberForRegion(parsed, "CN"), number)
		seen[number] = true
	}
	require.Len(t, seen, 2000, "two users do not share a number")
}

func TestOnlyAppNeedsNoName(t *testing.T) {
	t.Parallel()
	one := setupWith(t, wechatfake.Options{Apps: []wechatfake.App{{ID: loneApp, Secret: secretOf(loneApp)}}})
	require.Equal(t, one.fake.OpenID(loneApp, "alice"), one.fake.OpenID("", "alice"))
	require.Empty(t, one.exchange(loneApp, one.fake.LoginCode("", "alice")).errcode())

	usual := setupWith(t, wechatfake.Options{DefaultApp: loneApp, Apps: []wechatfake.App{{ID: shopApp, Secret: "right"}, {ID: loneApp, Secret: "right"}}})
	require.Equal(t, usual.fake.OpenID(loneApp, "alice"), usual.fake.OpenID("", "alice"))
	require.NotEqual(t, usual.fake.OpenID(shopApp, "alice"), usual.fake.OpenID("", "alice"))

	several := setup(t)
	require.PanicsWithValue(t, "wechatfake: appid is required: 3 apps are configured", func() { several.fake.LoginCode("", "alice") })
	require.PanicsWithValue(t, `wechatfake: no app "wxother" is configured`, func() { several.fake.LoginCode("wxother", "alice") })
	require.Panics(t, func() { several.fake.LoginCode(shopApp, "") })
}

func TestUnknownAppsCanBeLetIn(t *testing.T) {
	t.Parallel()
	b := setupWith(t, wechatfake.Options{AcceptUnknownApps: true, Apps: []wechatfake.App{{ID: shopApp, Secret: "right"}}})
	openID, _ := b.login("wxanything", "alice")
	require.Equal(t, b.fake.OpenID("wxanything", "alice"), openID)
	require.NotEmpty(t, b.stableToken("wxanything"))
	require.Equal(t, 40125, b.exchange(shopApp, b.fake.LoginCode(shopApp, "alice")).errcode(), "a configured secret still counts")
}
