package wechatfake

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// FaultKind is a way in which WeChat, or the way to it, can fail.
type FaultKind string

// The kinds of fault. With the first group WeChat never sees the request; with the second it does what was asked (a code
// is consumed) and the answer suffers.
const (
	FaultErrCode   FaultKind = "errcode"    // ErrCode, with ErrMsg or the usual text
	FaultHTTP      FaultKind = "http"       // Status (default 502) and Body (default an HTML page)
	FaultEmpty     FaultKind = "empty"      // Status (default 200) without a body
	FaultHang      FaultKind = "hang"       // no answer until the client leaves or the faults are reset
	FaultCutBefore FaultKind = "cut-before" // the connection is closed

	FaultLatency      FaultKind = "latency"       // the right answer, after the delay
	FaultCutAfter     FaultKind = "cut-after"     // the connection is closed instead of the answer
	FaultInvalidJSON  FaultKind = "invalid-json"  // an answer that is no JSON
	FaultTruncated    FaultKind = "truncated"     // the first half of the answer, as a complete HTTP body
	FaultOversize     FaultKind = "oversize"      // the right answer with a megabyte of padding in it
	FaultMissingField FaultKind = "missing-field" // without Field (default: the one that matters most; "a.b" reaches inside)
	FaultBadKey       FaultKind = "bad-key"       // a session_key that encodes 15 bytes
	FaultContentType  FaultKind = "content-type"  // the right answer under ContentType (empty: none)
	FaultRotateKey    FaultKind = "rotate-key"    // the right answer, then the user's key is replaced behind the caller's back
)

// Fault is what the next calls are to meet.
type Fault struct {
	// Endpoint is the last part of the path, or "*" for all.
	Endpoint string    `json:"endpoint"`
	Kind     FaultKind `json:"kind"`
	// Count is how many calls meet the fault; 0 means all until Reset or ClearFaults. (The control API takes an absent
	// count as 1.)
	Count int `json:"count"`
	// AppID and User narrow the fault to calls of one app or about one user.
	AppID string `json:"appid,omitempty"`
	User  string `json:"user,omitempty"`
	// Milliseconds delays the call first, whatever the kind.
	Milliseconds int    `json:"ms,omitempty"`
	Status       int    `json:"status,omitempty"`
	ErrCode      int    `json:"errcode,omitempty"`
	ErrMsg       string `json:"errmsg,omitempty"`
	Body         string `json:"body,omitempty"`
	ContentType  string `json:"contentType,omitempty"`
	Field        string `json:"field,omitempty"`
}

const maxDelay = 10 * time.Minute

func (s *Server) validateFault(f Fault) error {
	var names []string
	for _, e := range s.endpoints {
		names = append(names, e.name)
	}
	slices.Sort(names)
	userless := f.Endpoint == "token" || f.Endpoint == "stable_token"
	keyless := f.Endpoint != "jscode2session" && f.Endpoint != "resetusersessionkey" && f.Endpoint != "*"
	switch {
	case f.Endpoint != "*" && !slices.Contains(names, f.Endpoint):
		return fmt.Errorf(`endpoint must be "*" or one of %s`, strings.Join(names, ", "))
	case f.Count < 0:
		return errors.New("count must not be negative")
	case f.Milliseconds < 0 || time.Duration(f.Milliseconds)*time.Millisecond > maxDelay:
		return fmt.Errorf("ms must be between 0 and %d", maxDelay.Milliseconds())
	case f.Status != 0 && (f.Status < 200 || f.Status > 599):
		return errors.New("status must be between 200 and 599")
	case f.User != "" && userless:
		return fmt.Errorf("calls to %s are about no user", f.Endpoint)
	}
	switch f.Kind {
	case FaultHTTP, FaultEmpty, FaultHang, FaultCutBefore, FaultCutAfter, FaultInvalidJSON, FaultTruncated, FaultOversize,
		FaultMissingField, FaultContentType:
		return nil
	case FaultErrCode:
		if f.ErrCode == 0 {
			return errors.New("errcode is required and not 0")
		}
	case FaultLatency:
		if f.Milliseconds == 0 {
			return errors.New("ms is required")
		}
	case FaultBadKey:
		if keyless {
			return fmt.Errorf("%s answers without a session_key", f.Endpoint)
		}
	case FaultRotateKey:
		if userless {
			return fmt.Errorf("calls to %s are about no user", f.Endpoint)
		}
	default:
		return fmt.Errorf("kind %.32q is unknown", f.Kind)
	}
	return nil
}

// SetFault plans a fault. Of several that fit a call, the one that was planned first comes first. The error says what is
// wrong with the plan.
func (s *Server) SetFault(f Fault) error {
	if err := s.validateFault(f); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.faults) >= maxFaults {
		return fmt.Errorf("%d faults are planned already: reset first", maxFaults)
	}
	s.faults = append(s.faults, &f)
	return nil
}

// ClearFaults drops all planned faults and lets go of the calls that one holds back. Everything else stays.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
	close(s.released)
	s.released = make(chan struct{})
}

// takeFault finds the fault that the call meets; one without a kind is none.
func (s *Server) takeFault(c *call) Fault {
	for i, f := range s.faults {
		if !f.meets(c) {
			continue
		}
		met := *f
		if f.Count == 1 {
			s.faults = slices.Delete(s.faults, i, i+1)
		} else if f.Count > 1 {
			f.Count--
		}
		return met
	}
	return Fault{}
}

func (f *Fault) meets(c *call) bool {
	return (f.Endpoint == "*" || f.Endpoint == c.endpoint.name) &&
		(f.AppID == "" || f.AppID == c.appID) &&
		(f.User == "" || (c.from != nil && f.User == c.from.user))
}

// hold waits as long as the fault demands; it is false when there is nobody to answer any more.
func (f Fault) hold(client context.Context, released <-chan struct{}) (goOn bool) {
	var over <-chan time.Time // never, when hanging
	switch {
	case f.Kind == FaultHang:
	case f.Milliseconds == 0:
		return true
	default:
		timer := time.NewTimer(time.Duration(f.Milliseconds) * time.Millisecond)
		defer timer.Stop()
		over = timer.C
	}
	select {
	case <-over:
		return true
	case <-released:
		return f.Kind != FaultHang
	case <-client.Done():
		return false
	}
}

// reply is the answer that the call gets under the fault.
func (s *Server) reply(c *call, f Fault) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch f.Kind {
	case FaultErrCode:
		return s.faultyRefusal(c, f)
	case FaultHTTP:
		return f.page()
	case FaultEmpty:
		return reply{status: or(f.Status, http.StatusOK)}
	case FaultCutBefore:
		return reply{}
	}
	if c.endpoint.method == http.MethodPost && !c.sized {
		return reply{status: http.StatusPreconditionFailed} // WeChat's front wants a Content-Length
	}
	answer, no := s.process(c)
	if no == nil {
		answer = f.spoil(answer, c.endpoint.wanted)
	}
	r := s.render(c.endpoint.family, answer, no)
	switch f.Kind {
	case FaultInvalidJSON:
		r.body = []byte(`{"errcode": ok}`)
	case FaultTruncated:
		r.body = r.body[:len(r.body)/2]
	case FaultContentType:
		r.contentType = f.ContentType
	case FaultRotateKey:
		if c.from != nil {
			s.replaceKey(c.from)
		}
	}
	return r
}

func (s *Server) faultyRefusal(c *call, f Fault) reply {
	if f.ErrMsg == "" {
		return s.render(c.endpoint.family, nil, refuse(f.ErrCode))
	}
	r := s.render(c.endpoint.family, object{{"errcode", f.ErrCode}, {"errmsg", f.ErrMsg}}, nil)
	r.errcode = f.ErrCode
	return r
}

// page is the answer of something between the caller and WeChat.
func (f Fault) page() reply {
	r := reply{status: or(f.Status, http.StatusBadGateway), contentType: or(f.ContentType, "text/html"), body: []byte(f.Body)}
	if f.Body == "" {
		title := fmt.Sprintf("%d %s", r.status, http.StatusText(r.status))
		r.body = fmt.Appendf(nil, "<html>\r\n<head><title>%s</title></head>\r\n<body>\r\n<center><h1>%[1]s</h1></center>\r\n</body>\r\n</html>\r\n", title)
	}
	return r
}

// spoil damages an answer before it is written.
func (f Fault) spoil(answer object, wanted string) object {
	switch f.Kind {
	case FaultMissingField:
		return answer.without(or(f.Field, wanted))
	case FaultOversize:
		return append(answer, field{"padding", strings.Repeat("x", 1<<20)})
	case FaultBadKey:
		if answer.get("session_key") != nil {
			return answer.set("session_key", "AAECAwQFBgcICQoLDA0O")
		}
	}
	return answer
}

// or is the first value unless it is zero.
func or[T comparable](value, otherwise T) T {
	var zero T
	if value == zero {
		return otherwise
	}
	return value
}
