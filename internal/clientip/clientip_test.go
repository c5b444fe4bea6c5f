package clientip_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"mpauth/internal/clientip"
)

func proxies(networks ...string) clientip.Proxies {
	var p clientip.Proxies
	for _, network := range networks {
		p = append(p, netip.MustParsePrefix(network))
	}
	return p
}

func TestClient(t *testing.T) {
	t.Parallel()
	none := proxies()
	ours := proxies("10.0.0.0/8", "fd00::/8", "192.0.2.7/32")
	flood := strings.Repeat("203.0.113.66, ", 1000)
	cases := map[string]struct {
		trusted   clientip.Proxies
		remote    string
		forwarded []string
		want      string
	}{
		"a client":         {none, "203.0.113.9:4711", nil, "203.0.113.9"},
		"a client of IPv6": {none, "[2001:db8::9]:4711", nil, "2001:db8::9"},
		"without a list the header means nothing":      {none, "10.0.0.1:1", []string{"198.51.100.1"}, "10.0.0.1"},
		"a stranger's header means nothing":            {ours, "203.0.113.9:4711", []string{"198.51.100.1"}, "203.0.113.9"},
		"a stranger who claims to be a proxy's client": {ours, "203.0.113.9:4711", []string{"10.0.0.1, 10.0.0.2"}, "203.0.113.9"},
		"a proxy without a header":                     {ours, "10.0.0.1:1", nil, "10.0.0.1"},
		"a proxy":                                      {ours, "10.0.0.1:1", []string{"198.51.100.1"}, "198.51.100.1"},
		"a proxy of one address":                       {ours, "192.0.2.7:1", []string{"198.51.100.1"}, "198.51.100.1"},
		"the address beside it":                        {ours, "192.0.2.8:1", []string{"198.51.100.1"}, "192.0.2.8"},
		"a proxy of IPv6":                              {ours, "[fd00::1]:1", []string{"2001:db8::9"}, "2001:db8::9"},
		"a chain of proxies":                           {ours, "10.0.0.1:1", []string{"198.51.100.1, 10.2.2.2,fd00::5"}, "198.51.100.1"},
		"only proxies":                                 {ours, "10.0.0.1:1", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},

		"spoofed by the client":               {ours, "10.0.0.1:1", []string{"1.1.1.1, 198.51.100.1"}, "198.51.100.1"},
		"spoofed with a proxy's address":      {ours, "10.0.0.1:1", []string{"10.0.0.9, 198.51.100.1"}, "198.51.100.1"},
		"spoofed in a header of its own":      {ours, "10.0.0.1:1", []string{"1.1.1.1", "198.51.100.1"}, "198.51.100.1"},
		"spoofed through two proxies":         {ours, "10.0.0.1:1", []string{"10.0.0.9", "1.1.1.1, 198.51.100.1", "10.0.0.2"}, "198.51.100.1"},
		"spoofed a thousand times":            {ours, "10.0.0.1:1", []string{flood + "198.51.100.1"}, "198.51.100.1"},
		"a client inside the trusted network": {ours, "10.0.0.1:1", []string{"1.1.1.1, 10.0.0.200"}, "1.1.1.1"},

		"garbage":                         {ours, "10.0.0.1:1", []string{"<script>"}, "10.0.0.1"},
		"unknown":                         {ours, "10.0.0.1:1", []string{"198.51.100.1, unknown"}, "10.0.0.1"},
		"garbage before the client":       {ours, "10.0.0.1:1", []string{"<script>, 198.51.100.1"}, "198.51.100.1"},
		"garbage before a proxy":          {ours, "10.0.0.1:1", []string{"<script>, 10.0.0.2"}, "10.0.0.2"},
		"an empty header":                 {ours, "10.0.0.1:1", []string{""}, "10.0.0.1"},
		"an empty member at the end":      {ours, "10.0.0.1:1", []string{"198.51.100.1,"}, "10.0.0.1"},
		"an empty header at the end":      {ours, "10.0.0.1:1", []string{"198.51.100.1", ""}, "10.0.0.1"},
		"only commas":                     {ours, "10.0.0.1:1", []string{",,,"}, "10.0.0.1"},
		"an octet too large":              {ours, "10.0.0.1:1", []string{"198.51.100.256"}, "10.0.0.1"},
		"an octet in the style of C":      {ours, "10.0.0.1:1", []string{"198.51.100.010"}, "10.0.0.1"},
		"a number":                        {ours, "10.0.0.1:1", []string{"3325256705"}, "10.0.0.1"},
		"a name":                          {ours, "10.0.0.1:1", []string{"localhost"}, "10.0.0.1"},
		"space around an address":         {ours, "10.0.0.1:1", []string{" \t198.51.100.1 \t"}, "198.51.100.1"},
		"a no-break space":                {ours, "10.0.0.1:1", []string{"\u00a0198.51.100.1"}, "10.0.0.1"},
		"a port":                          {ours, "10.0.0.1:1", []string{"198.51.100.1:443"}, "198.51.100.1"},
		"a port of IPv6":                  {ours, "10.0.0.1:1", []string{"[2001:db8::9]:443"}, "2001:db8::9"},
		"IPv4 as IPv6, in the header":     {ours, "10.0.0.1:1", []string{"::ffff:198.51.100.1"}, "198.51.100.1"},
		"IPv4 as IPv6, a proxy":           {ours, "[::ffff:10.0.0.1]:1", []string{"198.51.100.1, ::ffff:10.0.0.2"}, "198.51.100.1"},
		"a zone":                          {ours, "10.0.0.1:1", []string{"fe80::1%eth0"}, "fe80::1"},
		"a zone does not hide a proxy":    {ours, "10.0.0.1:1", []string{"2001:db8::9, fd00::1%a"}, "2001:db8::9"},
		"a zone of the connection":        {none, "[fe80::1%eth0]:1", nil, "fe80::1"},
		"a connection without an address": {ours, "@", []string{"198.51.100.1"}, "invalid IP"},
		"a connection without a port":     {ours, "10.0.0.1", []string{"198.51.100.1"}, "198.51.100.1"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(http.MethodPost, "/", nil)
			r.RemoteAddr = c.remote
			r.Header["X-Forwarded-For"] = c.forwarded
			r.Header.Set("X-Real-Ip", "1.1.1.1")
			r.Header.Set("Forwarded", "for=1.1.1.1")
			require.Equal(t, c.want, c.trusted.Client(r).String())

			var inContext netip.Addr
			inner := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { inContext = clientip.FromContext(r.Context()) })
			c.trusted.Middleware(inner).ServeHTTP(httptest.NewRecorder(), r)
			require.Equal(t, c.want, inContext.String())
		})
	}
}

func TestNoAddressOutsideOfTheMiddleware(t *testing.T) {
	t.Parallel()
	require.False(t, clientip.FromContext(t.Context()).IsValid())
}

func TestNetwork(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"203.0.113.9":              "203.0.113.9/32",
		"2001:db8:1:2:3:4:5:6":     "2001:db8:1:2::/64",
		"2001:db8:1:2:ffff:ffff::": "2001:db8:1:2::/64",
		"2001:db8:1:3::":           "2001:db8:1:3::/64",
		"::1":                      "::/64",
		"fe80::1":                  "fe80::/64",
	} {
		require.Equal(t, want, clientip.Network(netip.MustParseAddr(address)).String(), address)
	}
	require.False(t, clientip.Network(netip.Addr{}).IsValid())
}

// Whatever a client puts before its own address, it does not change what is found.
func FuzzClient(f *testing.F) {
	for _, seed := range []string{"", "10.0.0.9", "1.1.1.1, 10.0.0.9", ",", "::ffff:10.0.0.1", "[fd00::1]:1", "unknown", "fe80::1%,"} {
		f.Add(seed)
	}
	trusted := proxies("10.0.0.0/8", "fd00::/8")
	f.Fuzz(func(t *testing.T, spoofed string) {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.RemoteAddr = "10.0.0.1:1"
		for _, header := range [][]string{{spoofed + ", 203.0.113.9"}, {spoofed, "203.0.113.9"}, {spoofed, "203.0.113.9, 10.0.0.2"}} {
			r.Header["X-Forwarded-For"] = header
			require.Equal(t, "203.0.113.9", trusted.Client(r).String())
		}
	})
}

func TestOnlyAListedProxyForwards(t *testing.T) {
	t.Parallel()
	proxies := clientip.Proxies{netip.MustParsePrefix("10.0.0.0/8")}
	for peer, forwards := range map[string]bool{
		"10.1.2.3:4567": true, "[::ffff:10.1.2.3]:4567": true, "192.0.2.1:4567": false, "@": false, "": false,
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = peer
		r.Header.Set("X-Forwarded-For", "10.1.2.3")
		require.Equal(t, forwards, proxies.Forwards(r), peer)
		require.False(t, clientip.Proxies(nil).Forwards(r))
	}
}
