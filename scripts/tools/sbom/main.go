// Command sbom writes the bill of materials of a Go program: which modules are in the file, in which
// versions, with which licences, and which of them needs which.
//
// It asks the file itself. What the linker has noted there is what was built in, and nothing else: no
// test dependency, no module that only another platform compiles. The source is asked only for the edges
// between the modules. The same file gives the same bill, byte for byte.
//
//	sbom -version v1.2.3 -source . FILE >FILE.cdx.json
package main

import (
	"crypto/sha256"
	"debug/buildinfo"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/CycloneDX/cyclonedx-go"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "sbom:", err)
		os.Exit(1)
	}
}

func run(args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("sbom", flag.ContinueOnError)
	version := flags.String("version", "", "version of the program")
	date := flags.String("date", "", "when its source was made, as in RFC 3339; none where it is not known")
	source := flags.String("source", ".", "folder of the package that the file was built from")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 1 {
		return fmt.Errorf("name one file, not %d", flags.NArg())
	}
	p, err := readProgram(flags.Arg(0))
	if err != nil {
		return err
	}
	p.version, p.date, p.source = *version, *date, *source
	bom, err := p.bill()
	if err != nil {
		return err
	}
	return cyclonedx.NewBOMEncoder(stdout, cyclonedx.BOMFileFormatJSON).SetPretty(true).SetEscapeHTML(false).
		EncodeVersion(bom, cyclonedx.SpecVersion1_6)
}

// A program is a file that Go built, and what is known of it.
type program struct {
	name                  string
	sum                   [sha256.Size]byte // of the file
	info                  *buildinfo.BuildInfo
	version, date, source string
}

func readProgram(path string) (*program, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return &program{name: filepath.Base(path), sum: sha256.Sum256(content), info: info}, nil
}

// setting is one of the settings that the program was built with, such as GOOS.
func (p *program) setting(key string) string {
	for _, s := range p.info.Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}
