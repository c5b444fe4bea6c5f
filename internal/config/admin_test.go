package config_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"mpauth/internal/config"
)

func TestAdministratorsPort(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		args    []string
		environ []string
		want    string
	}{
		"development has the next port":           {nil, nil, "127.0.0.1:8081"},
		"and follows the port of users":           {[]string{"--listen=127.0.0.1:9000"}, nil, "127.0.0.1:9001"},
		"on this machine, whatever name it has":   {[]string{"--listen=localhost:9000"}, nil, "127.0.0.1:9001"},
		"a free port has a free one beside it":    {[]string{"--listen=127.0.0.1:0"}, nil, "127.0.0.1:0"},
		"after the last port there is none":       {[]string{"--listen=127.0.0.1:65535"}, nil, "127.0.0.1:0"},
		"production has none that nobody set":     {nil, production(), ""},
		"a word turns it off":                     {[]string{"--admin-listen=off"}, nil, ""},
		"a pod has a network of its own":          {[]string{"--admin-listen=:8081"}, production(), ":8081"},
		"two free ports are two ports, each time": {[]string{"--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0"}, nil, "127.0.0.1:0"},
	} {
		c, err := parse(t, x.args, x.environ)
		require.NoError(t, err, name)
		require.Equal(t, x.want, c.AdminListen, name)
	}
	c, err := parse(t, []string{"--admin-listen=10.0.0.1:8081"}, production())
	require.NoError(t, err)
	require.Equal(t, []string{"MPAUTH_ADMIN_LISTEN: other machines can reach 10.0.0.1:8081, and keys travel in clear where nothing in front ends TLS"}, c.Warnings)
	for value, want := range map[string]string{
		"8081":           `"8081" is not host:port; write it like 127.0.0.1:8081, or :8081 for every interface`,
		"127.0.0.1:8080": `"127.0.0.1:8080" is MPAUTH_LISTEN (--listen) too; give it a port of its own`,
		"127.0.0.1:9090": `"127.0.0.1:9090" is MPAUTH_OPERATOR_LISTEN (--operator-listen) too; give it a port of its own`,
		":8081":          `":8081" can be reached by other machines, and MPAUTH_ENV is development; listen on 127.0.0.1, or set MPAUTH_ENV=production`,
	} {
		_, err := parse(t, []string{"--operator-listen=127.0.0.1:9090"}, []string{"MPAUTH_ADMIN_LISTEN=" + value})
		require.EqualError(t, err, "MPAUTH_ADMIN_LISTEN (--admin-listen): "+want)
	}
}

func TestIdentityProviderOfAdministrators(t *testing.T) {
	t.Parallel()
	good := []string{
		"MPAUTH_ADMIN_OIDC_ISSUER=https://login.example.com/realms/staff", "MPAUTH_ADMIN_OIDC_AUDIENCE=mpauth",
		"MPAUTH_ADMIN_OIDC_ROLES=support-team=SUPPORT, cn=law=PRIVACY,cn=law=AUDITOR",
	}
	c, err := parse(t, nil, good)
	require.NoError(t, err)
	require.Equal(t, map[string][]string{"support-team": {"SUPPORT"}, "cn=law": {"PRIVACY", "AUDITOR"}}, c.AdminRoles)
	require.Equal(t, "roles", c.AdminOIDCRolesClaim)

	c, err = parse(t, nil, append(good[1:], "MPAUTH_ADMIN_OIDC_ISSUER=http://127.0.0.1:9999/"))
	require.NoError(t, err, "a provider under development")
	require.Equal(t, "http://127.0.0.1:9999/", c.AdminOIDCIssuer, "as the tokens have it")

	for name, x := range map[string]struct {
		environ []string
		says    string
	}{
		"no audience":      {[]string{good[0], good[2]}, `MPAUTH_ADMIN_OIDC_AUDIENCE \(--admin-oidc-audience\): is not set, and a token for any other program would open the administrators' API; .*`},
		"no roles":         {good[:2], `MPAUTH_ADMIN_OIDC_ROLES \(--admin-oidc-roles\): is not set, and so no token would open anything; .*`},
		"no issuer":        {good[1:], `(?s)MPAUTH_ADMIN_OIDC_AUDIENCE .* means nothing without MPAUTH_ADMIN_OIDC_ISSUER .*MPAUTH_ADMIN_OIDC_ROLES .* means nothing without .*`},
		"in clear":         {append(good[1:], "MPAUTH_ADMIN_OIDC_ISSUER=http://login.example.com"), `MPAUTH_ADMIN_OIDC_ISSUER .* is not https, and anybody on the way could name keys of their own; write https://`},
		"not an address":   {append(good[1:], "MPAUTH_ADMIN_OIDC_ISSUER=login.example.com"), `MPAUTH_ADMIN_OIDC_ISSUER .* is not the address of a server; .*`},
		"no such role":     {append(good[:2:2], "MPAUTH_ADMIN_OIDC_ROLES=a=ROOT"), `MPAUTH_ADMIN_OIDC_ROLES .*"a=ROOT" is not a role of the provider and one of ours; .*`},
		"nobody's role":    {append(good[:2:2], "MPAUTH_ADMIN_OIDC_ROLES==SUPPORT"), `MPAUTH_ADMIN_OIDC_ROLES .*"=SUPPORT" is not a role .*`},
		"not a pair":       {append(good[:2:2], "MPAUTH_ADMIN_OIDC_ROLES=SUPPORT"), `MPAUTH_ADMIN_OIDC_ROLES .*"SUPPORT" is not a role .*`},
		"a comma too much": {append(good[:2:2], "MPAUTH_ADMIN_OIDC_ROLES=a=SUPPORT,"), `MPAUTH_ADMIN_OIDC_ROLES .*"" is not a role .*`},
	} {
		_, err := parse(t, nil, x.environ)
		require.Error(t, err, name)
		require.Regexp(t, "^"+x.says+"$", err.Error(), name)
	}
}

func TestKeysOfAdministratorsByCommand(t *testing.T) {
	t.Parallel()
	c, err := parse(t, []string{"keys", "admin", "--name=ann", "--roles=SUPPORT,AUDITOR"}, nil)
	require.NoError(t, err)
	require.Equal(t, config.AdminKeyMake, c.Command)
	require.Equal(t, config.AdminKey{Name: "ann", Roles: []string{"SUPPORT", "AUDITOR"}, Days: 90}, c.AdminKey)

	c, err = parse(t, []string{"keys", "admin-revoke", "0123456789abcdef"}, nil)
	require.NoError(t, err)
	require.Equal(t, config.AdminKeyRevoke, c.Command)
	require.Equal(t, "0123456789abcdef", c.AdminKeyID)

	c, err = parse(t, []string{"keys", "admin-list"}, nil)
	require.NoError(t, err)
	require.Equal(t, config.AdminKeyList, c.Command)

	for want, args := range map[string][]string{
		`--roles: "ROOT" is no role; choose SUPPORT, PRIVACY, AUDITOR, OPERATOR, with commas between them`: {"--name=ann", "--roles=SUPPORT,ROOT"},
		`--days: "367" is too large; choose 1 to 366`:                                                      {"--name=ann", "--roles=SUPPORT", "--days=367"},
		`command line: missing flags: --roles=ROLES; see mpauth --help`:                                    {"--name=ann"},
	} {
		_, err := parse(t, append([]string{"keys", "admin"}, args...), nil)
		require.EqualError(t, err, want)
	}
}
