package config

import (
	"cmp"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
)

// What scripts/build has the linker write here. A release does not look at git while it is compiled, so
// that the same sources give the same bytes in a checkout, in a container and in an unpacked archive.
var version, commit string

// Version is the version of this program and the commit that it was built from. A program that
// `go build` made takes them from git.
func Version() (string, string) {
	version, commit := version, commit
	if info, ok := debug.ReadBuildInfo(); ok {
		version = cmp.Or(version, info.Main.Version)
		commit = cmp.Or(commit, revision(info))
	}
	return cmp.Or(version, "(devel)"), cmp.Or(commit, "unknown")
}

// writeVersion says what this program is, with the Go that built it, and for which platform.
func writeVersion(w io.Writer) error {
	version, commit := Version()
	_, err := fmt.Fprintf(w, "mpauth %s (commit %s, %s %s/%s)\n", version, commit, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}

// revision is the commit that go build found in the checkout, with a remark where files had changed.
func revision(info *debug.BuildInfo) string {
	found, changed := "", ""
	for _, setting := range info.Settings {
		switch {
		case setting.Key == "vcs.revision":
			found = setting.Value
		case setting.Key == "vcs.modified" && setting.Value == "true":
			changed = "-dirty"
		}
	}
	if found == "" {
		return ""
	}
	return found + changed
}
