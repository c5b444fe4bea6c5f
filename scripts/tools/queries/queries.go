// Package queries owns the check that the dashboard and the alert rules in deploy/ ask for something.
//
// A query for a metric, a label or a value that does not exist is no error: it finds nothing, and an
// alert made of it never fires. So each query is parsed by Prometheus's own parser and held against
// deploy/prometheus/metrics.txt, the list that a test of internal/metrics keeps true.
package queries

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// Catalogue is all metrics by name, each with its labels and the values that they take; a nil list of
// values is of a label that may have any.
type Catalogue map[string]map[string][]string

// Those of Prometheus itself and of its client library that are asked for, and labels that each series has.
var (
	others = []string{"up", "process_cpu_seconds_total", "process_resident_memory_bytes", "go_goroutines"}
	common = []string{"job", "instance"}
)

// ReadCatalogue reads the lines of metrics.txt: a name, a type, and label=value|value or label=*, with
// tabs between them.
func ReadCatalogue(text string) (Catalogue, error) {
	c := Catalogue{}
	for _, name := range others {
		c[name] = map[string][]string{}
	}
	for line := range strings.Lines(text) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(fields) < 2 {
			return nil, fmt.Errorf("not a metric: %q", line)
		}
		known := map[string][]string{}
		for _, field := range fields[2:] {
			label, values, ok := strings.Cut(field, "=")
			if !ok {
				return nil, fmt.Errorf("not a label: %q", field)
			}
			known[label] = nil
			if values != "*" {
				known[label] = strings.Split(values, "|")
			}
		}
		if fields[1] != "histogram" {
			c[fields[0]] = known
			continue
		}
		c[fields[0]+"_sum"], c[fields[0]+"_count"] = known, known
		bucket := maps.Clone(known)
		bucket["le"] = nil
		c[fields[0]+"_bucket"] = bucket
	}
	return c, nil
}

// Check returns what is wrong with a query, and the labels that its result has.
func (c Catalogue) Check(query string) (result []string, err error) {
	tree, err := parser.NewParser(parser.Options{}).ParseExpr(query)
	if err != nil {
		return nil, err
	}
	var problems []string
	known := map[string]bool{}
	aggregated := false
	parser.Inspect(tree, func(node parser.Node, _ []parser.Node) error {
		switch n := node.(type) {
		case *parser.VectorSelector:
			problems = append(problems, c.checkSelector(n)...)
			for label := range c[n.Name] {
				known[label] = true
			}
		case *parser.AggregateExpr:
			aggregated = true
			result = append(result, n.Grouping...)
			if n.Without {
				problems = append(problems, "without () depends on labels that others may add; use by ()")
			}
		}
		return nil
	})
	for _, label := range common {
		known[label] = true
	}
	for _, label := range result {
		if !known[label] {
			problems = append(problems, "no metric of it has the label "+label)
		}
	}
	if !aggregated {
		result = slices.Collect(maps.Keys(known))
	}
	if problems != nil {
		return nil, fmt.Errorf("%s: %s", query, strings.Join(problems, "; "))
	}
	return result, nil
}

func (c Catalogue) checkSelector(n *parser.VectorSelector) (problems []string) {
	metric, ok := c[n.Name]
	if !ok {
		return []string{"there is no metric " + n.Name}
	}
	for _, m := range n.LabelMatchers {
		values, ok := metric[m.Name]
		switch {
		case m.Name == "__name__" || slices.Contains(common, m.Name):
		case !ok:
			problems = append(problems, n.Name+" has no label "+m.Name)
		case values != nil:
			problems = append(problems, checkValues(n.Name, m, values)...)
		}
	}
	return problems
}

var plainAlternatives = regexp.MustCompile(`^[\w.|-]*$`)

// checkValues sees that each value that a matcher names is one that the label takes; of a pattern that
// is more than alternatives, that it matches any.
func checkValues(metric string, m *labels.Matcher, values []string) (problems []string) {
	named := []string{m.Value}
	if m.Type == labels.MatchRegexp || m.Type == labels.MatchNotRegexp {
		if !plainAlternatives.MatchString(m.Value) {
			pattern := regexp.MustCompile("^(?:" + m.Value + ")$") // the parser has compiled it already
			if !slices.ContainsFunc(values, pattern.MatchString) {
				problems = append(problems, fmt.Sprintf("%s{%s} matches none of its values", metric, m))
			}
			return problems
		}
		named = strings.Split(m.Value, "|")
	}
	for _, value := range named {
		if !slices.Contains(values, value) && value != "" {
			problems = append(problems, fmt.Sprintf("%s{%s}: the label is never %q", metric, m, value))
		}
	}
	return problems
}
