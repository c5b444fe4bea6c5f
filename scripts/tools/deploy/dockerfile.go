package main

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
	"github.com/opencontainers/go-digest"
)

const (
	dockerfile   = "deploy/Dockerfile"
	dockerignore = "deploy/Dockerfile.dockerignore"
)

// anyImage stands for every base image, so that none is looked up.
type anyImage struct{}

func (anyImage) ResolveImageConfig(_ context.Context, ref string, _ sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	return ref, "", []byte(`{"os":"linux","architecture":"amd64","config":{}}`), nil
}

// checkDockerfile runs what `docker build --check` runs, and then our own rules.
func checkDockerfile(root fs.FS) ([]string, error) {
	text, err := fs.ReadFile(root, dockerfile)
	if err != nil {
		return nil, err
	}
	source := llb.NewSourceMap(nil, dockerfile, "Dockerfile", text)
	source.Definition = &llb.Definition{} // where it came from, if it had come from a build
	results, err := dockerfile2llb.DockerfileLint(context.Background(), text, dockerfile2llb.ConvertOpt{
		MetaResolver: anyImage{}, SourceMap: source,
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dockerfile, err)
	}
	if results.Error != nil {
		return []string{dockerfile + ": " + results.Error.Message}, nil
	}
	var found []string
	for _, warning := range results.Warnings {
		found = append(found, fmt.Sprintf("%s: %s (%s)", dockerfile, warning.Detail, warning.RuleName))
	}
	parsed, err := parser.Parse(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dockerfile, err)
	}
	stages, _, err := instructions.Parse(parsed.AST, nil)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dockerfile, err)
	}
	found = append(found, checkBases(stages, goVersion(root))...)
	return append(found, checkImage(stages[len(stages)-1])...), nil
}

// goVersion is the version of Go that go.mod names.
func goVersion(root fs.FS) string {
	text, _ := fs.ReadFile(root, "go.mod")
	if m := regexp.MustCompile(`(?m)^go (\S+)$`).FindSubmatch(text); m != nil {
		return string(m[1])
	}
	return "without a version in go.mod"
}

// checkBases wants every base image to be one certain release, and the compiler the one of go.mod.
func checkBases(stages []instructions.Stage, version string) []string {
	var found []string
	compiler := false
	for _, stage := range stages {
		found = append(found, checkImageName(dockerfile, stage.BaseName)...)
		compiler = compiler || strings.HasPrefix(path.Base(stage.BaseName), "golang:"+version+"-")
	}
	if !compiler {
		found = append(found, fmt.Sprintf("%s: no stage begins with golang:%s, which go.mod names", dockerfile, version))
	}
	return found
}

// checkImageName wants a tag that says which release, or a digest.
func checkImageName(where, name string) []string {
	_, tag, tagged := strings.Cut(path.Base(name), ":")
	if (!tagged || strings.HasPrefix(tag, "latest")) && !strings.Contains(name, "@sha256:") {
		return []string{fmt.Sprintf("%s: %s is another image tomorrow; name a release or a digest", where, name)}
	}
	return nil
}

var numericUser = regexp.MustCompile(`^[1-9]\d*:[1-9]\d*$`)

// checkImage looks at the last stage, the one that ships.
func checkImage(last instructions.Stage) []string {
	var found []string
	report := func(format string, args ...any) { found = append(found, dockerfile+": "+fmt.Sprintf(format, args...)) }
	user, entry := "", false
	for _, command := range last.Commands {
		switch c := command.(type) {
		case *instructions.UserCommand:
			user = c.User
		case *instructions.EntrypointCommand:
			entry = !c.PrependShell
		case *instructions.CopyCommand:
			if c.From == "" {
				report("%s copies from the build context; only what the build stage made belongs into the image", c.String())
			}
		case *instructions.RunCommand, *instructions.AddCommand:
			report("%s in the last stage: the image has no shell and fetches nothing", command.Name())
		}
	}
	if !numericUser.MatchString(user) {
		report("USER is %q; name a user and a group other than root in figures", user)
	}
	if !entry {
		report("ENTRYPOINT is missing or needs a shell")
	}
	return found
}

// readIgnored reads what is kept out of the image's build.
func readIgnored(root fs.FS) (*patternmatcher.PatternMatcher, error) {
	text, err := fs.ReadFile(root, dockerignore)
	if err != nil {
		return nil, err
	}
	patterns, err := ignorefile.ReadAll(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dockerignore, err)
	}
	return patternmatcher.New(patterns)
}

// buildContext lists the files that `docker build` would see.
func buildContext(root fs.FS) ([]string, error) {
	ignored, err := readIgnored(root)
	if err != nil {
		return nil, err
	}
	var files []string
	err = fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || name == "." {
			return err
		}
		out, err := ignored.MatchesOrParentMatches(name)
		switch {
		case err == nil && out && entry.IsDir():
			return fs.SkipDir // none of our patterns takes anything back
		case err == nil && !out && !entry.IsDir():
			files = append(files, name)
		}
		return err
	})
	return files, err
}

// checkContext wants what the program is made of in the build, and nothing that is secret. That it is
// enough is shown by scripts/check-build, which builds from it.
func checkContext(root fs.FS) ([]string, error) {
	ignored, err := readIgnored(root)
	if err != nil {
		return nil, err
	}
	var found []string
	for name, wanted := range map[string]bool{
		"go.mod": true, "go.sum": true, "server.go": true, "scripts/build": true, "ent/client.go": true,
		"ent/migrate/migrations/postgres/0001_initial.sql": true,
		"data/mpauth.db": false, "deploy/secrets/wechat-secret": false, "deploy/.env": false, ".git/config": false,
		"internal/dev-keys.json": false, "web/node_modules/x/index.js": false,
	} {
		out, err := ignored.MatchesOrParentMatches(name)
		switch {
		case err != nil:
			return nil, fmt.Errorf("%s: %w", dockerignore, err)
		case out && wanted:
			found = append(found, fmt.Sprintf("%s: keeps %s out of the build", dockerignore, name))
		case !out && !wanted:
			found = append(found, fmt.Sprintf("%s: %s would be part of the build", dockerignore, name))
		}
	}
	slices.Sort(found)
	return found, nil
}
