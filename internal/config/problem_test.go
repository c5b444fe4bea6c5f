package config_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"mpauth/internal/config"
)

// Every wrong configuration, and the one line that it is answered with.
func TestProblems(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		args    []string
		environ []string
		want    string
	}{
		{"unknown flag", []string{"--lisen=x"}, nil, `command line: unknown flag --lisen, did you mean "--listen"?; see mpauth --help`},
		{"unknown command", []string{"server"}, nil, `command line: unexpected argument server, did you mean "serve"?; see mpauth --help`},
		{"flag without a value", []string{"--listen"}, nil, `command line: --listen: needs a value; see mpauth --help`},
		{"keys without a command", []string{"keys"}, nil, `command line: expected one of "generate", "list", "rotate", "admin", "admin-list", ...; see mpauth --help`},
		{"rotate without a kind", []string{"keys", "rotate"}, nil, `command line: expected "<kind>"; see mpauth --help`},
		{"rotate what", []string{"keys", "rotate", "all"}, nil, `KIND: "all" is not one of its values; choose signing, refresh, session, phone`},

		{"mode", nil, []string{"MPAUTH_ENV=prod"}, `MPAUTH_ENV (--env): "prod" is not one of its values; choose development, production`},
		{"mode unset and reachable", nil, []string{"MPAUTH_LISTEN=0.0.0.0:8080"}, `MPAUTH_ENV (--env): is not set, and other machines can reach MPAUTH_LISTEN (--listen) "0.0.0.0:8080"; set MPAUTH_ENV=production, or listen on 127.0.0.1`},
		{"mode unset and on every interface", nil, []string{"MPAUTH_LISTEN=:8080"}, `MPAUTH_ENV (--env): is not set, and other machines can reach MPAUTH_LISTEN (--listen) ":8080"; set MPAUTH_ENV=production, or listen on 127.0.0.1`},
		{"mode unset and on a name", nil, []string{"MPAUTH_LISTEN=localhost.example.com:1"}, `MPAUTH_ENV (--env): is not set, and other machines can reach MPAUTH_LISTEN (--listen) "localhost.example.com:1"; set MPAUTH_ENV=production, or listen on 127.0.0.1`},
		{"development and reachable", []string{"--env=development", "--listen=10.0.0.1:80"}, nil, `MPAUTH_LISTEN (--listen): "10.0.0.1:80" can be reached by other machines, and MPAUTH_ENV is development; listen on 127.0.0.1, or set MPAUTH_ENV=production`},
		{"listen without a port", nil, []string{"MPAUTH_LISTEN=127.0.0.1"}, `MPAUTH_LISTEN (--listen): "127.0.0.1" is not host:port; write it like 127.0.0.1:8080, or :8080 for every interface`},
		{"listen with a bad port", nil, []string{"MPAUTH_LISTEN=127.0.0.1:99999"}, `MPAUTH_LISTEN (--listen): "127.0.0.1:99999" has no port from 0 to 65535; write it like 127.0.0.1:8080`},
		{"public URL without a scheme", nil, []string{"MPAUTH_PUBLIC_URL=auth.example.com"}, `MPAUTH_PUBLIC_URL (--public-url): "auth.example.com" is not the address of a server; write scheme and host and nothing after the path, such as https://auth.example.com`},
		{"public URL with a query", nil, []string{"MPAUTH_PUBLIC_URL=https://auth.example.com?x=1"}, `MPAUTH_PUBLIC_URL (--public-url): "https://auth.example.com?x=1" is not the address of a server; write scheme and host and nothing after the path, such as https://auth.example.com`},

		{"boolean", nil, []string{"MPAUTH_MIGRATE=maybe"}, `MPAUTH_MIGRATE (--migrate): "maybe" is neither on nor off; choose on or off`},
		{"duration without a unit", nil, []string{"MPAUTH_ACCESS_TTL=600"}, `MPAUTH_ACCESS_TTL (--access-ttl): "600" is not a duration; write a number and its unit, such as 500ms, 30s, 10m or 720h`},
		{"duration too long", []string{"--access-ttl=2h"}, nil, `MPAUTH_ACCESS_TTL (--access-ttl): "2h" is too long; choose 1s to 15m`},
		{"duration too short", []string{"--request-timeout=1ms"}, nil, `MPAUTH_REQUEST_TIMEOUT (--request-timeout): "1ms" is too short; choose 100ms to 1m`},
		{"number", nil, []string{"MPAUTH_MAX_SESSIONS=ten"}, `MPAUTH_MAX_SESSIONS (--max-sessions): "ten" is not a whole number; choose 1 to 100`},
		{"number too small", nil, []string{"MPAUTH_MAX_SESSIONS=0"}, `MPAUTH_MAX_SESSIONS (--max-sessions): "0" is too small; choose 1 to 100`},
		{"number too large", nil, []string{"MPAUTH_DB_MAX_CONNS=5000"}, `MPAUTH_DB_MAX_CONNS (--db-max-conns): "5000" is too large; choose 2 to 1000`},
		{"log level", nil, []string{"MPAUTH_LOG_LEVEL=loud"}, `MPAUTH_LOG_LEVEL (--log-level): "loud" is not one of its values; choose debug, info, warn, error`},
		{"log format", nil, []string{"MPAUTH_LOG_FORMAT=xml"}, `MPAUTH_LOG_FORMAT (--log-format): "xml" is not one of its values; choose text, json`},
		{"idle beyond the end", nil, []string{"MPAUTH_REFRESH_IDLE=3h", "MPAUTH_REFRESH_MAX=2h"}, `MPAUTH_REFRESH_IDLE (--refresh-idle): 3h0m0s is longer than MPAUTH_REFRESH_MAX (--refresh-max) 2h0m0s; make it at most as long`},
		{"idle shorter than a token", nil, []string{"MPAUTH_REFRESH_IDLE=1m"}, `MPAUTH_REFRESH_IDLE (--refresh-idle): 1m0s is shorter than MPAUTH_ACCESS_TTL (--access-ttl) 10m0s; make it longer than an access token`},
		{"the idle default never blames a short token", nil, []string{"MPAUTH_FLOW=none"}, `MPAUTH_FLOW (--flow): "none" is not a flow; choose profile,phone or phone,profile or phone or profile`},

		{"AppID", nil, []string{"MPAUTH_WECHAT_APPID=wx123"}, `MPAUTH_WECHAT_APPID (--wechat-appid): "wx123" is not an AppID; an AppID is wx and 16 lower-case letters or digits`},
		{"AppID in capitals", nil, []string{"MPAUTH_WECHAT_APPID=WX4F4BC4DEC97D474B"}, `MPAUTH_WECHAT_APPID (--wechat-appid): "WX4F4BC4DEC97D474B" is not an AppID; an AppID is wx and 16 lower-case letters or digits`},
		{"the DevTools' AppID", nil, []string{"MPAUTH_WECHAT_APPID=touristappid"}, `MPAUTH_WECHAT_APPID (--wechat-appid): "touristappid" is the DevTools' placeholder, whose login codes are mock ones; register a test account for a real AppID, or configure no app and use the demo app`},
		{"AppSecret as AppID", nil, []string{"MPAUTH_WECHAT_APPID=" + appSecret}, `MPAUTH_WECHAT_APPID (--wechat-appid): looks like an AppSecret; write the AppID here, wx and 16 characters, and change the secret`},
		{"AppSecret alone", nil, []string{"MPAUTH_WECHAT_SECRET=" + appSecret}, `MPAUTH_WECHAT_APPID (--wechat-appid): is not set, but an AppSecret is; set the AppID that the secret belongs to`},
		{"AppSecret as a flag", []string{"--wechat-appid=" + appID, "--wechat-secret=" + appSecret}, nil, `--wechat-secret: a secret on the command line can be read by everybody on this machine; use MPAUTH_WECHAT_SECRET or MPAUTH_WECHAT_SECRET_FILE, and change the secret`},
		{"database URL as a flag", []string{"--database-url", dbURL}, nil, `--database-url: a secret on the command line can be read by everybody on this machine; use MPAUTH_DATABASE_URL or MPAUTH_DATABASE_URL_FILE, and change the secret`},
		{"secret twice", nil, []string{"MPAUTH_WECHAT_APPID=" + appID, "MPAUTH_WECHAT_SECRET=" + appSecret, "MPAUTH_WECHAT_SECRET_FILE=/x"}, `MPAUTH_WECHAT_SECRET: is set, and MPAUTH_WECHAT_SECRET_FILE too; keep one of them`},
		{"secret file missing", nil, []string{"MPAUTH_WECHAT_APPID=" + appID, "MPAUTH_WECHAT_SECRET_FILE=/nowhere/secret"}, `MPAUTH_WECHAT_SECRET_FILE (--wechat-secret-file): cannot read "/nowhere/secret": no such file or directory; name a readable file that holds the secret and nothing else`},
		{"secret in place of its file", nil, []string{"MPAUTH_WECHAT_APPID=" + appID, "MPAUTH_WECHAT_SECRET_FILE=" + appSecret}, `MPAUTH_WECHAT_SECRET_FILE (--wechat-secret-file): cannot read "…": no such file or directory; name a readable file that holds the secret and nothing else`},
		{"secret file is a directory", nil, []string{"MPAUTH_WECHAT_APPID=" + appID, "MPAUTH_WECHAT_SECRET_FILE=/"}, `MPAUTH_WECHAT_SECRET_FILE (--wechat-secret-file): cannot read "/": it is not a regular file; name a readable file that holds the secret and nothing else`},
		{"apps in two places", nil, []string{"MPAUTH_WECHAT_APPID=" + appID, "MPAUTH_CONFIG=apps.yaml"}, `MPAUTH_CONFIG (--config): lists apps, and MPAUTH_WECHAT_APPID or its secret is set too; keep the one app in the variables, or all apps in the file`},
		{"the real WeChat without an app", nil, []string{"MPAUTH_WECHAT_URL=https://api.weixin.qq.com"}, `MPAUTH_WECHAT_APPID (--wechat-appid): is not set, and no MPAUTH_CONFIG (--config) lists apps; set the AppID and MPAUTH_WECHAT_SECRET_FILE from the Mini Program's console (mp.weixin.qq.com)`},
		{"the real WeChat without a secret", nil, []string{"MPAUTH_WECHAT_URL=https://api.weixin.qq.com", "MPAUTH_WECHAT_APPID=" + appID}, `MPAUTH_WECHAT_SECRET: the AppSecret is not set; set it, or MPAUTH_WECHAT_SECRET_FILE`},
		{"the real WeChat over http", nil, []string{"MPAUTH_WECHAT_URL=http://api.weixin.qq.com", "MPAUTH_WECHAT_APPID=" + appID, "MPAUTH_WECHAT_SECRET=" + appSecret}, `MPAUTH_WECHAT_URL (--wechat-url): http would send the AppSecret over the network in clear; write https://api.weixin.qq.com`},
		{"WeChat URL", nil, []string{"MPAUTH_WECHAT_URL=127.0.0.1:9090"}, `MPAUTH_WECHAT_URL (--wechat-url): "127.0.0.1:9090" is not the address of a server; write it like http://127.0.0.1:9090, or remove it for the fake inside the process`},

		{"another database", nil, []string{"MPAUTH_DATABASE_URL=mysql://u:p@h/d"}, `MPAUTH_DATABASE_URL: is not the URL of a PostgreSQL database; write postgres://user:password@host:5432/mpauth?sslmode=verify-full, with special characters in the password as %XX, or the word sqlite`},
		{"an odd password", nil, []string{"MPAUTH_DATABASE_URL=postgres://u:hunter2%@h/d"}, `MPAUTH_DATABASE_URL: is not the URL of a PostgreSQL database; write postgres://user:password@host:5432/mpauth?sslmode=verify-full, with special characters in the password as %XX, or the word sqlite`},
		{"sslmode", nil, []string{"MPAUTH_DATABASE_URL=postgres://u:hunter2@h/d?sslmode=on"}, `MPAUTH_DATABASE_URL: lib/pq cannot use it (wrong value for "sslmode": "on" is not supported; supported values are disable, allow, prefer, require, verify-full, or verify-ca); write postgres://user:password@host:5432/mpauth?sslmode=verify-full`},
		{"database URL twice", nil, []string{"MPAUTH_DATABASE_URL=" + dbURL, "MPAUTH_DATABASE_URL_FILE=/x"}, `MPAUTH_DATABASE_URL: is set, and MPAUTH_DATABASE_URL_FILE too; keep one of them`},
		{"database URL in place of its file", nil, []string{"MPAUTH_DATABASE_URL_FILE=" + dbURL}, `MPAUTH_DATABASE_URL_FILE (--database-url-file): cannot read "postgres://mpauth:…@db.example.com:5432/mpauth?sslmode=verify-full": no such file or directory; name a readable file that holds the secret and nothing else`},
		{"keys generate into nowhere", []string{"keys", "generate"}, nil, `MPAUTH_KEYS_FILE (--keys-file): is not set; name the file to make, outside the data directory; development makes its own keys by itself`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := parse(t, test.args, test.environ)
			require.EqualError(t, err, test.want)
		})
	}
}

// What only development may do, production refuses, and each refusal stands alone.
func TestProductionRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change []string
		want   string
	}{
		{"no keys", []string{"MPAUTH_KEYS_FILE="}, `MPAUTH_KEYS_FILE (--keys-file): is not set; make a file with mpauth keys generate and name it here`},
		{"another WeChat", []string{"MPAUTH_WECHAT_URL=http://127.0.0.1:9090"}, `MPAUTH_WECHAT_URL (--wechat-url): another WeChat is for development only; remove it; production calls https://api.weixin.qq.com`},
		{"no public URL", []string{"MPAUTH_PUBLIC_URL="}, `MPAUTH_PUBLIC_URL (--public-url): is not set; set the https address under which clients reach this server, such as https://auth.example.com`},
		{"public URL in clear", []string{"MPAUTH_PUBLIC_URL=http://auth.example.com"}, `MPAUTH_PUBLIC_URL (--public-url): "http://auth.example.com" is not https; put TLS in front and write https://`},
		{"no database", []string{"MPAUTH_DATABASE_URL="}, `MPAUTH_DATABASE_URL: is not set; write postgres://user:password@host:5432/mpauth?sslmode=verify-full, or the word sqlite if one process on one machine is all you need`},
		{"database in clear", []string{"MPAUTH_DATABASE_URL=postgres://u:p@10.0.0.9/d?sslmode=disable"}, `MPAUTH_DATABASE_URL: sslmode=disable may send everything over the network in clear; write sslmode=verify-full, or sslmode=require where nobody can stand in between`},
		{"database perhaps in clear", []string{"MPAUTH_DATABASE_URL=postgres://u:p@db/d?sslmode=prefer"}, `MPAUTH_DATABASE_URL: sslmode=prefer may send everything over the network in clear; write sslmode=verify-full, or sslmode=require where nobody can stand in between`},
		{"database in clear at the second host", []string{"MPAUTH_DATABASE_URL=postgres://u:p@localhost,db/d?sslmode=disable"}, `MPAUTH_DATABASE_URL: sslmode=disable may send everything over the network in clear; write sslmode=verify-full, or sslmode=require where nobody can stand in between`},
		{"database in clear behind a name of loopback", []string{"MPAUTH_DATABASE_URL=postgres://u:p@localhost/d?sslmode=disable&hostaddr=10.0.0.9"}, `MPAUTH_DATABASE_URL: sslmode=disable may send everything over the network in clear; write sslmode=verify-full, or sslmode=require where nobody can stand in between`},
		{"no app", []string{"MPAUTH_WECHAT_APPID=", "MPAUTH_WECHAT_SECRET="}, `MPAUTH_WECHAT_APPID (--wechat-appid): is not set, and no MPAUTH_CONFIG (--config) lists apps; set the AppID and MPAUTH_WECHAT_SECRET_FILE from the Mini Program's console (mp.weixin.qq.com)`},
		{"the demo app", []string{"MPAUTH_WECHAT_APPID=wx0000000000demo00"}, `MPAUTH_WECHAT_APPID (--wechat-appid): "wx0000000000demo00" is the demo app, which WeChat does not know; write a real AppID`},
		{"no AppSecret", []string{"MPAUTH_WECHAT_SECRET="}, `MPAUTH_WECHAT_SECRET: the AppSecret is not set; set it, or MPAUTH_WECHAT_SECRET_FILE`},
		{"an odd AppSecret", []string{"MPAUTH_WECHAT_SECRET=hunter2"}, `MPAUTH_WECHAT_SECRET: does not hold an AppSecret; an AppSecret is 32 hexadecimal digits; copy it from the Mini Program's console (mp.weixin.qq.com)`},
		{"the demo secret", []string{"MPAUTH_WECHAT_SECRET=00000000000000000000000000000000"}, `MPAUTH_WECHAT_SECRET: does not hold an AppSecret; an AppSecret is 32 hexadecimal digits; copy it from the Mini Program's console (mp.weixin.qq.com)`},
		{"no rate limits", []string{"MPAUTH_RATE_LIMITS=off"}, `MPAUTH_RATE_LIMITS (--rate-limits): off is for development only; remove it`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := parse(t, nil, production(test.change...))
			require.EqualError(t, err, test.want)
		})
	}
	_, err := parse(t, []string{"fakewechat"}, []string{"MPAUTH_ENV=production"})
	require.EqualError(t, err, `MPAUTH_ENV (--env): the fake of WeChat does not run in production; unset it, or run mpauth serve`)
}

func TestProductionAllowsAnUnencryptedDatabaseOnTheSameMachine(t *testing.T) {
	t.Parallel()
	for _, url := range []string{
		"postgres://u:p@127.0.0.1/d?sslmode=disable", "postgres://u:p@localhost/d?sslmode=disable",
		"postgres://u:p@[::1]:5432/d?sslmode=disable", "postgres:///d?host=/run/postgresql",
	} {
		_, err := parse(t, nil, production("MPAUTH_DATABASE_URL="+url))
		require.NoError(t, err, url)
	}
}

func TestAllProblemsAtOnce(t *testing.T) {
	t.Parallel()
	_, err := parse(t, []string{"--access-ttl=x", "--max-sessions=y"}, []string{"MPAUTH_ENV=production", "MPAUTH_MIGRATE=z"})
	require.Error(t, err)
	lines := strings.Split(err.Error(), "\n")
	require.Len(t, lines, 8)
	for i, begin := range []string{"MPAUTH_ACCESS_TTL (--access-ttl): ", "MPAUTH_MAX_SESSIONS (--max-sessions): ", "MPAUTH_MIGRATE (--migrate): ",
		"MPAUTH_PUBLIC_URL (--public-url): ", "MPAUTH_TRUSTED_PROXIES (--trusted-proxies): ", "MPAUTH_WECHAT_APPID (--wechat-appid): ", "MPAUTH_DATABASE_URL: ", "MPAUTH_KEYS_FILE (--keys-file): "} {
		require.True(t, strings.HasPrefix(lines[i], begin), lines[i])
	}
}

func TestAppsFileProblems(t *testing.T) {
	t.Parallel()
	const one = "apps:\n  - appId: " + appID + "\n"
	tests := []struct {
		name, content, want string
	}{
		{"empty", "", `: lists no app; write apps: and under it - appId: … with appId, name, secretFile, secretEnv, flow, encryptedData, contentCheck`},
		{"no apps", "apps: []\n", `: lists no app; write apps: and under it - appId: … with appId, name, secretFile, secretEnv, flow, encryptedData, contentCheck`},
		{"unknown key of an app", one + "    secretfile: x\n", ` line 3: has an unknown key "secretfile"; the file has apps, and an app has appId, name, secretFile, secretEnv, flow, encryptedData, contentCheck`},
		{"unknown key of the file", one + "listen: x\n", ` line 3: has an unknown key "listen"; the file has apps, and an app has appId, name, secretFile, secretEnv, flow, encryptedData, contentCheck`},
		{"a secret inside", one + "    secret: " + appSecret + "\n", ` line 3: holds a secret, which does not belong into this file (name where it is in secretFile or secretEnv); the file has apps, and an app has appId, name, secretFile, secretEnv, flow, encryptedData, contentCheck`},
		{"a secret as a key", one + "    " + appSecret + ": x\n", ` line 3: has an unknown key; the file has apps, and an app has appId, name, secretFile, secretEnv, flow, encryptedData, contentCheck`},
		{"a key twice", one + "    name: a\n    name: b\n", ` line 4: has a key twice; remove one of them`},
		{"a secret as a key twice", one + "    " + appSecret + ": a\n    " + appSecret + ": b\n", ` line 4: has a key twice; remove one of them`},
		{"a wrong kind", one + "    encryptedData: {}\n", ` line 3: has a value of the wrong kind; texts are plain, flow is a list such as [profile, phone], and encryptedData and contentCheck are true or false`},
		{"a broken file", one + "    flow: [profile\n", ` line 3: is not valid YAML: sequence end token ']' not found; see the example in the README`},
		{"a flow", one + "    name: Shop\n    flow: [phone, phone]\n", ` line 4, flow: "phone, phone" is not a flow; choose [profile, phone] or [phone, profile] or [phone] or [profile]`},
		{"an empty flow", one + "    flow: []\n", ` line 3, flow: "" is not a flow; choose [profile, phone] or [phone, profile] or [phone] or [profile]`},
		{"no AppID", "apps:\n  - name: Shop\n", ` line 2, appId: is not set; write the AppID from the Mini Program's console (mp.weixin.qq.com)`},
		{"an AppID", "apps:\n  - name: Shop\n    appId: wx1\n", ` line 3, appId: "wx1" is not an AppID; an AppID is wx and 16 lower-case letters or digits`},
		{"an AppID twice", one + "  - appId: " + appID + "\n", ` line 3, appId: "` + appID + `" is listed before, in line 2; remove one of them`},
		{"secret in two places", one + "    secretFile: x\n    secretEnv: Y\n", ` line 3, secretFile: the app has a secretEnv too; keep one of them`},
		{"secret file missing", one + "    secretFile: x\n", ` line 3, secretFile: cannot read "x": no such file or directory; name a readable file that holds the AppSecret and nothing else`},
		{"secret variable missing", one + "    secretEnv: SHOP_SECRET\n", ` line 3, secretEnv: the variable SHOP_SECRET is not set; set it to the AppSecret`},
		{"secret as its variable", one + "    secretEnv: a" + appSecret[1:] + "\n", ` line 3, secretEnv: is not the name of a variable; name the variable that holds the AppSecret, not the secret; change the secret if this is it`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			path := write(t, "apps.yaml", test.content)
			_, err := parse(t, []string{"--config=" + path}, nil)
			require.Error(t, err)
			require.Equal(t, `MPAUTH_CONFIG (--config) "`+path+`"`+test.want, err.Error())
		})
	}
	_, err := parse(t, []string{"--config=/nowhere/apps.yaml"}, nil)
	require.EqualError(t, err, `MPAUTH_CONFIG (--config) "/nowhere/apps.yaml": cannot be read: no such file or directory; name a readable file`)
}

func TestProductionRefusesAnAppWithoutSecretInTheFile(t *testing.T) {
	t.Parallel()
	path := write(t, "apps.yaml", "apps:\n  - appId: "+appID+"\n")
	_, err := parse(t, []string{"--config=" + path}, production("MPAUTH_WECHAT_APPID=", "MPAUTH_WECHAT_SECRET="))
	require.EqualError(t, err, `MPAUTH_CONFIG (--config) "`+path+`" line 2, secretFile: the AppSecret is not set; set secretFile or secretEnv`)
}

func TestSecretFilesThatAreNone(t *testing.T) {
	t.Parallel()
	for content, want := range map[string]string{
		"\n":                         "it is empty",
		"a\nb":                       "it holds more than one line of text",
		strings.Repeat("x", 5<<10):   "it is larger than 4096 bytes",
		"-----BEGIN KEY-----\nabc\n": "it holds more than one line of text",
	} {
		path := write(t, "secret", content)
		_, err := parse(t, nil, production("MPAUTH_WECHAT_SECRET=", "MPAUTH_WECHAT_SECRET_FILE="+path))
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), "\n")
	}
}

// Secrets that were put in the wrong place come back in no message.
func TestMisplacedSecretsAreNotRepeated(t *testing.T) {
	t.Parallel()
	const secretURL = "postgres://mpauth:hunter2@db/x"
	dir := t.TempDir()
	yamlFile := filepath.Join(dir, "apps.yaml")
	require.NoError(t, os.WriteFile(yamlFile, []byte("apps:\n  - appId: "+appSecret+"\n    flow: ["+appSecret+"]\n    secretFile: "+appSecret+"\n"), 0o600))

	commandLines := [][]string{
		{secretURL}, {"--databse-url=" + secretURL}, {"--help=" + secretURL}, {"keys", "rotate", secretURL}, {"--no-migrate=" + secretURL},
		{"migrate", appSecret}, {"--database-url", secretURL, "--listen=x"}, {"--wechat-secret", appSecret}, {"-" + appSecret}, {"--config", yamlFile},
	}
	for _, name := range []string{"ENV", "LISTEN", "PUBLIC_URL", "CONFIG", "WECHAT_APPID", "WECHAT_SECRET_FILE", "FLOW", "ENCRYPTED_DATA", "WECHAT_URL",
		"DATABASE_URL_FILE", "DB_MAX_CONNS", "ACCESS_TTL", "LOG_FORMAT", "LOG_LEVEL", "MIGRATE"} {
		for _, secret := range []string{secretURL, appSecret} {
			_, err := config.Parse(nil, []string{"MPAUTH_" + name + "=" + secret}, new(bytes.Buffer))
			require.Error(t, err, name)
			requireNoSecret(t, err.Error())
		}
	}
	for _, args := range commandLines {
		_, err := config.Parse(args, nil, new(bytes.Buffer))
		require.Error(t, err, args)
		requireNoSecret(t, err.Error())
	}
	_, err := config.Parse(nil, []string{"MPAUTH_DATABASE_URL=postgres://u:hunter2@h:hunter2/x?password=hunter2"}, new(bytes.Buffer))
	requireNoSecret(t, err.Error())
	_, err = config.Parse(nil, []string{"MPAUTH_DATABASE_URL=postgres://u:hunter2@h/d?connect_timeout=hunter2"}, new(bytes.Buffer))
	require.ErrorContains(t, err, "lib/pq cannot use it;")
	requireNoSecret(t, err.Error())
	_, err = config.Parse(nil, []string{"MPAUTH_DATABASE_URL=" + appSecret}, new(bytes.Buffer))
	requireNoSecret(t, err.Error())
}

func requireNoSecret(t *testing.T, text string) {
	t.Helper()
	for _, secret := range []string{appSecret, appSecret[1:], "hunter2"} {
		require.NotContains(t, text, secret)
	}
}
