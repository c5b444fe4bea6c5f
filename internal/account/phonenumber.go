package account

import (
	"errors"
	"strconv"
	"strings"

	"github.com/nyaruka/phonenumbers"
)

// Phone is a phone number that WeChat proved.
type Phone struct {
	CountryCode string // without a plus, for example 86
	Number      string // in E.164
}

var errPhone = errors.New("not a phone number")

// ParsePhone reads a number in E.164. WeChat has proved the number by sending to it, so a number
// that only looks unusual (a new range, a test account of WeChat DevTools) is taken; what cannot be a
// number at all is not. The error does not show the text.
func ParsePhone(e164 string) (Phone, error) {
	parsed, err := phonenumbers.Parse(e164, "")
	if err != nil || !strings.HasPrefix(e164, "+") {
		return Phone{}, errPhone
	}
	if n := len(phonenumbers.GetNationalSignificantNumber(parsed)); n < 4 || n > 15 {
		return Phone{}, errPhone
	}
	return Phone{
		CountryCode: strconv.Itoa(int(parsed.GetCountryCode())),
		Number:      phonenumbers.Format(parsed, phonenumbers.E164),
	}, nil
}

// TypedPhone reads a number as a person types it: in E.164, or as it is dialled in China.
func TypedPhone(text string) (Phone, error) {
	parsed, err := phonenumbers.Parse(text, "CN")
	if err != nil {
		return Phone{}, errPhone
	}
	return ParsePhone(phonenumbers.Format(parsed, phonenumbers.E164))
}

// Masked is the number for showing: enough for its owner to know it again.
func (p Phone) Masked() string {
	national := strings.TrimPrefix(p.Number, "+"+p.CountryCode)
	switch n := len(national); {
	case n < 4:
		return strings.Repeat("*", n)
	case n < 8:
		return strings.Repeat("*", n-2) + national[n-2:]
	}
	return national[:3] + strings.Repeat("*", len(national)-7) + national[len(national)-4:]
}

// String is the masked number, so that a phone that is printed tells nothing.
func (p Phone) String() string { return p.Masked() }

// GoString is the masked number as well.
func (p Phone) GoString() string { return p.Masked() }

// MarshalText is the masked number too: this is what a logger writes. The GraphQL schema hands out
// the fields.
func (p Phone) MarshalText() ([]byte, error) { return []byte(p.Masked()), nil }
