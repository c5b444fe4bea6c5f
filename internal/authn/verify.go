package authn

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"mpauth/internal/account"
	"mpauth/internal/fault"
)

// Verify is the door for services that cannot read a token themselves: a gateway asks it about each
// request (forward-auth). It answers 204 with who asks in X-Mpauth-User, X-Mpauth-App and
// X-Mpauth-Session, or 401, 403 or 503 with the same error code as GraphQL.
//
// Query parameters: step (an AuthStep, ONE when absent) and need (AuthFacts, separated by commas).
// Anyone may call it; it tells nothing but what the bearer of the token may know.
func Verify(accounts *account.Service) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		refuse := func(err error) {
			if fault.CodeOf(err) == fault.Internal {
				accounts.Log.ErrorContext(r.Context(), "a request was not verified", "error", err)
			}
			refuse(w, err)
		}
		caller, err := Caller(r.Context())
		if err != nil {
			refuse(err)
			return
		}
		step, need, err := demand(r)
		if err != nil {
			refuse(err)
			return
		}
		if step > account.StepOne || len(need) > 0 {
			if _, err := accounts.MustAuth(r.Context(), caller, step, need); err != nil {
				refuse(err)
				return
			}
		}
		w.Header().Set("X-Mpauth-User", caller.UserID.String())
		w.Header().Set("X-Mpauth-App", caller.AppID)
		w.Header().Set("X-Mpauth-Session", caller.SessionID.String())
		w.WriteHeader(http.StatusNoContent)
	})
}

// demand reads what the gateway asks for.
func demand(r *http.Request) (step account.AuthStep, need []account.AuthFact, err error) {
	step = account.StepOne
	if text := r.URL.Query().Get("step"); text != "" {
		if err := step.UnmarshalGQL(text); err != nil {
			return 0, nil, fault.New(fault.BadInput, "step must be ONE, TWO or THREE")
		}
	}
	for name := range strings.SplitSeq(r.URL.Query().Get("need"), ",") {
		if name == "" {
			continue
		}
		var fact account.AuthFact
		if err := fact.UnmarshalGQL(name); err != nil {
			return 0, nil, fault.New(fault.BadInput, "need must list PROFILE and PHONE")
		}
		need = append(need, fact)
	}
	return step, need, nil
}

// refuse answers with the code alone; a gateway passes the body on to the client.
func refuse(w http.ResponseWriter, err error) {
	known := fault.New(fault.Internal, "internal error")
	_ = errors.As(err, &known)
	w.Header().Set("Content-Type", "application/json")
	if known.Code.Action() == fault.Relogin || known.Code.Action() == fault.Refresh {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	w.WriteHeader(statusOf(known.Code))
	body := map[string]any{"code": known.Code, "message": known.Message, "action": known.Code.Action()}
	if known.Step != nil {
		body["have"], body["need"], body["next"] = known.Step.Have, known.Step.Need, known.Step.Next
	}
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
	case fault.Unavailable, fault.WechatUnavailable:
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}
