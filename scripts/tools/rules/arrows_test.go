package main

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const root = "../../.."

// A plant is a line of testdata/arrows.txt: an import that a rule must refuse, or that all allow.
type plant struct{ rule, file, pkg string }

func plants(t *testing.T) []plant {
	t.Helper()
	text, err := os.ReadFile("testdata/arrows.txt")
	require.NoError(t, err)
	var all []plant
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) == 0 || fields[0] == "#" {
			continue
		}
		require.Len(t, fields, 3, line)
		all = append(all, plant{fields[0], fields[1], fields[2]})
	}
	return all
}

func TestArrowsRefuseTheirPlants(t *testing.T) {
	t.Parallel()
	arrows, err := readArrows(root)
	require.NoError(t, err)
	for _, p := range plants(t) {
		var want []string
		if p.rule != "allowed" {
			want = []string{p.rule}
		}
		require.Equal(t, want, arrows.refusedBy(p.file, p.pkg), "%s importing %s", p.file, p.pkg)
	}
}

func TestEveryDenialHasAPlant(t *testing.T) {
	t.Parallel()
	arrows, err := readArrows(root)
	require.NoError(t, err)
	for rule, list := range arrows.settings {
		require.NotEmpty(t, list.Deny, rule)
		for pkg, why := range list.Deny {
			require.NotEmpty(t, why, "%s refuses %s and does not say why", rule, pkg)
			require.True(t, planted(plants(t), rule, pkg, list.Deny), "no plant for %s, %s", rule, pkg)
		}
	}
}

// planted says whether a plant is refused for this entry: the longest of the rule's that it matches.
func planted(all []plant, rule, entry string, deny map[string]string) bool {
	for _, p := range all {
		if p.rule != rule {
			continue
		}
		longest := ""
		for candidate := range deny {
			exact, isExact := strings.CutSuffix(candidate, "$")
			if (isExact && p.pkg == exact || !isExact && strings.HasPrefix(p.pkg, candidate)) && len(candidate) > len(longest) {
				longest = candidate
			}
		}
		if longest == entry {
			return true
		}
	}
	return false
}

func TestPackageWithoutARoomIsReported(t *testing.T) {
	t.Parallel()
	arrows, err := readArrows(root)
	require.NoError(t, err)
	var files []*source
	for _, path := range []string{"server.go", "internal/token/access.go", "internal/novel/novel.go", "scripts/tools/rules/main.go"} {
		f, err := newSource(path, []byte("package p\n"))
		require.NoError(t, err)
		files = append(files, f)
	}
	found := arrows.checkRooms(files)
	require.Len(t, found, 1)
	require.Equal(t, "internal/novel/novel.go", found[0].Path)
}
