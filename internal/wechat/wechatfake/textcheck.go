package wechatfake

import (
	"net/url"
	"time"
	"unicode/utf8"
)

// recently is how long after a visit WeChat still judges what a user writes.
const recently = 2 * time.Hour

// maxContent is the longest text that WeChat judges, in characters.
const maxContent = 2500

// checkText is POST /wxa/msg_sec_check, version 2.
func (s *Server) checkText(c *call) (object, *refusal) {
	if no := s.checkAuthor(c); no != nil {
		return nil, no
	}
	content := c.field("content")
	switch {
	case content == "":
		return nil, refuse(44002)
	case utf8.RuneCountInString(content) > maxContent:
		return nil, refuse(45002)
	}
	suggest, label, keyword := s.settings.verdict(content)
	return append(success(),
		field{"result", object{{"suggest", suggest}, {"label", label}}},
		field{"detail", verdictDetail(suggest, label, keyword)},
		field{"trace_id", s.traceID()},
	), nil
}

// checkMedia is POST /wxa/media_check_async. The verdict comes later, as a message push.
func (s *Server) checkMedia(c *call) (object, *refusal) {
	if no := s.checkAuthor(c); no != nil {
		return nil, no
	}
	if kind := c.number("media_type"); kind != 1 && kind != 2 {
		return nil, refuse(40004)
	}
	address, err := url.Parse(c.field("media_url"))
	if err != nil || address.Host == "" || (address.Scheme != "http" && address.Scheme != "https") {
		return nil, refuse(40097)
	}
	trace := s.traceID()
	s.pushMediaVerdict(c.appID, c.field("openid"), trace, c.field("media_url"))
	return append(success(), field{"trace_id", trace}), nil
}

// checkAuthor checks what the two content checks have in common: version, scene and a user who was here lately.
func (s *Server) checkAuthor(c *call) *refusal {
	a, known := s.accounts.get(c.field("openid"))
	switch scene := c.number("scene"); {
	case c.number("version") != 2:
		return refuse(40097)
	case scene < 1 || scene > 4:
		return refuse(40129)
	case !known && s.welcome:
		return nil
	case !known:
		return refuse(40003)
	case a.appID != c.appID:
		return refuse(43104)
	case s.now().Sub(a.lastSeen) > recently:
		return refuse(61010)
	default:
		return nil
	}
}

func (s *Server) traceID() string {
	return s.randomHex(4) + "-" + s.randomHex(4) + "-" + s.randomHex(4)
}

// verdictDetail is what each of WeChat's strategies found.
func verdictDetail(suggest string, label int, keyword string) []object {
	model := object{
		{"strategy", "content_model"}, {"errcode", 0}, {"suggest", suggest}, {"label", label}, {"prob", 90},
	}
	if keyword == "" {
		return []object{model}
	}
	return []object{model, {
		{"strategy", "keyword"}, {"errcode", 0}, {"suggest", suggest}, {"label", label}, {"level", 20}, {"keyword", keyword},
	}}
}
