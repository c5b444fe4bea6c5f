package main

import (
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
)

// helpFile is what `mpauth --help` prints; a test of internal/config keeps it so.
const helpFile = "internal/config/testdata/help.txt"

var variable = regexp.MustCompile(`\bMPAUTH_[A-Z0-9_]*[A-Z0-9]\b`)

// notSettings are what Kubernetes would make of our Service; a comment speaks of it.
var notSettings = []string{"MPAUTH_PORT"}

// checkVariables wants every variable of ours in deploy/ to be one that mpauth knows.
func checkVariables(root fs.FS) ([]string, error) {
	help, err := fs.ReadFile(root, helpFile)
	if err != nil {
		return nil, err
	}
	known := append(variable.FindAllString(string(help), -1), notSettings...)
	var found []string
	err = eachFile(root, func(name, text string) {
		for i, line := range strings.Split(text, "\n") {
			for _, used := range variable.FindAllString(line, -1) {
				if !slices.Contains(known, used) {
					found = append(found, fmt.Sprintf("%s:%d: %s is no setting of mpauth", name, i+1, used))
				}
			}
		}
	})
	return found, err
}

// secretValue is a value that should be in no file here: an AppSecret, a key, a URL with a password.
var secretValue = regexp.MustCompile(`\b[0-9a-f]{32}\b|-----BEGIN|://[^\s:/@]+:[A-Za-z0-9%._~-]{4,}@|^kind: Secret\b`)

// checkSecrets wants no secret in deploy/, not even one to be replaced: it would be forgotten.
func checkSecrets(root fs.FS) ([]string, error) {
	var found []string
	err := eachFile(root, func(name, text string) {
		for i, line := range strings.Split(text, "\n") {
			if secretValue.MatchString(line) {
				found = append(found, fmt.Sprintf("%s:%d: this looks like a secret; name the file that holds it", name, i+1))
			}
		}
	})
	return found, err
}

// eachFile reads the files of deploy/, but not what compose/make-secrets has made there.
func eachFile(root fs.FS, visit func(name, text string)) error {
	return fs.WalkDir(root, "deploy", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name == "deploy/secrets":
			return fs.SkipDir
		case entry.IsDir() || name == "deploy/.env":
			return nil
		}
		text, err := fs.ReadFile(root, name)
		if err == nil {
			visit(name, string(text))
		}
		return err
	})
}
