// Package e2e_test owns the proof that the program as a whole keeps its promises: it builds the binary
// once and drives it from outside, as child processes over HTTP, beside the WeChat that the binary plays.
//
// Nothing here reaches into the program, because a crash, a cut wire or a second process is only real
// from outside. Each test has databases and directories of its own and runs beside the others; what
// takes time is waited for by its effect, never by the clock.
package e2e_test

import (
	"context"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// program is the binary under test, built with the race detector where the tests are.
var program string

func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "mpauth-e2e")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	program = filepath.Join(dir, "mpauth")
	if err := build(program); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if err := os.Chmod(dir, 0o755); err != nil { // one test runs the program as somebody else
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	// The tests wait for other processes far more than they compute.
	flag.Parse()
	if err := flag.Set("test.parallel", "8"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

func build(path string) error {
	if err := watchSources("../.."); err != nil {
		return err
	}
	args := []string{"build", "-o", path}
	if raceEnabled {
		args = append(args, "-race")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, "go", append(args, "mpauth")...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("build mpauth: %w\n%s", err, out)
	}
	return nil
}

// watchSources looks at the files that the binary is made of. `go test` remembers what a test has
// looked at, and would otherwise report an old result after a change of the server.
func watchSources(root string) error {
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() && path != root && (strings.HasPrefix(name, ".") || name == "node_modules" || name == "data") {
			return filepath.SkipDir
		}
		if filepath.Ext(name) == ".go" || filepath.Ext(name) == ".sql" || name == "go.sum" {
			_, err = os.Stat(path)
		}
		return err
	})
}
