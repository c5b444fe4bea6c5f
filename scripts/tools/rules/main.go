// Command rules checks what neither the compiler nor a linter of others knows about this repository:
// which package may import which, which calls are reserved, how long things may grow, and what no
// text may contain.
//
// It reads source files and never compiles them, so it takes no longer than a second, sees every
// build tag, and speaks up while half of the code does not build. It runs from the root of the
// repository, prints one line per finding and exits with 1 where there is one.
package main

import (
	"cmp"
	"fmt"
	"os"
	"slices"
)

// A finding is one place where the repository breaks one rule.
type finding struct {
	Path string // from the root of the repository
	Line int
	Rule string
	Text string // what is wrong, and what to do instead
}

func (f finding) String() string {
	return fmt.Sprintf("%s:%d: %s [%s]", f.Path, f.Line, f.Text, f.Rule)
}

func main() {
	findings, err := check(".")
	if err != nil {
		fmt.Fprintln(os.Stderr, "rules:", err)
		os.Exit(2)
	}
	for _, f := range findings {
		fmt.Println(f)
	}
	if len(findings) > 0 {
		os.Exit(1)
	}
}

// check applies all rules to the repository in root.
func check(root string) ([]finding, error) {
	files, err := load(root)
	if err != nil {
		return nil, err
	}
	arrows, err := readArrows(root)
	if err != nil {
		return nil, err
	}
	excuses, err := readExcuses(root)
	if err != nil {
		return nil, err
	}
	var all []finding
	for _, f := range files {
		all = append(all, arrows.check(f)...)
		all = append(all, checkCalls(f)...)
		all = append(all, checkText(f)...)
		all = append(all, checkFormat(f)...)
	}
	all = append(all, arrows.checkRooms(files)...)
	all = append(all, checkComments(files)...)
	all = append(all, excuses.check(files)...)
	slices.SortStableFunc(all, func(a, b finding) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Line, b.Line))
	})
	return all, nil
}
