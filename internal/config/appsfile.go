package config

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// maxAppsFile allows thousands of apps.
const maxAppsFile = 1 << 20

// appsFile is the YAML file that lists many apps.
type appsFile struct {
	Apps []appEntry `yaml:"apps"`

	path string
	tree *ast.File
}

const appKeys = "appId, name, secretFile, secretEnv, flow, encryptedData, contentCheck"

// readAppsFile decodes the file strictly: a misspelt key would otherwise be a default in silence.
func readAppsFile(path string, p *problems) (*appsFile, bool) {
	file := &appsFile{path: path}
	bad := func(line int, wrong, fix string) (*appsFile, bool) {
		at := setting("config") + " " + shown(path)
		if line > 0 {
			at += " line " + strconv.Itoa(line)
		}
		p.add(at, wrong, fix)
		return nil, false
	}

	info, err := os.Stat(path)
	if err != nil {
		return bad(0, "cannot be read: "+withoutPath(err).Error(), "name a readable file")
	}
	if !info.Mode().IsRegular() || info.Size() > maxAppsFile {
		return bad(0, "is not a YAML file of at most 1 MB", "name a file that lists apps")
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return bad(0, "cannot be read: "+withoutPath(err).Error(), "name a readable file")
	}
	if err := yaml.UnmarshalWithOptions(content, file, yaml.Strict()); err != nil {
		line, wrong, fix := yamlProblem(err)
		return bad(line, wrong, fix)
	}
	if file.tree, err = parser.ParseBytes(content, 0); err != nil {
		return bad(yamlProblem(err))
	}
	if len(file.Apps) == 0 {
		return bad(0, "lists no app", "write apps: and under it - appId: … with "+appKeys)
	}
	return file, true
}

// where names a field of an app by file, line and key.
func (f *appsFile) where(app int, field string) string {
	return fmt.Sprintf("%s %s line %d, %s", setting("config"), shown(f.path), f.line(app, field), field)
}

// line returns the line of a field, or of its app when the field is not there.
func (f *appsFile) line(app int, field string) int {
	for _, text := range []string{fmt.Sprintf("$.apps[%d].%s", app, field), fmt.Sprintf("$.apps[%d]", app)} {
		path, err := yaml.PathString(text)
		if err != nil {
			continue
		}
		if node, err := path.FilterFile(f.tree); err == nil && node != nil {
			return node.GetToken().Position.Line
		}
	}
	return 0
}

var (
	keyLike = regexp.MustCompile(`^[A-Za-z][A-Za-z_-]{0,24}$`)
	quoted  = regexp.MustCompile(`"[^"]{2,}"`)
)

// yamlProblem says what the YAML package found, without the lines of the file that it would quote: there may be a secret in
// them.
func yamlProblem(err error) (line int, wrong, fix string) {
	wrong, fix = "is not valid YAML", "see the example in the README"
	detail, ok := errors.AsType[yaml.Error](err)
	if !ok || detail.GetToken() == nil {
		return 0, wrong, fix
	}
	token := detail.GetToken()
	line = token.Position.Line
	switch typed := detail.(type) {
	case *yaml.UnknownFieldError:
		return line, unknownKey(token.Value), "the file has apps, and an app has " + appKeys
	case *yaml.TypeError, *yaml.UnexpectedNodeTypeError, *yaml.OverflowError:
		return line, "has a value of the wrong kind", "texts are plain, flow is a list such as [profile, phone], and encryptedData and contentCheck are true or false"
	case *yaml.SyntaxError:
		if strings.Contains(typed.Message, "already defined") {
			return line, "has a key twice", "remove one of them"
		}
		return line, "is not valid YAML: " + quoted.ReplaceAllString(typed.Message, "…"), fix
	}
	return line, wrong, fix
}

func unknownKey(key string) string {
	switch {
	case key == "secret" || key == "appSecret":
		return "holds a secret, which does not belong into this file (name where it is in secretFile or secretEnv)"
	case !keyLike.MatchString(key):
		return "has an unknown key"
	}
	return fmt.Sprintf("has an unknown key %q", key)
}
