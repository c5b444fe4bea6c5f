package telemetry

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"regexp"
	"runtime/debug"
	"slices"
	"sync"
	"time"
)

// maxAnnotations bounds what one request may say about itself.
const maxAnnotations = 32

// request is what is known of a request while it runs.
type request struct {
	id    string
	mu    sync.Mutex // resolvers run side by side
	notes []slog.Attr
}

type requestKey struct{}

func requestOf(ctx context.Context) *request {
	running, _ := ctx.Value(requestKey{}).(*request)
	return running
}

// RequestID returns the id of the request that ctx belongs to, or "" outside of [Requests]. It is safe to show to anybody.
func RequestID(ctx context.Context) string {
	if running := requestOf(ctx); running != nil {
		return running.id
	}
	return ""
}

// Annotate adds attributes to the one event that the request of ctx will log: what was asked for, by whom, and how it
// ended. An attribute replaces an earlier one of the same name. Outside of [Requests] it does nothing.
func Annotate(ctx context.Context, attrs ...slog.Attr) {
	running := requestOf(ctx)
	if running == nil {
		return
	}
	running.mu.Lock()
	defer running.mu.Unlock()
	for _, attr := range attrs {
		same := func(note slog.Attr) bool { return note.Key == attr.Key }
		if i := slices.IndexFunc(running.notes, same); i >= 0 {
			running.notes[i] = attr
		} else if len(running.notes) < maxAnnotations {
			running.notes = append(running.notes, attr)
		}
	}
}

// Requests returns next with one log event per request, at its end: method, route (the pattern that [http.ServeMux] matched,
// never the URL, which may hold a secret), status, duration, bytes, request id, how far away the peer is, and what the
// handler added with [Annotate].
//
// The id is the one in the header X-Request-Id if that is short and plain, else a new one from random; the reply has it in the
// same header. A handler that panics is answered with 500 and logged with its stack, and the process lives on.
//
// The ResponseWriter that next gets supports [http.ResponseController].
func Requests(log *slog.Logger, now func() time.Time, random io.Reader, next http.Handler, watches ...Watch) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		running := &request{id: requestID(r.Header, random)}
		reply := &reply{ResponseWriter: w}
		reply.Header().Set("X-Request-Id", running.id)
		inner := r.WithContext(context.WithValue(r.Context(), requestKey{}, running))
		inner, ended := begin(inner, watches)

		began := now()
		defer func() {
			failure := recover()
			// With half an answer sent the peer must not take it for a whole one, so net/http has to cut the connection;
			// a handler that panics with ErrAbortHandler asks for just that.
			cut := failure != nil && (reply.status != 0 || isAbort(failure))
			if failure != nil && !cut {
				answerPanic(reply, running.id)
			}
			took := now().Sub(began)
			logRequest(log, inner, running, reply, took, failure)
			ended(Ended{Route: route(inner), Status: reply.sent(cut), Duration: took, Notes: running.notes})
			if cut {
				panic(http.ErrAbortHandler)
			}
		}()
		next.ServeHTTP(reply, inner)
	})
}

func logRequest(log *slog.Logger, r *http.Request, running *request, reply *reply, took time.Duration, failure any) {
	level := slog.LevelInfo
	status := reply.sent(failure != nil)
	if status >= http.StatusInternalServerError {
		level = slog.LevelError
	}
	attrs := []slog.Attr{
		slog.String("method", method(r.Method)),
		slog.String("route", route(r)),
		slog.Int("status", status),
		slog.Float64("duration_ms", float64(took.Microseconds())/1000),
		slog.Int64("bytes", reply.bytes),
		slog.String("remote", remote(r.RemoteAddr)),
	}
	running.mu.Lock()
	attrs = append(attrs, running.notes...)
	running.mu.Unlock()
	if failure != nil {
		level = slog.LevelError
		attrs = append(attrs, slog.String("panic", describe(failure)))
		if !isAbort(failure) {
			attrs = append(attrs, slog.String("stack", string(debug.Stack())))
		}
	}
	if _, adds := log.Handler().(withRequestID); !adds {
		attrs = append(attrs, slog.String(requestIDKey, running.id))
	}
	log.LogAttrs(r.Context(), level, "request", attrs...)
}

func isAbort(failure any) bool {
	err, ok := failure.(error)
	return ok && errors.Is(err, http.ErrAbortHandler)
}

// describe says what a handler panicked with. Of a value that is neither error nor text only the type is told.
func describe(failure any) string {
	switch typed := failure.(type) {
	case error:
		return typed.Error()
	case string:
		return typed
	}
	return fmt.Sprintf("a %T", failure)
}

func answerPanic(w http.ResponseWriter, id string) {
	for name := range w.Header() {
		if name != "X-Request-Id" {
			w.Header().Del(name)
		}
	}
	http.Error(w, "internal error, request "+id, http.StatusInternalServerError)
}

var plainID = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z._-]{0,63}$`)

// requestID takes over the id that a proxy gave. Plain ids only, because it is repeated in logs and replies, and none that
// looks like a token or a phone number; 32 hexadecimal digits are what proxies use, though an AppSecret looks the same.
func requestID(header http.Header, random io.Reader) string {
	given := header.Get("X-Request-Id")
	if plainID.MatchString(given) && maskNumbers(given) == given && !jwt.MatchString(given) && !(len(given) > 36 && letterRun.MatchString(given)) {
		return given
	}
	var fresh [10]byte
	if _, err := io.ReadFull(random, fresh[:]); err != nil {
		return "unknown"
	}
	return hex.EncodeToString(fresh[:])
}

// method returns the method, or "other" for a word of the client's own.
func method(name string) string {
	switch name {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return name
	}
	return "other"
}

func route(r *http.Request) string {
	if r.Pattern == "" {
		return "unmatched"
	}
	return r.Pattern
}

// remote says how far away the peer is. Its address is personal data and stays out of the log.
func remote(address string) string {
	peer, err := netip.ParseAddrPort(address)
	if err != nil {
		return "unknown"
	}
	switch ip := peer.Addr().Unmap(); {
	case ip.IsLoopback():
		return "loopback"
	case ip.IsPrivate(), ip.IsLinkLocalUnicast():
		return "private"
	}
	return "public"
}

// reply counts what is answered.
type reply struct {
	http.ResponseWriter
	status int
	bytes  int64
}

// sent is the status that the client gets; 0 if the connection was cut before there was one.
func (w *reply) sent(failed bool) int {
	if w.status == 0 && !failed {
		return http.StatusOK // what net/http sends when a handler does nothing
	}
	return w.status
}

// Unwrap lets [http.ResponseController] reach what the server can do.
func (w *reply) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader implements [http.ResponseWriter]. The first final status counts; 1xx are only news.
func (w *reply) WriteHeader(status int) {
	if w.status == 0 && (status >= http.StatusOK || status == http.StatusSwitchingProtocols) {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implements [http.ResponseWriter].
func (w *reply) Write(content []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(content)
	w.bytes += int64(n)
	return n, err
}
