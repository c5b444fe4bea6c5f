package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
)

// A source is one file of the repository.
type source struct {
	Path string // from the root of the repository, with slashes
	Text []byte
	Fset *token.FileSet
	AST  *ast.File // nil where it is not Go
}

// load reads every file that git tracks or would track.
func load(root string) ([]*source, error) {
	list := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate")
	list.Dir = root
	out, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("git ls-files: %w", err)
	}
	var files []*source
	for name := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		info, err := os.Lstat(filepath.Join(root, name))
		if os.IsNotExist(err) || err == nil && !info.Mode().IsRegular() {
			continue // deleted and not committed yet; links and submodules have no text of their own
		}
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			return nil, err
		}
		f, err := newSource(name, text)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
}

func newSource(name string, text []byte) (*source, error) {
	f := &source{Path: name, Text: text, Fset: token.NewFileSet()}
	if path.Ext(name) != ".go" {
		return f, nil
	}
	var err error
	// Patterns like "**/graph/*.go" want a folder in front, as the whole path of a file always has.
	f.AST, err = parser.ParseFile(f.Fset, "mpauth/"+name, text, parser.ParseComments|parser.SkipObjectResolution)
	return f, err
}

func (f *source) line(p token.Pos) int { return f.Fset.Position(p).Line }

func (f *source) isTest() bool { return strings.HasSuffix(f.Path, "_test.go") }

func (f *source) isGenerated() bool { return f.AST != nil && ast.IsGenerated(f.AST) }

func (f *source) isBinary() bool { return bytes.IndexByte(f.Text, 0) >= 0 }

// isProgram says whether the file is a main package, which is where a process may be ended and the
// real clock be read.
func (f *source) isProgram() bool { return f.AST != nil && f.AST.Name.Name == "main" }
