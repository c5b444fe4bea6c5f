package config

import (
	"net"
	"slices"
	"strconv"
	"strings"
)

// noAdministrators, as the value of MPAUTH_ADMIN_LISTEN, opens no port for administrators.
const noAdministrators = "off"

// roles are what an administrator may be; the administrators' schema says what each role opens.
var roles = []string{"SUPPORT", "PRIVACY", "AUDITOR", "OPERATOR"}

// checkAdministrators settles the administrators' port, whose address is empty when there is none, and whose tokens open it.
func (c *Config) checkAdministrators(p *problems) {
	switch {
	case c.AdminListen == noAdministrators, c.AdminListen == "" && c.Environment == Production:
		c.AdminListen = ""
	case c.AdminListen == "":
		c.AdminListen = portAfter(c.Listen)
	default:
		loopback := checkAddress(p, "admin-listen", c.AdminListen, "8081")
		if !loopback && c.Environment == Development {
			p.add(setting("admin-listen"), shown(c.AdminListen)+" can be reached by other machines, and MPAUTH_ENV is development",
				"listen on 127.0.0.1, or set MPAUTH_ENV=production")
		}
		if !loopback && c.Environment == Production {
			c.Warnings = append(c.Warnings, variable("admin-listen")+": other machines can reach "+c.AdminListen+", and keys travel in clear where nothing in front ends TLS")
		}
		for _, other := range []struct{ name, address string }{{"listen", c.Listen}, {"operator-listen", c.OperatorListen}} {
			if c.AdminListen == other.address && !strings.HasSuffix(other.address, ":0") {
				p.add(setting("admin-listen"), shown(c.AdminListen)+" is "+setting(other.name)+" too", "give it a port of its own")
			}
		}
	}
	c.checkOIDC(p)
}

// portAfter is the address on this machine with the next port: port 0, which takes a free one, stays 0.
func portAfter(listen string) string {
	_, port, err := net.SplitHostPort(listen)
	number, notNumber := strconv.Atoi(port)
	if err != nil || notNumber != nil || number == 0 || number >= 65535 {
		return "127.0.0.1:0"
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(number+1))
}

// checkOIDC settles whose tokens open the administrators' port, and fills AdminRoles.
func (c *Config) checkOIDC(p *problems) {
	if c.AdminOIDCIssuer == "" {
		for _, left := range []struct{ name, value string }{{"admin-oidc-audience", c.AdminOIDCAudience}, {"admin-oidc-roles", c.AdminOIDCRoles}} {
			if left.value != "" {
				p.add(setting(left.name), "means nothing without "+setting("admin-oidc-issuer"), "set that too, or remove this")
			}
		}
		return
	}
	location, ok := baseURL(c.AdminOIDCIssuer)
	switch {
	case !ok:
		p.add(setting("admin-oidc-issuer"), shown(c.AdminOIDCIssuer)+" is not the address of a server", "write it as the tokens have it in iss, such as https://login.example.com/realms/staff")
	case location.Scheme != "https" && (c.Environment == Production || !isLoopback(location.Hostname())):
		p.add(setting("admin-oidc-issuer"), shown(c.AdminOIDCIssuer)+" is not https, and anybody on the way could name keys of their own", "write https://")
	}
	if c.AdminOIDCAudience == "" {
		p.add(setting("admin-oidc-audience"), "is not set, and a token for any other program would open the administrators' API", "set the audience that the provider puts into tokens for mpauth")
	}
	if c.AdminOIDCRoles == "" {
		p.add(setting("admin-oidc-roles"), "is not set, and so no token would open anything", "write it like support-team=SUPPORT,lawyers=PRIVACY")
		return
	}
	c.AdminRoles = map[string][]string{}
	for pair := range strings.SplitSeq(c.AdminOIDCRoles, ",") {
		name, role, _ := cutLast(strings.TrimSpace(pair), "=")
		if name == "" || !slices.Contains(roles, role) {
			p.add(setting("admin-oidc-roles"), shown(pair)+" is not a role of the provider and one of ours", "write it like support-team=SUPPORT; the roles are SUPPORT, PRIVACY, AUDITOR and OPERATOR")
			continue
		}
		c.AdminRoles[name] = append(c.AdminRoles[name], role)
	}
}

// cutLast cuts at the last separator: a provider's role may be the name of a directory entry, such as cn=support.
func cutLast(text, separator string) (before, after string, found bool) {
	i := strings.LastIndex(text, separator)
	if i < 0 {
		return text, "", false
	}
	return text[:i], text[i+len(separator):], true
}

func checkRoles(p *problems, name string, given []string) {
	for _, role := range given {
		if !slices.Contains(roles, role) {
			p.add(name, shown(role)+" is no role", "choose SUPPORT, PRIVACY, AUDITOR, OPERATOR, with commas between them")
		}
	}
}
