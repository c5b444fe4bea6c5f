package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"mpauth/internal/config"
	"mpauth/internal/fault"
)

// The two READMEs say the same things to different readers.
var readmes = []string{"README.md", "README.zh-CN.md"}

func readText(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(text)
}

// table returns the rows of Markdown tables whose first cell is code that matches the pattern, by that code.
func table(text, pattern string) map[string]string {
	rows := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `("+pattern+")` \\|(.*)$").FindAllStringSubmatch(text, -1) {
		rows[row[1]] = row[2]
	}
	return rows
}

func TestReadmeListsEverySetting(t *testing.T) {
	t.Parallel()
	var help bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"--help"}, nil, &help, io.Discard))
	// A setting's name, then everything up to the default, which is literal when it is one word.
	settings := regexp.MustCompile(`(?s)\b(MPAUTH_[A-Z_]+)(?:=on\|off)?\n.*?\(Default:\s+(.*?)\)`)
	found := settings.FindAllStringSubmatch(help.String(), -1)
	require.Greater(t, len(found), 20)
	for _, readme := range readmes {
		rows := table(readText(t, readme), "MPAUTH_[A-Z_]+")
		for _, setting := range found {
			name, otherwise, _ := strings.Cut(setting[1]+"\t"+setting[2], "\t")
			require.Contains(t, rows, name, "%s does not list it", readme)
			otherwise, _, _ = strings.Cut(otherwise, ";")
			if !strings.ContainsAny(otherwise, " \n") && otherwise != "none" {
				require.Contains(t, rows[name], "`"+otherwise+"`", "%s: default of %s", readme, name)
			}
			delete(rows, name)
		}
		require.Empty(t, rows, "%s lists settings that there are not", readme)
	}
}

func TestReadmeListsEveryErrorCode(t *testing.T) {
	t.Parallel()
	for _, readme := range readmes {
		rows := table(readText(t, readme), "[A-Z]+(?:_[A-Z]+)*")
		for _, c := range fault.Codes() {
			require.Regexp(t, "^ "+string(c.Action())+" ", rows[string(c)], "%s: %s", readme, c)
		}
	}
}

// blocks returns the code blocks of a language.
func blocks(text, language string) []string {
	var found []string
	for _, block := range regexp.MustCompile("(?ms)^ *```"+language+"\n(.*?)^ *```$").FindAllStringSubmatch(text, -1) {
		found = append(found, block[1])
	}
	return found
}

// session returns the shell session of a README, and what it says that the answers are.
func session(t *testing.T, readme string) (script string, answers []string) {
	t.Helper()
	found := slices.DeleteFunc(blocks(readText(t, readme), "sh"), func(block string) bool { return !strings.Contains(block, "silentLogin") })
	require.Len(t, found, 1, readme)
	for line := range strings.Lines(found[0]) {
		if answer, ok := strings.CutPrefix(strings.TrimSpace(line), "# => "); ok {
			answers = append(answers, answer)
		} else if !strings.HasPrefix(line, "#") {
			script += line
		}
	}
	return script, answers
}

func TestReadmeSessionWorksAsPrinted(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"sh", "curl"} {
		if _, err := exec.LookPath(tool); err != nil && os.Getenv("CI") != "true" {
			t.Skipf("the session needs %s", tool)
		}
	}
	script, answers := session(t, readmes[0])
	require.NotEmpty(t, answers)
	for _, readme := range readmes[1:] {
		otherScript, otherAnswers := session(t, readme)
		require.Equal(t, script, otherScript, "%s shows another session than %s", readme, readmes[0])
		require.Equal(t, answers, otherAnswers)
	}
	const printed = "http://127.0.0.1:8080"
	require.Contains(t, script, printed)
	script = strings.ReplaceAll(script, printed, startServer(t))

	output, err := exec.CommandContext(t.Context(), "sh", "-eu", "-c", script).CombinedOutput()
	require.NoError(t, err, "%s", output)
	require.Equal(t, answers, strings.Split(strings.TrimSpace(string(output)), "\n"))
}

// startServer runs the whole program as `go run .` does, but with its data elsewhere, and returns its address.
func startServer(t *testing.T) string {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	banner, stdout := io.Pipe()
	ended := make(chan error, 1)
	data := t.TempDir() // before the server, so that it is removed after it has ended
	go func() {
		err := run(ctx, nil, []string{"MPAUTH_LISTEN=127.0.0.1:0", "MPAUTH_DATA=" + data}, stdout, io.Discard)
		_ = stdout.CloseWithError(io.EOF)
		ended <- err
	}()
	t.Cleanup(func() {
		stop()
		_ = banner.Close()
		require.NoError(t, <-ended)
	})
	lines := bufio.NewScanner(banner)
	for lines.Scan() {
		if fields := strings.Fields(lines.Text()); len(fields) == 2 && fields[0] == "GraphQL" {
			go func() { _, _ = io.Copy(io.Discard, banner) }()
			return strings.TrimSuffix(fields[1], "/graphql")
		}
	}
	require.Fail(t, "the server ended without telling its address")
	return ""
}

func TestReadmeAppsFileIsRead(t *testing.T) {
	t.Parallel()
	for _, readme := range readmes {
		found := blocks(readText(t, readme), "yaml")
		require.Len(t, found, 1, readme)
		dir := t.TempDir()
		require.NoError(t, os.Mkdir(filepath.Join(dir, "secrets"), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "secrets", "shop"), []byte("one secret\n"), 0o600))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "apps.yaml"), []byte(found[0]), 0o600))
		environ := []string{"MPAUTH_CONFIG=" + filepath.Join(dir, "apps.yaml"), "CLUB_SECRET=another secret"}
		c, err := config.Parse(nil, environ, io.Discard)
		require.NoError(t, err, readme)
		require.Empty(t, c.Warnings, readme)
		require.Len(t, c.Apps, 2)
	}
}

// documents are the files that people read, with the folder that their links start from.
func documents(t *testing.T) []string {
	t.Helper()
	top, err := filepath.Glob("*.md")
	require.NoError(t, err)
	below, err := filepath.Glob("docs/*.md")
	require.NoError(t, err)
	return append(top, below...)
}

func TestDocumentsNameOnlyWhatExists(t *testing.T) {
	t.Parallel()
	tests := testNames(t)
	link := regexp.MustCompile(`\]\(([^)#]+)[^)]*\)`)
	path := regexp.MustCompile("`((?:docs|ent|graph|internal|schema|scripts)/[\\w./*-]*)`")
	test := regexp.MustCompile(`\b(?:Test|Fuzz)[A-Z]\w+`)
	for _, document := range documents(t) {
		text := readText(t, document)
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			require.NotContains(t, m[1], "://", "%s: link to the outside", document)
			require.FileExists(t, existing(filepath.Join(filepath.Dir(document), m[1])), "%s: %s", document, m[1])
		}
		for _, m := range path.FindAllStringSubmatch(text, -1) {
			matches, err := filepath.Glob(m[1])
			require.NoError(t, err)
			require.NotEmpty(t, matches, "%s: %s", document, m[1])
		}
		for _, name := range test.FindAllString(text, -1) {
			require.Contains(t, tests, name, "%s: there is no such test", document)
		}
		for line := range strings.Lines(text) {
			require.LessOrEqual(t, utf8.RuneCountInString(strings.TrimSpace(line)), 120, "%s: %s", document, line)
		}
	}
}

// existing stands for a folder by a file in it.
func existing(path string) string {
	inside, err := filepath.Glob(filepath.Join(path, "*"))
	for err == nil && len(inside) > 0 {
		path = inside[len(inside)-1]
		inside, err = filepath.Glob(filepath.Join(path, "*"))
	}
	return path
}

// testNames are the names of all tests of the repository.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	names := map[string]bool{}
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != "." && strings.HasPrefix(entry.Name(), "."):
			return filepath.SkipDir
		case entry.IsDir() || !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(path)
		for _, m := range declared.FindAllStringSubmatch(string(text), -1) {
			names[m[1]] = true
		}
		return err
	})
	require.NoError(t, err)
	return names
}
