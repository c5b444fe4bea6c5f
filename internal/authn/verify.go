package authn

import (
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
			Refuse(w, err)
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
			if _, err := accounts.MustAuth(r.Context(), caller, &step, need); err != nil {
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
