package wechatfake

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"time"
)

// maxControlBody is more than any request to the control API needs.
const maxControlBody = 64 << 10

type personRequest struct {
	AppID string `json:"appid"`
	User  string `json:"user"`
}

type phoneCodeRequest struct {
	personRequest
	PhoneNumber string `json:"phoneNumber"`
}

type encryptRequest struct {
	personRequest
	Kind string         `json:"kind"`
	Data map[string]any `json:"data"`
}

type faultRequest struct {
	Fault
	Count *int `json:"count"` // shadows the one of Fault, to tell absent from 0
}

type endpointRequest struct {
	Endpoint string `json:"endpoint"`
}

type clockRequest struct {
	AdvanceSeconds int `json:"advanceSeconds"`
}

type done struct {
	OK bool `json:"ok"`
}

type codeAnswer struct {
	Code string `json:"code"`
}

// personState is what a phone simulator may show of a user. The session key stays inside.
type personState struct {
	AppID         string `json:"appid"`
	User          string `json:"user"`
	OpenID        string `json:"openid"`
	UnionID       string `json:"unionid,omitempty"`
	PhoneNumber   string `json:"phoneNumber"`
	Nickname      string `json:"nickname"`
	AvatarURL     string `json:"avatarUrl"`
	KeyGeneration int    `json:"keyGeneration"` // how many session keys there have been
}

type stateAnswer struct {
	Now      time.Time    `json:"now"`
	Apps     []string     `json:"apps"`
	AnyApp   bool         `json:"acceptUnknownApps"`
	Users    int          `json:"users"`
	Settings Settings     `json:"settings"`
	Faults   []Fault      `json:"faults"`
	Person   *personState `json:"person,omitempty"`
}

type callsAnswer struct {
	Count int  `json:"count"`
	Last  Call `json:"last"`
}

func (s *Server) controlEndpoints() map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		"login-code": control(func(_ *http.Request, q personRequest) (any, error) {
			code, err := s.newLoginCode(q.AppID, q.User)
			return codeAnswer{code}, err
		}),
		"phone-code": control(func(_ *http.Request, q phoneCodeRequest) (any, error) {
			code, err := s.newPhoneCode(q.AppID, q.User, q.PhoneNumber)
			return codeAnswer{code}, err
		}),
		"encrypt": control(func(_ *http.Request, q encryptRequest) (any, error) {
			return s.Encrypt(q.AppID, q.User, q.Kind, q.Data)
		}),
		"rotate-key": control(func(_ *http.Request, q personRequest) (any, error) {
			return done{true}, s.rotateKey(q.AppID, q.User)
		}),
		"faults": control(func(_ *http.Request, q faultRequest) (any, error) {
			q.Fault.Count = 1
			if q.Count != nil {
				q.Fault.Count = *q.Count
			}
			return done{true}, s.SetFault(q.Fault)
		}),
		"clear-faults": control(func(*http.Request, struct{}) (any, error) {
			s.ClearFaults()
			return done{true}, nil
		}),
		"settings": control(func(_ *http.Request, q json.RawMessage) (any, error) {
			err := s.configure(func(st *Settings) error { return decodeStrictly(q, st) })
			return s.Settings(), err
		}),
		"clock": control(s.controlClock),
		"push": control(func(r *http.Request, q Push) (any, error) {
			deliveries, err := s.Push(r.Context(), q)
			return map[string][]Delivery{"deliveries": deliveries}, err
		}),
		"state": control(s.controlState),
		"calls": control(s.controlCalls),
		"reset": control(func(*http.Request, struct{}) (any, error) {
			s.Reset()
			return done{true}, nil
		}),
	}
}

func (s *Server) controlClock(_ *http.Request, q clockRequest) (any, error) {
	if q.AdvanceSeconds > maxSeconds || q.AdvanceSeconds < -maxSeconds {
		return nil, fmt.Errorf("advanceSeconds must be between -%d and %[1]d", maxSeconds)
	}
	s.Advance(seconds(q.AdvanceSeconds))
	return map[string]time.Time{"now": s.Now()}, nil
}

// controlState reads out the fake, and with a user also what is known of that person.
func (s *Server) controlState(_ *http.Request, q personRequest) (any, error) {
	answer := stateAnswer{Apps: s.appIDs, AnyApp: s.anyApp, Settings: s.Settings(), Faults: []Fault{}}
	if q.User != "" {
		app, err := s.person(q.AppID, q.User)
		if err != nil {
			return nil, err
		}
		answer.Person = &personState{
			AppID: app.ID, User: q.User, OpenID: openIDOf(app.ID, q.User), UnionID: unionIDOf(app, q.User),
			PhoneNumber: s.PhoneNumber(q.User), Nickname: s.Nickname(q.User), AvatarURL: s.AvatarURL(q.User),
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	answer.Now, answer.Users = s.now(), s.accounts.len()
	for _, f := range s.faults {
		answer.Faults = append(answer.Faults, *f)
	}
	if p := answer.Person; p != nil {
		if a, ok := s.accountOf(p.AppID, p.OpenID); ok {
			p.KeyGeneration = a.keyGeneration
		}
	}
	return answer, nil
}

func (s *Server) controlCalls(_ *http.Request, q endpointRequest) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	answer := map[string]callsAnswer{}
	for name, r := range s.calls {
		if q.Endpoint == "" || q.Endpoint == name {
			// A record is replaced, never changed, so it may be read after the lock.
			answer[name] = callsAnswer{r.count, r.last}
		}
	}
	return answer, nil
}

// serveControl answers the control API: JSON in, JSON out, POST only.
func (s *Server) serveControl(w http.ResponseWriter, r *http.Request, name string) {
	handler, ok := s.controls[name]
	switch {
	case !ok:
		writeControl(w, http.StatusNotFound, controlError{"no such control: GET / lists them"})
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		writeControl(w, http.StatusMethodNotAllowed, controlError{"POST only"})
	case http.NewCrossOriginProtection().Check(r) != nil:
		// A page from elsewhere, open in a developer's browser, must not steer the fake.
		writeControl(w, http.StatusForbidden, controlError{"requests from pages of other origins are refused"})
	default:
		handler(w, r)
	}
}

type controlError struct {
	Error string `json:"error"`
}

// control makes a handler of a function from request to answer. An empty body counts as an empty request.
func control[Q any](do func(*http.Request, Q) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxControlBody))
		if err != nil {
			writeControl(w, http.StatusRequestEntityTooLarge, controlError{fmt.Sprintf("body: at most %d bytes", maxControlBody)})
			return
		}
		if body = bytes.TrimSpace(body); len(body) == 0 {
			body = []byte("{}")
		}
		var request Q
		if err := decodeStrictly(body, &request); err != nil {
			writeControl(w, http.StatusBadRequest, controlError{err.Error()})
			return
		}
		answer, err := do(r, request)
		if err != nil {
			writeControl(w, http.StatusBadRequest, controlError{err.Error()})
			return
		}
		writeControl(w, http.StatusOK, answer)
	}
}

// decodeStrictly refuses fields that nobody reads: a misspelt one would otherwise be a test that tests nothing.
func decodeStrictly(body []byte, into any) error {
	if len(body) == 0 || body[0] != '{' {
		return errors.New("body: want a JSON object")
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("body: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("body: something follows the JSON object")
	}
	return nil
}

func writeControl(w http.ResponseWriter, status int, answer any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer) // the client may have left; there is nobody to tell
}

// serveIndex says in plain text what there is.
func (s *Server) serveIndex(w http.ResponseWriter) {
	var b bytes.Buffer
	b.WriteString("A WeChat that runs inside the process. Nothing here reaches the real one.\n\nWeChat's server API:\n")
	for _, path := range slices.Sorted(maps.Keys(s.endpoints)) {
		fmt.Fprintf(&b, "  %-4s %s\n", s.endpoints[path].method, path)
	}
	b.WriteString("\nControl, JSON by POST (appid may be absent when one app is configured, or a default):\n")
	for _, line := range controlHelp() {
		fmt.Fprintf(&b, "  POST /_control/%s\n", line)
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write(b.Bytes())
}

func controlHelp() []string {
	return []string{
		`login-code   {"appid","user"} -> {"code"}`,
		`phone-code   {"appid","user","phoneNumber"} -> {"code"}`,
		`encrypt      {"appid","user","kind":"phone"|"profile","data":{}} -> {"encryptedData","iv","rawData","signature"}`,
		`rotate-key   {"appid","user"}`,
		`faults       {"endpoint","kind","count","appid","user","ms","status","errcode","errmsg","body","contentType","field"}`,
		`clear-faults {}`,
		`settings     any of the settings that "state" shows -> the settings`,
		`clock        {"advanceSeconds"} -> {"now"}`,
		`push         {"appid","user","event","url","mode","format","count","revokeInfo","data"} -> {"deliveries"}`,
		`state        {"appid","user"} -> what there is, and about the user`,
		`calls        {"endpoint"} -> what each endpoint was asked`,
		`reset        {}`,
	}
}
