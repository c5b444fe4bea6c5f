package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// mainModule stands for the program's own module among the others.
const mainModule = "program"

// goPackage is what `go list` says of a package.
type goPackage struct {
	ImportPath string
	Standard   bool
	Module     *struct {
		Path string
		Main bool
	}
	Imports   []string
	ImportMap map[string]string // where an import means another path, as below vendor
}

func (g goPackage) module() string {
	switch {
	case g.Standard || g.Module == nil:
		return standard
	case g.Module.Main:
		return mainModule
	}
	return g.Module.Path
}

// edges says which module imports which: for each module that takes part, the others that it needs.
func (p *program) edges() (map[string]map[string]bool, error) {
	packages, err := p.list()
	if err != nil {
		return nil, err
	}
	owner := map[string]string{"C": standard, "unsafe": standard}
	for _, g := range packages {
		owner[g.ImportPath] = g.module()
	}
	needs := map[string]map[string]bool{}
	for _, g := range packages {
		from := g.module()
		if needs[from] == nil {
			needs[from] = map[string]bool{}
		}
		for _, imported := range g.Imports {
			if other, renamed := g.ImportMap[imported]; renamed {
				imported = other
			}
			if to := owner[imported]; to != from && to != "" {
				needs[from][to] = true
			}
		}
	}
	return needs, nil
}

// list asks the go command for all packages that make up the program, on the platform and with the
// settings that the file was built with.
func (p *program) list() ([]goPackage, error) {
	list := exec.Command("go", "list", "-deps", "-json=ImportPath,Standard,Module,Imports,ImportMap", "-tags", p.setting("-tags"), ".")
	list.Dir = p.source
	list.Env = append(os.Environ(), "GOOS="+p.setting("GOOS"), "GOARCH="+p.setting("GOARCH"),
		"CGO_ENABLED="+p.setting("CGO_ENABLED"), "GOWORK=off")
	var problems strings.Builder
	list.Stderr = &problems
	out, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w: %s", err, problems.String())
	}
	var packages []goPackage
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var g goPackage
		if err := decoder.Decode(&g); errors.Is(err, io.EOF) {
			return packages, nil
		} else if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		packages = append(packages, g)
	}
}
