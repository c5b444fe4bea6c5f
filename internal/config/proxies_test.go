package config_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTrustedProxies(t *testing.T) {
	t.Parallel()
	tests := []struct {
		value string
		want  []string
	}{
		{"", nil},
		{"none", nil},
		{"10.0.0.0/8", []string{"10.0.0.0/8"}},
		{"10.1.2.3/8", []string{"10.0.0.0/8"}},
		{"10.0.0.7", []string{"10.0.0.7/32"}},
		{"fd00::1", []string{"fd00::1/128"}},
		{" 10.0.0.0/8 , fd00::/8,192.0.2.7", []string{"10.0.0.0/8", "fd00::/8", "192.0.2.7/32"}},
	}
	for _, test := range tests {
		c, err := parse(t, []string{"--trusted-proxies", test.value}, nil)
		require.NoError(t, err, test.value)
		require.Empty(t, c.Warnings, "development needs no proxy")
		var want []netip.Prefix
		for _, network := range test.want {
			want = append(want, netip.MustParsePrefix(network))
		}
		require.Equal(t, want, c.Proxies, test.value)
	}
}

func TestTrustedProxiesThatAreNone(t *testing.T) {
	t.Parallel()
	const fix = " is not a network; write networks or addresses with commas between them, such as 10.0.0.0/8,fd00::/8, or none"
	const everybody = " is everybody, and so anybody could call under any address; list the networks of the proxies only"
	for value, want := range map[string]string{
		"loadbalancer":        `"loadbalancer"` + fix,
		"10.0.0.0/33":         `"10.0.0.0/33"` + fix,
		"10.0.0.0/8,":         `""` + fix,
		"10.0.0.0/8 fd00::1":  `"10.0.0.0/8 fd00::1"` + fix,
		"10.0.0.0/8,none":     `"none"` + fix,
		"fe80::1%eth0":        `"fe80::1%eth0"` + fix,
		"::ffff:10.0.0.0/104": `"::ffff:10.0.0.0/104"` + fix,
		"::ffff:10.0.0.1":     `"::ffff:10.0.0.1"` + fix,
		"0.0.0.0/0":           `"0.0.0.0/0"` + everybody,
		"10.0.0.1/0":          `"10.0.0.1/0"` + everybody,
		"::/0":                `"::/0"` + everybody,
	} {
		_, err := parse(t, nil, []string{"MPAUTH_TRUSTED_PROXIES=" + value})
		require.EqualError(t, err, "MPAUTH_TRUSTED_PROXIES (--trusted-proxies): "+want)
	}
}

func TestProductionAsksForTheProxies(t *testing.T) {
	t.Parallel()
	_, err := parse(t, nil, production("MPAUTH_TRUSTED_PROXIES="))
	require.EqualError(t, err, "MPAUTH_TRUSTED_PROXIES (--trusted-proxies): is not set, and the rate limits would take all who come through one proxy for one caller; "+
		"list the networks of the proxies in front, or write none if clients connect directly")
	for _, said := range []string{"none", "10.0.0.0/8"} {
		c, err := parse(t, nil, production("MPAUTH_TRUSTED_PROXIES="+said))
		require.NoError(t, err)
		require.Empty(t, c.Warnings)
	}
}
