package main

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
)

const (
	composeFile = "deploy/compose.yaml"
	exampleEnv  = "deploy/compose/example.env"
)

// replicas are the services that serve.
var replicas = []string{"mpauth-1", "mpauth-2"}

// loadCompose reads the file as `docker compose config` does, with the settings of the example: the
// schema of the Compose specification, references between services, networks, volumes and secrets.
func loadCompose(root fs.FS) (*types.Project, error) {
	text, err := fs.ReadFile(root, composeFile)
	if err != nil {
		return nil, err
	}
	example, err := root.Open(exampleEnv)
	if err != nil {
		return nil, err
	}
	defer example.Close()
	environment, err := dotenv.Parse(example)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", exampleEnv, err)
	}
	project, err := loader.LoadWithContext(context.Background(), types.ConfigDetails{
		WorkingDir: "deploy", Environment: environment,
		ConfigFiles: []types.ConfigFile{{Filename: composeFile, Content: text}},
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", composeFile, err)
	}
	return project, nil
}

func composeSettings(service types.ServiceConfig) map[string]string {
	values := map[string]string{}
	for name, value := range service.Environment {
		if value != nil {
			values[name] = *value
		}
	}
	return values
}

// secretName is how a variable is called that holds a secret itself, not the file with it.
var secretName = regexp.MustCompile(`(?i)(secret|password|token|_key|database_url)$`)

func checkCompose(root fs.FS) ([]string, error) {
	project, err := loadCompose(root)
	if err != nil {
		return []string{err.Error()}, nil
	}
	var found []string
	for _, name := range slices.Sorted(maps.Keys(project.Services)) {
		for _, problem := range checkService(project.Services[name]) {
			found = append(found, fmt.Sprintf("%s: service %s: %s", composeFile, name, problem))
		}
	}
	for _, name := range replicas {
		service, exists := project.Services[name]
		if !exists || service.StopGracePeriod == nil {
			found = append(found, fmt.Sprintf("%s: service %s has no stop_grace_period", composeFile, name))
			continue
		}
		found = append(found, checkGrace(composeFile+": service "+name, time.Duration(*service.StopGracePeriod), 0, composeSettings(service))...)
	}
	return found, nil
}

// checkService wants of every service what keeps a hole in it from being one in the machine.
func checkService(s types.ServiceConfig) []string {
	var found []string
	report := func(wrong bool, format string, args ...any) {
		if wrong {
			found = append(found, fmt.Sprintf(format, args...))
		}
	}
	if s.Build == nil {
		found = append(found, checkImageName("image", s.Image)...)
	}
	report(!s.ReadOnly, "its root is not read_only")
	report(s.Privileged, "it is privileged")
	report(!slices.Contains(s.CapDrop, "ALL"), "it does not drop all capabilities first")
	report(!slices.Contains(s.SecurityOpt, "no-new-privileges:true"), "it may gain privileges")
	report(s.MemLimit == 0, "no mem_limit: it could take the whole machine")
	report(s.PidsLimit == 0, "no pids_limit")
	report(s.Restart == "", "nothing says whether it is started again")
	report(len(s.Ports) > 0 && s.Name != "proxy", "it publishes a port beside the proxy")
	for name := range s.Environment {
		report(secretName.MatchString(name), "%s is in the environment; name a file", name)
	}
	for _, volume := range s.Volumes {
		report(strings.Contains(volume.Source, "docker.sock"), "it controls Docker")
	}
	return found
}
