package wechat

import (
	"context"
	"sync"
)

// Misconfiguration is what an operator has to mend before WeChat serves a call of an app. Like [Error] it carries no secret.
type Misconfiguration struct {
	API     string // as in Error.API
	AppID   string
	Errcode int
	Errmsg  string // WeChat's text with its request id; of an IP address that is not allowed, it names the address
	Remedy  string // what is wrong, and what to do about it
}

// misconfigurations remembers what has been refused for a wrong configuration, per app and endpoint, until the call succeeds. A
// refusal for another reason does not tell that the configuration is right: WeChat does not say what it looks at first.
type misconfigurations struct {
	mu    sync.Mutex
	known map[[2]string]Misconfiguration
}

// note tells whether m is news.
func (n *misconfigurations) note(m Misconfiguration) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	key := [2]string{m.AppID, m.API}
	last, known := n.known[key]
	if n.known == nil {
		n.known = make(map[[2]string]Misconfiguration)
	}
	n.known[key] = m
	return !known || last.Errcode != m.Errcode
}

func (n *misconfigurations) mended(appID, api string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.known, [2]string{appID, api})
}

// of is nil when nothing is known to be wrong.
func (n *misconfigurations) of(appID, api string) *Misconfiguration {
	n.mu.Lock()
	defer n.mu.Unlock()
	m, known := n.known[[2]string{appID, api}]
	if !known {
		return nil
	}
	return &m
}

// follow keeps in mind how a request of an app ended, and tells the operator about a misconfiguration when it begins.
func (c *Client) follow(ctx context.Context, r request, failure *Error) {
	switch {
	case failure == nil:
		c.wrong.mended(r.app.ID, r.api.name)
	case failure.Kind == KindMisconfigured && failure.Errcode != 0:
		m := Misconfiguration{
			API: r.api.name, AppID: r.app.ID, Errcode: failure.Errcode, Errmsg: failure.Errmsg, Remedy: remedy(failure.Errcode),
		}
		if c.wrong.note(m) {
			c.misconfigured(ctx, m)
		}
	}
}

// remedy puts a number of [KindMisconfigured] into words. Sources: as of kindOf.
func remedy(errcode int) string {
	switch errcode {
	case 40013:
		return "WeChat knows no such AppID: compare it with the Mini Program's console, upper and lower case too"
	case 40001, 40125:
		return "the AppSecret is wrong: set the one of this AppID, or a new one from the Mini Program's console, and restart"
	case 40243:
		return "the AppSecret is frozen: unfreeze it in the Mini Program's console"
	case 40164, 45035, 61004:
		return "this server's IP address is not allowed: put it on the IP whitelist in the Mini Program's console"
	case 89503:
		return "an administrator of the Mini Program must confirm this server's IP address"
	case 89506, 89507:
		return "an administrator of the Mini Program has refused this server's IP address: put it on the IP whitelist in the console"
	case 48001, 50004:
		return "the Mini Program may not make this call: see its permissions in the console"
	case 50007:
		return "the Mini Program's account is frozen: see its console"
	}
	return "WeChat does not understand how this call is made: a defect, or something in between changes requests"
}
