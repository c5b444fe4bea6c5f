package token

import (
	"bytes"
	"encoding/json"
	"errors"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// lastSecond is the end of the year 9999. Beyond it, adding a leeway to a time could overflow and make an old token young.
const lastSecond = 253402300799

// payload is the body of an access token as it is written. Only that very text is read: exactly these members, in this order, each once and of
// its type. A new claim therefore takes two releases, one that reads it and one that writes it.
type payload struct {
	Issuer    string `json:"iss"`
	Audience  string `json:"aud"`
	Subject   string `json:"sub"`
	ClientID  string `json:"client_id"`
	SessionID string `json:"sid"`
	ID        string `json:"jti"`
	Version   int64  `json:"ver"`
	IssuedAt  int64  `json:"iat"`
	ExpiresAt int64  `json:"exp"`
}

// UnmarshalJSON refuses anything that we would not have written. Reading leniently and comparing what that gives with the text stops, in one
// stroke, all that encoding/json lets pass: members twice, unknown, missing, null or in another case, and invalid UTF-8.
func (p *payload) UnmarshalJSON(raw []byte) error {
	type plain payload // has no UnmarshalJSON
	var read plain
	if err := json.Unmarshal(raw, &read); err != nil {
		return err
	}
	written, err := json.Marshal(read)
	if err != nil {
		return err
	}
	if !bytes.Equal(raw, written) {
		return errors.New("not the text that we write")
	}
	*p = payload(read)
	return p.check()
}

func (p *payload) check() error {
	switch {
	case p.Issuer == "", p.Audience == "", p.Subject == "", p.ClientID == "", p.SessionID == "", p.ID == "", p.Version < 0:
		return errors.New("claim is empty")
	case p.IssuedAt < 0, p.IssuedAt >= p.ExpiresAt, p.ExpiresAt > lastSecond:
		return errors.New("times make no sense")
	}
	return nil
}

func (p *payload) claims() Claims {
	return Claims{
		Issuer: p.Issuer, Audience: p.Audience, Subject: p.Subject, ClientID: p.ClientID, SessionID: p.SessionID, ID: p.ID,
		Version: p.Version, IssuedAt: time.Unix(p.IssuedAt, 0).UTC(), ExpiresAt: time.Unix(p.ExpiresAt, 0).UTC(),
	}
}

// GetExpirationTime implements jwt.Claims. A payload that was never filled, as JSON null leaves it, has no expiry: the parser refuses it.
func (p *payload) GetExpirationTime() (*jwt.NumericDate, error) {
	if p.ExpiresAt == 0 {
		return nil, nil
	}
	return jwt.NewNumericDate(time.Unix(p.ExpiresAt, 0)), nil
}

// GetIssuedAt implements jwt.Claims.
func (p *payload) GetIssuedAt() (*jwt.NumericDate, error) {
	return jwt.NewNumericDate(time.Unix(p.IssuedAt, 0)), nil
}

// GetNotBefore implements jwt.Claims; our tokens are good from the moment they are issued.
func (p *payload) GetNotBefore() (*jwt.NumericDate, error) { return nil, nil }

// GetIssuer implements jwt.Claims.
func (p *payload) GetIssuer() (string, error) { return p.Issuer, nil }

// GetSubject implements jwt.Claims.
func (p *payload) GetSubject() (string, error) { return p.Subject, nil }

// GetAudience implements jwt.Claims.
func (p *payload) GetAudience() (jwt.ClaimStrings, error) { return jwt.ClaimStrings{p.Audience}, nil }
