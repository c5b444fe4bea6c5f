package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"os"
	"path"
	"path/filepath"
	"strings"
)

const (
	maxFile     = 400 // lines
	maxFunction = 60  // lines, from "func" to the closing brace
	excusesFile = "scripts/long.txt"
)

// excuses say why a long file or function stays long, by "path" or "path:Function".
type excuses map[string]string

// readExcuses reads lines of a name, spaces, and a reason.
func readExcuses(root string) (excuses, error) {
	text, err := os.ReadFile(filepath.Join(root, excusesFile))
	if err != nil {
		return nil, err
	}
	e := excuses{}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, why, _ := strings.Cut(line, " ")
		if why = strings.TrimSpace(why); why == "" {
			return nil, fmt.Errorf("%s: %s has no reason", excusesFile, name)
		}
		e[name] = why
	}
	return e, nil
}

// check reports what is too long without an excuse, and excuses that nothing needs.
func (e excuses) check(files []*source) []finding {
	var found []finding
	used := map[string]bool{}
	for _, f := range files {
		for name, long := range tooLong(f) {
			used[name] = true
			if e[name] == "" {
				found = append(found, long)
			}
		}
	}
	for name := range e {
		if !used[name] {
			found = append(found, finding{excusesFile, 1, "length", name + " is not too long any more; remove its line"})
		}
	}
	return found
}

// tooLong finds the file and the functions of it that exceed the budget. Functions of tests are not
// counted: a table of cases is long without being hard.
func tooLong(f *source) map[string]finding {
	ext := path.Ext(f.Path)
	if (ext != ".go" && ext != ".ts") || f.isGenerated() {
		return nil
	}
	found := map[string]finding{}
	report := func(name string, line, lines, most int) {
		found[name] = finding{f.Path, line, "length", fmt.Sprintf(
			"%d lines, at most %d: make it two things, or give a reason for %s in %s", lines, most, name, excusesFile)}
	}
	if lines := bytes.Count(f.Text, []byte("\n")); lines > maxFile {
		report(f.Path, 1, lines, maxFile)
	}
	if f.AST == nil || f.isTest() {
		return found
	}
	for _, decl := range f.AST.Decls {
		if fn, ok := decl.(*ast.FuncDecl); ok {
			if lines := f.line(fn.End()) - f.line(fn.Pos()); lines > maxFunction {
				report(f.Path+":"+fn.Name.Name, f.line(fn.Pos()), lines, maxFunction)
			}
		}
	}
	return found
}
