package authn

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"mpauth/internal/fault"
)

// Refuse answers a request that is not GraphQL with why it failed: the status that belongs to the code,
// and a JSON object with the code, the message and the action, as the extensions of a GraphQL error have
// them. What is no fault is INTERNAL, without a word of it; logging it is left to the caller.
func Refuse(w http.ResponseWriter, err error) { RefuseAs(w, 0, err) }

// RefuseAs is Refuse with a status that says more than the code does; 0 is that of the code.
func RefuseAs(w http.ResponseWriter, status int, err error) {
	known := fault.New(fault.Internal, "internal error")
	_ = errors.As(err, &known)
	if status == 0 {
		status = statusOf(known.Code)
	}
	body := map[string]any{"code": known.Code, "message": known.Message, "action": known.Code.Action()}
	if known.Step != nil {
		body["have"], body["need"], body["next"] = known.Step.Have, known.Step.Need, known.Step.Next
	}
	if known.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int((known.RetryAfter+time.Second-1)/time.Second)))
		body["retryAfterMs"] = known.RetryAfter.Milliseconds()
	}
	if known.Code.Action() == fault.Relogin || known.Code.Action() == fault.Refresh {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func statusOf(code fault.Code) int {
	switch code {
	case fault.Unauthenticated, fault.TokenExpired, fault.SessionRevoked:
		return http.StatusUnauthorized
	case fault.AuthStepRequired, fault.Forbidden, fault.AccountDisabled, fault.AccountClosing:
		return http.StatusForbidden
	case fault.BadInput:
		return http.StatusBadRequest
	case fault.NotFound:
		return http.StatusNotFound
	case fault.RateLimited:
		return http.StatusTooManyRequests
	case fault.Unavailable, fault.WechatUnavailable:
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}
