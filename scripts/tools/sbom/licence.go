package main

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/CycloneDX/cyclonedx-go"
	classifier "github.com/google/licenseclassifier/v2"
	"github.com/google/licenseclassifier/v2/assets"
)

// licences finds the licences of modules by reading their licence files.
type licences struct {
	known  *classifier.Classifier
	source string
}

func newLicences(source string) (*licences, error) {
	known, err := assets.DefaultClassifier()
	if err != nil {
		return nil, fmt.Errorf("licences: %w", err)
	}
	return &licences{known, source}, nil
}

var licenceFile = regexp.MustCompile(`(?i)^(licen[cs]e|copying)([.-].*)?$`)

// of returns what the licence files at the top of the module hold. A module without one is an error:
// nobody may pass it on.
func (l *licences) of(m *debug.Module) (cyclonedx.Licenses, error) {
	folder, err := l.folder(m)
	if err != nil {
		return nil, err
	}
	names := map[string]bool{}
	err = fs.WalkDir(os.DirFS(folder), ".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != ".":
			return fs.SkipDir
		case entry.IsDir() || !licenceFile.MatchString(path):
			return nil
		}
		text, err := os.ReadFile(filepath.Join(folder, path))
		for _, match := range l.known.Match(text).Matches {
			if match.MatchType == "License" {
				names[match.Name] = true
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	var found cyclonedx.Licenses
	for name := range names {
		found = append(found, cyclonedx.LicenseChoice{License: &cyclonedx.License{
			ID: name, Acknowledgement: cyclonedx.LicenseAcknowledgementConcluded,
		}})
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("no licence found in %s %s", m.Path, m.Version)
	}
	slices.SortFunc(found, func(a, b cyclonedx.LicenseChoice) int { return strings.Compare(a.License.ID, b.License.ID) })
	return found, nil
}

// folder is where the module's files are, downloaded if need be.
func (l *licences) folder(m *debug.Module) (string, error) {
	args := []string{"mod", "download", "-json", m.Path + "@" + m.Version}
	if m.Path == standard {
		args = []string{"env", "-json", "GOROOT"}
	}
	command := exec.Command("go", args...)
	command.Dir = l.source
	out, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w", strings.Join(args, " "), err)
	}
	var found struct{ Dir, GOROOT string }
	if err := json.Unmarshal(out, &found); err != nil {
		return "", fmt.Errorf("go %s: %w", strings.Join(args, " "), err)
	}
	return found.Dir + found.GOROOT, nil
}
