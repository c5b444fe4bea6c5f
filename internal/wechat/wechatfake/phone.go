package wechatfake

import (
	"strconv"
	"time"
)

// userPhoneNumber is POST /wxa/business/getuserphonenumber.
func (s *Server) userPhoneNumber(c *call) (object, *refusal) {
	if c.field("code") == "" {
		return nil, refuse(41008)
	}
	code, known := s.phoneCodes.get(c.field("code"))
	openID := c.field("openid")
	switch {
	case !known || code.used || !s.now().Before(code.tapped.Add(codeLifetime)):
		return nil, refuse(40029)
	case code.appID != c.appID:
		return nil, refuse(40013)
	case openID != "" && openID != openIDOf(code.appID, code.user):
		return nil, refuse(40003)
	}
	code.used = true
	return append(success(), field{"phone_info", s.phoneInfo(code.number, code.tapped, code.appID)}), nil
}

// phoneInfo is a number as WeChat shows it, in an answer and in encrypted data alike.
func (s *Server) phoneInfo(n phoneNumber, tapped time.Time, appID string) object {
	var country any = n.country
	if s.settings.CountryCodeAsNumber {
		country, _ = strconv.Atoi(n.country)
	}
	return object{
		{"phoneNumber", n.full()},
		{"purePhoneNumber", n.pure},
		{"countryCode", country},
		{"watermark", watermark(tapped, appID)},
	}
}

func watermark(at time.Time, appID string) object {
	return object{{"timestamp", at.Unix()}, {"appid", appID}}
}
