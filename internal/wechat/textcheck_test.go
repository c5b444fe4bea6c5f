package wechat_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"mpauth/internal/wechat"
)

func TestCheckTextReturnsTheVerdict(t *testing.T) {
	t.Parallel()
	for _, verdict := range []wechat.Verdict{wechat.VerdictPass, wechat.VerdictReview, wechat.VerdictRisky} {
		v := newVendor(t)
		v.says(textCheck, `{"errcode":0,"errmsg":"ok","result":{"suggest":"`+string(verdict)+`","label":20001}}`)
		got, err := v.client().CheckText(t.Context(), appID, openID, `Band <"&> 码`)
		require.NoError(t, err)
		require.Equal(t, verdict, got)
		require.Equal(t, map[string]any{
			"version": 2.0, "scene": 1.0, "openid": openID, "content": `Band <"&> 码`, "nickname": `Band <"&> 码`,
		}, v.requests(textCheck)[0].body)
	}
}

func TestCheckTextHasNoVerdictOfItsOwn(t *testing.T) {
	t.Parallel()
	cases := map[string]wechat.Kind{
		`{"errcode":0,"errmsg":"ok"}`:                            wechat.KindUnavailable,
		`{"errcode":0,"result":{"suggest":"fine"}}`:              wechat.KindUnavailable,
		`{"errcode":0,"result":{"Suggest":"pass"}}`:              wechat.KindUnavailable,
		`{"errcode":61010,"errmsg":"code is expired"}`:           wechat.KindUserInactive,
		`{"errcode":43104,"errmsg":"appid not match openid"}`:    wechat.KindRefused,
		`{"errcode":40129,"errmsg":"invalid scene"}`:             wechat.KindMisconfigured,
		`{"errcode":44991,"errmsg":"api quota reach limit"}`:     wechat.KindRateLimited,
		`{"errcode":87014,"errmsg":"risky content (version 1)"}`: wechat.KindRefused,
	}
	for answer, kind := range cases {
		v := newVendor(t)
		v.says(textCheck, answer)
		verdict, err := v.client().CheckText(t.Context(), appID, openID, "Band")
		require.Equal(t, kind, failureOf(t, err).Kind, answer)
		require.Empty(t, verdict)
	}
}

func TestCheckTextSendsOnlyWhatWeChatTakes(t *testing.T) {
	t.Parallel()
	v := newVendor(t)
	v.says(textCheck, goodText)
	for text, sent := range map[string]bool{"": false, strings.Repeat("码", 2500): true, strings.Repeat("码", 2501): false} {
		_, err := v.client().CheckText(t.Context(), appID, openID, text)
		if sent {
			require.NoError(t, err)
		} else {
			require.Equal(t, wechat.KindRefused, failureOf(t, err).Kind)
		}
	}
	require.Len(t, v.requests(textCheck), 1)
}
