package wechatfake

import (
	"errors"
	"regexp"
	"time"
)

// codeLifetime is what WeChat's pages promise for login codes (from wx.login) and phone codes (from the tap) alike.
const codeLifetime = 5 * time.Minute

// loginCode is what wx.login gave to a device.
type loginCode struct {
	appID, user string
	expires     time.Time
	used        bool
}

// phoneCode is what the phone button gave to a device.
type phoneCode struct {
	appID, user string
	number      phoneNumber
	tapped      time.Time
	used        bool
}

// phoneNumber is a number in the parts that WeChat tells apart.
type phoneNumber struct {
	country string // digits, "86"
	pure    string // digits without the country
}

// full is the number as WeChat's phoneNumber field shows it.
func (n phoneNumber) full() string {
	if n.country == "86" {
		return n.pure
	}
	return "+" + n.country + n.pure
}

// phoneNumberPattern takes a Chinese mobile number, or a plus sign, a country code, one separator and a number.
const phoneNumberPattern = `^(?:(1\d{10})|\+([1-9]\d{0,2})[ -](\d{4,14}))$`

func parsePhoneNumber(text string) (phoneNumber, error) {
	m := regexp.MustCompile(phoneNumberPattern).FindStringSubmatch(text)
	switch {
	case m == nil:
		return phoneNumber{}, errors.New(`phoneNumber must be 11 digits that begin with 1, or "+<country> <number>"`)
	case m[1] != "":
		return phoneNumber{country: "86", pure: m[1]}, nil
	default:
		return phoneNumber{country: m[2], pure: m[3]}, nil
	}
}

// LoginCode is what wx.login would hand to the user's device now: 32 letters and digits, good for five minutes and one
// exchange. It panics when the app does not exist or the user is empty.
func (s *Server) LoginCode(appID, user string) string {
	code, err := s.newLoginCode(appID, user)
	must(err)
	return code
}

func (s *Server) newLoginCode(appID, user string) (string, error) {
	app, err := s.person(appID, user)
	if err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	s.loginCodes.prune(func(c *loginCode) bool { return !now.Before(c.expires) })
	code := "0" + s.randomAlphanumeric(31)
	s.visit(app.ID, user)
	s.loginCodes.put(code, &loginCode{appID: app.ID, user: user, expires: now.Add(codeLifetime)})
	return code, nil
}

// PhoneCode is what a tap on the phone button would hand to the user's device now: 64 hexadecimal digits, good for five
// minutes and one exchange. An empty number means the user's own; another one is 11 digits that begin with 1, or
// "+<country> <number>". It panics when an argument is not acceptable.
func (s *Server) PhoneCode(appID, user, number string) string {
	code, err := s.newPhoneCode(appID, user, number)
	must(err)
	return code
}

func (s *Server) newPhoneCode(appID, user, number string) (string, error) {
	app, err := s.person(appID, user)
	if err != nil {
		return "", err
	}
	if number == "" {
		number = s.PhoneNumber(user)
	}
	n, err := parsePhoneNumber(number)
	if err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	s.phoneCodes.prune(func(c *phoneCode) bool { return !now.Before(c.tapped.Add(codeLifetime)) })
	code := s.randomHex(32)
	s.visit(app.ID, user)
	s.phoneCodes.put(code, &phoneCode{appID: app.ID, user: user, number: n, tapped: now})
	return code, nil
}
