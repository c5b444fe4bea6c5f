package config_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"mpauth/internal/config"
)

const (
	s3Place  = "MPAUTH_AVATARS=s3://pictures/mpauth/avatars?endpoint=https://s3.example.com&region=us-east-1"
	s3Access = "MPAUTH_S3_ACCESS_KEY=AKIDEXAMPLE"
	s3Secret = "one-secret-of-the-store"
)

func TestWhereAvatarsAreKept(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		environ []string
		want    string
	}{
		"development":            {nil, config.AvatarsDir},
		"production":             {production(), config.AvatarsOff},
		"production, by name":    {production("MPAUTH_AVATARS=dir"), config.AvatarsDir},
		"development, by name":   {[]string{"MPAUTH_AVATARS=off"}, config.AvatarsOff},
		"a variable that is not": {[]string{"MPAUTH_AVATARS="}, config.AvatarsDir},
	} {
		got, err := parse(t, nil, c.environ)
		require.NoError(t, err, name)
		require.Equal(t, c.want, got.Avatars, name)
		require.Nil(t, got.S3, name)
	}
}

func TestAvatarsInS3(t *testing.T) {
	t.Parallel()
	got, err := parse(t, nil, production(s3Place, s3Access, "MPAUTH_S3_SECRET_KEY="+s3Secret))
	require.NoError(t, err)
	require.Empty(t, got.Warnings)
	require.Equal(t, "https://s3.example.com", got.S3.Endpoint.String())
	require.Equal(t, s3Secret, got.S3.SecretKey.Reveal())
	got.S3.Endpoint, got.S3.SecretKey = nil, config.Secret{}
	require.Equal(t, config.S3{Region: "us-east-1", Bucket: "pictures", Prefix: "mpauth/avatars/", AccessKey: "AKIDEXAMPLE"}, *got.S3)

	file := write(t, "secret", s3Secret+"\n")
	got, err = parse(t, []string{"--avatars=s3://my.pictures?endpoint=http://127.0.0.1:9000/&region=ap-guangzhou&style=virtual", "--s3-access-key=A"},
		production("MPAUTH_S3_SECRET_KEY_FILE="+file))
	require.NoError(t, err, "this machine may be asked in clear")
	require.Equal(t, s3Secret, got.S3.SecretKey.Reveal())
	require.True(t, got.S3.VirtualHost)
	require.Equal(t, "my.pictures", got.S3.Bucket)
	require.Empty(t, got.S3.Prefix)

	got, err = parse(t, nil, []string{"MPAUTH_AVATARS=s3://pictures/?endpoint=http://minio:9000&region=r&style=path", s3Access, "MPAUTH_S3_SECRET_KEY=x"})
	require.NoError(t, err, "development may go anywhere in clear")
	require.Empty(t, got.S3.Prefix)
	require.False(t, got.S3.VirtualHost)
}

func TestProblemsOfAvatars(t *testing.T) {
	t.Parallel()
	const where = "MPAUTH_AVATARS (--avatars): "
	with := func(place string) []string {
		return production("MPAUTH_AVATARS="+place, s3Access, "MPAUTH_S3_SECRET_KEY="+s3Secret)
	}
	const good = "?endpoint=https://s3.example.com&region=r"
	for _, c := range []struct {
		environ []string
		want    string
	}{
		{[]string{"MPAUTH_AVATARS=folder"}, where + `"folder" is not a place for pictures; choose dir or off, or write s3://pictures/mpauth?endpoint=https://s3.example.com&region=us-east-1`},
		{[]string{"MPAUTH_AVATARS=/var/lib/pictures"}, where + `"/var/lib/pictures" is not a place for pictures; choose dir or off, or write s3://pictures/mpauth?endpoint=https://s3.example.com&region=us-east-1`},
		{with("dir"), where + `is dir, and credentials for S3 are set; write s3://pictures/mpauth?endpoint=https://s3.example.com&region=us-east-1, or remove MPAUTH_S3_ACCESS_KEY and MPAUTH_S3_SECRET_KEY`},
		{with("s3:pictures"), where + `"s3:pictures" is not the address of a store; write it like s3://pictures/mpauth?endpoint=https://s3.example.com&region=us-east-1`},
		{with("s3://a:hunter2@pictures/" + good), where + `credentials in an address end up in logs; use MPAUTH_S3_ACCESS_KEY and MPAUTH_S3_SECRET_KEY_FILE, and change the secret`},
		{with("s3://" + good), where + `"s3://" is not a bucket and a prefix; write it like s3://pictures/mpauth`},
		{with("s3://Pictures" + good), where + `"s3://Pictures" is not a bucket and a prefix; write it like s3://pictures/mpauth`},
		{with("s3://pictures/../other" + good), where + `"s3://pictures/../other" is not a bucket and a prefix; write it like s3://pictures/mpauth`},
		{with("s3://pictures?region=r"), where + `its endpoint "" is not the address of a server; write it like &endpoint=https://s3.example.com`},
		{with("s3://pictures?endpoint=s3.example.com&region=r"), where + `its endpoint "s3.example.com" is not the address of a server; write it like &endpoint=https://s3.example.com`},
		{with("s3://pictures?endpoint=https://s3.example.com/x&region=r"), where + `its endpoint "https://s3.example.com/x" is not the address of a server; write it like &endpoint=https://s3.example.com`},
		{with("s3://pictures?endpoint=http://s3.example.com&region=r"), where + `its endpoint "http://s3.example.com" is not https; write https://`},
		{with("s3://pictures?endpoint=https://s3.example.com"), where + `it has no region; write it like &region=us-east-1`},
		{with("s3://pictures" + good + "&style=odd"), where + `its style "odd" is none; write path or virtual`},
		{with("s3://pictures" + good + "&secret=x"), where + `"secret" is none of its options, or is there twice; write endpoint, region and style, once each`},
		{with("s3://pictures" + good + "&region=r"), where + `"region" is none of its options, or is there twice; write endpoint, region and style, once each`},
		{production(s3Place, "MPAUTH_S3_SECRET_KEY=x"), `MPAUTH_S3_ACCESS_KEY (--s3-access-key): is not set; set the access key for the store that MPAUTH_AVATARS names`},
		{production(s3Place, s3Access), `MPAUTH_S3_SECRET_KEY: is not set; set it, or MPAUTH_S3_SECRET_KEY_FILE`},
		{production(s3Place, s3Access, "MPAUTH_S3_SECRET_KEY=x", "MPAUTH_S3_SECRET_KEY_FILE=/x"), `MPAUTH_S3_SECRET_KEY: is set, and MPAUTH_S3_SECRET_KEY_FILE too; keep one of them`},
		{production(s3Place, s3Access, "MPAUTH_S3_SECRET_KEY_FILE=/nowhere/secret"), `MPAUTH_S3_SECRET_KEY_FILE (--s3-secret-key-file): cannot read "/nowhere/secret": no such file or directory; name a readable file that holds the secret and nothing else`},
	} {
		_, err := parse(t, nil, c.environ)
		require.EqualError(t, err, c.want)
		require.NotContains(t, err.Error(), "hunter2")
		require.NotContains(t, err.Error(), s3Secret)
	}
	_, err := parse(t, []string{"--s3-secret-key=" + s3Secret}, production(s3Place, s3Access))
	require.ErrorContains(t, err, "a secret on the command line can be read by everybody")
	require.NotContains(t, err.Error(), s3Secret)
}
