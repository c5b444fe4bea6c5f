package config

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// problems collects everything that is wrong, so that an operator repairs a configuration in one go.
type problems struct{ found []error }

// add notes one problem as one line: which setting, what is wrong with it, and what to do.
func (p *problems) add(setting, wrong, fix string) {
	p.found = append(p.found, fmt.Errorf("%s: %s; %s", setting, wrong, fix))
}

// err returns all problems, a line each, or nil.
func (p *problems) err() error { return errors.Join(p.found...) }

// variable returns the variable of a flag: access-ttl is MPAUTH_ACCESS_TTL.
func variable(flag string) string {
	return prefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// setting names a setting by its variable and its flag, as every message does.
func setting(flag string) string { return variable(flag) + " (--" + flag + ")" }

var (
	password    = regexp.MustCompile(`(://[^\s/:@]*):\S*@`)
	secretLike  = regexp.MustCompile(`[0-9A-Fa-f]{32,}`)
	secretParam = regexp.MustCompile(`(?i)((?:secret|password|token)[a-z_]*=)[^&\s]+`)
)

// shown quotes a value for a message. A value may hold a secret that was meant for another setting, so whatever looks like
// a password, a token in a query or an AppSecret is left out.
func shown(value string) string {
	value = password.ReplaceAllString(value, "$1:…@")
	value = secretParam.ReplaceAllString(value, "$1…")
	value = secretLike.ReplaceAllString(value, "…")
	if runes := []rune(value); len(runes) > 80 {
		value = string(runes[:80]) + "…"
	}
	return fmt.Sprintf("%q", value)
}
