package config

import (
	"net/netip"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/lib/pq"
)

// checkDatabase leaves in DatabaseURL a PostgreSQL URL, or nothing for SQLite in the data directory.
func (c *Config) checkDatabase(p *problems) {
	const example = "postgres://user:password@host:5432/mpauth?sslmode=verify-full"
	name := variable("database-url")

	given, ok := secretSetting("database-url", c.DatabaseURL, c.DatabaseURLFile, p)
	c.DatabaseURL = Secret{}
	switch {
	case !ok:
		return
	case given.Reveal() == SQLite:
		return
	case !given.IsSet():
		if c.Environment == Production {
			p.add(name, "is not set", "write "+example+", or the word sqlite if one process on one machine is all you need")
		}
		return
	}
	location, err := url.Parse(given.Reveal())
	if err != nil || location.Scheme != "postgres" && location.Scheme != "postgresql" {
		p.add(name, "is not the URL of a PostgreSQL database", "write "+example+", with special characters in the password as %XX, or the word sqlite")
		return
	}
	// The driver's own parser decides what host and sslmode are, PGHOST and PGSSLMODE included, so that what is checked here
	// is what will be connected to.
	server, err := pq.NewConfig(given.Reveal())
	if err != nil {
		p.add(name, "lib/pq cannot use it"+reason(err, location), "write "+example)
		return
	}
	c.DatabaseURL = given
	c.checkTransport(server, p)
}

// checkTransport refuses in production a connection that may go over a network in clear, and warns of one that may end at
// an impostor: without verify-ca or verify-full, lib/pq takes any certificate unless a root certificate is named.
func (c *Config) checkTransport(server pq.Config, p *problems) {
	if c.Environment != Production || !slices.ContainsFunc(hosts(server), isRemote) {
		return
	}
	switch server.SSLMode {
	case pq.SSLModeDisable, pq.SSLModeAllow, pq.SSLModePrefer:
		p.add(variable("database-url"), "sslmode="+string(server.SSLMode)+" may send everything over the network in clear", "write sslmode=verify-full, or sslmode=require where nobody can stand in between")
	case pq.SSLModeRequire, "":
		if server.SSLRootCert == "" {
			c.Warnings = append(c.Warnings, variable("database-url")+": the server's certificate is not verified; write sslmode=verify-full and name the root certificate in sslrootcert")
		}
	}
}

func hosts(server pq.Config) []pq.ConfigMultihost {
	first := pq.ConfigMultihost{Host: server.Host, Hostaddr: server.Hostaddr, Port: server.Port}
	return append([]pq.ConfigMultihost{first}, server.Multi...)
}

// isRemote reports whether the way to a database leaves this machine. A path, or a name that begins with @, is a socket.
func isRemote(server pq.ConfigMultihost) bool {
	if server.Hostaddr != (netip.Addr{}) {
		return !server.Hostaddr.Unmap().IsLoopback()
	}
	if filepath.IsAbs(server.Host) || strings.HasPrefix(server.Host, "@") {
		return false
	}
	return !isLoopback(server.Host)
}

// reason repeats what lib/pq said unless that quotes a part of the URL which may be the password.
func reason(err error, location *url.URL) string {
	text := strings.Join(strings.Fields(strings.TrimPrefix(err.Error(), "pq: ")), " ")
	password, _ := location.User.Password()
	for _, secret := range []string{password, location.Query().Get("password"), location.Query().Get("sslpassword")} {
		if secret != "" && strings.Contains(text, secret) || strings.Contains(text, "://") {
			return ""
		}
	}
	return " (" + text + ")"
}
