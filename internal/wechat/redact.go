package wechat

import (
	"encoding/json"
	"log/slog"
	"net/url"
	"strings"
)

// The types below reach log lines and error texts by accident sooner or later. Each prints only what may be seen.

func (a App) String() string               { return "wechat.App{ID:" + a.ID + " Secret:redacted}" }
func (a App) GoString() string             { return a.String() }
func (a App) LogValue() slog.Value         { return slog.StringValue(a.String()) }
func (a App) MarshalJSON() ([]byte, error) { return json.Marshal(a.String()) }

func (Session) String() string                 { return "wechat.Session{redacted}" }
func (s Session) GoString() string             { return s.String() }
func (s Session) LogValue() slog.Value         { return slog.StringValue(s.String()) }
func (s Session) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

func (PhoneInfo) String() string                 { return "wechat.PhoneInfo{redacted}" }
func (p PhoneInfo) GoString() string             { return p.String() }
func (p PhoneInfo) LogValue() slog.Value         { return slog.StringValue(p.String()) }
func (p PhoneInfo) MarshalJSON() ([]byte, error) { return json.Marshal(p.String()) }

func (Encrypted) String() string                 { return "wechat.Encrypted{redacted}" }
func (e Encrypted) GoString() string             { return e.String() }
func (e Encrypted) LogValue() slog.Value         { return slog.StringValue(e.String()) }
func (e Encrypted) MarshalJSON() ([]byte, error) { return json.Marshal(e.String()) }

func (Profile) String() string                 { return "wechat.Profile{redacted}" }
func (p Profile) GoString() string             { return p.String() }
func (p Profile) LogValue() slog.Value         { return slog.StringValue(p.String()) }
func (p Profile) MarshalJSON() ([]byte, error) { return json.Marshal(p.String()) }

// maxErrmsg is the most that is kept of a text from outside. WeChat's longest known errmsg is about 200 bytes.
const maxErrmsg = 300

// scrub makes a text from outside fit for a log line: one line, bounded, and without any of the private values that were sent.
func scrub(text string, private []string) string {
	for _, value := range private {
		if value == "" {
			continue
		}
		text = strings.ReplaceAll(text, value, "[redacted]")
		if escaped := url.QueryEscape(value); escaped != value {
			text = strings.ReplaceAll(text, escaped, "[redacted]")
		}
	}
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, text)
	if len(text) > maxErrmsg {
		text = text[:maxErrmsg]
	}
	return strings.ToValidUTF8(text, "")
}
