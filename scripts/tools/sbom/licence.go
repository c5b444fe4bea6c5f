package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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
	known   *classifier.Classifier
	folders map[string]string // where each module's files are, by the module's path
}

func newLicences(source string, modules map[string]*debug.Module) (*licences, error) {
	known, err := assets.DefaultClassifier()
	if err != nil {
		return nil, fmt.Errorf("licences: %w", err)
	}
	folders, err := findFolders(source, modules)
	return &licences{known, folders}, err
}

var licenceFile = regexp.MustCompile(`(?i)^(licen[cs]e|copying)([.-].*)?$`)

// of returns what the licence files at the top of the module hold. A module without one is an error:
// nobody may pass it on.
func (l *licences) of(m *debug.Module) (cyclonedx.Licenses, error) {
	folder := l.folders[m.Path]
	names := map[string]bool{}
	err := fs.WalkDir(os.DirFS(folder), ".", func(path string, entry fs.DirEntry, err error) error {
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

// findFolders asks where the files of all modules are, and has those downloaded that are not there yet.
func findFolders(source string, modules map[string]*debug.Module) (map[string]string, error) {
	args := []string{"mod", "download", "-json"}
	for _, m := range modules {
		if m.Path != standard {
			args = append(args, m.Path+"@"+m.Version)
		}
	}
	list := exec.Command("go", args...)
	list.Dir = source
	out, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("go mod download: %w", err)
	}
	folders := map[string]string{}
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var m struct{ Path, Dir string }
		if err := decoder.Decode(&m); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("go mod download: %w", err)
		}
		folders[m.Path] = m.Dir
	}
	root, err := exec.Command("go", "env", "GOROOT").Output()
	folders[standard] = strings.TrimSpace(string(root))
	return folders, err
}
