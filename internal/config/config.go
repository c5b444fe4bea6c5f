// Package config owns what an operator may set: every flag, every MPAUTH_… variable, the files that hold secrets and the
// YAML file that lists many apps, read into one checked [Config].
//
// It is one struct so that `mpauth --help`, the checks and the reader cannot disagree: the struct's tags are the only
// place where a setting's name, default, range and meaning are written. Only main imports it; every other package declares
// the values it needs.
//
// Wrong configuration is found whole, not one problem at a time. Each problem is one line that names the setting, says
// what is wrong with its value, and how to put it right. Secrets come from variables and files, never from flags (a
// process list shows flags to everybody on the machine), and no message repeats one.
package config

import (
	"log/slog"
	"net/netip"
	"time"
)

// Command says what mpauth was asked to do.
type Command string

// The commands that [Parse] returns. `version` and `--help` never reach the caller: they end in [ErrShown].
const (
	Serve        Command = "serve"
	FakeWechat   Command = "fakewechat"
	Migrate      Command = "migrate"
	KeysGenerate Command = "keys generate"
	KeysList     Command = "keys list"
	KeysRotate   Command = "keys rotate"
	AuditVerify  Command = "audit verify"

	AdminKeyMake   Command = "keys admin"
	AdminKeyList   Command = "keys admin-list"
	AdminKeyRevoke Command = "keys admin-revoke"
)

// Environment is the mode: what may be made up on the spot, and what must be refused.
type Environment string

// Development makes up whatever is missing and answers this machine only. Production refuses everything that only
// development may do.
const (
	Development Environment = "development"
	Production  Environment = "production"
)

// RealWechat is the base URL of WeChat's server API, as on the pages of its documentation.
const RealWechat = "https://api.weixin.qq.com"

// SQLite, as the value of MPAUTH_DATABASE_URL, asks for the embedded database in so many words. Production demands the
// words, because a forgotten URL would otherwise start an empty database beside the real one.
const SQLite = "sqlite"

// Config is everything an operator may set, checked and completed: after [Parse] no field needs a second look.
//
// Fields without a flag name below are derived. The zero value of a setting is useful or is filled in by Parse.
type Config struct {
	// Command is what to do, and KeyKind which keys `keys rotate` is about: signing, refresh, session or phone.
	Command Command `kong:"-"`
	KeyKind string  `kong:"-"`

	// Checkpoint is what `audit verify` compares the chain with, from the log; empty: nothing.
	Checkpoint string `kong:"-"`

	// AdminKey is the key that `keys admin` makes, and AdminKeyID the one that `keys admin-revoke` ends.
	AdminKey   AdminKey `kong:"-"`
	AdminKeyID string   `kong:"-"`

	// AdminRoles are the roles of administrators by role of the identity provider.
	AdminRoles map[string][]string `kong:"-"`

	// Apps are the Mini Programs to serve, never empty for [Serve]. For [FakeWechat] an empty list means any app.
	Apps []App `kong:"-"`
	// DefaultApp is the AppID of the app that is meant when nobody names one; empty when there is none, or only one app.
	DefaultApp string `kong:"-"`

	// Proxies are the networks of TrustedProxies, with IPv4 as IPv4.
	Proxies []netip.Prefix `kong:"-"`

	// S3 is the store that Avatars names, or nil; Avatars is then dir or off.
	S3 *S3 `kong:"-"`

	// Warnings are one-line remarks for the operator about settings that are accepted but probably not meant.
	Warnings []string `kong:"-"`

	Environment Environment `name:"env" group:"Server" placeholder:"MODE" oneof:"development,production" otherwise:"development if bound to loopback" for:"migrate,keys,fakewechat,audit" help:"Mode: development or production. Development makes up keys, app and WeChat and listens on loopback only; production refuses everything that only development may do."`
	Listen      string      `group:"Server" placeholder:"HOST:PORT" default:"127.0.0.1:8080" for:"fakewechat" help:"Address to listen on. Port 0 takes a free one."`
	PublicURL   string      `name:"public-url" group:"Server" placeholder:"URL" otherwise:"http:// and the listen address in development; required in production" help:"Address under which clients reach this server, https in production. It is the issuer of tokens, so changing it ends every login."`
	Data        string      `group:"Server" placeholder:"DIR" default:"./data" for:"migrate,keys,audit" help:"Directory for the SQLite database, the development keys and uploads."`

	Avatars         string `group:"Server" placeholder:"WHERE" otherwise:"dir in development, off in production" help:"Where uploaded pictures are kept: dir, in the data directory, which several replicas must share; s3://bucket/prefix?endpoint=https://host&region=name, in an S3-compatible store (&style=virtual puts the bucket into the host's name); or off, and none are taken."`
	S3AccessKey     string `name:"s3-access-key" group:"Server" placeholder:"ID" otherwise:"none" help:"Access key for the S3 store."`
	S3SecretKey     Secret `name:"s3-secret-key" group:"Server" hidden:"" otherwise:"none" help:"Secret key for the S3 store."`
	S3SecretKeyFile string `name:"s3-secret-key-file" group:"Server" placeholder:"FILE" otherwise:"none" help:"File that holds the secret key for the S3 store."`

	TrustedProxies string `group:"Server" placeholder:"NETWORKS" otherwise:"none in development; required in production" help:"Networks of the proxies in front, such as 10.0.0.0/8,fd00::/8, or the word none where nothing stands in front. Only they are believed when X-Forwarded-For says who is calling."`

	Introspection bool `group:"Server" negatable:"" otherwise:"on in development, off in production" help:"Answer GraphQL introspection queries."`

	TrustedDocuments string `group:"Server" placeholder:"FILE" otherwise:"none: every operation of the schema" help:"JSON file from ids to GraphQL documents, as a client's build emits it. Only these operations are answered, asked for by their text or their id."`

	ConfigFile          string `name:"config" group:"Apps and WeChat" placeholder:"FILE" otherwise:"none" for:"fakewechat" help:"YAML file that lists many apps: apps: [{appId, name, secretFile | secretEnv, flow: [profile, phone], encryptedData, contentCheck, createOnSilentLogin, group, phoneConflict}]. A relative secretFile is looked up beside it."`
	WechatAppID         string `name:"wechat-appid" group:"Apps and WeChat" placeholder:"ID" otherwise:"demo apps in development, one for each flow; required in production" for:"fakewechat" help:"AppID of the one app to serve, when there is no YAML file."`
	WechatSecret        Secret `name:"wechat-secret" group:"Apps and WeChat" hidden:"" otherwise:"a demo secret in development; required in production" for:"fakewechat" help:"AppSecret of that app."`
	WechatSecretFile    string `name:"wechat-secret-file" group:"Apps and WeChat" placeholder:"FILE" otherwise:"none" for:"fakewechat" help:"File that holds the AppSecret."`
	Flow                string `group:"Apps and WeChat" placeholder:"FACTS" default:"profile,phone" help:"Order in which people are asked for facts: profile,phone or phone,profile or phone or profile. An app in the YAML file may have its own. Without any app, that of the first demo app."`
	EncryptedData       bool   `group:"Apps and WeChat" negatable:"" default:"true" help:"Accept phone numbers and profiles as encryptedData, the way of older clients. An app in the YAML file may have its own."`
	ContentCheck        bool   `group:"Apps and WeChat" negatable:"" default:"true" help:"Let WeChat's msg_sec_check judge nicknames. An app in the YAML file may have its own."`
	CreateOnSilentLogin bool   `group:"Apps and WeChat" negatable:"" default:"true" help:"Create a user at the first silentLogin. Off: only once the person has agreed to something, with consent in silentLogin. An app in the YAML file may have its own."`
	PhoneConflict       string `group:"Apps and WeChat" placeholder:"POLICY" oneof:"reject,merge" default:"reject" help:"When WeChat proves a number that another user of the app holds: reject it, or offer to merge both users. A number can have a new owner, hence the default. An app in the YAML file may have its own."`
	WechatURL           string `name:"wechat-url" group:"Apps and WeChat" placeholder:"URL" otherwise:"the fake inside the process; https://api.weixin.qq.com in production" help:"WeChat server API to call. Development only."`

	DatabaseURL     Secret `name:"database-url" group:"Database" hidden:"" otherwise:"SQLite in the data directory; required in production" for:"migrate,audit,keys admin" help:"PostgreSQL as postgres://user:password@host:5432/name?sslmode=verify-full, or the word sqlite."`
	DatabaseURLFile string `name:"database-url-file" group:"Database" placeholder:"FILE" otherwise:"none" for:"migrate,audit,keys admin" help:"File that holds the database URL."`
	DBMaxConns      int    `name:"db-max-conns" group:"Database" placeholder:"N" default:"20" min:"2" max:"1000" for:"migrate,audit,keys admin" help:"Connections this process may hold. All replicas together must stay below max_connections of PostgreSQL."`
	Migrate         bool   `group:"Database" negatable:"" default:"true" help:"Apply pending schema migrations at start. Off: refuse to start on an older schema; run mpauth migrate."`

	KeysFile    string        `name:"keys-file" group:"Keys and tokens" placeholder:"FILE" otherwise:"dev-keys.json in the data directory, made when missing; required in production" for:"keys,audit" help:"File that holds the server's secret keys, readable by its owner only. mpauth keys generate makes one."`
	Audience    string        `group:"Keys and tokens" placeholder:"NAME" default:"mpauth" help:"Audience of access tokens."`
	AccessTTL   time.Duration `name:"access-ttl" group:"Keys and tokens" placeholder:"DURATION" default:"10m" min:"1s" max:"15m" help:"Life of an access token. Revocations are remembered for 20 minutes, hence the upper bound."`
	RefreshIdle time.Duration `group:"Keys and tokens" placeholder:"DURATION" default:"720h" min:"1s" max:"8760h" help:"A login that is not refreshed for so long ends."`
	RefreshMax  time.Duration `group:"Keys and tokens" placeholder:"DURATION" default:"2160h" min:"1s" max:"8760h" help:"A login ends after so long, however busy."`
	MaxSessions int           `group:"Keys and tokens" placeholder:"N" default:"10" min:"1" max:"100" help:"Devices one person may be signed in on; one more ends the oldest."`

	ClosingPeriod time.Duration `group:"Keys and tokens" placeholder:"DURATION" default:"168h" min:"0s" max:"2160h" help:"Time between a person's wish to close their account and its erasure, in which they can take it back. 0s erases at once."`

	RateLimits      bool          `group:"Limits and timeouts" negatable:"" default:"true" help:"Limit what one caller may do in a minute. Off in development only."`
	RequestTimeout  time.Duration `group:"Limits and timeouts" placeholder:"DURATION" default:"5s" min:"100ms" max:"1m" help:"Longest time to work on one request, WeChat and the database included."`
	DrainDelay      time.Duration `group:"Limits and timeouts" placeholder:"DURATION" otherwise:"0s in development, 5s in production" min:"0s" max:"5m" help:"After SIGTERM, time to answer normally while /readyz says 503, so that load balancers can leave."`
	ShutdownTimeout time.Duration `group:"Limits and timeouts" placeholder:"DURATION" default:"25s" min:"1s" max:"5m" for:"fakewechat" help:"After that, time for running requests to finish."`

	AuditRetention time.Duration `group:"Audit trail" placeholder:"DURATION" default:"0s" min:"0s" max:"87600h" help:"How long audit events are kept, at least 4320h (180 days) in production; 0s keeps them forever."`

	AdminListen         string `group:"Administrators" placeholder:"HOST:PORT" otherwise:"in development the port after MPAUTH_LISTEN on 127.0.0.1; off in production" help:"Address of the administrators' API and its playground: a port of its own, for a network of your own. The word off opens none."`
	AdminOIDCIssuer     string `name:"admin-oidc-issuer" group:"Administrators" placeholder:"URL" otherwise:"none: only keys open it" help:"Issuer of an identity provider whose tokens open the administrators' API, exactly as its tokens name it."`
	AdminOIDCAudience   string `name:"admin-oidc-audience" group:"Administrators" placeholder:"NAME" otherwise:"none; required with an issuer" help:"Audience that such a token must be for."`
	AdminOIDCRolesClaim string `name:"admin-oidc-roles-claim" group:"Administrators" placeholder:"CLAIM" default:"roles" help:"Claim of such a token that lists what somebody is; realm_access.roles means roles inside realm_access."`
	AdminOIDCRoles      string `name:"admin-oidc-roles" group:"Administrators" placeholder:"MAP" otherwise:"none; required with an issuer" help:"What that means here, such as support-team=SUPPORT,lawyers=PRIVACY,lawyers=AUDITOR. The roles are SUPPORT, PRIVACY, AUDITOR and OPERATOR."`

	OperatorListen string `group:"Metrics and traces" placeholder:"HOST:PORT" otherwise:"none in development, 127.0.0.1:9090 in production" help:"Address of the operator port: /metrics, /debug/pprof/, /livez and /readyz, for whoever can reach it, so keep it on loopback or in a network of your own. The word none opens no such port."`
	OTLPEndpoint   string `name:"otlp-endpoint" group:"Metrics and traces" placeholder:"URL" otherwise:"none" help:"OTLP/HTTP receiver of traces, such as http://127.0.0.1:4318. They hold user ids and hashed openids."`
	TraceOneIn     int    `name:"trace-one-in" group:"Metrics and traces" placeholder:"N" default:"1" min:"1" max:"1000000" help:"Trace one request in N, chosen at random. A request that a trusted proxy traces, or does not, is treated alike."`

	LogFormat string     `group:"Logs" placeholder:"FORMAT" oneof:"text,json" otherwise:"text in development, json in production" for:"migrate,keys,fakewechat,audit" help:"Form of log lines on standard error: text or json."`
	LogLevel  slog.Level `group:"Logs" placeholder:"LEVEL" default:"info" for:"migrate,keys,fakewechat,audit" help:"Least important events to log: debug, info, warn or error."`
}

// AdminKey is a key for an administrator, to be made.
type AdminKey struct {
	Name  string
	Roles []string
	Days  int
}

// App is one Mini Program.
type App struct {
	ID     string // AppID, wx and 16 lower-case letters or digits
	Name   string // for people; the AppID when none was given
	Secret Secret // AppSecret

	// Flow is the facts to ask for, in order: one of profile,phone · phone,profile · phone · profile.
	Flow []string

	// EncryptedData accepts encryptedData from clients. ContentCheck sends nicknames to WeChat's msg_sec_check.
	EncryptedData, ContentCheck bool

	// CreateOnSilentLogin creates a user at the first login, before they have agreed to anything.
	CreateOnSilentLogin bool

	// Group names the apps that share their users; empty: this one shares with no other. MergePhones offers to merge users
	// when WeChat proves a number for one that another holds, where the number is otherwise refused.
	Group       string
	MergePhones bool

	secretVariable string // where Secret came from, so that the variable is not taken for a typo
}

// FakeInProcess reports whether WeChat is to be played inside this process: WechatURL is empty then.
func (c *Config) FakeInProcess() bool { return c.WechatURL == "" }

// complete fills in what depends on the mode and was not given, once the mode is known.
func (c *Config) complete(given map[string]bool) {
	production := c.Environment == Production
	if !given["introspection"] {
		c.Introspection = !production
	}
	if !given["drain-delay"] && production {
		c.DrainDelay = 5 * time.Second
	}
	if c.OperatorListen == "" && production {
		c.OperatorListen = "127.0.0.1:9090"
	}
	if c.LogFormat == "" && production {
		c.LogFormat = "json"
	}
	if c.LogFormat == "" {
		c.LogFormat = "text"
	}
}
