package wechat

import (
	"context"
	"encoding/json"
	"errors"
	"unicode/utf8"
)

var textCheckAPI = api{name: "msg_sec_check", path: "/wxa/msg_sec_check", needsToken: true, retryBusy: true}

// Verdict is WeChat's opinion of a text.
type Verdict string

const (
	VerdictPass   Verdict = "pass"
	VerdictReview Verdict = "review" // a person should look at it
	VerdictRisky  Verdict = "risky"
)

const (
	sceneProfile = 1
	maxText      = 2500 // characters
)

// CheckText asks WeChat's content check about a nickname. openID must be a user who has used the Mini Program within the last
// two hours. See WeChat's msgSecCheck page, version 2.
//
// Kinds to expect: KindUserInactive, KindRateLimited, KindMisconfigured, KindRefused (empty or longer than 2500 characters too),
// KindUnavailable.
func (c *Client) CheckText(ctx context.Context, appID, openID, text string) (Verdict, error) {
	app, failure := c.userOf(textCheckAPI, appID, openID)
	if failure != nil {
		return "", failure
	}
	if length := utf8.RuneCountInString(text); length == 0 || length > maxText {
		return "", &Error{API: textCheckAPI.name, Kind: KindRefused, Err: errors.New("text must have 1 to 2500 characters")}
	}
	body, err := json.Marshal(map[string]any{
		"version": 2, "scene": sceneProfile, "openid": openID, "content": text, "nickname": text,
	})
	if err != nil {
		return "", &Error{API: textCheckAPI.name, Kind: KindRefused, Err: errors.New("text cannot be written as JSON")}
	}
	var verdict Verdict
	err = c.run(ctx, request{
		api: textCheckAPI, app: app, body: body, meter: openID, openID: openID, private: []string{openID, text},
		read: func(answer object) error {
			verdict = Verdict(answer.child("result").text("suggest"))
			switch verdict {
			case VerdictPass, VerdictReview, VerdictRisky:
				return nil
			}
			return errors.New("no known verdict")
		},
	})
	if err != nil {
		return "", err
	}
	return verdict, nil
}
