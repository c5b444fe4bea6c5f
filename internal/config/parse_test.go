package config_test

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mpauth/internal/config"
)

const (
	appID     = "wx4f4bc4dec97d474b"
	appSecret = "0123456789abcdef0123456789abcdef"
	dbURL     = "postgres://mpauth:hunter2@db.example.com:5432/mpauth?sslmode=verify-full"
)

// production is an environment in which nothing is missing, changed by the pairs that follow. A pair with an empty value
// takes a variable away.
func production(changes ...string) []string {
	return append([]string{
		"MPAUTH_ENV=production",
		"MPAUTH_PUBLIC_URL=https://auth.example.com/",
		"MPAUTH_KEYS_FILE=/etc/mpauth/keys.json",
		"MPAUTH_DATABASE_URL=" + dbURL,
		"MPAUTH_WECHAT_APPID=" + appID,
		"MPAUTH_WECHAT_SECRET=" + appSecret,
		"MPAUTH_TRUSTED_PROXIES=10.0.0.0/8",
	}, changes...)
}

func parse(t *testing.T, args, environ []string) (*config.Config, error) {
	t.Helper()
	var out bytes.Buffer
	c, err := config.Parse(args, environ, &out)
	require.Empty(t, out.String(), "only --help and the version write")
	return c, err
}

// write puts content into a new file of the test and returns its path.
func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

func TestNothingConfiguredServesDevelopment(t *testing.T) {
	t.Parallel()
	c, err := parse(t, nil, nil)
	require.NoError(t, err)

	require.Equal(t, config.Serve, c.Command)
	require.Equal(t, config.Development, c.Environment)
	require.Equal(t, "127.0.0.1:8080", c.Listen)
	require.Equal(t, "http://127.0.0.1:8080", c.PublicURL)
	require.Equal(t, "./data", c.Data)
	require.Equal(t, "data/dev-keys.json", c.KeysFile)
	require.False(t, c.DatabaseURL.IsSet(), "SQLite")
	require.True(t, c.FakeInProcess())
	require.True(t, c.Introspection)
	require.True(t, c.Migrate)
	require.True(t, c.RateLimits)
	require.Equal(t, "mpauth", c.Audience)
	require.Equal(t, 10*time.Minute, c.AccessTTL)
	require.Equal(t, 30*24*time.Hour, c.RefreshIdle)
	require.Equal(t, 90*24*time.Hour, c.RefreshMax)
	require.Equal(t, 10, c.MaxSessions)
	require.Equal(t, 20, c.DBMaxConns)
	require.Equal(t, 5*time.Second, c.RequestTimeout)
	require.Zero(t, c.DrainDelay)
	require.Equal(t, 25*time.Second, c.ShutdownTimeout)
	require.Equal(t, "text", c.LogFormat)
	require.Equal(t, slog.LevelInfo, c.LogLevel)
	require.Empty(t, c.Warnings)

	flows := map[string]bool{}
	for i, app := range c.Apps {
		require.Regexp(t, `^wx[0-9a-z]{15}`+strconv.Itoa(i)+`$`, app.ID)
		require.Equal(t, "Demo: "+strings.Join(app.Flow, ", "), app.Name)
		require.True(t, app.Secret.IsSet())
		require.True(t, app.EncryptedData)
		require.True(t, app.ContentCheck)
		flows[strings.Join(app.Flow, ",")] = true
	}
	require.Equal(t, map[string]bool{"profile,phone": true, "phone,profile": true, "phone": true, "profile": true}, flows, "a demo app for each flow")
	require.Equal(t, []string{"profile", "phone"}, c.Apps[0].Flow)
	require.Equal(t, c.Apps[0].ID, c.DefaultApp)
}

func TestFirstDemoAppHasTheFlowThatWasSet(t *testing.T) {
	t.Parallel()
	for _, flow := range []string{"profile,phone", "phone,profile", "phone", "profile"} {
		c, err := parse(t, nil, []string{"MPAUTH_FLOW=" + flow})
		require.NoError(t, err)
		require.Len(t, c.Apps, 4)
		require.Equal(t, flow, strings.Join(c.Apps[0].Flow, ","))
	}
}

func TestCompleteProduction(t *testing.T) {
	t.Parallel()
	c, err := parse(t, []string{"--listen=:443"}, production())
	require.NoError(t, err)

	require.Equal(t, config.Production, c.Environment)
	require.Equal(t, ":443", c.Listen)
	require.Equal(t, "https://auth.example.com", c.PublicURL, "an issuer has no slash at its end")
	require.Equal(t, dbURL, c.DatabaseURL.Reveal())
	require.Equal(t, config.RealWechat, c.WechatURL)
	require.False(t, c.FakeInProcess())
	require.False(t, c.Introspection)
	require.Equal(t, 5*time.Second, c.DrainDelay)
	require.Equal(t, "json", c.LogFormat)
	require.Equal(t, "/etc/mpauth/keys.json", c.KeysFile)
	require.Empty(t, c.Warnings)
	require.Len(t, c.Apps, 1)
	require.Equal(t, appID, c.Apps[0].ID)
	require.Equal(t, appID, c.Apps[0].Name)
	require.Equal(t, appSecret, c.Apps[0].Secret.Reveal())
}

func TestCommands(t *testing.T) {
	t.Parallel()
	tests := []struct {
		args    []string
		command config.Command
		kind    string
	}{
		{nil, config.Serve, ""},
		{[]string{"serve"}, config.Serve, ""},
		{[]string{"serve", "--listen=127.0.0.1:1"}, config.Serve, ""},
		{[]string{"--listen", "127.0.0.1:1", "serve"}, config.Serve, ""},
		{[]string{"--listen", "127.0.0.1:1"}, config.Serve, ""},
		{[]string{"fakewechat"}, config.FakeWechat, ""},
		{[]string{"migrate"}, config.Migrate, ""},
		{[]string{"keys", "generate", "--keys-file=k"}, config.KeysGenerate, ""},
		{[]string{"keys", "list"}, config.KeysList, ""},
		{[]string{"keys", "rotate", "signing"}, config.KeysRotate, "signing"},
		{[]string{"keys", "rotate", "refresh"}, config.KeysRotate, "refresh"},
		{[]string{"keys", "rotate", "session"}, config.KeysRotate, "session"},
		{[]string{"keys", "rotate", "phone"}, config.KeysRotate, "phone"},
	}
	for _, test := range tests {
		c, err := parse(t, test.args, nil)
		require.NoError(t, err, test.args)
		require.Equal(t, test.command, c.Command, test.args)
		require.Equal(t, test.kind, c.KeyKind, test.args)
	}
}

// A command needs only what it uses: the one who migrates has no AppSecret.
func TestCommandsAskForNoMoreThanTheyNeed(t *testing.T) {
	t.Parallel()
	_, err := parse(t, []string{"migrate"}, []string{"MPAUTH_ENV=production", "MPAUTH_DATABASE_URL=" + dbURL})
	require.NoError(t, err)
	_, err = parse(t, []string{"keys", "generate"}, []string{"MPAUTH_ENV=production", "MPAUTH_KEYS_FILE=/k"})
	require.NoError(t, err)
	c, err := parse(t, []string{"fakewechat", "--listen=:9090"}, nil)
	require.NoError(t, err, "the fake may be reached from another machine")
	require.Empty(t, c.Apps, "any app")
}

func TestSettings(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		args    []string
		environ []string
		is      func(*config.Config) any
		want    any
	}{
		{"a variable", nil, []string{"MPAUTH_DATA=/var/lib/mpauth"}, func(c *config.Config) any { return c.Data }, "/var/lib/mpauth"},
		{"a flag wins over its variable", []string{"--data=/a"}, []string{"MPAUTH_DATA=/b"}, func(c *config.Config) any { return c.Data }, "/a"},
		{"a variable that the flag overrides is not looked at", []string{"--access-ttl=1m"}, []string{"MPAUTH_ACCESS_TTL=x"}, func(c *config.Config) any { return c.AccessTTL }, time.Minute},
		{"an empty variable is not set", nil, []string{"MPAUTH_DATA="}, func(c *config.Config) any { return c.Data }, "./data"},
		{"off", nil, []string{"MPAUTH_RATE_LIMITS=off"}, func(c *config.Config) any { return c.RateLimits }, false},
		{"FALSE", nil, []string{"MPAUTH_MIGRATE=FALSE"}, func(c *config.Config) any { return c.Migrate }, false},
		{"0", nil, []string{"MPAUTH_MIGRATE=0"}, func(c *config.Config) any { return c.Migrate }, false},
		{"--no-x", []string{"--no-migrate"}, nil, func(c *config.Config) any { return c.Migrate }, false},
		{"--x=off", []string{"--migrate=off"}, nil, func(c *config.Config) any { return c.Migrate }, false},
		{"--x over off", []string{"--migrate"}, []string{"MPAUTH_MIGRATE=off"}, func(c *config.Config) any { return c.Migrate }, true},
		{"introspection off in development", nil, []string{"MPAUTH_INTROSPECTION=off"}, func(c *config.Config) any { return c.Introspection }, false},
		{"introspection by opt-in in production", nil, production("MPAUTH_INTROSPECTION=on"), func(c *config.Config) any { return c.Introspection }, true},
		{"drain delay of zero in production", nil, production("MPAUTH_DRAIN_DELAY=0s"), func(c *config.Config) any { return c.DrainDelay }, time.Duration(0)},
		{"text logs in production", nil, production("MPAUTH_LOG_FORMAT=text"), func(c *config.Config) any { return c.LogFormat }, "text"},
		{"level", nil, []string{"MPAUTH_LOG_LEVEL=debug"}, func(c *config.Config) any { return c.LogLevel }, slog.LevelDebug},
		{"localhost is loopback", []string{"--listen=localhost:1"}, nil, func(c *config.Config) any { return c.PublicURL }, "http://localhost:1"},
		{"IPv6 loopback", []string{"--listen=[::1]:1"}, nil, func(c *config.Config) any { return c.PublicURL }, "http://[::1]:1"},
		{"port 0 leaves the address to the listener", []string{"--listen=127.0.0.1:0"}, nil, func(c *config.Config) any { return c.PublicURL }, ""},
		{"public URL in development", nil, []string{"MPAUTH_PUBLIC_URL=http://10.0.0.7:8080"}, func(c *config.Config) any { return c.PublicURL }, "http://10.0.0.7:8080"},
		{"another fake", nil, []string{"MPAUTH_WECHAT_URL=http://127.0.0.1:9090/"}, func(c *config.Config) any { return c.WechatURL }, "http://127.0.0.1:9090"},
		{"SQLite by name in production", nil, production("MPAUTH_DATABASE_URL=sqlite"), func(c *config.Config) any { return c.DatabaseURL.IsSet() }, false},
		{"the demo app's flow", nil, []string{"MPAUTH_FLOW=phone"}, func(c *config.Config) any { return c.Apps[0].Flow }, []string{"phone"}},
		{"the demo app's switches", []string{"--no-encrypted-data", "--no-content-check"}, nil, func(c *config.Config) any { return c.Apps[0].EncryptedData || c.Apps[0].ContentCheck }, false},
		{"a shorter refresh-max shortens the default refresh-idle", nil, []string{"MPAUTH_REFRESH_MAX=1h"}, func(c *config.Config) any { return c.RefreshIdle }, time.Hour},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c, err := parse(t, test.args, test.environ)
			require.NoError(t, err)
			require.Equal(t, test.want, test.is(c))
		})
	}
}

func TestSecretsFromFiles(t *testing.T) {
	t.Parallel()
	c, err := parse(t, nil, production(
		"MPAUTH_WECHAT_SECRET=", "MPAUTH_WECHAT_SECRET_FILE="+write(t, "secret", appSecret+"\n"),
		"MPAUTH_DATABASE_URL=", "MPAUTH_DATABASE_URL_FILE="+write(t, "url", dbURL+"\r\n")))
	require.NoError(t, err)
	require.Equal(t, appSecret, c.Apps[0].Secret.Reveal())
	require.Equal(t, dbURL, c.DatabaseURL.Reveal())
}

func TestManyApps(t *testing.T) {
	t.Parallel()
	secretFile := write(t, "shop.secret", appSecret)
	path := filepath.Join(filepath.Dir(secretFile), "apps.yaml")
	require.NoError(t, os.WriteFile(path, []byte(`
apps:
  - appId: wx0000000000000001
    name: Shop
    secretFile: shop.secret
    flow: [phone, profile]
    encryptedData: false
  - appId: wx0000000000000002
    secretEnv: MPAUTH_SECOND_SECRET
    contentCheck: true
`), 0o600))
	c, err := parse(t, nil, production("MPAUTH_WECHAT_APPID=", "MPAUTH_WECHAT_SECRET=", "MPAUTH_CONFIG="+path,
		"MPAUTH_SECOND_SECRET=fedcba9876543210fedcba9876543210", "MPAUTH_FLOW=phone", "MPAUTH_CONTENT_CHECK=off"))
	require.NoError(t, err)
	require.Empty(t, c.Warnings, "a variable that the file names is not a typo")
	require.Len(t, c.Apps, 2)

	shop, second := c.Apps[0], c.Apps[1]
	require.Equal(t, "wx0000000000000001", shop.ID)
	require.Equal(t, "Shop", shop.Name)
	require.Equal(t, appSecret, shop.Secret.Reveal())
	require.Equal(t, []string{"phone", "profile"}, shop.Flow)
	require.False(t, shop.EncryptedData)
	require.False(t, shop.ContentCheck, "from the setting")

	require.Equal(t, "wx0000000000000002", second.Name)
	require.Equal(t, "fedcba9876543210fedcba9876543210", second.Secret.Reveal())
	require.Equal(t, []string{"phone"}, second.Flow, "from the setting")
	require.True(t, second.EncryptedData, "from the setting")
	require.True(t, second.ContentCheck)
}

func TestDevelopmentNeedsNoSecretForTheFake(t *testing.T) {
	t.Parallel()
	c, err := parse(t, nil, []string{"MPAUTH_WECHAT_APPID=" + appID})
	require.NoError(t, err)
	require.Equal(t, appID, c.Apps[0].ID)
	require.True(t, c.Apps[0].Secret.IsSet())

	c, err = parse(t, nil, []string{"MPAUTH_WECHAT_APPID=" + appID, "MPAUTH_WECHAT_SECRET=short"})
	require.NoError(t, err)
	require.Equal(t, "short", c.Apps[0].Secret.Reveal(), "the fake takes any")
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		environ []string
		want    []string
	}{
		{"a typo", []string{"MPAUTH_LISTN=:1"}, []string{"MPAUTH_LISTN: is not a setting of mpauth and is ignored; did you mean MPAUTH_LISTEN?"}},
		{"nothing near", []string{"MPAUTH_COLOUR_OF_THE_DOOR=red"}, []string{"MPAUTH_COLOUR_OF_THE_DOOR: is not a setting of mpauth and is ignored"}},
		{"flags that are no settings", []string{"MPAUTH_VERSION=1", "MPAUTH_HELP=1"}, []string{
			"MPAUTH_HELP: is not a setting of mpauth and is ignored", "MPAUTH_VERSION: is not a setting of mpauth and is ignored"}},
		{"variables of tests and of Kubernetes", []string{"MPAUTH_TEST_POSTGRES_URL=x", "MPAUTH_SERVICE_HOST=10.0.0.1", "MPAUTH_SERVICE_PORT_HTTP=80", "MPAUTH_PORT=tcp://10.0.0.1:80", "MPAUTH_PORT_80_TCP_ADDR=10.0.0.1"}, nil},
		{"other programs' variables", []string{"PATH=/bin", "NOT_MPAUTH_LISTN=1", "=C:=C:"}, nil},
		{"an odd secret for the real WeChat in development", []string{"MPAUTH_WECHAT_URL=https://api.weixin.qq.com", "MPAUTH_WECHAT_APPID=" + appID, "MPAUTH_WECHAT_SECRET=short"},
			[]string{"MPAUTH_WECHAT_SECRET: does not look like an AppSecret, which is 32 hexadecimal digits; WeChat will answer 40125"}},
		{"an unverified database server", production("MPAUTH_DATABASE_URL=postgres://u:p@db.example.com/x?sslmode=require"),
			[]string{"MPAUTH_DATABASE_URL: the server's certificate is not verified; write sslmode=verify-full and name the root certificate in sslrootcert"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c, err := parse(t, nil, test.environ)
			require.NoError(t, err)
			require.Equal(t, test.want, c.Warnings)
		})
	}
}
