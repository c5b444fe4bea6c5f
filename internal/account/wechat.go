package account

import (
	"errors"

	"mpauth/internal/fault"
	"mpauth/internal/wechat"
)

// refusal turns what WeChat said into what the caller may know. invalid is the code for "WeChat does
// not honour this code", which differs between login and phone codes. WeChat publishes no number for
// a phone code of somebody else, so whatever else it has against such a code counts as that.
func refusal(err error, invalid fault.Code) error {
	var said *wechat.Error
	if !errors.As(err, &said) {
		return err
	}
	switch {
	case said.Kind == wechat.KindCodeInvalid, said.Kind == wechat.KindCodeUsed,
		said.Kind == wechat.KindRefused && invalid == fault.PhoneCodeInvalid:
		return fault.Wrap(invalid, "WeChat does not honour this code: it is expired, used, or of another app", err)
	case said.Kind == wechat.KindUserInactive:
		return fault.Wrap(fault.LoginCodeInvalid, "WeChat has not seen this person within two hours: log in with a new code, once", err)
	case said.Kind == wechat.KindMisconfigured:
		return fault.Wrap(fault.Internal, "WeChat refuses how this server is set up; only its operator can mend that", err)
	case said.Kind == wechat.KindBlocked:
		return fault.Wrap(fault.LoginBlocked, "WeChat refuses this login as high-risk", err)
	case said.Kind == wechat.KindRateLimited:
		limited := fault.Wrap(fault.RateLimited, "WeChat allows no more calls for now", err)
		limited.RetryAfter = said.RetryAfter
		return limited
	default:
		unavailable := fault.Wrap(fault.WechatUnavailable, "WeChat does not answer as it should", err)
		unavailable.RetryAfter = said.RetryAfter
		return unavailable
	}
}
