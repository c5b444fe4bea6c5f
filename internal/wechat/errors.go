package wechat

import (
	"strconv"
	"time"
)

// Kind says what a caller may do about a failed call. The list is closed: a number from WeChat that it does not know is KindRefused.
type Kind uint8

const (
	// KindUnavailable: no usable answer (slow, cut, 5xx, HTML, malformed, busy, breaker open). Try later. After Code2Session,
	// PhoneNumber and ResetUserSessionKey the request may have taken effect; a login needs a new code.
	KindUnavailable Kind = iota + 1
	// KindCodeInvalid: the code is malformed, expired, of the wrong kind, of another app, or a mock one. Ask for a new one.
	KindCodeInvalid
	// KindCodeUsed: the login code has been exchanged before. Ask for a new one.
	KindCodeUsed
	// KindBlocked: WeChat rates the user as high-risk and refuses the login. Final.
	KindBlocked
	// KindRateLimited: a quota is used up. Do not call again before RetryAfter.
	KindRateLimited
	// KindMisconfigured: AppID, AppSecret, IP whitelist, permission or request are wrong. An operator must act.
	KindMisconfigured
	// KindSessionKeyDead: the session key has expired or was replaced. The user has to log in again.
	KindSessionKeyDead
	// KindUserInactive: the user has not used the Mini Program in the last two hours, and WeChat checks no text of theirs.
	KindUserInactive
	// KindRefused: any other refusal, such as an openid that does not belong to the app or to the code. The same call will not
	// succeed later.
	KindRefused
)

// String names the kind in lower case, as used in metric labels.
func (k Kind) String() string {
	switch k {
	case KindUnavailable:
		return "unavailable"
	case KindCodeInvalid:
		return "code_invalid"
	case KindCodeUsed:
		return "code_used"
	case KindBlocked:
		return "blocked"
	case KindRateLimited:
		return "rate_limited"
	case KindMisconfigured:
		return "misconfigured"
	case KindSessionKeyDead:
		return "session_key_dead"
	case KindUserInactive:
		return "user_inactive"
	case KindRefused:
		return "refused"
	}
	return "kind_" + strconv.Itoa(int(k))
}

// Error is the failure of one call. Its text is safe to log: it never holds a URL, a secret, a code, an openid or a token.
type Error struct {
	// API is the last part of the endpoint's path, for example "jscode2session". It is "stable_token" where the access_token
	// that the call needs could not be had.
	API string
	// Errcode is WeChat's number, 0 when there was no answer that carries one.
	Errcode int
	// Errmsg is WeChat's text with its request id (rid), which WeChat's support asks for. Branch on Kind or Errcode, not on it.
	Errmsg string
	// Kind says what the caller may do.
	Kind Kind
	// RetryAfter is how long another attempt is pointless; 0 when not known.
	RetryAfter time.Duration
	// Err is the cause when it is not an errcode. context.Canceled and context.DeadlineExceeded can be found in it.
	Err error

	outcome Outcome
	// unsent means that no byte of the request left this process, so nothing can have been consumed.
	unsent bool
}

func (e *Error) Error() string {
	text := "wechat " + e.API + ": " + e.Kind.String()
	if e.Errcode != 0 {
		text += ": errcode " + strconv.Itoa(e.Errcode)
	}
	if e.Errmsg != "" {
		text += ": " + e.Errmsg
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

func (e *Error) Unwrap() error { return e.Err }

// brokenTransport tells whether WeChat could not be talked to at all, as opposed to having answered something unwelcome.
func (e *Error) brokenTransport() bool { return e.Kind == KindUnavailable && e.Errcode == 0 }

// staleToken tells whether WeChat refused the access_token that the call carried (WeChat's global return codes).
func (e *Error) staleToken() bool {
	return e.Errcode == 40001 || e.Errcode == 40014 || e.Errcode == 42001
}

const (
	errcodeBusy        = -1
	errcodeMinuteQuota = 45011
)

// kindOf sorts WeChat's errcodes. Sources: the tables on the pages of the six endpoints and the global list of return codes;
// 40163 and 41008 are in neither and are known from practice.
func kindOf(a api, errcode int) Kind {
	switch errcode {
	case errcodeBusy:
		return KindUnavailable
	case 40029:
		return KindCodeInvalid
	case 40013:
		// For a phone code this is how WeChat says that it comes from another app's button.
		if a.name == phoneNumberAPI.name {
			return KindCodeInvalid
		}
		return KindMisconfigured
	case 40163:
		return KindCodeUsed
	case 40226:
		return KindBlocked
	case errcodeMinuteQuota, 45009, 44991:
		return KindRateLimited
	case 87007, 87009:
		return KindSessionKeyDead
	case 61010:
		return KindUserInactive
	case 40001, 40014, 42001:
		// Where no token was sent, 40001 means a wrong secret. Otherwise a fresh token was refused: WeChat is not in step with itself.
		if !a.needsToken {
			return KindMisconfigured
		}
		return KindUnavailable
	case 40002, 40125, 41001, 41002, 41004, 41008, 43002, 44002, 47001, // wrong or missing parameters
		40097, 40129, 87008, // parameters of single endpoints
		40164, 40243, 45035, 48001, 50004, 50007, 61004, 89503, 89506, 89507: // IP, permission, frozen
		return KindMisconfigured
	}
	return KindRefused
}

// retryAfter is when a quota can be free again. Minute quotas end with the minute. WeChat does not say at which hour a daily
// quota returns, and an administrator can clear it at any time, so an hour it is.
func retryAfter(errcode int, now time.Time) time.Duration {
	switch errcode {
	case errcodeMinuteQuota, 44991:
		return untilNextMinute(now)
	case 45009:
		return time.Hour
	}
	return 0
}

func untilNextMinute(now time.Time) time.Duration {
	return now.Truncate(time.Minute).Add(time.Minute).Sub(now)
}
