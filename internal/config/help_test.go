package config_test

import (
	"bytes"
	"flag"
	"os"
	"reflect"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mpauth/internal/config"
)

var update = flag.Bool("update", false, "rewrite testdata")

func shownBy(t *testing.T, environ []string, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	c, err := config.Parse(args, environ, &out)
	require.ErrorIs(t, err, config.ErrShown)
	require.Nil(t, c)
	return out.String()
}

func TestHelp(t *testing.T) {
	t.Parallel()
	pages := map[string][]string{
		"help":            {"--help"},
		"help-keys":       {"keys", "--help"},
		"help-rotate":     {"keys", "rotate", "--help"},
		"help-migrate":    {"migrate", "--help"},
		"help-fakewechat": {"fakewechat", "--help"},
	}
	for name, args := range pages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, golden := shownBy(t, nil, args...), "testdata/"+name+".txt"
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(got), 0o600))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			require.Equal(t, string(want), got, "run go test ./internal/config -update and review the difference")
			for line := range strings.Lines(got) {
				require.LessOrEqual(t, len(strings.TrimRight(line, "\n")), 120)
			}
		})
	}
	require.Equal(t, shownBy(t, nil, "--help"), shownBy(t, nil, "serve", "-h"), "serve uses every setting")
}

func TestHelpIsShownWhateverIsWrong(t *testing.T) {
	t.Parallel()
	wrong := []string{"MPAUTH_ENV=prod", "MPAUTH_LISTEN=nowhere", "MPAUTH_ACCESS_TTL=x", "MPAUTH_WECHAT_SECRET=" + appSecret}
	require.Equal(t, shownBy(t, nil, "--help"), shownBy(t, wrong, "--listen=x", "--help"))
}

// TestVersion sees what a test binary knows of itself; scripts/check-build what a release knows.
func TestVersion(t *testing.T) {
	t.Parallel()
	platform := regexp.QuoteMeta(runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH)
	line := `^mpauth \S+ \(commit \S+, ` + platform + `\)\n$`
	require.Regexp(t, line, shownBy(t, nil, "--version"))
	require.Regexp(t, line, shownBy(t, []string{"MPAUTH_ENV=prod"}, "version"))
}

// The whole surface is in --help: a setting without a meaning, a default, a group or a variable does not exist.
func TestEverySettingIsExplained(t *testing.T) {
	t.Parallel()
	help := shownBy(t, nil, "--help")
	variables := map[string]bool{}
	for field := range reflect.TypeFor[config.Config]().Fields() {
		if field.Tag.Get("kong") == "-" {
			continue
		}
		require.NotEmpty(t, field.Tag.Get("help"), field.Name)
		require.Regexp(t, `\.$`, field.Tag.Get("help"), field.Name)
		require.NotEmpty(t, field.Tag.Get("group"), field.Name)
		require.NotEqual(t, field.Tag.Get("default") == "", field.Tag.Get("otherwise") == "", "%s has exactly one of default and otherwise", field.Name)
		if field.Type == reflect.TypeFor[int]() || field.Type == reflect.TypeFor[time.Duration]() {
			require.NotEmpty(t, field.Tag.Get("min"), field.Name)
			require.NotEmpty(t, field.Tag.Get("max"), field.Name)
		}

		name := field.Tag.Get("name")
		if name == "" {
			name = dashed(field.Name)
		}
		variable := "MPAUTH_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
		require.False(t, variables[variable], variable)
		variables[variable] = true
		require.Regexp(t, `(?m)`+variable+`(=on\|off)?$`, help)
		if field.Type == reflect.TypeFor[config.Secret]() {
			require.NotContains(t, help, "--"+name+"=", "a secret has no flag")
			require.NotContains(t, help, "--"+name+" ")
			require.Contains(t, help, "--"+name+"-file=", "a secret has a file")
			continue
		}
		require.Regexp(t, `--(\[no-\])?`+name+`[= ]`, help)
	}
	require.Greater(t, len(variables), 25)
}

// dashed turns a field's name into its flag: RefreshIdle is refresh-idle.
func dashed(name string) string {
	var flag strings.Builder
	for i, letter := range name {
		if i > 0 && letter >= 'A' && letter <= 'Z' {
			flag.WriteByte('-')
		}
		flag.WriteRune(letter)
	}
	return strings.ToLower(flag.String())
}
