package telemetry

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
)

// maxText is the longest text that is written; a stack trace fits.
const maxText = 16 << 10

// The shapes of what must not be read in a log. Where a shape is a guess the guess is wide.
var (
	uuidShape = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

	// A password in a URL, up to the last @ before a blank, because people forget to escape.
	urlPassword = regexp.MustCompile(`(://[^\s/:@"]*):[^\s"]*@`)

	// name=value and name:value of names that mean nothing else, quoted or not; :value without a blank is how Go prints
	// structs, while "secret: no such file" is prose.
	named = regexp.MustCompile(`(?i)((?:secret|js_?code|login_?code|phone_?code|session_?key|_token|accesstoken|refreshtoken|password|encrypted_?data|raw_?data|phone_?number)["'\\]*(?:\s*=\s*|:))(\\*"[^"]*"?|'[^']*'|[^\s&"'\\,;)}\]]+)`)

	// Parameters of a query whose names mean other things elsewhere.
	parameter = regexp.MustCompile(`(?i)((?:(?:^|[?&])code|(?:^|[?&\s("'])(?:token|iv|nonce|signature|phone|openid|unionid))=)[^&\s"']+`)

	// The same for a code in prose; code=500 is not one.
	codeInProse = regexp.MustCompile(`(?i)\b(code=)[^&\s"']{8,}`)

	// Fields of JSON, also of JSON that was quoted again.
	jsonField = regexp.MustCompile(`(?i)("(?:[a-z]*[_-]?(?:secret|token|password)|(?:js_?|login_?|phone_?)?code|session_?key|iv|encrypted_?data|raw_?data|signature|nonce|(?:pure_?)?phone(?:_?number)?|openid|unionid|authorization)\\*"\s*:\s*)(\\*"[^"]*"?)`)

	bearer = regexp.MustCompile(`(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{12,}`)

	// Base64 of {" begins every JWT, and everything else that is JSON in base64.
	jwt = regexp.MustCompile(`eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)*`)

	// A session key or an iv: 16 bytes of base64.
	sixteenBytes = regexp.MustCompile(`[A-Za-z0-9+/_-]{22}==`)

	// AppSecrets (32 hexadecimal digits), login codes (32 letters and digits), phone codes (64 hexadecimal digits).
	letterRun = regexp.MustCompile(`[0-9A-Za-z]{32,}`)

	// Openids and unionids are 28 characters and begin with o.
	personRun = regexp.MustCompile(`[A-Za-z0-9_-]{28,}`)

	// Refresh tokens, access_tokens of WeChat, ciphertexts.
	tokenRun = regexp.MustCompile(`[A-Za-z0-9+/_-]{28,}=*`)

	spacedPhone = regexp.MustCompile(`(^|[^0-9A-Za-z-])(1[3-9][0-9])[ -][0-9]{4}[ -]([0-9]{4})`)
)

// mask returns text with everything hidden that looks like a secret, a token, an openid or a phone number, and with every
// character visible that could forge a line or its reading direction.
func mask(text string) string {
	text = visible(text)
	if len(text) < 8 || len(text) == 36 && uuidShape.MatchString(text) {
		return text
	}
	if strings.Contains(text, "://") {
		text = urlPassword.ReplaceAllString(text, "$1:"+redacted+"@")
	}
	if strings.ContainsAny(text, "=:") {
		text = jsonField.ReplaceAllString(text, `${1}"`+redacted+`"`)
		text = named.ReplaceAllString(text, "${1}"+redacted)
		text = parameter.ReplaceAllString(text, "${1}"+redacted)
		text = codeInProse.ReplaceAllString(text, "${1}"+redacted)
	}
	run, digits := measure(text)
	if run >= 12 && strings.Contains(text, " ") {
		text = bearer.ReplaceAllString(text, "$1 "+redacted)
	}
	if run >= 12 && strings.Contains(text, "eyJ") {
		text = jwt.ReplaceAllString(text, redacted)
	}
	if run >= 24 {
		text = maskRuns(text)
	}
	if digits >= 8 {
		text = maskNumbers(spacedPhone.ReplaceAllString(text, "$1$2****$3"))
	}
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "") + fmt.Sprintf("… (%d bytes more)", len(text)-maxText)
	}
	return text
}

// maskRuns hides what gives itself away by its letters alone.
func maskRuns(text string) string {
	text = sixteenBytes.ReplaceAllString(text, redacted)
	text = letterRun.ReplaceAllStringFunc(text, maskLetters)
	text = personRun.ReplaceAllStringFunc(text, maskPerson)
	return tokenRun.ReplaceAllStringFunc(text, maskToken)
}

func maskLetters(run string) string {
	if hasDigit(run) {
		return redacted
	}
	return run
}

func maskPerson(run string) string {
	if len(run) == 28 && run[0] == 'o' && isMixed(run) {
		return Pseudonym(run)
	}
	return run
}

// maskToken tells tokens, which mix capitals, small letters and digits, from long words and paths, which seldom do.
func maskToken(run string) string {
	if isMixed(run) && len(run) >= 40 && hasDigit(run) || strings.HasSuffix(run, "=") {
		return redacted
	}
	return run
}

func isMixed(text string) bool { return strings.ToLower(text) != text && strings.ToUpper(text) != text }

func hasDigit(text string) bool { return strings.ContainsAny(text, "0123456789") }

// measure returns how many characters of a token stand together at most, and how many digits there are, so that ordinary
// texts skip the costly shapes.
func measure(text string) (longest, digits int) {
	run := 0
	for i := range len(text) {
		c := text[i]
		if isDigit(c) {
			digits++
		}
		switch {
		case isDigit(c), c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z', c == '+', c == '/', c == '_', c == '-', c == '.', c == '=', c == '~':
			run++
			longest = max(longest, run)
		default:
			run = 0
		}
	}
	return longest, digits
}

// maskNumbers hides phone numbers: Chinese mobile numbers (11 digits from 13 to 19) with or without 86, and any number in
// international form.
func maskNumbers(text string) string {
	var masked strings.Builder
	done := 0
	for i := 0; i < len(text); {
		if !isDigit(text[i]) {
			i++
			continue
		}
		end := i
		for end < len(text) && isDigit(text[end]) {
			end++
		}
		if run := text[i:end]; isPhone(run, i > 0 && text[i-1] == '+') {
			masked.WriteString(text[done:i])
			masked.WriteString(run[:len(run)-8] + "****" + run[len(run)-4:])
			done = end
		}
		i = end
	}
	if done == 0 {
		return text
	}
	masked.WriteString(text[done:])
	return masked.String()
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isPhone(digits string, plus bool) bool {
	if plus && len(digits) >= 8 && len(digits) <= 15 && digits[0] != '0' {
		return true
	}
	national := digits
	for _, country := range []string{"0086", "86"} {
		if len(digits) == 11+len(country) {
			national = strings.TrimPrefix(digits, country)
		}
	}
	return len(national) == 11 && national[0] == '1' && national[1] >= '3'
}

// visible writes out the control characters that the handlers of slog would pass on to a terminal: the upper ones, and
// those that turn the reading direction or begin a line for some viewers. The handlers escape the lower ones themselves.
func visible(text string) string {
	if !strings.ContainsFunc(text, isHidden) {
		return text
	}
	var clean strings.Builder
	for _, r := range text {
		if isHidden(r) {
			fmt.Fprintf(&clean, `\u%04x`, r)
		} else {
			clean.WriteRune(r)
		}
	}
	return clean.String()
}

func isHidden(r rune) bool {
	return r >= 0x7f && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029')
}
