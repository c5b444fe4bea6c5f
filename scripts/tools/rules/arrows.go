package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/OpenPeeDeeP/depguard/v2"
	"go.yaml.in/yaml/v3"
	"golang.org/x/tools/go/analysis"
)

// arrowsFile is the usual name, so that an editor's depguard finds it too.
const arrowsFile = ".depguard.yaml"

// arrows are depguard's rules for who may import whom.
type arrows struct {
	settings depguard.LinterSettings
	analyzer *analysis.Analyzer
}

func readArrows(root string) (*arrows, error) {
	text, err := os.ReadFile(filepath.Join(root, arrowsFile))
	if err != nil {
		return nil, err
	}
	a := &arrows{}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true) // a misspelt "files" would be a rule for every file
	if err := decoder.Decode(&a.settings); err != nil {
		return nil, fmt.Errorf("%s: %w", arrowsFile, err)
	}
	if a.analyzer, err = depguard.NewAnalyzer(&a.settings); err != nil {
		return nil, fmt.Errorf("%s: %w", arrowsFile, err)
	}
	return a, nil
}

// check reports each import of the file that a rule forbids.
func (a *arrows) check(f *source) []finding {
	if f.AST == nil || strings.HasPrefix(f.Path, "scripts/") { // scripts has a module of its own
		return nil
	}
	var found []finding
	_, err := a.analyzer.Run(&analysis.Pass{
		Analyzer: a.analyzer,
		Fset:     f.Fset,
		Files:    []*ast.File{f.AST},
		Report: func(d analysis.Diagnostic) {
			what, why, _ := strings.Cut(d.Message, " is not allowed from list ")
			rule, why, _ := strings.Cut(why, ": ")
			found = append(found, finding{
				Path: f.Path, Line: f.line(d.Pos), Rule: strings.Trim(rule, "'"), Text: what + ": " + why,
			})
		},
	})
	if err != nil { // the analyzer has no way to fail once its settings are compiled
		panic(err)
	}
	return found
}

// refusedBy names the rules that keep a file at this path from importing the package.
func (a *arrows) refusedBy(file, pkg string) []string {
	f, err := newSource(file, fmt.Appendf(nil, "package p\n\nimport _ %q\n", pkg))
	if err != nil {
		panic(err)
	}
	var rules []string
	for _, found := range a.check(f) {
		rules = append(rules, found.Rule)
	}
	return rules
}

// checkRooms reports the folders below the root for which no rule, or more than one, says what of
// ours they may import. Such a folder would be free to import anything.
func (a *arrows) checkRooms(files []*source) []finding {
	var found []finding
	seen := map[string]bool{".": true}
	for _, f := range files {
		dir := path.Dir(f.Path)
		if f.AST == nil || f.isTest() || seen[dir] || strings.HasPrefix(f.Path, "scripts/") {
			continue
		}
		seen[dir] = true
		rules := a.refusedBy(path.Join(dir, "new.go"), "mpauth/new")
		if len(rules) != 1 {
			found = append(found, finding{f.Path, 1, "room", fmt.Sprintf(
				"%d rules of %s say what of ours this package may import, not one; a package that needs nothing of ours is a leaf",
				len(rules), arrowsFile)})
		}
	}
	return found
}
