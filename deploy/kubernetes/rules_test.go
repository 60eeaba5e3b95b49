package kubernetes_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"github.com/prometheus/prometheus/promql/parser"
)

// foreign are metrics that others than our processes export.
var foreign = map[string]string{
	"up": "Prometheus",
	"kube_cronjob_status_last_successful_time": "kube-state-metrics",
	"kubelet_volume_stats_available_bytes":     "kubelet",
	"kubelet_volume_stats_capacity_bytes":      "kubelet",
}

func rules(t *testing.T) []monitoring.Rule {
	t.Helper()
	all, _ := build(t, tree(t), "single", "prometheus-rules")
	var found []monitoring.Rule
	for _, r := range of(all, func(r *monitoring.PrometheusRule) string { return r.Name }) {
		for _, g := range r.Spec.Groups {
			found = append(found, g.Rules...)
		}
	}
	if len(found) < 20 {
		t.Fatalf("%d rules", len(found))
	}
	return found
}

// used gives the metrics that an expression asks for.
func used(t *testing.T, where, expression string) []string {
	t.Helper()
	parsed, err := parser.ParseExpr(expression)
	if err != nil {
		t.Errorf("%s: %v", where, err)
		return nil
	}
	var names []string
	parser.Inspect(parsed, func(node parser.Node, _ []parser.Node) error {
		if v, ok := node.(*parser.VectorSelector); ok {
			names = append(names, v.Name)
		}
		return nil
	})
	return names
}

// Alerts tell what is wrong, and link to what to do about it.
func TestEveryAlertHasARunbook(t *testing.T) {
	headings := make(map[string]bool)
	content, err := os.ReadFile("../../docs/operations/runbooks.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^## (.+)$`).FindAllStringSubmatch(string(content), -1) {
		headings[strings.ToLower(m[1])] = true
	}
	alerts := make(map[string]bool)
	for _, r := range rules(t) {
		if r.Alert == "" {
			continue
		}
		file, anchor, _ := strings.Cut(r.Annotations["runbook"], "#")
		if file != "docs/operations/runbooks.md" || !headings[anchor] || anchor != strings.ToLower(r.Alert) {
			t.Errorf("%s: its runbook %q is not there", r.Alert, r.Annotations["runbook"])
		}
		if r.Annotations["summary"] == "" || !slices.Contains([]string{"warning", "critical"}, r.Labels["severity"]) {
			t.Errorf("%s: no summary, or severity %q", r.Alert, r.Labels["severity"])
		}
		alerts[strings.ToLower(r.Alert)] = true
	}
	for h := range headings {
		if !alerts[h] {
			t.Errorf("the runbook of %s is for an alert that is not there", h)
		}
	}
}

// asked gives every metric that rules and dashboards ask for, by where they do.
func asked(t *testing.T) map[string][]string {
	t.Helper()
	asked, recorded := make(map[string][]string), make(map[string]bool)
	for _, r := range rules(t) {
		name := r.Alert + r.Record
		asked[name] = used(t, name, r.Expr.String())
		recorded[r.Record] = true
	}
	files, err := filepath.Glob("components/dashboards/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("dashboards: %v, %v", files, err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var board struct {
			Panels []struct {
				Title   string
				Targets []struct{ Expr string }
			}
		}
		if err := json.Unmarshal(content, &board); err != nil || len(board.Panels) == 0 {
			t.Fatalf("%s: %v", file, err)
		}
		for _, panel := range board.Panels {
			for i, target := range panel.Targets {
				name := fmt.Sprintf("%s: %s %d", file, panel.Title, i)
				asked[name] = used(t, name, strings.ReplaceAll(target.Expr, "$__rate_interval", "5m"))
			}
		}
	}
	for name, metrics := range asked {
		asked[name] = slices.DeleteFunc(metrics, func(m string) bool { return recorded[m] || foreign[m] != "" })
	}
	return asked
}
