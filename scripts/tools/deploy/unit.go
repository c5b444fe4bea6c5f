package main

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
)

const unitFile = "deploy/systemd/mpauth.service"

// A unit is what the rules look at in the service's file. That systemd can read it, and how far it shuts
// the service in, is asked of systemd itself; see scripts/lint-deploy.
type unit struct {
	service     map[string][]string // the settings of [Service], in order
	environment map[string]string   // with what the example of its EnvironmentFile adds
}

func loadUnit(root fs.FS) (*unit, error) {
	text, err := fs.ReadFile(root, unitFile)
	if err != nil {
		return nil, err
	}
	u := &unit{service: map[string][]string{}, environment: map[string]string{}}
	section := ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		key, value, isSetting := strings.Cut(line, "=")
		switch {
		case strings.HasPrefix(line, "["):
			section = line
		case isSetting && section == "[Service]" && !strings.HasPrefix(line, "#"):
			u.service[key] = append(u.service[key], value)
		}
	}
	for _, assignments := range u.service["Environment"] {
		u.assign(strings.Fields(assignments))
	}
	for _, file := range u.service["EnvironmentFile"] {
		example, err := fs.ReadFile(root, path.Join("deploy/systemd", path.Base(file)))
		if err != nil {
			return nil, err
		}
		u.assign(strings.Split(string(example), "\n"))
	}
	return u, nil
}

func (u *unit) assign(assignments []string) {
	for _, assignment := range assignments {
		if name, value, ok := strings.Cut(assignment, "="); ok && !strings.HasPrefix(name, "#") {
			u.environment[name] = value
		}
	}
}

// checkUnit wants each file that the environment names to be handed over, and time to end.
func checkUnit(root fs.FS) ([]string, error) {
	u, err := loadUnit(root)
	if err != nil {
		return nil, err
	}
	var found, credentials []string
	for _, credential := range u.service["LoadCredential"] {
		id, _, _ := strings.Cut(credential, ":")
		credentials = append(credentials, id)
	}
	for name, value := range u.environment {
		if id, ok := strings.CutPrefix(value, "%d/"); ok && !slices.Contains(credentials, id) {
			found = append(found, fmt.Sprintf("%s: %s names a credential that no LoadCredential hands over", unitFile, name))
		}
		if secretName.MatchString(name) {
			found = append(found, fmt.Sprintf("%s: %s is in the environment; use LoadCredential", unitFile, name))
		}
	}
	slices.Sort(found)
	stop, err := time.ParseDuration(strings.Join(u.service["TimeoutStopSec"], ""))
	if err != nil {
		return append(found, unitFile+": TimeoutStopSec is missing or no duration such as 35s"), nil
	}
	return append(found, checkGrace(unitFile, stop, 0, u.environment)...), nil
}
