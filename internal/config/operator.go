package config

import "strings"

// noOperator, as the value of MPAUTH_OPERATOR_LISTEN, opens no operator port.
const noOperator = "none"

// checkOperator settles the operator port, whose address is empty when there is none, and where traces go.
func (c *Config) checkOperator(p *problems) {
	switch c.OperatorListen {
	case noOperator:
		c.OperatorListen = ""
	case "":
	default:
		loopback := checkAddress(p, "operator-listen", c.OperatorListen, "9090")
		if !loopback && c.Environment == Development {
			p.add(setting("operator-listen"), shown(c.OperatorListen)+" can be reached by other machines, and MPAUTH_ENV is development",
				"listen on 127.0.0.1, or set MPAUTH_ENV=production")
		}
		if c.OperatorListen == c.Listen && !strings.HasSuffix(c.Listen, ":0") {
			p.add(setting("operator-listen"), shown(c.OperatorListen)+" is "+setting("listen")+" too", "give it a port of its own")
		}
	}
	if c.OTLPEndpoint == "" {
		return
	}
	if _, ok := baseURL(c.OTLPEndpoint); !ok {
		p.add(setting("otlp-endpoint"), shown(c.OTLPEndpoint)+" is not the address of a server", "write it like http://127.0.0.1:4318, without a password")
	}
	c.OTLPEndpoint = strings.TrimRight(c.OTLPEndpoint, "/")
}
