// Package fault owns the closed list of failures that a caller can act on.
//
// The list is part of the contract: schema/errors.graphql names the same codes, and the Mini Program
// SDK acts on them. Whatever is not on it reaches a caller as [Internal], without its text, because
// the text of an unexpected error may hold what the caller must not see.
package fault

import (
	"errors"
	"time"
)

// Code names a failure. The text is what `extensions.code` carries.
type Code string

// The codes, each with what it tells the caller.
const (
	Unauthenticated       Code = "UNAUTHENTICATED"           // no login, or one that cannot be read
	TokenExpired          Code = "TOKEN_EXPIRED"             // the access token's time is over; refresh it
	SessionRevoked        Code = "SESSION_REVOKED"           // the session was ended; log in again
	AuthStepRequired      Code = "AUTH_STEP_REQUIRED"        // the person must give a profile or a phone first
	Forbidden             Code = "FORBIDDEN"                 // not allowed, logged in or not
	LoginCodeInvalid      Code = "LOGIN_CODE_INVALID"        // WeChat does not honour the login code, or wants a newer login; get a new one
	LoginBlocked          Code = "LOGIN_BLOCKED"             // WeChat rates the person high-risk
	AccountDisabled       Code = "ACCOUNT_DISABLED"          // the operator disabled the account
	AccountClosing        Code = "ACCOUNT_CLOSING"           // the person asked to close the account
	ConsentRequired       Code = "CONSENT_REQUIRED"          // the app creates no account before the person agrees to its terms
	PhoneCodeInvalid      Code = "PHONE_CODE_INVALID"        // WeChat does not honour the phone code; tap again
	DecryptWxOpenDataFail Code = "DECRYPT_WX_OPEN_DATA_FAIL" // the encrypted data cannot be used, for whatever reason
	PhoneTaken            Code = "PHONE_TAKEN"               // the number belongs to somebody else here
	ContentRisky          Code = "CONTENT_RISKY"             // WeChat's content check refuses the text
	RateLimited           Code = "RATE_LIMITED"              // too often; wait
	WechatUnavailable     Code = "WECHAT_UNAVAILABLE"        // WeChat does not answer; try again
	Unavailable           Code = "UNAVAILABLE"               // this server cannot answer now; try again
	BadInput              Code = "BAD_INPUT"                 // the request itself is wrong
	NotFound              Code = "NOT_FOUND"                 // there is no such thing, or it is not the caller's
	Internal              Code = "INTERNAL"                  // a defect, or WeChat refuses how the server is set up; the request id leads to the log
)

// Action is what a client should do next. The text is what `extensions.action` carries.
type Action string

// The actions.
const (
	Relogin   Action = "RELOGIN"   // call silentLogin with a new code
	Refresh   Action = "REFRESH"   // call refreshToken, then repeat the request
	Retry     Action = "RETRY"     // repeat the same request
	TapAgain  Action = "TAP_AGAIN" // ask the person to tap the button again
	Authorize Action = "AUTHORIZE" // show the container for the missing step
	None      Action = "NONE"      // nothing helps; tell the person
)

// advice is what a client may do about each code; a code that is not here is not in the contract.
var advice = map[Code]Action{
	Unauthenticated:       Relogin,
	TokenExpired:          Refresh,
	SessionRevoked:        Relogin,
	AuthStepRequired:      Authorize,
	Forbidden:             None,
	LoginCodeInvalid:      Relogin,
	LoginBlocked:          None,
	AccountDisabled:       None,
	AccountClosing:        None,
	ConsentRequired:       None,
	PhoneCodeInvalid:      TapAgain,
	DecryptWxOpenDataFail: TapAgain,
	PhoneTaken:            None,
	ContentRisky:          None,
	RateLimited:           Retry,
	WechatUnavailable:     Retry,
	Unavailable:           Retry,
	BadInput:              None,
	NotFound:              None,
	Internal:              None,
}

// Codes lists the whole contract, in no order.
func Codes() []Code {
	codes := make([]Code, 0, len(advice))
	for code := range advice {
		codes = append(codes, code)
	}
	return codes
}

// Action is what a client should do about the code.
func (c Code) Action() Action { return advice[c] }

// Retryable tells whether the very same request may succeed later.
func (c Code) Retryable() bool { return advice[c] == Retry }

// Error is a failure with its code, a sentence for whoever reads the answer, and the cause, which
// only the log may see.
type Error struct {
	Code       Code
	Message    string        // safe to show to the caller
	RetryAfter time.Duration // how long to wait before a retry; 0: not known
	Step       *Step         // with AuthStepRequired only
	ClosesAt   *time.Time    // with AccountClosing only: when the account is erased, where it is known
	MergeID    string        // with PhoneTaken only: names the offer to make both users one
	Err        error         // the cause; never shown
}

// Step tells how far a person is and what is asked of them, in the words of the schema.
type Step struct {
	Have string   // the AuthStep they have reached
	Need []string // the facts that are asked for
	Next string   // the fact to ask for first
}

// New makes an Error without a cause.
func New(code Code, message string) *Error { return &Error{Code: code, Message: message} }

// Wrap makes an Error with a cause for the log.
func Wrap(code Code, message string, err error) *Error {
	return &Error{Code: code, Message: message, Err: err}
}

// Error is the text for the log: it includes the cause.
func (e *Error) Error() string {
	if e.Err == nil {
		return string(e.Code) + ": " + e.Message
	}
	return string(e.Code) + ": " + e.Message + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// CodeOf is the code of the first Error in err's chain, [Internal] if there is none, and empty for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return Internal
}
