package arch_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"zonebench.internal/test/arch"
)

// TestArchitecture checks this repository. A failure says what is wrong and where it belongs; the rules, and the tables
// to change when the architecture itself changes, are in arch.go.
func TestArchitecture(t *testing.T) {
	t.Parallel()
	tree, err := arch.Load("../..")
	if err != nil {
		t.Fatal(err)
	}
	if len(tree.Modules) < 10 || len(tree.Packages) == 0 {
		t.Fatalf("found %d modules and %d packages: the test does not see the workspace", len(tree.Modules), len(tree.Packages))
	}
	for _, f := range arch.Check(tree) {
		t.Error(f)
	}
	t.Logf("%d modules, %d packages", len(tree.Modules), len(tree.Packages))
}

// TestArchRulesFail proves that every rule can fail: each case breaks one, in a tree that is clean otherwise.
func TestArchRulesFail(t *testing.T) {
	t.Parallel()
	if found := arch.Check(clean()); len(found) > 0 {
		t.Fatalf("the clean tree is not clean: %v", found)
	}
	for _, tc := range []struct {
		name   string
		change func(*arch.Tree)
		rule   string
		want   string // a part of the sentence
	}{
		{"service imports a sibling", code("services/ranking", "zonebench.internal/services/zone"), "table", "services never import each other"},
		{"test of a service imports a sibling", tests("services/ranking", "zonebench.internal/services/zone"), "table", "services never import each other"},
		{"pkg imports a service", code("pkg/ledger", "zonebench.internal/services/zone"), "table", "pkg is below the services"},
		{"service imports standalone", code("services/zone", "zonebench.internal/services/standalone"), "table", "composition root"},
		{"service wires an embedded server", code("services/zone", "zonebench.internal/pkg/local"), "table", "take the connection as a dependency"},
		{"pkg wires an embedded server", code("pkg/ledger", "zonebench.internal/pkg/local"), "table", "take the connection as a dependency"},
		{"service carries the data", code("services/zone", "zonebench.internal/data"), "table", "loaded through the public API"},
		{"data imports the contracts", code("data", "zonebench.internal/proto/gen/zonebench/zone/v1"), "table", "may import none of our modules"},
		{"proto imports pkg", code("proto/gen/zonebench/zone/v1", "zonebench.internal/pkg/ledger"), "table", "may import none of our modules"},
		{"local imports pkg", code("pkg/local", "zonebench.internal/pkg/ledger"), "table", "may import none of our modules"},
		{"engine imports proto", code("pkg/composite", "zonebench.internal/proto/gen/zonebench/zone/v1"), "table", "may import none of our modules"},
		{"standalone imports a test", code("services/standalone", "zonebench.internal/test"), "table", "nothing imports test"},
		{"import of nothing", code("services/zone", "zonebench.internal/services/zoo"), "table", "no module of the workspace holds"},

		{"engine reads files", code("pkg/composite", "os"), "pure", "takes values and returns values"},
		{"engine reads the clock", code("pkg/composite", "time"), "pure", "takes values and returns values"},
		{"engine opens connections", code("pkg/composite", "net/http"), "pure", "takes values and returns values"},
		{"engine logs", code("pkg/composite", "log/slog"), "pure", "takes values and returns values"},
		{"engine takes a dependency", code("pkg/composite", "google.golang.org/grpc"), "engine", "standard library and gonum"},
		{"engine takes a dependency for tests", tests("pkg/composite", "github.com/stretchr/testify/require"), "engine", "standard library and gonum"},
		{"a fold does I/O", code("pkg/figures", "github.com/nats-io/nats.go"), "pure", "a fold is a function"},
		{"a fold speaks gRPC", code("pkg/registry", "google.golang.org/grpc/status"), "pure", "a fold is a function"},
		{"a fold throws dice", code("pkg/registry", "math/rand/v2"), "pure", "a fold is a function"},

		{"service embeds NATS", code("services/zone", "github.com/nats-io/nats-server/v2/server"), "fence", "only pkg/local embeds"},
		{"test embeds NATS", tests("services/zone", "github.com/nats-io/nats-server/v2/server"), "fence", "only pkg/local embeds"},
		{"standalone embeds miniredis", code("services/standalone", "github.com/alicebob/miniredis/v2"), "fence", "only pkg/local embeds"},
		{"test embeds miniredis", tests("pkg/ledger", "github.com/alicebob/miniredis/v2"), "fence", "only pkg/local embeds"},
		{"pkg touches Redis", code("pkg/ledger", "github.com/redis/go-redis/v9"), "fence", "only a service touches"},
		{"code imports testing", code("services/zone", "testing"), "fence", "registers flags"},
		{"code logs by the global logger", code("services/zone", "log"), "fence", "slog.Logger"},
		{"code needs a C compiler", code("pkg/ledger", "C"), "fence", "C compiler"},

		{"ledger knows a fold", code("pkg/ledger", "zonebench.internal/pkg/registry"), "direction", "does not know them"},
		{"zones know figures", code("pkg/registry", "zonebench.internal/pkg/figures"), "direction", "zones are not about figures"},

		{"package is a drawer", rename("services/zone", "util"), "name", "is a drawer"},
		{"file is a drawer", file("services/zone", "helpers.go"), "name", "is a drawer"},
		{"package is not its directory", rename("services/zone", "zones"), "name", "named for its directory"},
		{"package name is not one word", rename("services/zone", "zone_service"), "name", "one word"},
		{"command outside cmd", rename("services/zone", "main"), "name", "below cmd"},
		{"package without a comment", undocument("services/zone"), "doc", "no package comment"},

		{"module without a row", func(tr *arch.Tree) {
			tr.Modules = append(tr.Modules, module("services/billing"))
		}, "table", "no row"},
		{"module named otherwise", mod("services/zone", func(m *arch.Module) { m.Path = "example.com/zone" }), "module", "named for its directory"},
		{"module of another Go", mod("services/zone", func(m *arch.Module) { m.Go = "1.27.0" }), "module", "one version for all"},
		{"require is missing", mod("services/zone", func(m *arch.Module) {
			delete(m.Require, "zonebench.internal/proto")
		}), "module", "does not require it"},
		{"replace is missing", mod("services/zone", func(m *arch.Module) {
			delete(m.Replace, "zonebench.internal/pkg")
		}), "module", "does not replace it"},
		{"replace of what another module needs is missing", mod("services/zone", func(m *arch.Module) {
			delete(m.Replace, "zonebench.internal/pkg/local")
		}), "module", "does not replace it"},
		{"replace points elsewhere", mod("services/zone", func(m *arch.Module) {
			m.Replace["zonebench.internal/pkg"] = "../pkg"
		}), "module", "but it is at ../../pkg"},
		{"requires what is not there", mod("services/zone", func(m *arch.Module) {
			m.Require["zonebench.internal/services/zoo"] = "v0.0.0"
		}), "module", "not in the workspace"},
		{"two versions of a dependency", func(tr *arch.Tree) {
			mod("services/zone", func(m *arch.Module) { m.Require["google.golang.org/grpc"] = "v1.85.0" })(tr)
			mod("services/ranking", func(m *arch.Module) { m.Require["google.golang.org/grpc"] = "v1.84.0" })(tr)
		}, "versions", "one version for all"},
		{"replaces a module of others", mod("services/zone", func(m *arch.Module) {
			m.Replace["google.golang.org/grpc"] = "github.com/someone/grpc"
		}), "module", "fork"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			tree := clean()
			tc.change(&tree)
			found := arch.Check(tree)
			if !slices.ContainsFunc(found, func(f arch.Finding) bool {
				return f.Rule == tc.rule && strings.Contains(f.String(), tc.want)
			}) {
				t.Errorf("want a finding of rule %q with %q, got %v", tc.rule, tc.want, found)
			}
		})
	}
}

// TestArchAllows shows the edges that look alike and are meant to be.
func TestArchAllows(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*arch.Tree){
		"tests of pkg start an embedded server":      tests("pkg/ledger", "zonebench.internal/pkg/local"),
		"tests of a service start one":               tests("services/zone", "zonebench.internal/pkg/local"),
		"local embeds NATS":                          code("pkg/local", "github.com/nats-io/nats-server/v2/server"),
		"local embeds miniredis":                     code("pkg/local", "github.com/alicebob/miniredis/v2"),
		"a service touches Redis":                    code("services/ranking", "github.com/redis/go-redis/v9"),
		"a service logs by slog":                     code("services/zone", "log/slog"),
		"the ledger speaks to NATS":                  code("pkg/ledger", "github.com/nats-io/nats.go/jetstream"),
		"the engine uses gonum":                      code("pkg/composite", "gonum.org/v1/gonum/stat"),
		"tests of the engine read files":             tests("pkg/composite", "os"),
		"the fold of figures knows zones":            code("pkg/figures", "zonebench.internal/pkg/registry"),
		"the test module starts all":                 code("test", "zonebench.internal/services/standalone"),
		"a package imports another of the same name": code("pkg/figures", "zonebench.internal/pkg/figures/testdata"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tree := clean()
			change(&tree)
			for _, f := range arch.Check(tree) {
				if f.Rule != "module" { // the synthetic go.mod files do not follow each change
					t.Error(f)
				}
			}
		})
	}
}

// TestArchLoad reads a workspace from disk, so that what the other tests build by hand is what Load gives: also for a
// file under a build tag, a package that is only tests, and a command.
func TestArchLoad(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"go.work":                   "go 1.26.0\n\nuse (\n\t./proto\n\t./pkg/local\n\t./services/zone\n\t./services/indicator\n)\n",
		"proto/go.mod":              "module zonebench.internal/proto\n\ngo 1.26.0\n",
		"proto/gen/zone/v1/zone.go": "package zonev1\n",
		"pkg/local/go.mod":          "module zonebench.internal/pkg/local\n\ngo 1.26.0\n",
		"pkg/local/local.go":        "// Package local embeds.\npackage local\n",
		"services/zone/go.mod": "module zonebench.internal/services/zone\n\ngo 1.26.0\n\n" +
			"require zonebench.internal/proto v0.0.0\n\nreplace zonebench.internal/proto => ../../proto\n",
		"services/zone/zone.go":          "// Package zone is a service.\npackage zone\n\nimport _ \"zonebench.internal/proto/gen/zone/v1\"\n",
		"services/zone/tagged.go":        "//go:build chaos\n\npackage zone\n\nimport _ \"zonebench.internal/services/indicator\"\n",
		"services/zone/testdata/x/x.go":  "package broken because nobody reads it\n",
		"services/zone/cmd/zone/main.go": "// Zone runs the service.\npackage main\n\nfunc main() {}\n",
		"services/zone/onlytests/x_test.go": "// Package onlytests has nothing else.\npackage onlytests_test\n\n" +
			"import _ \"github.com/nats-io/nats-server/v2/server\"\n",
		"services/indicator/go.mod": "module zonebench.internal/services/indicator\n\ngo 1.26.0\n",
		"services/indicator/i.go":   "package indicator\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tree, err := arch.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range arch.Check(tree) {
		got = append(got, fmt.Sprintf("%s %s", f.Rule, f.Where))
	}
	want := []string{
		"doc services/indicator",
		"module services/zone/go.mod",
		"fence services/zone/onlytests/x_test.go",
		"table services/zone/tagged.go",
	}
	if !slices.Equal(got, want) {
		t.Errorf("findings:\n got %q\nwant %q", got, want)
	}
}

// clean is a small tree that keeps to every rule.
func clean() arch.Tree {
	tree := arch.Tree{Go: "1.26.0"}
	for _, dir := range []string{
		"proto", "data", "pkg", "pkg/composite", "pkg/local",
		"services/zone", "services/indicator", "services/ranking", "services/standalone", "test",
	} {
		tree.Modules = append(tree.Modules, module(dir))
	}
	for dir, imports := range map[string][]string{
		"proto/gen/zonebench/zone/v1": {"google.golang.org/protobuf/proto"},
		"data":                        {"embed"},
		"pkg/composite":               {"math", "gonum.org/v1/gonum/stat"},
		"pkg/local":                   {"github.com/nats-io/nats-server/v2/server"},
		"pkg/ledger":                  {"zonebench.internal/proto/gen/zonebench/zone/v1"},
		"pkg/registry":                {"zonebench.internal/proto/gen/zonebench/zone/v1", "zonebench.internal/pkg/ledger"},
		"pkg/figures":                 {"zonebench.internal/proto/gen/zonebench/zone/v1"},
		"services/zone":               {"zonebench.internal/proto/gen/zonebench/zone/v1", "zonebench.internal/pkg/registry"},
		"services/indicator":          {"zonebench.internal/pkg/figures"},
		"services/ranking":            {"zonebench.internal/pkg/composite"},
		"services/standalone":         {"zonebench.internal/services/zone", "zonebench.internal/pkg/local", "zonebench.internal/data"},
		"services/zone/cmd/zone":      {"zonebench.internal/services/zone"},
		"test":                        {"testing"},
	} {
		owner := ""
		for _, m := range tree.Modules {
			if (m.Dir == dir || strings.HasPrefix(dir, m.Dir+"/")) && len(m.Path) > len(owner) {
				owner = m.Path
			}
		}
		p := arch.Package{
			Path: "zonebench.internal/" + dir, Dir: dir, Module: owner,
			Name: filepath.Base(dir), Doc: "It is for something.\n", Files: []string{"code.go"},
		}
		if strings.Contains(dir, "/cmd/") {
			p.Name = "main"
		}
		for _, path := range imports {
			p.Imports = append(p.Imports, arch.Import{File: "code.go", Path: path})
		}
		tree.Packages = append(tree.Packages, p)
	}
	return tree
}

// module makes a go.mod that requires and replaces whatever a module in that place may need.
func module(dir string) arch.Module {
	m := arch.Module{
		Path: "zonebench.internal/" + dir, Dir: dir, Go: "1.26.0",
		Require: make(map[string]string), Replace: make(map[string]string),
	}
	up := strings.Repeat("../", strings.Count(dir, "/")+1)
	need := func(deps ...string) {
		for _, dep := range deps {
			m.Require["zonebench.internal/"+dep] = "v0.0.0"
			m.Replace["zonebench.internal/"+dep] = up + dep
		}
	}
	switch {
	case dir == "pkg":
		need("proto", "pkg/local")
		m.Replace["zonebench.internal/pkg/local"] = "./local"
	case dir == "services/standalone":
		need("pkg", "proto", "pkg/local", "pkg/composite", "data", "services/zone", "services/indicator", "services/ranking")
		for _, s := range []string{"zone", "indicator", "ranking"} {
			m.Replace["zonebench.internal/services/"+s] = "../" + s
		}
	case strings.HasPrefix(dir, "services/"):
		need("pkg", "proto", "pkg/local", "pkg/composite")
	}
	return m
}

func pkg(tree *arch.Tree, dir string) *arch.Package {
	i := slices.IndexFunc(tree.Packages, func(p arch.Package) bool { return p.Dir == dir })
	return &tree.Packages[i]
}

// code adds an import to a package's code.
func code(dir, path string) func(*arch.Tree) {
	return func(tree *arch.Tree) {
		p := pkg(tree, dir)
		p.Imports = append(p.Imports, arch.Import{File: "code.go", Path: path})
	}
}

// tests adds an import to a package's tests.
func tests(dir, path string) func(*arch.Tree) {
	return func(tree *arch.Tree) {
		p := pkg(tree, dir)
		p.TestImports = append(p.TestImports, arch.Import{File: "code_test.go", Path: path})
	}
}

func rename(dir, name string) func(*arch.Tree) {
	return func(tree *arch.Tree) { pkg(tree, dir).Name = name }
}

func file(dir, name string) func(*arch.Tree) {
	return func(tree *arch.Tree) { pkg(tree, dir).Files = []string{name} }
}

func undocument(dir string) func(*arch.Tree) {
	return func(tree *arch.Tree) { pkg(tree, dir).Doc = "" }
}

func mod(dir string, change func(*arch.Module)) func(*arch.Tree) {
	return func(tree *arch.Tree) {
		i := slices.IndexFunc(tree.Modules, func(m arch.Module) bool { return m.Dir == dir })
		change(&tree.Modules[i])
	}
}
