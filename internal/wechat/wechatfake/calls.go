package wechatfake

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// maxBody is more than any of WeChat's calls needs.
const maxBody = 256 << 10

// call is one request to WeChat as it came in.
type call struct {
	endpoint endpoint
	method   string
	sized    bool // carries its length, as WeChat's front demands of a POST
	query    url.Values
	body     []byte
	json     map[string]any // of a POST; nil when the body is not a JSON object
	ip       netip.Addr

	appID string   // whose call it is, once known
	from  *account // and about which user
}

// readCall reads the whole body before anything waits: net/http notices a client that leaves only after that.
func readCall(e endpoint, w http.ResponseWriter, r *http.Request) (*call, error) {
	c := &call{endpoint: e, method: r.Method, query: r.URL.Query(), sized: r.ContentLength >= 0}
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		ip, _ := netip.ParseAddr(host)
		c.ip = ip.Unmap()
	}
	var err error
	if c.body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody)); err != nil {
		return nil, fmt.Errorf("read body: %w", err)
	}
	if e.method == http.MethodPost && json.Unmarshal(c.body, &c.json) != nil {
		c.json = nil
	}
	return c, nil
}

// field is a text parameter: of the query for a GET, of the body for a POST.
func (c *call) field(name string) string {
	if c.endpoint.method == http.MethodGet {
		return c.query.Get(name)
	}
	text, _ := c.json[name].(string)
	return text
}

func (c *call) flag(name string) bool {
	set, _ := c.json[name].(bool)
	return set
}

func (c *call) number(name string) int {
	n, _ := c.json[name].(float64)
	return int(n)
}

// Call is a request that the fake has seen, for tests that ask what a client really sent.
type Call struct {
	Endpoint string `json:"endpoint"`
	Method   string `json:"method"`
	AppID    string `json:"appid"` // empty when it could not be told
	User     string `json:"user"`  // empty when it could not be told
	// Fields are the parameters of query and body; those that are secret read "(hidden)".
	Fields map[string]string `json:"fields"`
}

type record struct {
	count int
	last  Call
}

// Calls says how many requests an endpoint has had, those that met a fault included. Endpoints go by the last part of
// their path.
func (s *Server) Calls(endpoint string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.calls[endpoint]; r != nil {
		return r.count
	}
	return 0
}

// LastCall is the latest request to an endpoint; ok is false when there was none.
func (s *Server) LastCall(endpoint string) (last Call, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.calls[endpoint]
	if r == nil {
		return Call{}, false
	}
	last = r.last
	last.Fields = maps.Clone(last.Fields)
	return last, true
}

// note records the call.
func (s *Server) note(c *call) {
	seen := Call{Endpoint: c.endpoint.name, Method: c.method, AppID: c.appID, Fields: map[string]string{}}
	if c.from != nil {
		seen.User = c.from.user
	}
	for name, values := range c.query {
		seen.Fields[name] = shown(name, strings.Join(values, ","))
	}
	for name, value := range c.json {
		seen.Fields[name] = shown(name, fmt.Sprint(value))
	}
	r := s.calls[seen.Endpoint]
	if r == nil {
		r = &record{}
		s.calls[seen.Endpoint] = r
	}
	r.count++
	r.last = seen
}

// shown hides the parameters that no log may hold, since a record may end up in one.
func shown(name, value string) string {
	switch name {
	case "secret", "js_code", "code", "access_token", "signature":
		return "(hidden)"
	default:
		return value
	}
}
