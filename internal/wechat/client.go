package wechat

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/sync/singleflight"
)

// DefaultBaseURL is where WeChat's server API lives.
const DefaultBaseURL = "https://api.weixin.qq.com"

// App is one Mini Program and the secret that proves to WeChat that we speak for it.
type App struct {
	ID     string // AppID
	Secret string // AppSecret
}

// Options are what a Client works with. Apps is required; the zero value of everything else is right for production.
type Options struct {
	// BaseURL is the root of the API, with or without a path. Defaults to DefaultBaseURL.
	BaseURL string
	// Apps looks up a configured app. Called for every request, so apps and secrets may change at run time; must be quick.
	Apps func(appID string) (App, bool)
	// Transport carries the requests. Defaults to one tuned for a single host, without HTTP/2. Whatever wraps it sees
	// secrets in URLs and must not record them.
	Transport http.RoundTripper
	// Now tells the time for token lifetimes and quotas. Defaults to time.Now.
	Now func() time.Time
	// Jitter picks a random duration in [0, limit). Defaults to a uniform one.
	Jitter func(limit time.Duration) time.Duration
	// Timeout bounds a whole call with its token and its second attempt. Defaults to 3 seconds.
	Timeout time.Duration
	// Observe is called once per request to WeChat, and once per request that was held back, from the goroutine that made it
	// and with its context. Defaults to nothing.
	Observe func(context.Context, Call)
	// Misconfigured is called when WeChat begins to refuse a call of an app because of how the app is set up, not again before
	// the call has succeeded or is refused with another number. From the goroutine that made the call. Defaults to nothing.
	Misconfigured func(context.Context, Misconfiguration)
}

// Call is what Observe learns about one request, when it has ended. It carries no secret.
type Call struct {
	API      string // as in Error.API
	AppID    string
	OpenID   string // of the person that the request names; empty when it names none. To be hashed before it is written
	Errcode  int    // 0 on success or when there was no answer
	Duration time.Duration
	Outcome  Outcome
}

// Outcome is how a request to WeChat ended, as a metric label.
type Outcome string

const (
	OutcomeOK        Outcome = "ok"        // the answer was good
	OutcomeErrcode   Outcome = "errcode"   // WeChat answered with an errcode
	OutcomeStatus    Outcome = "status"    // an HTTP status other than 200
	OutcomeMalformed Outcome = "malformed" // an answer that is not what WeChat documents
	OutcomeTimeout   Outcome = "timeout"   // no whole answer in time
	OutcomeCanceled  Outcome = "canceled"  // the caller went away
	OutcomeConnect   Outcome = "connect"   // no connection
	OutcomeTLS       Outcome = "tls"       // the other side could not prove that it is WeChat; nothing was sent
	OutcomeCut       Outcome = "cut"       // the connection broke after the request may have left
	OutcomeHeld      Outcome = "held"      // held back here: the circuit breaker is open
	OutcomeQuota     Outcome = "quota"     // held back here: WeChat's quota for the minute is used up
)

// Client calls WeChat's server API for all configured apps. It is safe for concurrent use.
type Client struct {
	base      *url.URL // nil when BaseURL is no URL
	apps      func(appID string) (App, bool)
	transport http.RoundTripper
	now       func() time.Time
	jitter    func(limit time.Duration) time.Duration
	timeout   time.Duration
	observe   func(context.Context, Call)
	// misconfigured tells an operator.
	misconfigured func(context.Context, Misconfiguration)

	tokens   tokenCache
	flights  singleflight.Group
	breakers breakers
	budget   budget
	calls    callCount
	wrong    misconfigurations
}

// New returns a Client. A BaseURL that is no absolute http(s) URL makes every call fail with KindMisconfigured.
func New(options Options) *Client {
	client := &Client{
		apps:      options.Apps,
		transport: options.Transport,
		now:       options.Now,
		jitter:    options.Jitter,
		timeout:   options.Timeout,
		observe:   options.Observe,

		misconfigured: options.Misconfigured,
	}
	if options.BaseURL == "" {
		options.BaseURL = DefaultBaseURL
	}
	if base, err := url.Parse(options.BaseURL); err == nil && base.Host != "" && (base.Scheme == "https" || base.Scheme == "http") {
		client.base = base
	}
	if client.transport == nil {
		client.transport = newTransport()
	}
	if client.now == nil {
		client.now = time.Now
	}
	if client.jitter == nil {
		client.jitter = rand.N[time.Duration] // spreads load, protects nothing: need not be unpredictable
	}
	if client.timeout <= 0 {
		client.timeout = 3 * time.Second
	}
	if client.observe == nil {
		client.observe = func(context.Context, Call) {}
	}
	if client.misconfigured == nil {
		client.misconfigured = func(context.Context, Misconfiguration) {}
	}
	return client
}

// api is what is known about one endpoint.
type api struct {
	name       string // last part of the path
	path       string
	needsToken bool
	// spends: the request uses something up, so it must not be repeated once it may have been read.
	spends bool
	// retryBusy: an answered errcode -1 may be retried. All but resetusersessionkey, where the second attempt of one that did
	// take effect would report the user's new key as dead.
	retryBusy bool
}

// request is one call of an endpoint.
type request struct {
	api   api
	app   App
	query url.Values
	body  []byte // JSON; nil makes it a GET
	// meter is whom WeChat counts the minute quota for; empty when that is only known afterwards.
	meter string
	// openID is the person that the request names, if any.
	openID string
	// private are the values sent that no text may repeat; the token and the AppSecret are added on the way.
	private []string
	// read takes what it needs from a successful answer; an error means that the answer is malformed.
	read func(object) error
}

// retryPause is the longest wait before a second attempt, short because a person is waiting.
const retryPause = 200 * time.Millisecond

var (
	errUnknownApp   = errors.New("app is not configured")
	errQuotaSpent   = errors.New("minute quota is used up, call held back")
	errNoOpenID     = errors.New("openid is missing or malformed")
	errBadBaseURL   = errors.New("base URL is not an absolute http or https URL")
	errMockCode     = errors.New("mock code: DevTools runs in tourist mode or with a test AppID")
	errCodeUnusable = errors.New("code is empty or too long")
)

// app finds the app of a call.
func (c *Client) app(a api, appID string) (App, *Error) {
	if c.apps != nil {
		if app, ok := c.apps(appID); ok {
			return app, nil
		}
	}
	return App{}, &Error{API: a.name, Kind: KindMisconfigured, Err: errUnknownApp}
}

// run performs a call of the public API within the timeout.
func (c *Client) run(ctx context.Context, r request) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	if failure := c.perform(ctx, r); failure != nil {
		return failure
	}
	return nil
}

// perform sends a request, and once more where the first attempt cannot have had an effect.
func (c *Client) perform(ctx context.Context, r request) *Error {
	refused := "" // the access_token that WeChat did not accept
	for attempt := 1; ; attempt++ {
		token := ""
		if r.api.needsToken {
			var failure *Error
			if token, failure = c.token(ctx, r.app, refused); failure != nil {
				return failure
			}
		}
		failure := c.attempt(ctx, r, token)
		if failure == nil || attempt == 2 {
			return failure
		}
		switch {
		case r.api.needsToken && failure.staleToken():
			// Tried again even if the stable endpoint stands by the same token: then one of WeChat's machines lags behind.
			refused = token
		case failure.unsent, r.api.retryBusy && failure.Errcode == errcodeBusy:
			if !c.pause(ctx) {
				return failure
			}
		default:
			return failure
		}
	}
}

// attempt sends a request once, unless it is held back.
func (c *Client) attempt(ctx context.Context, r request, token string) *Error {
	if err := ctx.Err(); err != nil {
		// Not sent for want of time: no fault of this endpoint, so its breaker is not told.
		return interrupted(r.api, err)
	}
	metered := quota{appID: r.app.ID, api: r.api.name, meter: r.meter}
	if wait := c.budget.wait(metered, c.now()); wait > 0 {
		return c.held(ctx, r, &Error{API: r.api.name, Kind: KindRateLimited, RetryAfter: wait, Err: errQuotaSpent, outcome: OutcomeQuota})
	}
	failure := c.breakers.guard(r.app.ID, r.api.name, func() *Error {
		start := c.now()
		c.calls.add(r.app.ID, r.api.name, start)
		failure := c.exchange(ctx, r, token)
		call := Call{API: r.api.name, AppID: r.app.ID, OpenID: r.openID, Duration: c.now().Sub(start), Outcome: OutcomeOK}
		if failure != nil {
			call.Errcode, call.Outcome = failure.Errcode, failure.outcome
		}
		c.observe(ctx, call)
		c.follow(ctx, r, failure)
		return failure
	})
	if failure == nil {
		return nil
	}
	if failure.outcome == OutcomeHeld {
		return c.held(ctx, r, failure)
	}
	if failure.Errcode == errcodeMinuteQuota && r.meter != "" {
		c.budget.exhaust(metered, c.now())
	}
	return failure
}

func (c *Client) held(ctx context.Context, r request, failure *Error) *Error {
	c.observe(ctx, Call{API: r.api.name, AppID: r.app.ID, OpenID: r.openID, Outcome: failure.outcome})
	return failure
}

// pause waits a random moment, so that many callers do not come back at once. False when the call has ended meanwhile.
func (c *Client) pause(ctx context.Context) bool {
	timer := time.NewTimer(c.jitter(retryPause))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

func interrupted(a api, err error) *Error {
	failure := &Error{API: a.name, Kind: KindUnavailable, Err: context.DeadlineExceeded, outcome: OutcomeTimeout}
	if errors.Is(err, context.Canceled) {
		failure.Err, failure.outcome = context.Canceled, OutcomeCanceled
	}
	return failure
}
