// Package wechatfake owns a WeChat that runs inside the process: the part of WeChat's server API that a Mini Program's
// back end calls, as an [http.Handler].
//
// It exists so that login code can be written, tried and attacked without an AppID, a phone or a network. It imports
// nothing of the program that it serves and shares no struct with any client of WeChat's, so a wrong JSON tag on one
// side cannot be hidden by the same wrong tag on the other.
//
// # People
//
// A user is any string. Its openid, unionid, phone number, nickname and avatar are derived from that string, so they are
// the same after a restart and on another machine. Codes, keys and tokens are random and live in memory only.
//
// # Where WeChat is silent
//
// The pages do not say everything. Where they are silent, the fake chooses, and these are its choices:
//   - jscode2session checks in this order: absent parameters, grant_type, appid, secret, code unknown or of another app or
//     expired (40029), code used (40163), user blocked (40226), quota (45011). A refused call does not consume the code.
//   - A used or expired phone code answers 40029; a code without its openid's user answers 40003.
//   - checksession answers 87009 for every dead or absent key, resetusersessionkey answers 87007.
//   - Forced refreshes of a stable token that come too early answer 45011, too many on one day (Beijing time) 45009.
//   - A foreign phoneNumber is "+", the country code and the number.
//   - A text check without version 2 answers 40097.
package wechatfake

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"
)

// App is one Mini Program as its owner has configured it in WeChat's console.
type App struct {
	ID     string
	Secret string `json:"-"`
	// UnionScope stands for the Open Platform account: apps with the same non-empty scope share unionids. Without a scope
	// the app's users have no unionid.
	UnionScope string
	// Token signs message pushes. Without it the app gets none.
	Token string `json:"-"`
	// EncodingAESKey encrypts message pushes in secure mode: 43 characters of base64.
	EncodingAESKey string `json:"-"`
}

// String names the app and hides its secrets.
func (a App) String() string { return "app " + a.ID }

// GoString names the app and hides its secrets.
func (a App) GoString() string { return a.String() }

// LogValue names the app and hides its secrets.
func (a App) LogValue() slog.Value { return slog.StringValue(a.ID) }

// Options say which apps exist and where time and chance come from.
type Options struct {
	Apps []App
	// DefaultApp is the app that is meant where the control API is told none; empty means the only one there is.
	DefaultApp string
	// AcceptUnknownApps lets every appid in, with any secret, for a fake that nobody has configured.
	AcceptUnknownApps bool
	// WelcomeBack takes an openid that the fake does not know for one of before it was started anew: content checks pass
	// for it as for somebody who is there. For a server whose database outlives the fake.
	WelcomeBack bool
	// Now is the clock; nil means the machine's.
	Now func() time.Time
	// Rand feeds codes, keys and tokens; nil means crypto/rand. The fake panics when it fails.
	Rand io.Reader
	// Log gets one line per call, without codes, keys, tokens, users or numbers; nil means silence.
	Log *slog.Logger
}

// How much the fake remembers before it forgets the oldest.
const (
	maxAccounts = 100_000
	maxCodes    = 100_000
	maxTokens   = 10_000
	maxApps     = 1_000
	maxFaults   = 100
)

// Server is the fake. It is safe for concurrent use; all methods take an empty appID as the app's own when exactly one
// app is configured.
type Server struct {
	apps      map[string]App
	appIDs    []string // in the order of Options
	usual     string   // the app that the control API means when it is told none
	anyApp    bool
	welcome   bool
	realNow   func() time.Time
	log       *slog.Logger
	endpoints map[string]endpoint // by path
	controls  map[string]http.HandlerFunc

	closing context.Context // ends pushes that are under way
	close   context.CancelFunc
	pushes  sync.WaitGroup

	// mu guards what follows. It is never held while waiting for anybody.
	mu   sync.Mutex
	rand io.Reader
	state
}

// state is what Reset throws away.
type state struct {
	offset     time.Duration
	settings   Settings
	accounts   *store[*account] // by openid
	loginCodes *store[*loginCode]
	phoneCodes *store[*phoneCode]
	tokens     *store[*accessToken]
	appTokens  *store[*appTokens] // by appid
	windows    *store[*window]
	faults     []*Fault
	calls      map[string]*record // by endpoint
	released   chan struct{}      // closed when waiting calls are to go on
}

func newState() state {
	return state{
		settings:   defaultSettings(),
		accounts:   newStore[*account](maxAccounts),
		loginCodes: newStore[*loginCode](maxCodes),
		phoneCodes: newStore[*phoneCode](maxCodes),
		tokens:     newStore[*accessToken](maxTokens),
		appTokens:  newStore[*appTokens](maxApps),
		windows:    newStore[*window](maxAccounts),
		calls:      map[string]*record{},
		released:   make(chan struct{}),
	}
}

// New returns a fake that has seen nobody yet.
func New(o Options) *Server {
	s := &Server{
		apps:    make(map[string]App, len(o.Apps)),
		usual:   o.DefaultApp,
		anyApp:  o.AcceptUnknownApps,
		welcome: o.WelcomeBack,
		realNow: o.Now,
		log:     o.Log,
		rand:    o.Rand,
		state:   newState(),
	}
	for _, a := range o.Apps {
		if _, again := s.apps[a.ID]; !again {
			s.appIDs = append(s.appIDs, a.ID)
		}
		s.apps[a.ID] = a
	}
	if s.realNow == nil {
		s.realNow = time.Now
	}
	if s.rand == nil {
		s.rand = rand.Reader
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.endpoints = s.upstreamEndpoints()
	s.controls = s.controlEndpoints()
	s.closing, s.close = context.WithCancel(context.Background())
	return s
}

// Reset forgets everybody and everything that happened since New: codes, keys, tokens, faults, settings, counters and
// clock changes. Calls that a fault holds back go on.
func (s *Server) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.released)
	s.state = newState()
}

// Close ends the pushes that are under way and waits for them.
func (s *Server) Close() {
	s.close()
	s.pushes.Wait()
}

// ServeHTTP answers as api.weixin.qq.com would; paths that begin with /_control/ steer the fake itself.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// Mounted with http.StripPrefix, the path may have lost its first slash.
	path := "/" + strings.TrimPrefix(r.URL.Path, "/")
	switch name, control := strings.CutPrefix(path, "/_control/"); {
	case control:
		s.serveControl(w, r, name)
	case path == "/" && r.Method == http.MethodGet:
		s.serveIndex(w)
	default:
		s.serveUpstream(w, r, path)
	}
}

// Advance moves the fake's clock by d, forwards or backwards.
func (s *Server) Advance(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.offset += d
}

// Now is the fake's own time.
func (s *Server) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now()
}

func (s *Server) now() time.Time { return s.realNow().Add(s.offset) }

// random returns n random bytes.
func (s *Server) random(n int) []byte {
	b := make([]byte, n)
	if _, err := io.ReadFull(s.rand, b); err != nil {
		panic(fmt.Sprintf("wechatfake: read randomness: %v", err))
	}
	return b
}

func (s *Server) randomHex(n int) string { return hex.EncodeToString(s.random(n)) }

const alphanumeric = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

func (s *Server) randomAlphanumeric(n int) string {
	b := s.random(n)
	for i := range b {
		// The small bias does not matter: codes of the fake protect nothing.
		b[i] = alphanumeric[int(b[i])%len(alphanumeric)]
	}
	return string(b)
}

// app resolves an appid as a caller of the fake's own methods gives it; empty means the only one.
func (s *Server) app(appID string) (App, error) {
	if appID == "" {
		appID = s.usual
	}
	if appID == "" {
		if len(s.appIDs) != 1 {
			return App{}, fmt.Errorf("appid is required: %d apps are configured", len(s.appIDs))
		}
		return s.apps[s.appIDs[0]], nil
	}
	a, ok := s.appByID(appID)
	if !ok {
		return App{}, fmt.Errorf("no app %.64q is configured", appID)
	}
	return a, nil
}

// appByID finds an app as WeChat does, by its exact id.
func (s *Server) appByID(appID string) (App, bool) {
	a, ok := s.apps[appID]
	if !ok && s.anyApp && appID != "" && len(appID) <= maxNameLength {
		return App{ID: appID}, true
	}
	return a, ok
}
