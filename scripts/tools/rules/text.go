package main

import (
	"bytes"
	"fmt"
	"go/format"
	"path"
	"regexp"
	"unicode"
	"unicode/utf8"
)

// machinePath is a path that exists on somebody's machine and nowhere else.
var machinePath = regexp.MustCompile(`(?:^|[^\w.-])(/(?:home|root|work|workspace|Users)/\S*)`)

// checkText reports what no text of the repository may contain.
func checkText(f *source) []finding {
	if f.isBinary() {
		return nil
	}
	var found []finding
	report := func(line int, format string, args ...any) {
		found = append(found, finding{f.Path, line, "text", fmt.Sprintf(format, args...)})
	}
	for i, line := range bytes.Split(f.Text, []byte("\n")) {
		if m := machinePath.FindSubmatch(line); m != nil {
			report(i+1, "%s is a path of one machine", m[1])
		}
		for at, r := range string(line) {
			if _, size := utf8.DecodeRune(line[at:]); r == utf8.RuneError && size == 1 {
				report(i+1, "byte %#02x is not UTF-8", line[at])
			} else if isUnseen(r) {
				report(i+1, "invisible character %U; write it as an escape", r)
			}
		}
	}
	return found
}

// isUnseen says whether a reader cannot see the character. Some of them make a line mean something
// other than what it shows. The joiner U+200D stays, because emoji need it.
func isUnseen(r rune) bool {
	return r != '\t' && r != '\u200d' && unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
}

// checkFormat reports a Go file that gofmt would change.
func checkFormat(f *source) []finding {
	if f.AST == nil {
		return nil
	}
	if formatted, err := format.Source(f.Text); err == nil && bytes.Equal(formatted, f.Text) {
		return nil
	}
	return []finding{{f.Path, 1, "format", "run gofmt -w on it"}}
}

// checkComments reports packages of hand-written code in which no file says what the package owns.
func checkComments(files []*source) []finding {
	first, said := map[string]*source{}, map[string]bool{}
	for _, f := range files {
		if f.AST == nil || f.isTest() || f.isGenerated() {
			continue
		}
		dir := path.Dir(f.Path)
		said[dir] = said[dir] || f.AST.Doc != nil
		if first[dir] == nil {
			first[dir] = f
		}
	}
	var found []finding
	for dir, f := range first {
		if !said[dir] {
			found = append(found, finding{f.Path, 1, "comment", "no file says in a package comment what the package owns"})
		}
	}
	return found
}
