package wechat

import (
	"context"
	"errors"
	"net/url"
)

// No access_token: a login must not depend on a second endpoint. errcode -1 is an answer, and a code that WeChat was too busy to
// look at is not spent; if it was after all, the second attempt says so (40163) and the caller takes a new code as it would anyway.
var code2SessionAPI = api{name: "jscode2session", path: "/sns/jscode2session", spends: true, retryBusy: true}

// maxCode bounds codes from clients; WeChat's have 32 (login) and 64 characters (phone) today.
const maxCode = 512

// Session is what WeChat tells about a user who logs in.
type Session struct {
	// OpenID names the user within this app.
	OpenID string
	// UnionID names the user within the owner's Open Platform account; empty if the app is bound to none.
	UnionID string
	// SessionKey is base64 of 16 bytes, as sent by WeChat. It must never leave the server.
	SessionKey string
}

// Code2Session exchanges the code of wx.login. See WeChat's code2Session page.
//
// Kinds to expect: KindCodeInvalid, KindCodeUsed, KindBlocked, KindRateLimited, KindMisconfigured, KindUnavailable. After
// KindUnavailable the code may be spent.
func (c *Client) Code2Session(ctx context.Context, appID, code string) (Session, error) {
	app, failure := c.app(code2SessionAPI, appID)
	if failure != nil {
		return Session{}, failure
	}
	if failure := checkCode(code2SessionAPI, code); failure != nil {
		return Session{}, failure
	}
	var session Session
	err := c.run(ctx, request{
		api: code2SessionAPI, app: app, private: []string{code},
		query: url.Values{
			"appid": {app.ID}, "secret": {app.Secret}, "js_code": {code}, "grant_type": {"authorization_code"},
		},
		read: func(answer object) error {
			session = Session{OpenID: answer.text("openid"), SessionKey: answer.text("session_key"), UnionID: answer.text("unionid")}
			if !isIdentifier(session.OpenID) || session.UnionID != "" && !isIdentifier(session.UnionID) {
				return errors.New("no usable openid or unionid")
			}
			if !isSessionKey(session.SessionKey) {
				return errors.New("no usable session_key")
			}
			return nil
		},
	})
	if err != nil {
		return Session{}, err
	}
	return session, nil
}

// checkCode refuses what cannot be a code without asking WeChat.
func checkCode(a api, code string) *Error {
	if code == "" || len(code) > maxCode {
		return &Error{API: a.name, Kind: KindCodeInvalid, Err: errCodeUnusable}
	}
	// What the developer tools return instead of a code when no real AppID is set.
	if code == "the code is a mock one" || code == "this code is a mock one" {
		return &Error{API: a.name, Kind: KindCodeInvalid, Err: errMockCode}
	}
	return nil
}
