package wechatfake

import "fmt"

// refusal is WeChat's "no": an errcode, and the text when it is not the usual one.
type refusal struct {
	code int
	text string
}

func refuse(code int) *refusal { return &refusal{code: code} }

// errorText is the text that WeChat sends with an errcode, without the suffix, as its pages and its users quote it.
func errorText(code int) string {
	switch code {
	case -1:
		return "system error"
	case 40001:
		return "invalid credential, access_token is invalid or not latest, could get access_token by getStableAccessToken," +
			" more details at https://mmbizurl.cn/s/JtxxFh33r"
	case 40002:
		return "invalid grant_type"
	case 40003:
		return "invalid openid"
	case 40004:
		return "invalid media type"
	case 40013:
		return "invalid appid"
	case 40014:
		return "invalid access_token"
	case 40029:
		return "invalid code"
	case 40066:
		return "invalid url"
	case 40097:
		return "invalid args"
	case 40125:
		return "invalid appsecret"
	case 40129:
		return "invalid scene"
	case 40163:
		return "code been used"
	case 40164:
		return "invalid ip, not in whitelist"
	case 40226:
		return "code blocked"
	case 40243:
		return "appsecret is frozen"
	default:
		return callErrorText(code)
	}
}

// callErrorText goes on with errors in how a call is made.
func callErrorText(code int) string {
	switch code {
	case 41001:
		return "access_token missing"
	case 41002:
		return "appid missing"
	case 41004:
		return "appsecret missing"
	case 41008:
		return "missing code"
	case 42001:
		return "access_token expired"
	case 43001:
		return "require GET method"
	case 43002:
		return "require POST method"
	case 43104:
		return "appid does not match the openid"
	case 44002:
		return "empty post data"
	case 44991:
		return "api rate reach limit"
	case 45002:
		return "content size out of limit"
	case 45009:
		return "reach max api daily quota limit"
	case 45011:
		return "api minute-quota reach limit  mustslower  retry next minute"
	case 47001:
		return "data format error"
	default:
		return permissionErrorText(code)
	}
}

// permissionErrorText goes on with what a caller may not do.
func permissionErrorText(code int) string {
	switch code {
	case 48001:
		return "api unauthorized"
	case 50004:
		return "api forbidden"
	case 50007:
		return "account frozen"
	case 61010:
		return "code is expired"
	case 87007:
		return "session_key is not existed or expired"
	case 87008:
		return "invalid sig_method"
	case 87009:
		return "invalid signature"
	case 89503:
		return "this ip needs the confirmation of the administrator"
	case 89506:
		return "this ip is refused by the administrator, try again after 24 hours"
	case 89507:
		return "this ip is refused by the administrator, try again after 1 hour"
	default:
		return "error"
	}
}

// family is a group of endpoints that decorate their errors alike.
type family int

const (
	familySNS      family = iota // /sns/
	familyBusiness               // /wxa/business/
	familyPlain                  // the rest
)

// suffix is what makes every errmsg of WeChat's a different text: a request id that begins with the time.
func (s *Server) suffix(f family) string {
	rid := fmt.Sprintf("rid: %08x-%s-%s", s.now().Unix(), s.randomHex(4), s.randomHex(4))
	switch f {
	case familySNS:
		return ", " + rid
	case familyBusiness:
		return " hint: [" + s.randomAlphanumeric(16) + "] " + rid
	default:
		return " " + rid
	}
}
