package queries_test

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"mpauth/scripts/tools/queries"
)

const deploy = "../../../deploy/"

func catalogue(t *testing.T) queries.Catalogue {
	t.Helper()
	text, err := os.ReadFile(deploy + "prometheus/metrics.txt")
	require.NoError(t, err)
	c, err := queries.ReadCatalogue(string(text))
	require.NoError(t, err)
	return c
}

func TestAlertsAskForWhatThereIs(t *testing.T) {
	t.Parallel()
	c := catalogue(t)
	text, err := os.ReadFile(deploy + "prometheus/alerts.yaml")
	require.NoError(t, err)
	var file struct {
		Groups []struct {
			Name  string
			Rules []struct {
				Alert, Expr, For string
				Labels           map[string]string
				Annotations      map[string]string
			}
		}
	}
	decoder := yaml.NewDecoder(strings.NewReader(string(text)))
	decoder.KnownFields(true)
	require.NoError(t, decoder.Decode(&file))
	names := map[string]bool{}
	shown := regexp.MustCompile(`\$labels\.(\w+)`)
	for _, group := range file.Groups {
		for _, rule := range group.Rules {
			require.Regexp(t, `^Mpauth[A-Z]\w+$`, rule.Alert)
			require.False(t, names[rule.Alert], "%s is there twice", rule.Alert)
			names[rule.Alert] = true
			require.Contains(t, []string{"page", "ticket"}, rule.Labels["severity"], rule.Alert)
			require.NotEmpty(t, rule.Annotations["summary"], rule.Alert)
			require.NotEmpty(t, rule.Annotations["description"], rule.Alert)
			result, err := c.Check(rule.Expr)
			require.NoError(t, err, rule.Alert)
			for _, label := range shown.FindAllStringSubmatch(rule.Annotations["summary"]+rule.Annotations["description"], -1) {
				require.Contains(t, result, label[1], "%s shows a label that its query drops", rule.Alert)
			}
		}
	}
	require.NotEmpty(t, names)
}

func TestDashboardAsksForWhatThereIs(t *testing.T) {
	t.Parallel()
	c := catalogue(t)
	text, err := os.ReadFile(deploy + "grafana/mpauth.json")
	require.NoError(t, err)
	var dashboard struct {
		Templating struct {
			List []struct{ Name, Type, Query string }
		}
		Panels []struct {
			ID      int
			Title   string
			Type    string
			GridPos struct{ X, Y, W, H int }
			Targets []struct{ Expr, LegendFormat string }
		}
	}
	require.NoError(t, json.Unmarshal(text, &dashboard))
	variables := map[string]string{"__rate_interval": "5m", "__range": "6h"}
	values := regexp.MustCompile(`^label_values\((.*), (\w+)\)$`)
	for _, v := range dashboard.Templating.List {
		variables[v.Name] = ".*"
		if v.Type != "query" {
			continue
		}
		parts := values.FindStringSubmatch(v.Query)
		require.NotNil(t, parts, v.Query)
		result, err := c.Check(parts[1])
		require.NoError(t, err)
		require.Contains(t, result, parts[2])
	}
	variable := regexp.MustCompile(`\$\{?(\w+)\}?`)
	legend := regexp.MustCompile(`\{\{(\w+)\}\}`)
	ids := map[int]bool{}
	asked := 0
	for _, panel := range dashboard.Panels {
		require.False(t, ids[panel.ID], "%s has the id of another panel", panel.Title)
		ids[panel.ID] = true
		require.LessOrEqual(t, panel.GridPos.X+panel.GridPos.W, 24, panel.Title)
		for _, target := range panel.Targets {
			asked++
			query := variable.ReplaceAllStringFunc(target.Expr, func(use string) string {
				value, ok := variables[strings.Trim(use, "${}")]
				require.True(t, ok, "%s: there is no variable %s", panel.Title, use)
				return value
			})
			result, err := c.Check(query)
			require.NoError(t, err, panel.Title)
			for _, label := range legend.FindAllStringSubmatch(target.LegendFormat, -1) {
				require.Contains(t, result, label[1], "%s: %s", panel.Title, target.Expr)
			}
		}
	}
	require.Greater(t, asked, 20)
}

func TestWhatCheckMustFind(t *testing.T) {
	t.Parallel()
	c, err := queries.ReadCatalogue("a_total\tcounter\tapp=*\toutcome=ok|held\nb_seconds\thistogram\troute=*\n")
	require.NoError(t, err)
	for query, problem := range map[string]string{
		`rate(a_total[5m]`:                        "unclosed",
		`rate(a_totals[5m])`:                      "there is no metric a_totals",
		`a_total{outcom="ok"}`:                    "a_total has no label outcom",
		`a_total{outcome="hold"}`:                 `the label is never "hold"`,
		`a_total{outcome=~"ok|hold"}`:             `the label is never "hold"`,
		`a_total{outcome=~"x.*"}`:                 "matches none of its values",
		`sum by (ap) (a_total)`:                   "no metric of it has the label ap",
		`sum by (le) (b_seconds_count)`:           "no metric of it has the label le",
		`b_seconds`:                               "there is no metric b_seconds",
		`sum without (app) (rate(a_total[5m]))`:   "use by ()",
		`a_total / on (nothing) a_total{x!="ok"}`: "a_total has no label x",
	} {
		_, err := c.Check(query)
		require.ErrorContains(t, err, problem, query)
	}
	for _, query := range []string{
		`sum by (le, route) (rate(b_seconds_bucket{route!~"x",instance="y"}[5m])) > 1`, `a_total{app="any",outcome=~"o.*"}`,
		`sum by (outcome) (a_total) / ignoring (outcome) group_left () sum(up{job="x"})`,
	} {
		_, err := c.Check(query)
		require.NoError(t, err, query)
	}
}
