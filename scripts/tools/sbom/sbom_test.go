package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/CycloneDX/cyclonedx-go"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
)

// build makes this very program, which has dependencies enough.
func build(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sbom")
	out, err := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-o", path, ".").CombinedOutput()
	require.NoError(t, err, "%s", out)
	return path
}

func bill(t *testing.T, path, source string) []byte {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, run([]string{"-version", "v1.2.3", "-date", "2026-01-02T03:04:05Z", "-source", source, path}, &out))
	return out.Bytes()
}

func TestBillFollowsTheSchemaAndTheFile(t *testing.T) {
	t.Parallel()
	path := build(t)
	text := bill(t, path, ".")
	require.Equal(t, string(text), string(bill(t, path, ".")), "the same file gave two bills")

	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(t, err)
	require.NoError(t, schema(t).Validate(document))

	var bom cyclonedx.BOM
	require.NoError(t, json.Unmarshal(text, &bom))
	found := map[string]cyclonedx.Component{}
	for _, c := range *bom.Components {
		found[c.Name] = c
	}
	require.Contains(t, found, standard)
	require.NotContains(t, found, "github.com/stretchr/testify", "it is in no program")
	own := found["github.com/CycloneDX/cyclonedx-go"]
	require.Equal(t, "pkg:golang/github.com/cyclonedx/cyclonedx-go@"+own.Version, own.PackageURL)
	require.Equal(t, "Apache-2.0", (*own.Licenses)[0].License.ID)
	for _, d := range *bom.Dependencies {
		if d.Ref == mainModule {
			require.Contains(t, *d.Dependencies, own.BOMRef)
		}
	}
}

// schema is CycloneDX's own, which its Go module ships.
func schema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	folder, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/CycloneDX/cyclonedx-go").Output()
	require.NoError(t, err)
	const base = "http://cyclonedx.org/schema/"
	compiler := jsonschema.NewCompiler()
	for name, file := range map[string]string{
		"bom-1.6.schema.json": "bom-1.6.schema.json", "spdx.schema.json": "spdx.schema.json", "jsf-0.82.schema.json": "jsf-0.82.schemax.json",
	} {
		text, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(folder)), "schema", file))
		require.NoError(t, err)
		document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		require.NoError(t, err)
		require.NoError(t, compiler.AddResource(base+name, document))
	}
	compiled, err := compiler.Compile(base + "bom-1.6.schema.json")
	require.NoError(t, err)
	return compiled
}

func TestBillOfAnotherSourceIsRefused(t *testing.T) {
	t.Parallel()
	err := run([]string{"-source", "../rules", build(t)}, &bytes.Buffer{})
	require.ErrorContains(t, err, "were they of one commit?")
}

func TestFileThatGoDidNotBuildIsRefused(t *testing.T) {
	t.Parallel()
	require.Error(t, run([]string{"main.go"}, &bytes.Buffer{}))
}
