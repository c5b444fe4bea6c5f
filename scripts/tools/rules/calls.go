package main

import (
	"fmt"
	"go/ast"
	"path"
	"regexp"
	"slices"
	"strconv"
)

// A reserved call is one that most code has no business making. To name the function without calling
// it is allowed: that is how a constructor gives an absent clock its default.
type reserved struct {
	name  *regexp.Regexp // "import/path.Function"
	why   string
	where func(*source) bool
}

var calls = []reserved{{
	name:  regexp.MustCompile(`^time\.(Now|Since|Until)$`),
	why:   "take the clock as an argument (Now func() time.Time), so that a test can set it",
	where: func(f *source) bool { return !f.isTest() && !f.isProgram() },
}, {
	name:  regexp.MustCompile(`^time\.Sleep$`),
	why:   "wait for the event itself: a channel, a timer that stops with the context, or testing/synctest",
	where: func(f *source) bool { return !f.imports("testing/synctest") },
}, {
	name:  regexp.MustCompile(`^math/rand(/v2)?\.`),
	why:   "take the randomness as an argument; what protects something comes from crypto/rand",
	where: func(f *source) bool { return !f.isTest() && !f.isProgram() },
}, {
	name:  regexp.MustCompile(`^(fmt\.Print|fmt\.Printf|fmt\.Println|builtin\.print|builtin\.println)$`),
	why:   "write to the io.Writer or the slog.Logger that the caller gave",
	where: func(f *source) bool { return !f.isTest() && !f.isProgram() },
}, {
	name:  regexp.MustCompile(`^(os\.Exit|log\.(Fatal|Panic).*)$`),
	why:   "return an error; only main ends the process",
	where: func(f *source) bool { return !f.isTest() && !f.isProgram() },
}}

// checkCalls reports the calls that are reserved for others. Generated code is not ours to change.
func checkCalls(f *source) []finding {
	if f.AST == nil || f.isGenerated() {
		return nil
	}
	var found []finding
	names := f.importNames()
	ast.Inspect(f.AST, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		name := callee(call, names)
		for _, r := range calls {
			if name != "" && r.name.MatchString(name) && r.where(f) {
				found = append(found, finding{f.Path, f.line(call.Pos()), "call", fmt.Sprintf("%s: %s", name, r.why)})
			}
		}
		return true
	})
	return found
}

// callee is "import/path.Function" for a call of a package's function, "builtin.name" for a plain
// name, and empty for everything else.
func callee(call *ast.CallExpr, imports map[string]string) string {
	fun := ast.Unparen(call.Fun)
	switch generic := fun.(type) {
	case *ast.IndexExpr:
		fun = generic.X
	case *ast.IndexListExpr:
		fun = generic.X
	}
	switch fun := fun.(type) {
	case *ast.Ident:
		return "builtin." + fun.Name
	case *ast.SelectorExpr:
		if pkg, ok := fun.X.(*ast.Ident); ok && imports[pkg.Name] != "" {
			return imports[pkg.Name] + "." + fun.Sel.Name
		}
	}
	return ""
}

var majorVersion = regexp.MustCompile(`^v[0-9]+$`)

// importNames maps the names that the file calls its imports by to their paths.
func (f *source) importNames() map[string]string {
	names := map[string]string{}
	for _, spec := range f.AST.Imports {
		pkg, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue
		}
		name := path.Base(pkg)
		if majorVersion.MatchString(name) {
			name = path.Base(path.Dir(pkg))
		}
		if spec.Name != nil {
			name = spec.Name.Name
		}
		names[name] = pkg
	}
	return names
}

func (f *source) imports(pkg string) bool {
	return slices.ContainsFunc(f.AST.Imports, func(spec *ast.ImportSpec) bool {
		return spec.Path.Value == strconv.Quote(pkg)
	})
}
