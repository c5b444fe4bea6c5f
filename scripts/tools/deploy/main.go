// Command deploy checks the files in deploy/ without what would run them: no Docker, no cluster, no
// systemd.
//
// Each kind of file is read by the code of those who will read it later: Docker's own linter, Compose's own
// loader, Kubernetes' own types and its own policy for pods. On top come the few rules that only this
// repository knows: that a grace period is longer than the drain, that a secret is a file, that every
// variable is a setting of mpauth. It runs from the root of the repository.
//
//	deploy                     # prints what is wrong
//	deploy settings KIND       # the environment that compose, kubernetes or systemd gives to mpauth
//	deploy context             # the files that the image is built from
package main

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
)

func main() {
	if err := run(os.DirFS("."), os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "deploy:", err)
		os.Exit(1)
	}
}

func run(root fs.FS, args []string, stdout io.Writer) error {
	var lines []string
	var err error
	switch {
	case len(args) == 0:
		lines, err = check(root)
		if err == nil && len(lines) > 0 {
			err = fmt.Errorf("%d problems", len(lines))
		}
	case args[0] == "settings" && len(args) == 2:
		lines, err = settings(root, args[1])
	case args[0] == "context" && len(args) == 1:
		lines, err = buildContext(root)
	default:
		err = fmt.Errorf("unknown command %q", args)
	}
	for _, line := range lines {
		fmt.Fprintln(stdout, line)
	}
	return err
}

// check applies all rules.
func check(root fs.FS) ([]string, error) {
	var all []string
	for _, rules := range []func(fs.FS) ([]string, error){
		checkDockerfile, checkContext, checkCompose, checkKubernetes, checkUnit, checkVariables, checkSecrets,
	} {
		found, err := rules(root)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// settings is the environment that a way of running mpauth gives to it, as NAME=value, sorted.
func settings(root fs.FS, kind string) ([]string, error) {
	var values map[string]string
	switch kind {
	case "compose":
		project, err := loadCompose(root)
		if err != nil {
			return nil, err
		}
		values = composeSettings(project.Services[replicas[0]])
	case "kubernetes":
		m, err := loadManifests(root)
		if err != nil {
			return nil, err
		}
		values = m.config(appName).Data
	case "systemd":
		u, err := loadUnit(root)
		if err != nil {
			return nil, err
		}
		values = u.environment
	default:
		return nil, fmt.Errorf("there is no %q", kind)
	}
	var lines []string
	for name, value := range values {
		lines = append(lines, name+"="+value)
	}
	slices.Sort(lines)
	return lines, nil
}
