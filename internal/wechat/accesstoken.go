package wechat

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"time"
)

// The stable flavour, in its normal mode: replicas that ask get the same token, and asking does not kill anybody's. A forced
// refresh is rationed to 20 a day and is never asked for.
var stableTokenAPI = api{name: "stable_token", path: "/cgi-bin/stable_token", retryBusy: true}

const (
	// tokenSkew: WeChat hands out the successor five minutes before the end, so a renewal a little early is free.
	tokenSkew = time.Minute
	// tokenJitter keeps replicas that fetched together from renewing together.
	tokenJitter = 30 * time.Second
	// tokenFloor: expires_in is what is left and can be short. A token kept a little too long costs one refused call,
	// one that is never kept costs a fetch per call.
	tokenFloor = 10 * time.Second
	// maxToken is twice what WeChat tells one to leave room for.
	maxToken = 1024
)

type accessToken struct {
	value string
	since time.Time
	until time.Time
}

type tokenCache struct {
	mu     sync.Mutex
	tokens map[string]accessToken // by AppID; only configured apps get here
}

// get returns the app's token if it is still good and not the refused one. Comparing the value, and not just deleting, is what
// makes one refresh out of many callers that were refused with the same token.
func (t *tokenCache) get(appID, refused string, now time.Time) (string, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	token, ok := t.tokens[appID]
	if !ok || token.value == refused || !now.Before(token.until) {
		return "", false
	}
	return token.value, true
}

func (t *tokenCache) put(appID string, token accessToken) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.tokens == nil {
		t.tokens = make(map[string]accessToken)
	}
	t.tokens[appID] = token
}

// token returns an access_token of the app other than refused. Callers that need one at the same time share one fetch; one that
// gives up leaves the fetch to the others.
func (c *Client) token(ctx context.Context, app App, refused string) (string, *Error) {
	if token, ok := c.tokens.get(app.ID, refused, c.now()); ok {
		return token, nil
	}
	flight := c.flights.DoChan(app.ID, func() (any, error) {
		// Another flight may have landed since the look-up above.
		if token, ok := c.tokens.get(app.ID, refused, c.now()); ok {
			return token, nil
		}
		// The fetch belongs to all who wait, so it must not end with whoever came first.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.timeout)
		defer cancel()
		token, failure := c.fetchToken(ctx, app)
		if failure != nil {
			return "", failure // not as one line: a nil *Error would become an error that is not nil
		}
		return token, nil
	})
	select {
	case <-ctx.Done():
		return "", interrupted(stableTokenAPI, ctx.Err())
	case landed := <-flight:
		if failure, failed := errors.AsType[*Error](landed.Err); failed {
			return "", failure
		}
		return landed.Val.(string), nil
	}
}

// fetchToken asks WeChat for the app's stable token and keeps it.
func (c *Client) fetchToken(ctx context.Context, app App) (string, *Error) {
	body, err := json.Marshal(map[string]string{"grant_type": "client_credential", "appid": app.ID, "secret": app.Secret})
	if err != nil {
		return "", &Error{API: stableTokenAPI.name, Kind: KindMisconfigured, Err: errors.New("app cannot be written as JSON")}
	}
	var token accessToken
	failure := c.perform(ctx, request{
		api: stableTokenAPI, app: app, body: body, meter: "app",
		read: func(answer object) error {
			token.value = answer.text("access_token")
			seconds, ok := answer.integer("expires_in")
			if !isToken(token.value) || !ok || seconds <= 0 || seconds > 24*60*60 {
				return errors.New("no usable access_token")
			}
			life := time.Duration(seconds)*time.Second - tokenSkew - c.jitter(tokenJitter)
			token.since = c.now()
			token.until = token.since.Add(max(life, tokenFloor))
			return nil
		},
	})
	if failure != nil {
		return "", failure
	}
	c.tokens.put(app.ID, token)
	return token.value, nil
}

func isToken(text string) bool {
	return text != "" && len(text) <= maxToken && !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
}
