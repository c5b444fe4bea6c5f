package wechatfake

import (
	"encoding/base64"
	"fmt"
	"net/netip"
	"time"
)

const (
	tokenLifetime = 7200 * time.Second
	// earlyRenewal is when stable_token begins to hand out the next token; the last one lives on to its own end.
	earlyRenewal = 300 * time.Second
	// A stable token may be refreshed by force so often a day, and not sooner than this after the last time.
	forcedPerDay = 20
	forcedApart  = 30 * time.Second
)

// accessToken is one token that was handed out.
type accessToken struct {
	appID   string
	expires time.Time
	killed  time.Time // when a successor ended it; zero while none has
}

// appTokens are an app's tokens in both of WeChat's token spaces, which know nothing of each other.
type appTokens struct {
	classic, stable string
	forcedAt        time.Time
	forcedDay       int64
	forcedToday     int
}

// checkSecret checks the parameters that the endpoints with an AppSecret have in common, in WeChat's order. code names
// one more required parameter.
func (s *Server) checkSecret(c *call, grantType, code string) *refusal {
	switch {
	case c.field("appid") == "":
		return refuse(41002)
	case c.field("secret") == "":
		return refuse(41004)
	case code != "" && c.field(code) == "":
		return refuse(41008)
	case c.field("grant_type") != grantType:
		return refuse(40002)
	}
	app, ok := s.appByID(c.field("appid"))
	_, configured := s.apps[app.ID]
	switch {
	case !ok:
		return refuse(40013)
	case configured && app.Secret != c.field("secret"):
		return refuse(40125)
	default:
		return nil
	}
}

// checkIP applies the owner's whitelist.
func (s *Server) checkIP(c *call) *refusal {
	if len(s.settings.AllowedIPs) == 0 {
		return nil
	}
	for _, allowed := range s.settings.AllowedIPs {
		if a, err := netip.ParseAddr(allowed); err == nil && a.Unmap() == c.ip {
			return nil
		}
	}
	return &refusal{40164, fmt.Sprintf("invalid ip %s ipv6 ::ffff:%[1]s, not in whitelist", c.ip)}
}

// token is GET /cgi-bin/token: always a new token, which ends the last one.
func (s *Server) token(c *call) (object, *refusal) {
	if no := s.checkTokenCall(c); no != nil {
		return nil, no
	}
	t := s.tokensOf(c.field("appid"))
	s.kill(t.classic, seconds(s.settings.TokenOverlap))
	t.classic = s.issueToken(c.field("appid"))
	return s.tokenAnswer(t.classic), nil
}

// stableToken is POST /cgi-bin/stable_token: the same token with the rest of its life, until shortly before its end.
func (s *Server) stableToken(c *call) (object, *refusal) {
	if no := s.checkTokenCall(c); no != nil {
		return nil, no
	}
	appID := c.field("appid")
	if no := s.spend("stable_token "+appID, quota{perMinute: 10_000, perDay: 500_000, minuteCode: 45011}); no != nil {
		return nil, no
	}
	t := s.tokensOf(appID)
	if c.flag("force_refresh") {
		if no := s.spendForced(t); no != nil {
			return nil, no
		}
		s.kill(t.stable, 0)
		t.stable = s.issueToken(appID)
	}
	current, ok := s.tokens.get(t.stable)
	if !ok || current.expires.Sub(s.now()) <= earlyRenewal {
		t.stable = s.issueToken(appID)
	}
	return s.tokenAnswer(t.stable), nil
}

func (s *Server) checkTokenCall(c *call) *refusal {
	if no := s.checkSecret(c, "client_credential", ""); no != nil {
		return no
	}
	return s.checkIP(c)
}

func (s *Server) tokensOf(appID string) *appTokens {
	t, ok := s.appTokens.get(appID)
	if !ok {
		t = &appTokens{}
	}
	s.appTokens.put(appID, t)
	return t
}

// spendForced counts a forced refresh, or refuses it.
func (s *Server) spendForced(t *appTokens) *refusal {
	now, day := s.now(), s.day()
	if t.forcedDay != day {
		t.forcedDay, t.forcedToday = day, 0
	}
	switch {
	case t.forcedToday >= forcedPerDay:
		return refuse(45009)
	case !t.forcedAt.IsZero() && now.Sub(t.forcedAt) < forcedApart:
		return refuse(45011)
	}
	t.forcedAt = now
	t.forcedToday++
	return nil
}

func (s *Server) issueToken(appID string) string {
	text := "97_" + base64.RawURLEncoding.EncodeToString(s.random(100))
	s.tokens.put(text, &accessToken{appID: appID, expires: s.now().Add(tokenLifetime)})
	return text
}

// kill ends a token after the overlap.
func (s *Server) kill(text string, overlap time.Duration) {
	if t, ok := s.tokens.get(text); ok && t.killed.IsZero() {
		t.killed = s.now().Add(overlap)
	}
}

func (s *Server) tokenAnswer(text string) object {
	t, _ := s.tokens.get(text)
	return object{{"access_token", text}, {"expires_in", int(t.expires.Sub(s.now()) / time.Second)}}
}

// checkToken finds the app that a call's access_token stands for.
func (s *Server) checkToken(c *call) (appID string, no *refusal) {
	text := c.query.Get("access_token")
	if text == "" {
		return "", refuse(41001)
	}
	t, ok := s.tokens.get(text)
	switch {
	case !ok || (!t.killed.IsZero() && !s.now().Before(t.killed)):
		return "", refuse(40001)
	case !s.now().Before(t.expires):
		return "", refuse(42001)
	default:
		return t.appID, nil
	}
}
