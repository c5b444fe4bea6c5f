package wechat

import (
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"time"
)

var phoneNumberAPI = api{
	name: "getuserphonenumber", path: "/wxa/business/getuserphonenumber", needsToken: true, spends: true, retryBusy: true,
}

// PhoneInfo is a phone number that WeChat has verified.
type PhoneInfo struct {
	// PhoneNumber as WeChat writes it; foreign numbers carry the country code, Chinese ones do not.
	PhoneNumber string
	// PurePhoneNumber is the number without the country code, digits only.
	PurePhoneNumber string
	// CountryCode is the calling code without "+", for example "86".
	CountryCode string
	// TappedAt is when the user tapped the button, to the second.
	TappedAt time.Time
}

// PhoneNumber exchanges the code of a phone number button's event. openID must be the signed-in user's: WeChat then refuses a
// code that came from somebody else's tap. See WeChat's getPhoneNumber page.
//
// Kinds to expect: KindCodeInvalid, KindRefused (openID and code do not belong together), KindRateLimited, KindMisconfigured,
// KindUnavailable. After KindUnavailable the code may be spent.
func (c *Client) PhoneNumber(ctx context.Context, appID, code, openID string) (PhoneInfo, error) {
	app, failure := c.userOf(phoneNumberAPI, appID, openID)
	if failure != nil {
		return PhoneInfo{}, failure
	}
	if failure := checkCode(phoneNumberAPI, code); failure != nil {
		return PhoneInfo{}, failure
	}
	body, err := json.Marshal(map[string]string{"code": code, "openid": openID})
	if err != nil {
		return PhoneInfo{}, &Error{API: phoneNumberAPI.name, Kind: KindCodeInvalid, Err: errCodeUnusable}
	}
	var phone PhoneInfo
	err = c.run(ctx, request{
		api: phoneNumberAPI, app: app, body: body, meter: openID, openID: openID, private: []string{code, openID},
		read: func(answer object) error {
			info := answer.child("phone_info")
			mark, ok := watermarkOf(info)
			if !ok || mark.appID != app.ID {
				return errors.New("watermark is missing or of another app")
			}
			// Not as strict as on data from a client: the user has paid for this answer with a code, and WeChat's way of
			// writing foreign numbers is not published.
			if phone, ok = phoneOf(info); !ok {
				return errors.New("no usable phone number")
			}
			return nil
		},
	})
	if err != nil {
		return PhoneInfo{}, err
	}
	return phone, nil
}

// userOf checks the two parameters that calls about a user share.
func (c *Client) userOf(a api, appID, openID string) (App, *Error) {
	app, failure := c.app(a, appID)
	if failure != nil {
		return App{}, failure
	}
	if !isIdentifier(openID) {
		return App{}, &Error{API: a.name, Kind: KindRefused, Err: errNoOpenID}
	}
	return app, nil
}

// watermark is WeChat's mark on data about a user.
type watermark struct {
	appID string
	at    int64 // Unix seconds
}

func watermarkOf(data object) (watermark, bool) {
	mark := data.child("watermark")
	at, whole := mark.integer("timestamp")
	appID := mark.text("appid")
	return watermark{appID: appID, at: at}, appID != "" && whole && at > 0
}

// Calling codes have up to three digits, some with an area that belongs to them; E.164 ends at 15 digits in all.
var (
	countryCodeForm = regexp.MustCompile(`^[1-9][0-9]{0,3}$`)
	pureNumberForm  = regexp.MustCompile(`^[0-9]{4,15}$`)
)

// phoneOf reads the fields of a phone number; WeChat has sent countryCode both as text and as a number.
func phoneOf(data object) (PhoneInfo, bool) {
	phone := PhoneInfo{
		PhoneNumber:     data.text("phoneNumber"),
		PurePhoneNumber: data.text("purePhoneNumber"),
		CountryCode:     data.text("countryCode"),
	}
	if number, isNumber := data["countryCode"].(json.Number); isNumber {
		phone.CountryCode = number.String()
	}
	mark, _ := watermarkOf(data)
	phone.TappedAt = time.Unix(mark.at, 0).UTC()
	ok := phone.PhoneNumber != "" && len(phone.PhoneNumber) <= 32 &&
		pureNumberForm.MatchString(phone.PurePhoneNumber) && countryCodeForm.MatchString(phone.CountryCode)
	return phone, ok
}

// consistent tells whether the three fields speak of one number.
func (p PhoneInfo) consistent() bool {
	whole := strings.NewReplacer(" ", "", "-", "").Replace(p.PhoneNumber)
	if whole == p.PurePhoneNumber {
		return true
	}
	international := p.CountryCode + p.PurePhoneNumber
	return whole == international || whole == "+"+international || whole == "00"+international
}
