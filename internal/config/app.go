package config

import (
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// The first app of a development server for which no app was configured; the others count on from it. The secret is as
// public as this source; only the fake of WeChat takes it.
const (
	demoAppID  = "wx0000000000demo00"
	demoSecret = "00000000000000000000000000000000"
)

// merge is the policy for phone numbers that offers to merge users.
const merge = "merge"

// flows are the orders in which an app may ask for facts.
func flows() [][]string {
	return [][]string{{"profile", "phone"}, {"phone", "profile"}, {"phone"}, {"profile"}}
}

var (
	appIDShape     = regexp.MustCompile(`^wx[0-9a-z]{16}$`)
	appSecretShape = regexp.MustCompile(`^[0-9a-fA-F]{32}$`)
	groupShape     = regexp.MustCompile(`^[a-z0-9-]{1,64}$`)
	variableShape  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,99}$`)
)

// appEntry is an app as written down, in the YAML file or in the variables of the one app. Its YAML names are the file's
// format; what is left out takes the value of the setting of that name.
type appEntry struct {
	AppID         string   `yaml:"appId"`
	Name          string   `yaml:"name"`
	SecretFile    string   `yaml:"secretFile"`
	SecretEnv     string   `yaml:"secretEnv"`
	Flow          []string `yaml:"flow"`
	EncryptedData *bool    `yaml:"encryptedData"`
	ContentCheck  *bool    `yaml:"contentCheck"`

	CreateOnSilentLogin *bool  `yaml:"createOnSilentLogin"`
	Group               string `yaml:"group"`
	PhoneConflict       string `yaml:"phoneConflict"`
}

// checkApps fills Apps from the one place where apps were written down.
func (c *Config) checkApps(env environ, p *problems) {
	flow := strings.Split(c.Flow, ",")
	if !isFlow(flow) {
		p.add(setting("flow"), shown(c.Flow)+" is not a flow", "choose profile,phone or phone,profile or phone or profile")
	}
	single := c.WechatAppID != "" || c.WechatSecret.IsSet() || c.WechatSecretFile != ""
	switch {
	case c.ConfigFile != "" && single:
		p.add(setting("config"), "lists apps, and "+variable("wechat-appid")+" or its secret is set too", "keep the one app in the variables, or all apps in the file")
	case c.ConfigFile != "":
		c.appsFromFile(env, p)
	case single:
		c.singleApp(flow, p)
	case c.Command == FakeWechat: // no app means any app
	case c.Environment == Production || c.callsRealWechat():
		p.add(setting("wechat-appid"), "is not set, and no "+setting("config")+" lists apps", "set the AppID and "+variable("wechat-secret-file")+" from the Mini Program's console (mp.weixin.qq.com)")
	default:
		c.demoApps(flow)
	}
}

// demoApps are one app for each flow, so that a newcomer can compare them. The first has the flow that was set, and it is
// the one that is meant when nobody names an app.
func (c *Config) demoApps(flow []string) {
	c.DefaultApp = demoAppID
	others := slices.DeleteFunc(flows(), func(other []string) bool { return slices.Equal(other, flow) })
	for i, f := range append([][]string{flow}, others...) {
		c.Apps = append(c.Apps, App{
			ID: strings.TrimSuffix(demoAppID, "0") + strconv.Itoa(i), Name: "Demo: " + strings.Join(f, ", "), Secret: NewSecret(demoSecret), Flow: f,
			EncryptedData: c.EncryptedData, ContentCheck: c.ContentCheck, CreateOnSilentLogin: c.CreateOnSilentLogin, MergePhones: c.PhoneConflict == merge,
		})
	}
}

func (c *Config) singleApp(flow []string, p *problems) {
	if c.WechatAppID == "" {
		p.add(setting("wechat-appid"), "is not set, but an AppSecret is", "set the AppID that the secret belongs to")
		return
	}
	c.checkAppID(setting("wechat-appid"), c.WechatAppID, p)
	app := App{ID: c.WechatAppID, Name: c.WechatAppID, Flow: flow, EncryptedData: c.EncryptedData, ContentCheck: c.ContentCheck, CreateOnSilentLogin: c.CreateOnSilentLogin, MergePhones: c.PhoneConflict == merge}
	if secret, ok := secretSetting("wechat-secret", c.WechatSecret, c.WechatSecretFile, p); ok {
		app.Secret = c.checkSecret(variable("wechat-secret"), "set it, or "+variable("wechat-secret-file"), secret, p)
	}
	c.Apps = []App{app}
}

// appsFromFile reads the YAML file. Paths in it are relative to it, as people expect of a file that can be moved.
func (c *Config) appsFromFile(env environ, p *problems) {
	file, ok := readAppsFile(c.ConfigFile, p)
	if !ok {
		return
	}
	seen := map[string]int{}
	for i, entry := range file.Apps {
		where := func(field string) string { return file.where(i, field) }
		c.checkAppID(where("appId"), entry.AppID, p)
		if before, twice := seen[entry.AppID]; twice && entry.AppID != "" {
			p.add(where("appId"), shown(entry.AppID)+" is listed before, in line "+strconv.Itoa(file.line(before, "appId")), "remove one of them")
		}
		seen[entry.AppID] = i

		app := App{ID: entry.AppID, Name: entry.Name, Flow: entry.Flow, EncryptedData: c.EncryptedData, ContentCheck: c.ContentCheck, CreateOnSilentLogin: c.CreateOnSilentLogin, MergePhones: c.PhoneConflict == merge, secretVariable: entry.SecretEnv}
		if app.Name == "" {
			app.Name = entry.AppID
		}
		if app.Flow == nil {
			app.Flow = strings.Split(c.Flow, ",")
		} else if !isFlow(app.Flow) {
			p.add(where("flow"), shown(strings.Join(app.Flow, ", "))+" is not a flow", "choose [profile, phone] or [phone, profile] or [phone] or [profile]")
		}
		if entry.EncryptedData != nil {
			app.EncryptedData = *entry.EncryptedData
		}
		if entry.ContentCheck != nil {
			app.ContentCheck = *entry.ContentCheck
		}
		app.Group = entry.Group
		if entry.Group != "" && !groupShape.MatchString(entry.Group) {
			p.add(where("group"), shown(entry.Group)+" is not a name", "use 1 to 64 characters of a-z 0-9 -, the same for the apps that share their users")
		}
		if entry.PhoneConflict != "" {
			app.MergePhones = entry.PhoneConflict == merge
			if entry.PhoneConflict != merge && entry.PhoneConflict != "reject" {
				p.add(where("phoneConflict"), shown(entry.PhoneConflict)+" is not a policy", "choose reject or merge")
			}
		}
		if entry.CreateOnSilentLogin != nil {
			app.CreateOnSilentLogin = *entry.CreateOnSilentLogin
		}
		app.Secret = c.entrySecret(entry, where, env, p)
		c.Apps = append(c.Apps, app)
	}
}

func (c *Config) entrySecret(entry appEntry, where func(string) string, env environ, p *problems) Secret {
	var secret Secret
	field := "secretFile"
	switch {
	case entry.SecretFile != "" && entry.SecretEnv != "":
		p.add(where(field), "the app has a secretEnv too", "keep one of them")
		return Secret{}
	case entry.SecretEnv != "":
		field = "secretEnv"
		if !variableShape.MatchString(entry.SecretEnv) || appSecretShape.MatchString(entry.SecretEnv) {
			p.add(where(field), "is not the name of a variable", "name the variable that holds the AppSecret, not the secret; change the secret if this is it")
			return Secret{}
		}
		secret = NewSecret(env[entry.SecretEnv])
		if !secret.IsSet() {
			p.add(where(field), "the variable "+entry.SecretEnv+" is not set", "set it to the AppSecret")
			return Secret{}
		}
	case entry.SecretFile != "":
		path := entry.SecretFile
		if !filepath.IsAbs(path) {
			path = filepath.Join(filepath.Dir(c.ConfigFile), path)
		}
		var err error
		if secret, err = readSecretFile(path); err != nil {
			p.add(where(field), "cannot read "+shown(entry.SecretFile)+": "+err.Error(), "name a readable file that holds the AppSecret and nothing else")
			return Secret{}
		}
	}
	return c.checkSecret(where(field), "set secretFile or secretEnv", secret, p)
}

func (c *Config) checkAppID(where, id string, p *problems) {
	switch {
	case id == "":
		p.add(where, "is not set", "write the AppID from the Mini Program's console (mp.weixin.qq.com)")
	case id == "touristappid":
		p.add(where, shown(id)+" is the DevTools' placeholder, whose login codes are mock ones", "register a test account for a real AppID, or configure no app and use the demo app")
	case appSecretShape.MatchString(id):
		p.add(where, "looks like an AppSecret", "write the AppID here, wx and 16 characters, and change the secret")
	case !appIDShape.MatchString(id):
		p.add(where, shown(id)+" is not an AppID", "an AppID is wx and 16 lower-case letters or digits")
	case strings.HasPrefix(id, strings.TrimSuffix(demoAppID, "0")) && (c.Environment == Production || c.callsRealWechat()):
		p.add(where, shown(id)+" is the demo app, which WeChat does not know", "write a real AppID")
	}
}

// checkSecret returns the secret to use. WeChat issues 32 hexadecimal digits; the fake takes whatever it is configured with.
func (c *Config) checkSecret(where, how string, secret Secret, p *problems) Secret {
	text := secret.Reveal()
	isReal := appSecretShape.MatchString(text) && strings.Trim(text, text[:1]) != ""
	switch {
	case !c.callsRealWechat() && !secret.IsSet():
		return NewSecret(demoSecret)
	case !c.callsRealWechat() || isReal:
		return secret
	case !secret.IsSet():
		p.add(where, "the AppSecret is not set", how)
	case c.Environment == Production:
		p.add(where, "does not hold an AppSecret", "an AppSecret is 32 hexadecimal digits; copy it from the Mini Program's console (mp.weixin.qq.com)")
	default:
		c.Warnings = append(c.Warnings, where+": does not look like an AppSecret, which is 32 hexadecimal digits; WeChat will answer 40125")
	}
	return secret
}

func isFlow(facts []string) bool {
	return slices.ContainsFunc(flows(), func(flow []string) bool { return slices.Equal(flow, facts) })
}
