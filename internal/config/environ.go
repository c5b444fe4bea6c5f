package config

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// prefix begins the name of every variable of ours.
const prefix = "MPAUTH_"

// environ is the environment by name.
type environ map[string]string

func environment(pairs []string) environ {
	env := environ{}
	for _, pair := range pairs {
		if name, value, ok := strings.Cut(pair, "="); ok {
			env[name] = value
		}
	}
	return env
}

// resolve hands kong the variable of a flag that is not on the command line. An empty variable counts as not set: compose
// files and unit files pass on what they lack as empty text.
func (env environ) resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	if value := env[variable(flag.Name)]; value != "" && isSetting(flag) {
		return value, nil
	}
	return nil, nil //nolint:nilnil // kong's way to say "not set here"
}

// isSetting tells settings from --help and --version, which have no variable.
func isSetting(flag *kong.Flag) bool { return flag.Group != nil }

// notOurs are variables that have our prefix but come from elsewhere: our tests, and Kubernetes, which describes a service
// named mpauth to every pod.
var notOurs = regexp.MustCompile(`^MPAUTH_(TEST_.*|SERVICE_(HOST|PORT)(_.*)?|PORT(_\d+_.*)?)$`)

// unknown returns a warning for every variable with our prefix that no setting has: a typo would otherwise be a default in
// silence. A warning and not a refusal, so that an older binary starts with the variables of a newer one.
func (env environ) unknown(root *kong.Node, apps []App) []string {
	known := map[string]bool{}
	for _, flag := range root.Flags {
		if isSetting(flag) {
			known[variable(flag.Name)] = true
		}
	}
	for _, app := range apps {
		known[app.secretVariable] = true
	}
	var warnings []string
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if !strings.HasPrefix(name, prefix) || known[name] || notOurs.MatchString(name) {
			continue
		}
		warning := fmt.Sprintf("%s: is not a setting of mpauth and is ignored", name)
		if near := nearest(name, slices.Sorted(maps.Keys(known))); near != "" {
			warning += "; did you mean " + near + "?"
		}
		warnings = append(warnings, warning)
	}
	return warnings
}

// nearest returns the candidate that is closest to the variable word, or "" when more than a third of its own letters would
// have to change.
func nearest(word string, candidates []string) string {
	best, distance := "", 2+(len(word)-len(prefix)-1)/3
	for _, candidate := range candidates {
		if d := letters(word, candidate); d < distance {
			best, distance = candidate, d
		}
	}
	return best
}

// letters returns how many letters must be added, dropped or changed to turn a into b (Levenshtein's distance).
func letters(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
