package wechatfake

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
)

// endpoint is one call of WeChat's server API.
type endpoint struct {
	name, path, method string
	family             family
	needsToken         bool   // an access_token says which app calls
	quota              quota  // of that app
	wanted             string // the field of the answer that a caller cannot do without
	user               func(*Server, *call) *account
	answer             func(*Server, *call) (object, *refusal)
}

func (s *Server) upstreamEndpoints() map[string]endpoint {
	byPath := map[string]endpoint{}
	for _, e := range []endpoint{
		{
			name: "jscode2session", path: "/sns/jscode2session", method: http.MethodGet, family: familySNS,
			wanted: "session_key", user: (*Server).userOfLoginCode, answer: (*Server).code2Session,
		}, {
			name: "token", path: "/cgi-bin/token", method: http.MethodGet, family: familyPlain,
			wanted: "access_token", user: nobody, answer: (*Server).token,
		}, {
			name: "stable_token", path: "/cgi-bin/stable_token", method: http.MethodPost, family: familyPlain,
			wanted: "access_token", user: nobody, answer: (*Server).stableToken,
		}, {
			name: "getuserphonenumber", path: "/wxa/business/getuserphonenumber", method: http.MethodPost, family: familyBusiness,
			needsToken: true, wanted: "phone_info", user: (*Server).userOfPhoneCode, answer: (*Server).userPhoneNumber,
		}, {
			name: "checksession", path: "/wxa/checksession", method: http.MethodGet, family: familyPlain,
			needsToken: true, wanted: "errcode", user: (*Server).userOfOpenID, answer: (*Server).checkSession,
		}, {
			name: "resetusersessionkey", path: "/wxa/resetusersessionkey", method: http.MethodGet, family: familyPlain,
			needsToken: true, wanted: "session_key", user: (*Server).userOfOpenID, answer: (*Server).resetUserSessionKey,
			quota: quota{perMinute: 60_000, minuteCode: 45011},
		}, {
			name: "msg_sec_check", path: "/wxa/msg_sec_check", method: http.MethodPost, family: familyPlain,
			needsToken: true, wanted: "result", user: (*Server).userOfOpenID, answer: (*Server).checkText,
			quota: quota{perMinute: 4_000, perDay: 2_000_000, minuteCode: 44991},
		}, {
			name: "media_check_async", path: "/wxa/media_check_async", method: http.MethodPost, family: familyPlain,
			needsToken: true, wanted: "trace_id", user: (*Server).userOfOpenID, answer: (*Server).checkMedia,
			quota: quota{perMinute: 2_000, perDay: 200_000, minuteCode: 44991},
		},
	} {
		byPath[e.path] = e
	}
	return byPath
}

func nobody(*Server, *call) *account { return nil }

func (s *Server) userOfLoginCode(c *call) *account {
	code, ok := s.loginCodes.get(c.field("js_code"))
	if !ok {
		return nil
	}
	a, _ := s.accountOf(code.appID, openIDOf(code.appID, code.user))
	return a
}

func (s *Server) userOfPhoneCode(c *call) *account {
	code, ok := s.phoneCodes.get(c.field("code"))
	if !ok {
		return nil
	}
	a, _ := s.accountOf(code.appID, openIDOf(code.appID, code.user))
	return a
}

func (s *Server) userOfOpenID(c *call) *account {
	a, _ := s.accounts.get(c.field("openid"))
	return a
}

// serveUpstream answers one call to WeChat.
func (s *Server) serveUpstream(w http.ResponseWriter, r *http.Request, path string) {
	e, known := s.endpoints[path]
	if !known {
		s.unknownPath().send(w)
		return
	}
	c, err := readCall(e, w, r)
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		return
	} else if err != nil {
		panic(http.ErrAbortHandler) // the client left in the middle of its own request
	}
	fault, released := s.receive(c)
	if !fault.hold(r.Context(), released) {
		panic(http.ErrAbortHandler)
	}
	answer := s.reply(c, fault)
	s.log.LogAttrs(r.Context(), slog.LevelInfo, "wechat call", slog.String("endpoint", e.name), slog.String("appid", c.appID),
		slog.Int("status", answer.status), slog.Int("errcode", answer.errcode), slog.String("fault", string(fault.Kind)))
	if fault.Kind == FaultCutBefore || fault.Kind == FaultCutAfter {
		panic(http.ErrAbortHandler)
	}
	answer.send(w)
}

// receive notes the call and finds the fault that it will meet.
func (s *Server) receive(c *call) (met Fault, released <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.from = c.endpoint.user(s, c)
	if c.endpoint.needsToken {
		if t, ok := s.tokens.get(c.query.Get("access_token")); ok {
			c.appID = t.appID
		}
	} else if app, ok := s.appByID(c.field("appid")); ok {
		c.appID = app.ID
	}
	s.note(c)
	return s.takeFault(c), s.released
}

// process does what the call asks for.
func (s *Server) process(c *call) (object, *refusal) {
	if c.method != c.endpoint.method {
		if c.endpoint.method == http.MethodGet {
			return nil, refuse(43001)
		}
		return nil, refuse(43002)
	}
	if c.endpoint.needsToken {
		var no *refusal
		if c.appID, no = s.checkToken(c); no != nil {
			return nil, no
		}
	}
	if c.method == http.MethodPost {
		switch {
		case len(bytes.TrimSpace(c.body)) == 0:
			return nil, refuse(44002)
		case c.json == nil:
			return nil, refuse(47001)
		}
	}
	if no := s.spend(c.endpoint.name+" "+c.appID, c.endpoint.quota); no != nil {
		return nil, no
	}
	return c.endpoint.answer(s, c)
}

// success begins the answers of the endpoints that send errcode 0.
func success() object { return object{{"errcode", 0}, {"errmsg", "ok"}} }

// reply is an HTTP answer.
type reply struct {
	status      int
	contentType string
	body        []byte
	errcode     int
}

// render turns an outcome into the HTTP answer that WeChat would give: always 200, and text/plain for /sns/ although the
// body is JSON.
func (s *Server) render(f family, answer object, no *refusal) reply {
	r := reply{status: http.StatusOK, contentType: "application/json; encoding=utf-8"}
	if no != nil {
		text := no.text
		if text == "" {
			text = errorText(no.code)
		}
		answer = object{{"errcode", no.code}, {"errmsg", text + s.suffix(f)}}
		r.errcode = no.code
	}
	r.body = answer.json()
	if f == familySNS {
		r.contentType = "text/plain"
		// A slash stands only inside strings, where the escape means the same.
		r.body = bytes.ReplaceAll(r.body, []byte("/"), []byte(`\/`))
	}
	return r
}

func (r reply) send(w http.ResponseWriter) {
	w.Header()["Content-Type"] = nil // net/http is not to guess one
	if r.contentType != "" {
		w.Header().Set("Content-Type", r.contentType)
	}
	w.WriteHeader(r.status)
	_, _ = w.Write(r.body) // the client may have left; there is nobody to tell
}

func (s *Server) unknownPath() reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.render(familyPlain, nil, refuse(40066))
}
