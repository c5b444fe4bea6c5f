package config

import (
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// check looks at what the command needs, settles the mode first, and fills in what depends on it.
func (c *Config) check(given map[string]bool, env environ, p *problems) {
	loopback := c.checkListen(p)
	c.settleMode(loopback, p)
	c.complete(given)

	switch c.Command {
	case Serve:
		c.checkPublicURL(p)
		c.checkProxies(p)
		c.checkOperator(p)
		c.checkAdministrators(p)
		c.checkAvatars(p)
		c.checkWechatURL(p)
		c.checkApps(env, p)
		c.checkDatabase(p)
		c.checkKeysFile(p)
		c.checkLogins(given, p)
		c.checkRetention(p)
		if c.Environment == Production && !c.RateLimits {
			p.add(setting("rate-limits"), "off is for development only", "remove it")
		}
	case FakeWechat:
		if c.Environment == Production {
			p.add(setting("env"), "the fake of WeChat does not run in production", "unset it, or run mpauth serve")
		}
		c.checkApps(env, p)
	case Migrate:
		c.checkDatabase(p)
	case KeysGenerate, KeysList, KeysRotate:
		c.checkKeysFile(p)
	case AdminKeyMake:
		c.checkDatabase(p)
		checkRoles(p, "--roles", c.AdminKey.Roles)
	case AdminKeyList, AdminKeyRevoke:
		c.checkDatabase(p)
	case AuditVerify:
		c.checkDatabase(p)
		c.checkKeysFile(p)
	}
}

// leastRetention is what China's rules ask of network logs: six months.
const leastRetention = 180 * 24 * time.Hour

func (c *Config) checkRetention(p *problems) {
	if c.Environment == Production && c.AuditRetention != 0 && c.AuditRetention < leastRetention {
		p.add(setting("audit-retention"), c.AuditRetention.String()+" is less than 180 days", "set 4320h or more, or 0s to keep everything")
	}
}

// checkListen reports whether the listen address can be reached from this machine only.
func (c *Config) checkListen(p *problems) (loopback bool) {
	return checkAddress(p, "listen", c.Listen, "8080")
}

// checkAddress is checkListen for any setting; port is for the advice.
func checkAddress(p *problems, name, address, port string) (loopback bool) {
	host, given, err := net.SplitHostPort(address)
	if err != nil {
		p.add(setting(name), shown(address)+" is not host:port", "write it like 127.0.0.1:"+port+", or :"+port+" for every interface")
		return true // so that the mode is not blamed too
	}
	if number, err := strconv.Atoi(given); err != nil || number < 0 || number > 65535 {
		p.add(setting(name), shown(address)+" has no port from 0 to 65535", "write it like 127.0.0.1:"+port)
	}
	return isLoopback(host)
}

// isLoopback reports whether a host is this machine. Names other than localhost are not looked up: what a name means can
// change after the check.
func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.Unmap().IsLoopback()
}

// settleMode refuses to guess: without MPAUTH_ENV, an address that others can reach is either a mistake or production.
// The command fakewechat holds nothing of value and may be reached from a back end elsewhere; migrate and keys listen to
// nobody.
func (c *Config) settleMode(loopback bool, p *problems) {
	unset := c.Environment == ""
	if unset {
		c.Environment = Development
	}
	if c.Command != Serve || c.Environment == Production || loopback {
		return
	}
	if unset {
		p.add(setting("env"), "is not set, and other machines can reach "+setting("listen")+" "+shown(c.Listen), "set MPAUTH_ENV=production, or listen on 127.0.0.1")
		return
	}
	p.add(setting("listen"), shown(c.Listen)+" can be reached by other machines, and MPAUTH_ENV is development", "listen on 127.0.0.1, or set MPAUTH_ENV=production")
}

func (c *Config) checkPublicURL(p *problems) {
	production := c.Environment == Production
	if c.PublicURL == "" && production {
		p.add(setting("public-url"), "is not set", "set the https address under which clients reach this server, such as https://auth.example.com")
		return
	}
	if c.PublicURL == "" {
		// With port 0 only the listener knows the address; the server takes it from there.
		if _, port, err := net.SplitHostPort(c.Listen); err == nil && port != "0" {
			c.PublicURL = "http://" + c.Listen
		}
		return
	}
	location, ok := baseURL(c.PublicURL)
	switch {
	case !ok:
		p.add(setting("public-url"), shown(c.PublicURL)+" is not the address of a server", "write scheme and host and nothing after the path, such as https://auth.example.com")
	case production && location.Scheme != "https":
		p.add(setting("public-url"), shown(c.PublicURL)+" is not https", "put TLS in front and write https://")
	}
	c.PublicURL = strings.TrimRight(c.PublicURL, "/")
}

func (c *Config) checkWechatURL(p *problems) {
	if c.Environment == Production {
		if c.WechatURL != "" {
			p.add(setting("wechat-url"), "another WeChat is for development only", "remove it; production calls "+RealWechat)
		}
		c.WechatURL = RealWechat
		return
	}
	if c.WechatURL == "" {
		return
	}
	location, ok := baseURL(c.WechatURL)
	if !ok {
		p.add(setting("wechat-url"), shown(c.WechatURL)+" is not the address of a server", "write it like http://127.0.0.1:9090, or remove it for the fake inside the process")
		return
	}
	if c.WechatURL = strings.TrimRight(c.WechatURL, "/"); isRealWechat(location) && location.Scheme != "https" {
		p.add(setting("wechat-url"), "http would send the AppSecret over the network in clear", "write "+RealWechat)
	}
}

// isRealWechat knows WeChat's own API hosts: api.weixin.qq.com and its siblings for disaster recovery and regions.
func isRealWechat(location *url.URL) bool {
	host := strings.ToLower(location.Hostname())
	return host == "weixin.qq.com" || strings.HasSuffix(host, ".weixin.qq.com")
}

// callsRealWechat reports whether AppSecrets must be true ones.
func (c *Config) callsRealWechat() bool {
	location, ok := baseURL(c.WechatURL)
	return ok && isRealWechat(location)
}

// baseURL parses the address of a server: http or https, a host, perhaps a path, and nothing that could hold a secret.
func baseURL(text string) (*url.URL, bool) {
	location, err := url.Parse(text)
	if err != nil || location.Hostname() == "" || location.User != nil || location.Scheme != "http" && location.Scheme != "https" {
		return nil, false
	}
	return location, location.RawQuery == "" && !location.ForceQuery && location.Fragment == "" && !strings.Contains(text, "#")
}

func (c *Config) checkKeysFile(p *problems) {
	if c.KeysFile != "" {
		return
	}
	if c.Command == KeysGenerate {
		p.add(setting("keys-file"), "is not set", "name the file to make, outside the data directory; development makes its own keys by itself")
		return
	}
	if c.Environment == Production {
		p.add(setting("keys-file"), "is not set", "make a file with mpauth keys generate and name it here")
		return
	}
	c.KeysFile = filepath.Join(c.Data, "dev-keys.json")
}

// checkLogins compares the lives of a login. Where one of them was refused already there is nothing to compare, and a
// default gives way to what was set beside it.
func (c *Config) checkLogins(given map[string]bool, p *problems) {
	if c.RefreshIdle <= 0 || c.RefreshMax <= 0 || c.AccessTTL <= 0 {
		return
	}
	if c.RefreshIdle > c.RefreshMax {
		if given["refresh-max"] && !given["refresh-idle"] {
			c.RefreshIdle = c.RefreshMax
		} else {
			p.add(setting("refresh-idle"), c.RefreshIdle.String()+" is longer than "+setting("refresh-max")+" "+c.RefreshMax.String(), "make it at most as long")
		}
	}
	if c.RefreshIdle < c.AccessTTL {
		p.add(setting("refresh-idle"), c.RefreshIdle.String()+" is shorter than "+setting("access-ttl")+" "+c.AccessTTL.String(), "make it longer than an access token")
	}
}
