package wechatfake

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Settings are the choices that WeChat makes, or leaves open, and that a test may want otherwise. Durations are in
// seconds, as in the JSON of the control API.
type Settings struct {
	// RotateOnLogin gives a new session key at every exchange: the hostile mode.
	RotateOnLogin bool `json:"rotateOnLogin"`
	// MinRefreshInterval is how long logins get the same session key again. WeChat does not publish its own; 300 here.
	MinRefreshInterval int `json:"minRefreshInterval"`
	// SessionKeyLifetime is how long a session key lives. WeChat does not publish its own; three days here.
	SessionKeyLifetime int `json:"sessionKeyLifetime"`
	// TokenOverlap is how long a token of /cgi-bin/token works after its successor was fetched. The pages say up to 300,
	// the field says none; 0 here.
	TokenOverlap int `json:"tokenOverlap"`
	// CountryCodeAsNumber sends countryCode as a bare number, as older pages show it.
	CountryCodeAsNumber bool `json:"countryCodeAsNumber"`
	// Unlimited switches WeChat's call quotas off, for load tests.
	Unlimited bool `json:"unlimited"`
	// BlockedUsers are refused at login as high-risk (40226).
	BlockedUsers []string `json:"blockedUsers"`
	// UnboundApps are not bound to their Open Platform account yet: logins to them get no unionid.
	UnboundApps []string `json:"unboundApps"`
	// RiskyWords and ReviewWords decide the verdict on texts and media addresses that contain one of them.
	RiskyWords  []string `json:"riskyWords"`
	ReviewWords []string `json:"reviewWords"`
	// AllowedIPs is the owner's IP whitelist for the token endpoints; empty lets everybody in.
	AllowedIPs []string `json:"allowedIPs"`
	// PushURL is where message pushes go, on this machine only; "{appid}" in it stands for the app's id. Empty: verdicts on
	// media are not pushed.
	PushURL string `json:"pushURL"`
	// PushMode is PushPlain or PushSecure.
	PushMode string `json:"pushMode"`
	// PushFormat is PushJSON or PushXML.
	PushFormat string `json:"pushFormat"`
}

func defaultSettings() Settings {
	return Settings{
		MinRefreshInterval: 300,
		SessionKeyLifetime: 3 * 24 * 60 * 60,
		RiskyWords:         []string{"违规", "risky"},
		ReviewWords:        []string{"疑似", "review"},
		PushMode:           PushPlain,
		PushFormat:         PushJSON,
	}
}

// maxSeconds keeps seconds far from the overflow of time.Duration.
const maxSeconds = 10 * 365 * 24 * 60 * 60

func (st Settings) validate() error {
	for name, n := range map[string]int{
		"minRefreshInterval": st.MinRefreshInterval, "sessionKeyLifetime": st.SessionKeyLifetime, "tokenOverlap": st.TokenOverlap,
	} {
		if n < 0 || n > maxSeconds {
			return fmt.Errorf("%s must be between 0 and %d seconds", name, maxSeconds)
		}
	}
	for _, ip := range st.AllowedIPs {
		if _, err := netip.ParseAddr(ip); err != nil {
			return fmt.Errorf("allowedIPs: %q is not an IP address", ip)
		}
	}
	if st.PushURL != "" {
		if err := checkPushURL(st.PushURL); err != nil {
			return fmt.Errorf("pushURL: %w", err)
		}
	}
	return checkPushShape(st.PushMode, st.PushFormat)
}

func (st Settings) clone() Settings {
	st.BlockedUsers = slices.Clone(st.BlockedUsers)
	st.RiskyWords = slices.Clone(st.RiskyWords)
	st.ReviewWords = slices.Clone(st.ReviewWords)
	st.AllowedIPs = slices.Clone(st.AllowedIPs)
	return st
}

// Settings returns a copy of the present settings.
func (s *Server) Settings() Settings {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.settings.clone()
}

// Configure changes the settings; when the outcome is not acceptable nothing changes and the error says why.
func (s *Server) Configure(change func(*Settings)) error {
	return s.configure(func(st *Settings) error {
		change(st)
		return nil
	})
}

func (s *Server) configure(change func(*Settings) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	changed := s.settings.clone()
	if err := change(&changed); err != nil {
		return err
	}
	if err := changed.validate(); err != nil {
		return err
	}
	s.settings = changed.clone()
	return nil
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }

// verdict judges a text, or the address of a picture, by the words in it.
func (st Settings) verdict(text string) (suggest string, label int, keyword string) {
	contains := func(word string) bool { return word != "" && strings.Contains(text, word) }
	if i := slices.IndexFunc(st.RiskyWords, contains); i >= 0 {
		return "risky", 20012, st.RiskyWords[i]
	}
	if i := slices.IndexFunc(st.ReviewWords, contains); i >= 0 {
		return "review", 21000, st.ReviewWords[i]
	}
	return "pass", 100, ""
}
