package main

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/CycloneDX/cyclonedx-go"
	"github.com/google/uuid"
)

// standard is the standard library as a module, by the name that vulnerability databases use.
const standard = "std"

// bill is the whole bill of materials. Its serial number follows from the file.
func (p *program) bill() (*cyclonedx.BOM, error) {
	modules := p.modules()
	needs, err := p.edges()
	if err != nil {
		return nil, err
	}
	if err := agree(modules, needs); err != nil {
		return nil, err
	}
	licences, err := newLicences(p.source, modules)
	if err != nil {
		return nil, err
	}
	var components []cyclonedx.Component
	for _, path := range slices.Sorted(maps.Keys(modules)) {
		found, err := licences.of(modules[path])
		if err != nil {
			return nil, err
		}
		components = append(components, component(modules[path], found))
	}

	bom := cyclonedx.NewBOM()
	bom.SerialNumber = uuid.NewSHA1(uuid.NameSpaceOID, p.sum[:]).URN()
	bom.Metadata = &cyclonedx.Metadata{Timestamp: p.date, Component: p.component()}
	bom.Components = &components
	bom.Dependencies = p.dependencies(modules, needs)
	return bom, nil
}

// modules are the modules in the file by their path, the standard library among them.
func (p *program) modules() map[string]*debug.Module {
	all := map[string]*debug.Module{standard: {Path: standard, Version: strings.TrimPrefix(p.info.GoVersion, "go")}}
	for _, m := range p.info.Deps {
		all[m.Path] = m
		if m.Replace != nil {
			all[m.Path] = m.Replace
		}
	}
	return all
}

// agree compares what is in the file with what the source would put into it: a bill that was made from
// another commit than the file would be wrong in silence.
func agree(modules map[string]*debug.Module, needs map[string]map[string]bool) error {
	for path := range modules {
		if needs[path] == nil {
			return fmt.Errorf("the file holds %s, and the source does not need it: were they of one commit?", path)
		}
	}
	for path := range needs {
		if path != mainModule && modules[path] == nil {
			return fmt.Errorf("the source needs %s, and the file does not hold it: were they of one commit?", path)
		}
	}
	return nil
}

// component is the program itself.
func (p *program) component() *cyclonedx.Component {
	return &cyclonedx.Component{
		BOMRef: mainModule, Type: cyclonedx.ComponentTypeApplication, Name: p.info.Main.Path, Version: p.version,
		Hashes: &[]cyclonedx.Hash{{Algorithm: cyclonedx.HashAlgoSHA256, Value: hex.EncodeToString(p.sum[:])}},
		Properties: &[]cyclonedx.Property{
			{Name: "file", Value: p.name},
			{Name: "go", Value: p.info.GoVersion},
			{Name: "platform", Value: p.setting("GOOS") + "/" + p.setting("GOARCH")},
			{Name: "cgo", Value: p.setting("CGO_ENABLED")},
		},
	}
}

func component(m *debug.Module, found cyclonedx.Licenses) cyclonedx.Component {
	c := cyclonedx.Component{
		BOMRef: packageURL(m), Type: cyclonedx.ComponentTypeLibrary, Scope: cyclonedx.ScopeRequired,
		Name: m.Path, Version: m.Version, PackageURL: packageURL(m), Licenses: &found,
	}
	// What go.sum holds is a SHA-256 over the module's files, in base64 behind "h1:".
	if sum, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(m.Sum, "h1:")); err == nil && len(sum) > 0 {
		c.Hashes = &[]cyclonedx.Hash{{Algorithm: cyclonedx.HashAlgoSHA256, Value: hex.EncodeToString(sum)}}
	}
	return c
}

// packageURL is the module's name for scanners: the path in lower case, as the purl specification has
// it for Go.
func packageURL(m *debug.Module) string {
	return "pkg:golang/" + strings.ToLower(m.Path) + "@" + strings.ReplaceAll(m.Version, "+", "%2B")
}

func (p *program) dependencies(modules map[string]*debug.Module, needs map[string]map[string]bool) *[]cyclonedx.Dependency {
	reference := func(path string) string {
		if path == mainModule {
			return mainModule
		}
		return packageURL(modules[path])
	}
	var all []cyclonedx.Dependency
	for _, from := range slices.Sorted(maps.Keys(needs)) {
		on := []string{}
		for _, to := range slices.Sorted(maps.Keys(needs[from])) {
			on = append(on, reference(to))
		}
		all = append(all, cyclonedx.Dependency{Ref: reference(from), Dependencies: &on})
	}
	return &all
}
