package wechatfake

import (
	"bytes"
	"context"
	"crypto/sha1" //nolint:gosec // WeChat signs message pushes with SHA-1
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// How a message push is protected and written: the owner's choice in WeChat's console.
const (
	PushPlain  = "plain"
	PushSecure = "secure"
	PushJSON   = "json"
	PushXML    = "xml"
)

// The events that concern a login server.
const (
	EventVerifyURL      = "verify_url" // not an event: the GET by which WeChat's console checks the address
	EventInfoModified   = "user_info_modified"
	EventRevoked        = "user_authorization_revoke"
	EventCancelled      = "user_authorization_cancellation"
	EventMediaCheckDone = "wxa_media_check"
)

// pushTimeout is how long WeChat waits for the answer to a push.
const pushTimeout = 5 * time.Second

const maxDeliveries = 10

// Push is a message to send now.
type Push struct {
	AppID string `json:"appid"`
	User  string `json:"user"`
	Event string `json:"event"`
	// URL, Mode and Format default to the settings. The URL must lead to this machine.
	URL    string `json:"url"`
	Mode   string `json:"mode"`
	Format string `json:"format"`
	// Count sends the same message so many times, as WeChat does when it hears no answer; at most 10, 0 means once.
	Count int `json:"count"`
	// RevokeInfo of EventRevoked says what the user took back; "6", nickname and avatar, when empty.
	RevokeInfo string `json:"revokeInfo"`
	// Data lays fields over the message, as in Encrypt.
	Data map[string]any `json:"data"`
}

// Delivery is the outcome of one sending.
type Delivery struct {
	Status int    `json:"status"`
	Body   string `json:"body"`            // the first kilobyte
	Error  string `json:"error,omitempty"` // when no answer came
}

// Push sends a signed message push and reports the answers. The error says what is wrong with the request; that nobody
// answered is not an error.
func (s *Server) Push(ctx context.Context, p Push) ([]Delivery, error) {
	app, err := s.person(p.AppID, p.User)
	if err != nil {
		return nil, err
	}
	send, err := s.preparePush(app, p)
	if err != nil {
		return nil, err
	}
	var deliveries []Delivery
	for range max(p.Count, 1) {
		deliveries = append(deliveries, send.deliver(ctx))
	}
	return deliveries, nil
}

func (s *Server) preparePush(app App, p Push) (*letter, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	message, err := s.eventMessage(app, p)
	if err != nil {
		return nil, err
	}
	p.URL = or(p.URL, s.settings.PushURL)
	p.Mode, p.Format = or(p.Mode, s.settings.PushMode), or(p.Format, s.settings.PushFormat)
	switch {
	case p.Count < 0 || p.Count > maxDeliveries:
		return nil, fmt.Errorf("count must be between 0 and %d", maxDeliveries)
	case app.Token == "":
		return nil, fmt.Errorf("app %.64q has no push token", app.ID)
	case p.URL == "":
		return nil, errors.New("url is required: the settings name no pushURL")
	}
	if err := checkPushShape(p.Mode, p.Format); err != nil {
		return nil, err
	}
	if p.Event == EventVerifyURL {
		return s.verification(app, p)
	}
	return s.letter(app, p, message.override(p.Data))
}

// eventMessage is the message of an event as WeChat would fill it in.
func (s *Server) eventMessage(app App, p Push) (object, error) {
	message := s.envelope(app, p.User, p.Event)
	personal := append(message, field{"OpenID", openIDOf(app.ID, p.User)}, field{"AppID", app.ID})
	switch p.Event {
	case EventVerifyURL:
		return nil, nil
	case EventInfoModified, EventCancelled:
		return personal, nil
	case EventRevoked:
		return append(personal, field{"RevokeInfo", or(p.RevokeInfo, "6")}, field{"PluginID", ""}, field{"OpenPID", ""}), nil
	case EventMediaCheckDone:
		return append(message, mediaVerdict(app.ID, s.traceID(), "pass", 100, "")...), nil
	default:
		return nil, fmt.Errorf("event must be one of %s", strings.Join([]string{
			EventVerifyURL, EventInfoModified, EventRevoked, EventCancelled, EventMediaCheckDone,
		}, ", "))
	}
}

// envelope begins every message. The sender is not the user whom the message is about.
func (s *Server) envelope(app App, user, event string) object {
	id := derive("gh", app.ID)
	return object{
		{"ToUserName", "gh_" + hex.EncodeToString(id[:6])},
		{"FromUserName", weChatID("sender", app.ID, user)},
		{"CreateTime", s.now().Unix()},
		{"MsgType", "event"},
		{"Event", event},
	}
}

func mediaVerdict(appID, trace, suggest string, label int, keyword string) object {
	return object{
		{"appid", appID}, {"trace_id", trace}, {"version", 2},
		{"detail", verdictDetail(suggest, label, keyword)},
		{"errcode", 0}, {"errmsg", "ok"},
		{"result", object{{"suggest", suggest}, {"label", label}}},
	}
}

// pushMediaVerdict sends the verdict on a picture in its own time, when the settings say where to.
func (s *Server) pushMediaVerdict(appID, openID, trace, address string) {
	app, _ := s.appByID(appID)
	a, known := s.accountOf(appID, openID)
	st := s.settings
	if st.PushURL == "" || app.Token == "" || !known {
		return
	}
	suggest, label, keyword := st.verdict(address)
	message := append(s.envelope(app, a.user, EventMediaCheckDone), mediaVerdict(appID, trace, suggest, label, keyword)...)
	send, err := s.letter(app, Push{URL: st.PushURL, Mode: st.PushMode, Format: st.PushFormat}, message)
	if err != nil {
		s.log.Warn("wechat push", "appid", appID, "error", err.Error())
		return
	}
	s.pushes.Go(func() {
		d := send.deliver(s.closing)
		s.log.Info("wechat push", "appid", appID, "event", EventMediaCheckDone, "status", d.Status, "error", d.Error)
	})
}

// letter is a push that is ready to be sent, as often as wanted.
type letter struct {
	method, url, contentType string
	body                     []byte
}

// verification is the GET with an echostr.
func (s *Server) verification(app App, p Push) (*letter, error) {
	query := s.signature(app)
	query.Set("echostr", s.randomAlphanumeric(20))
	address, err := pushAddress(p.URL, app.ID, query)
	return &letter{method: http.MethodGet, url: address}, err
}

// letter writes and signs a message.
func (s *Server) letter(app App, p Push, message object) (*letter, error) {
	query := s.signature(app)
	if p.Mode == PushSecure {
		sealed, err := s.sealPush(app, encode(message, p.Format))
		if err != nil {
			return nil, err
		}
		query.Set("encrypt_type", "aes")
		query.Set("msg_signature", sortedSHA1(app.Token, query.Get("timestamp"), query.Get("nonce"), sealed))
		message = object{{"ToUserName", message.get("ToUserName")}, {"Encrypt", sealed}}
	}
	address, err := pushAddress(p.URL, app.ID, query)
	contentType := "application/json"
	if p.Format == PushXML {
		contentType = "text/xml"
	}
	return &letter{method: http.MethodPost, url: address, contentType: contentType, body: encode(message, p.Format)}, err
}

func encode(message object, format string) []byte {
	if format == PushXML {
		return message.xml()
	}
	return message.json()
}

// signature is the query that proves that WeChat sends the push.
func (s *Server) signature(app App) url.Values {
	timestamp, nonce := strconv.FormatInt(s.now().Unix(), 10), strconv.Itoa(int(binary.BigEndian.Uint32(s.random(4))))
	return url.Values{
		"signature": {sortedSHA1(app.Token, timestamp, nonce)},
		"timestamp": {timestamp},
		"nonce":     {nonce},
	}
}

// sortedSHA1 is the signature of WeChat's message pushes: the parts sorted, joined and hashed.
func sortedSHA1(parts ...string) string {
	slices.Sort(parts)
	sum := sha1.Sum([]byte(strings.Join(parts, ""))) //nolint:gosec // WeChat's choice
	return hex.EncodeToString(sum[:])
}

// sealPush encrypts 16 random bytes, the length of the message, the message and the appid. The padding counts in blocks
// of 32 bytes, twice the cipher's.
func (s *Server) sealPush(app App, message []byte) (string, error) {
	key, err := base64.StdEncoding.DecodeString(app.EncodingAESKey + "=")
	if err != nil || len(key) != 32 {
		return "", fmt.Errorf("app %.64q has no valid EncodingAESKey: want 43 characters of base64", app.ID)
	}
	plain := binary.BigEndian.AppendUint32(s.random(16), uint32(len(message)))
	plain = append(append(plain, message...), app.ID...)
	sealed, err := encryptCBC(key, key[:16], plain, 32)
	return base64.StdEncoding.EncodeToString(sealed), err
}

func checkPushShape(mode, format string) error {
	if mode != PushPlain && mode != PushSecure {
		return fmt.Errorf("mode must be %q or %q", PushPlain, PushSecure)
	}
	if format != PushJSON && format != PushXML {
		return fmt.Errorf("format must be %q or %q", PushJSON, PushXML)
	}
	return nil
}

// checkPushURL keeps the fake from being used to send requests into a network.
func checkPushURL(address string) error {
	u, err := url.Parse(address)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.User != nil {
		return errors.New("want an http or https URL")
	}
	ip, err := netip.ParseAddr(u.Hostname())
	if u.Hostname() != "localhost" && (err != nil || !ip.Unmap().IsLoopback()) {
		return errors.New("pushes go to this machine only: want a loopback address or localhost")
	}
	return nil
}

func pushAddress(address, appID string, query url.Values) (string, error) {
	address = strings.ReplaceAll(address, "{appid}", url.PathEscape(appID))
	if err := checkPushURL(address); err != nil {
		return "", fmt.Errorf("url: %w", err)
	}
	u, err := url.Parse(address)
	if err != nil {
		return "", errors.New("url: want an http or https URL")
	}
	for name, values := range u.Query() {
		query[name] = values
	}
	u.RawQuery = query.Encode()
	return u.String(), nil
}

// deliver sends the push once. Whatever a name resolves to, the connection goes to this machine or nowhere.
func (l *letter) deliver(ctx context.Context) Delivery {
	ctx, cancel := context.WithTimeout(ctx, pushTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, l.method, l.url, bytes.NewReader(l.body))
	if err != nil {
		return Delivery{Error: "request cannot be built"}
	}
	if l.contentType != "" {
		request.Header.Set("Content-Type", l.contentType)
	}
	dialer := &net.Dialer{Control: refuseForeignAddress}
	client := &http.Client{
		Transport:     &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	response, err := client.Do(request)
	if err != nil {
		// The text of a url.Error shows the address with its signature.
		if inner := (*url.Error)(nil); errors.As(err, &inner) {
			err = inner.Err
		}
		return Delivery{Error: err.Error()}
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1024))
	if err != nil {
		return Delivery{Status: response.StatusCode, Error: err.Error()}
	}
	return Delivery{Status: response.StatusCode, Body: string(body)}
}

func refuseForeignAddress(_, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil || !to.Addr().Unmap().IsLoopback() {
		return errors.New("address is not on this machine")
	}
	return nil
}
