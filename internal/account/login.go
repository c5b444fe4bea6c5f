package account

import (
	"context"
	"fmt"
	"regexp"
	"time"
	"unicode/utf8"

	"mpauth/internal/fault"
)

// SilentLoginInput is the proof that a Mini Program runs for a person; see schema/session.graphql.
type SilentLoginInput struct {
	AppID  *string
	Code   string
	Nonce  *string
	Device *DeviceInput

	Consent *ConsentInput
}

// DeviceInput is a device, in the words of the SDK that runs on it.
type DeviceInput struct {
	ID         string
	Name       *string
	Platform   *string
	SdkVersion *string
}

// Login is what a person who has logged in gets.
type Login struct {
	Token        string
	ExpiresIn    int
	RefreshToken string
	User         *User
	IsNewUser    bool
	AppID        string // that the session belongs to; not part of the answer
}

// String keeps the tokens out of a log.
func (l *Login) String() string { return "Login{[redacted]}" }

// SilentLogin logs a person in with a code of wx.login, and creates them at their first login.
//
// The code is claimed in the database, exchanged with WeChat, and what WeChat said is stored in one
// short transaction, before anything is answered. A repeat of the request with the same code and
// nonce gets the same session for five minutes, whichever replica it reaches; so no fault on the way
// back costs the person anything.
//
// Faults: BAD_INPUT, LOGIN_CODE_INVALID, LOGIN_BLOCKED, ACCOUNT_DISABLED, ACCOUNT_CLOSING,
// CONSENT_REQUIRED, RATE_LIMITED, WECHAT_UNAVAILABLE, UNAVAILABLE.
func (s *Service) SilentLogin(ctx context.Context, in SilentLoginInput) (*Login, error) {
	return s.logIn(ctx, in, false)
}

// logIn is SilentLogin, and, where restores says so, the end of closing an account.
func (s *Service) logIn(ctx context.Context, in SilentLoginInput, restores bool) (*Login, error) {
	app, err := s.Apps.Find(in.AppID)
	if err != nil {
		return nil, err
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	proof := newLoginProof(app, in)
	proof.restores = restores
	key, err := s.flightKey(proof)
	if err != nil {
		return nil, err
	}
	return s.loginFlights.do(ctx, key, func(ctx context.Context) (*Login, error) {
		mine, err := s.claimLoginCode(ctx, proof)
		if err != nil {
			return nil, outward(err)
		}
		if !mine {
			return s.repeatLogin(ctx, app, proof)
		}
		return s.exchange(ctx, app, in, proof)
	})
}

// exchange has WeChat say who the code belongs to, and signs them in.
func (s *Service) exchange(ctx context.Context, app App, in SilentLoginInput, proof loginProof) (*Login, error) {
	who, err := s.WeChat.Code2Session(ctx, app.AppID, in.Code)
	if err != nil {
		return nil, s.failLoginCode(ctx, app, proof, refusal(err, fault.LoginCodeInvalid))
	}
	if err := s.LimitLogin(ctx, app.AppID, who.OpenID); err != nil {
		return nil, s.failLoginCode(ctx, app, proof, err)
	}
	arrival := arrival{
		app: app, who: who, device: in.Device, codeHash: proof.codeHash, exchangedAt: s.now(),
		consent: in.Consent, restores: proof.restores,
	}
	m, err := s.signIn(ctx, arrival)
	if err != nil {
		return nil, s.failLoginCode(ctx, app, proof, err)
	}
	return s.answer(m)
}

// answer makes the tokens of a session.
func (s *Service) answer(m *member) (*Login, error) {
	access, ttl, err := s.Access.Mint(m.User.ID.String(), m.App.AppID, m.SessionID.String(), m.Epoch)
	if err != nil {
		return nil, err
	}
	return &Login{
		Token:        access,
		ExpiresIn:    int(ttl / time.Second),
		RefreshToken: s.Refresh.Mint(m.SessionID, m.Counter),
		User:         &m.User,
		IsNewUser:    m.FirstLogin,
		AppID:        m.App.AppID,
	}, nil
}

// mockCode begins every code that WeChat's DevTools make up when no real AppID is set.
var mockCode = regexp.MustCompile(`^th(e|is) code is a mock one$`)

var (
	deviceID  = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,64}$`)
	printable = regexp.MustCompile(`^[^\p{Cc}\p{Cf}]*$`)
)

// check refuses what WeChat need not be asked about.
func (in SilentLoginInput) check() error {
	switch {
	case mockCode.MatchString(in.Code):
		return fault.New(fault.LoginCodeInvalid, "this is a mock code: set a real AppID in WeChat DevTools")
	case in.Code == "" || utf8.RuneCountInString(in.Code) > 256:
		return fault.New(fault.BadInput, "code must have 1 to 256 characters")
	case in.Nonce != nil && (utf8.RuneCountInString(*in.Nonce) < 16 || utf8.RuneCountInString(*in.Nonce) > 128):
		return fault.New(fault.BadInput, "nonce must have 16 to 128 characters")
	case in.Consent != nil && in.Consent.check() != nil:
		return in.Consent.check()
	case in.Device == nil:
		return nil
	case !deviceID.MatchString(in.Device.ID):
		return fault.New(fault.BadInput, "device.id must have 1 to 64 characters of A-Z a-z 0-9 . _ : -")
	}
	return in.Device.check()
}

func (d *DeviceInput) check() error {
	texts := []struct {
		name  string
		value *string
		limit int
	}{{"name", d.Name, 64}, {"platform", d.Platform, 32}, {"sdkVersion", d.SdkVersion, 32}}
	for _, text := range texts {
		if text.value == nil {
			continue
		}
		if !utf8.ValidString(*text.value) || utf8.RuneCountInString(*text.value) > text.limit || !printable.MatchString(*text.value) {
			return fault.New(fault.BadInput, "device."+text.name+" is too long or has invisible characters")
		}
	}
	return nil
}

// flightKey names the flight that copies of the same request share. The nonce is part of it: who does
// not know the nonce shares nothing, and a client that sent none can share with nobody.
func (s *Service) flightKey(p loginProof) (string, error) {
	if p.nonceHash == nil {
		id, err := s.newID()
		return id.String(), err
	}
	return fmt.Sprintf("%x%x%t", p.codeHash, p.nonceHash, p.restores), nil
}
