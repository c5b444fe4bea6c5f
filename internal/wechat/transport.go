package wechat

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// maxAnswer is far above WeChat's largest answer (a text verdict with details, about 2 KB).
const maxAnswer = 64 << 10

// newTransport is tuned for one host that is called all the time. HTTP/1.1 only: one lost connection then costs one call and
// not all that are in flight, and the transport's own rules of repeating a request stay the simple ones.
func newTransport() *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 2 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		Protocols:              protocols,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    2 * time.Second,
		MaxIdleConns:           128,
		MaxIdleConnsPerHost:    128,
		MaxConnsPerHost:        512,
		IdleConnTimeout:        45 * time.Second,
		MaxResponseHeaderBytes: 32 << 10,
		DisableCompression:     true,
	}
}

// exchange sends a request once and reads the answer.
func (c *Client) exchange(ctx context.Context, r request, token string) *Error {
	if c.base == nil {
		return &Error{API: r.api.name, Kind: KindMisconfigured, Err: errBadBaseURL, outcome: OutcomeConnect}
	}
	r.private = append([]string{r.app.Secret, token}, r.private...)
	var seen progress
	ctx = httptrace.WithClientTrace(ctx, seen.trace())

	// The transport is used without an http.Client: no redirect can carry the secret elsewhere, and no error holds the URL.
	response, err := c.transport.RoundTrip(c.newRequest(ctx, r, token))
	if err != nil {
		return broken(ctx, r, err, &seen)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if response.StatusCode != http.StatusOK {
		return &Error{
			API: r.api.name, Kind: KindUnavailable, outcome: OutcomeStatus,
			Err: fmt.Errorf("HTTP status %d", response.StatusCode),
		}
	}
	if err != nil {
		return broken(ctx, r, err, &seen)
	}
	return c.judge(r, body)
}

// newRequest builds the URL by hand, because errors of http.NewRequest quote it.
func (c *Client) newRequest(ctx context.Context, r request, token string) *http.Request {
	target := &url.URL{Scheme: c.base.Scheme, Host: c.base.Host, Path: strings.TrimRight(c.base.Path, "/") + r.api.path}
	query := url.Values{}
	for name, values := range r.query {
		query[name] = values
	}
	if token != "" {
		query.Set("access_token", token)
	}
	target.RawQuery = query.Encode()

	request := (&http.Request{
		Method: http.MethodGet,
		URL:    target,
		Host:   target.Host,
		Header: http.Header{"Accept": {"application/json"}},
	}).WithContext(ctx)
	switch {
	case r.body != nil:
		// A known length: WeChat answers 412 to a chunked POST.
		request.Method = http.MethodPost
		request.Header.Set("Content-Type", "application/json")
		request.Body = io.NopCloser(bytes.NewReader(r.body))
		request.ContentLength = int64(len(r.body))
	case r.api.spends:
		// net/http repeats a GET by itself when a reused connection dies before the answer, even though the server may have
		// read it, but never one with a body that it cannot rewind. This one is empty and, being "identity", leaves no trace
		// on the wire.
		request.Body = io.NopCloser(bytes.NewReader(nil))
		request.TransferEncoding = []string{"identity"}
	}
	return request
}

// judge decides what an answer means. The errcode comes first: some successes carry 0, some carry none, and no failure carries data.
func (c *Client) judge(r request, body []byte) *Error {
	malformed := func(reason error) *Error {
		return &Error{API: r.api.name, Kind: KindUnavailable, Err: fmt.Errorf("malformed answer: %w", reason), outcome: OutcomeMalformed}
	}
	if len(body) > maxAnswer {
		return malformed(errors.New("too large"))
	}
	answer, err := parseObject(body)
	if err != nil {
		return malformed(err)
	}
	errcode, ok := answer.integer("errcode")
	if !ok || int64(int32(errcode)) != errcode {
		return malformed(errors.New("errcode is no number"))
	}
	if errcode != 0 {
		return &Error{
			API: r.api.name, Errcode: int(errcode), Errmsg: scrub(answer.text("errmsg"), r.private),
			Kind: kindOf(r.api, int(errcode)), RetryAfter: retryAfter(int(errcode), c.now()), outcome: OutcomeErrcode,
		}
	}
	if err := r.read(answer); err != nil {
		return malformed(err)
	}
	return nil
}

// broken describes a request that ended without an answer.
func broken(ctx context.Context, r request, err error, p *progress) *Error {
	if ctx.Err() != nil {
		return interrupted(r.api, ctx.Err())
	}
	failure := &Error{API: r.api.name, Kind: KindUnavailable, unsent: p.unsent()}
	netError, isNet := errors.AsType[net.Error](err)
	switch {
	case !failure.unsent && isNet && netError.Timeout():
		failure.outcome, failure.Err = OutcomeTimeout, context.DeadlineExceeded
	case !failure.unsent:
		// The cause is not quoted: it can hold whatever the other side sent, our own URL included.
		failure.outcome, failure.Err = OutcomeCut, errors.New("connection broke before the whole answer came")
	case p.handshakeFailed.Load():
		failure.outcome, failure.Err = OutcomeTLS, errors.New(scrub("no trusted TLS connection: "+causeOf(err), r.private))
	default:
		failure.outcome, failure.Err = OutcomeConnect, errors.New(scrub("no connection: "+causeOf(err), r.private))
	}
	return failure
}

// causeOf is the text of err without the URL that an http.Client underneath may have added.
func causeOf(err error) string {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	return err.Error()
}

// progress watches how far a request got. Its fields are written from the transport's goroutines.
type progress struct {
	asked, connected, handshakeFailed atomic.Bool
}

func (p *progress) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn: func(string) { p.asked.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { p.connected.Store(true) },
		TLSHandshakeDone: func(_ tls.ConnectionState, err error) {
			if err != nil {
				p.handshakeFailed.Store(true)
			}
		},
	}
}

// unsent is true only when it is certain that no byte left: a connection was asked for and never had. "Headers written" is no
// use here, since HTTP/2 reports it after the fact; and a transport that reports nothing proves nothing.
func (p *progress) unsent() bool { return p.asked.Load() && !p.connected.Load() }
