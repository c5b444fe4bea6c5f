package config

import (
	"net/netip"
	"strings"
)

// noProxies, as the value of MPAUTH_TRUSTED_PROXIES, says in so many words that clients connect directly.
const noProxies = "none"

// checkProxies fills Proxies. Production serves https and this server does not, so something in front ends TLS; a list that
// was forgotten would make one caller of everybody behind it.
func (c *Config) checkProxies(p *problems) {
	switch c.TrustedProxies {
	case noProxies:
		return
	case "":
		if c.Environment == Production {
			p.add(setting("trusted-proxies"), "is not set, and the rate limits would take all who come through one proxy for one caller",
				"list the networks of the proxies in front, or write none if clients connect directly")
		}
		return
	}
	for text := range strings.SplitSeq(c.TrustedProxies, ",") {
		text = strings.TrimSpace(text)
		network, ok := parseNetwork(text)
		switch {
		case !ok:
			p.add(setting("trusted-proxies"), shown(text)+" is not a network", "write networks or addresses with commas between them, such as 10.0.0.0/8,fd00::/8, or none")
		case network.Bits() == 0:
			p.add(setting("trusted-proxies"), shown(text)+" is everybody, and so anybody could call under any address", "list the networks of the proxies only")
		default:
			c.Proxies = append(c.Proxies, network)
		}
	}
}

// parseNetwork reads a network, or an address as the network of that one. IPv4 in the form of IPv6 is refused: no address
// would ever be found in it.
func parseNetwork(text string) (netip.Prefix, bool) {
	network, err := netip.ParsePrefix(text)
	if err != nil {
		address, err := netip.ParseAddr(text)
		if err != nil || address.Zone() != "" {
			return netip.Prefix{}, false
		}
		network = netip.PrefixFrom(address, address.BitLen())
	}
	return network.Masked(), !network.Addr().Is4In6()
}
