package config

import (
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// The values of MPAUTH_AVATARS that are not the address of an S3 store.
const (
	AvatarsDir = "dir"
	AvatarsOff = "off"
)

// S3 is a place in an S3-compatible store, with the credentials for it.
type S3 struct {
	Endpoint    *url.URL // scheme and host
	Region      string
	Bucket      string
	Prefix      string // of object names; empty, or with a slash at its end
	VirtualHost bool   // the bucket is a part of the host's name
	AccessKey   string
	SecretKey   Secret
}

var (
	bucketShape = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
	prefixShape = regexp.MustCompile(`^(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*/?$`)
)

const s3Example = "s3://pictures/mpauth?endpoint=https://s3.example.com&region=us-east-1"

// checkAvatars settles where pictures are kept.
func (c *Config) checkAvatars(p *problems) {
	if c.Avatars == "" && c.Environment == Production {
		c.Avatars = AvatarsOff // a directory that is not shared would lose pictures in silence
	}
	if c.Avatars == "" {
		c.Avatars = AvatarsDir
	}
	secret, ok := secretSetting("s3-secret-key", c.S3SecretKey, c.S3SecretKeyFile, p)
	c.S3SecretKey = secret
	switch {
	case strings.HasPrefix(c.Avatars, "s3:"):
		c.checkS3(p, ok)
	case c.Avatars != AvatarsDir && c.Avatars != AvatarsOff:
		p.add(setting("avatars"), shown(c.Avatars)+" is not a place for pictures", "choose dir or off, or write "+s3Example)
	case c.S3AccessKey != "" || secret.IsSet():
		p.add(setting("avatars"), "is "+c.Avatars+", and credentials for S3 are set", "write "+s3Example+", or remove "+variable("s3-access-key")+" and "+variable("s3-secret-key"))
	}
}

// checkS3 takes the address of a store apart. known tells whether the secret key could be read.
func (c *Config) checkS3(p *problems, known bool) {
	wrong := func(what, fix string) { p.add(setting("avatars"), what, fix) }
	place, err := url.Parse(c.Avatars)
	if err != nil || place.Opaque != "" || place.Fragment != "" {
		wrong(shown(c.Avatars)+" is not the address of a store", "write it like "+s3Example)
		return
	}
	if place.User != nil {
		wrong("credentials in an address end up in logs", "use "+variable("s3-access-key")+" and "+variable("s3-secret-key-file")+", and change the secret")
		return
	}
	options := place.Query()
	if !bucketShape.MatchString(place.Host) || !prefixShape.MatchString(place.Path) {
		wrong(shown("s3://"+place.Host+place.Path)+" is not a bucket and a prefix", "write it like s3://pictures/mpauth")
	}
	for _, name := range slices.Sorted(maps.Keys(options)) {
		if name != "endpoint" && name != "region" && name != "style" || len(options[name]) != 1 {
			wrong(shown(name)+" is none of its options, or is there twice", "write endpoint, region and style, once each")
		}
	}
	endpoint, ok := baseURL(options.Get("endpoint"))
	switch {
	case !ok || strings.Trim(endpoint.Path, "/") != "":
		wrong("its endpoint "+shown(options.Get("endpoint"))+" is not the address of a server", "write it like &endpoint=https://s3.example.com")
	case c.Environment == Production && endpoint.Scheme != "https" && !isLoopback(endpoint.Hostname()):
		wrong("its endpoint "+shown(options.Get("endpoint"))+" is not https", "write https://")
	}
	style := options.Get("style")
	if style != "" && style != "path" && style != "virtual" {
		wrong("its style "+shown(style)+" is none", "write path or virtual")
	}
	if options.Get("region") == "" {
		wrong("it has no region", "write it like &region=us-east-1")
	}
	if c.S3AccessKey == "" {
		p.add(setting("s3-access-key"), "is not set", "set the access key for the store that "+variable("avatars")+" names")
	}
	if known && !c.S3SecretKey.IsSet() {
		p.add(variable("s3-secret-key"), "is not set", "set it, or "+variable("s3-secret-key-file"))
	}
	c.S3 = &S3{
		Endpoint: endpoint, Region: options.Get("region"), Bucket: place.Host, Prefix: prefixOf(place.Path),
		VirtualHost: style == "virtual", AccessKey: c.S3AccessKey, SecretKey: c.S3SecretKey,
	}
}

// prefixOf is the prefix of object names that a path stands for.
func prefixOf(path string) string {
	if path = strings.Trim(path, "/"); path != "" {
		path += "/"
	}
	return path
}
