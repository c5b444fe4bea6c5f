package account

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"mpauth/internal/wechat"
)

// All keys are tried, also after one has fitted: otherwise the time would tell which.
func TestEveryKeyIsAlwaysTried(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		keys []string
		fits map[string]bool
		want string
	}{
		"current":  {[]string{"current", "previous"}, map[string]bool{"current": true}, "current"},
		"previous": {[]string{"current", "previous"}, map[string]bool{"previous": true}, "previous"},
		"both":     {[]string{"current", "previous"}, map[string]bool{"current": true, "previous": true}, "current"},
		"neither":  {[]string{"current", "previous"}, nil, ""},
		"no keys":  {nil, nil, ""},
	} {
		var tried []string
		value, err := openWithAny(c.keys, func(key string) (string, error) {
			tried = append(tried, key)
			if !c.fits[key] {
				return "half of " + key, wechat.ErrDecrypt
			}
			return key, nil
		})
		require.Equal(t, c.keys, tried, name)
		require.Equal(t, c.want, value, name)
		require.Equal(t, c.want == "", errors.Is(err, wechat.ErrDecrypt), name)
	}
}
