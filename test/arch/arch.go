// Package arch holds the architecture of this repository as rules over its modules, packages and imports.
//
// Load reads a tree, Check says in sentences where it breaks a rule and where the thing belongs instead. The test of
// this package runs it over the workspace. To allow something new, change a table in this file, in the same commit as
// the code, and say why.
package arch

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

const root = "zonebench.internal/"

// A Finding is one place where the tree breaks a rule.
type Finding struct {
	Rule  string // short name of the rule, for tests and for searching this file
	Where string // file, package or go.mod
	What  string // a sentence: what is wrong and where it belongs
}

func (f Finding) String() string { return fmt.Sprintf("%s: %s [%s]", f.Where, f.What, f.Rule) }

// Check returns what is wrong with the tree, ordered by place.
func Check(t Tree) []Finding {
	c := checker{modules: make(map[string]Module)}
	for _, m := range t.Modules {
		c.modules[m.Path] = m
	}
	for _, m := range t.Modules {
		c.module(t, m)
	}
	c.versions(t)
	for _, p := range t.Packages {
		c.names(p)
		// A package of helpers for tests is a test, though others import it.
		forTests := strings.HasSuffix(p.Name, "test")
		for _, i := range p.Imports {
			c.edge(p, i, forTests)
		}
		for _, i := range p.TestImports {
			c.edge(p, i, true)
		}
	}
	slices.SortFunc(c.findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Where, b.Where), cmp.Compare(a.What, b.What))
	})
	return slices.Compact(c.findings)
}

type checker struct {
	modules  map[string]Module
	findings []Finding
}

func (c *checker) addf(rule, where, format string, args ...any) {
	c.findings = append(c.findings, Finding{Rule: rule, Where: where, What: fmt.Sprintf(format, args...)})
}

// A row says what a module is and which other modules of ours its code may import; its tests may import testImports too.
type row struct {
	is                   string
	imports, testImports []string
}

var (
	// What every service stands on.
	serviceMay     = []string{"proto", "pkg", "pkg/composite"}
	serviceTestMay = []string{"pkg/local"}
	everything     = []string{
		"proto", "pkg", "pkg/composite", "pkg/local", "data",
		"services/zone", "services/indicator", "services/ranking", "services/board", "services/standalone",
	}
)

// table is the picture of the architecture: every module of the workspace has a row, by directory.
var table = map[string]row{
	"proto":         {is: "contracts and generated code"},
	"data":          {is: "embedded facts, which are loaded through the public API like anyone's"},
	"pkg/composite": {is: "the engine: values in, values out"},
	"pkg/local":     {is: "the embedded NATS and Redis servers"},
	"pkg":           {is: "what several services share", imports: []string{"proto"}, testImports: []string{"pkg/local"}},

	"services/zone":      {is: "a service", imports: serviceMay, testImports: serviceTestMay},
	"services/indicator": {is: "a service", imports: serviceMay, testImports: serviceTestMay},
	"services/ranking":   {is: "a service", imports: serviceMay, testImports: serviceTestMay},
	"services/board":     {is: "a service", imports: serviceMay, testImports: serviceTestMay},

	"services/standalone": {is: "all services in one process", imports: everything},
	"test":                {is: "tests of the whole", imports: everything},
	"bench":               {is: "benchmarks", imports: everything},
}

// A fence keeps a package of others, or of the standard library, in the few places that it is meant for.
type fence struct {
	pkg   string   // import path; everything below it is fenced too
	to    []string // directories it may be imported from
	tests bool     // test files are fenced too
	why   string
}

var fences = []fence{
	{
		pkg: "github.com/nats-io/nats-server", to: []string{"pkg/local"}, tests: true,
		why: "only pkg/local embeds servers; ask it for one, in tests too",
	},
	{
		pkg: "github.com/alicebob/miniredis", to: []string{"pkg/local"}, tests: true,
		why: "only pkg/local embeds servers; ask it for one, in tests too",
	},
	{
		// redisconn opens the connection, as the settings say, and process hands it on; neither touches a key.
		pkg: "github.com/redis/go-redis", to: []string{"services", "pkg/local", "pkg/redisconn", "pkg/process", "test", "bench"},
		why: "only a service touches its keys in Redis; what pkg shares is folded from the ledger",
	},
	{
		pkg: "testing", to: []string{"test", "bench"},
		why: "testing registers flags in every binary; a helper for tests lives in a package whose name ends in test",
	},
	{
		pkg: "log", to: nil,
		why: "log through the *slog.Logger that you were given",
	},
	{
		pkg: "plugin", to: nil,
		why: "what runs is listed at the composition root",
	},
	{
		pkg: "C", to: nil, tests: true,
		why: "the binaries are static and build without a C compiler",
	},
}

// pure lists packages that must stay functions of what they are given, with the imports that would end it.
var pure = []struct {
	dir    string
	banned []string
	why    string
}{
	{
		dir: "pkg/composite",
		banned: []string{
			"os", "net", "log", "time", "syscall", "database", "io/fs", "io/ioutil", "path/filepath",
		},
		why: "the engine takes values and returns values; read, time and log in the service that calls it",
	},
	{
		dir:    "pkg/registry",
		banned: folds,
		why:    "a fold is a function of the facts it is handed, or a replay would not give the same state; do this in the service",
	},
	{
		dir:    "pkg/figures",
		banned: folds,
		why:    "a fold is a function of the facts it is handed, or a replay would not give the same state; do this in the service",
	},
}

var folds = []string{
	"os", "net", "log", "syscall", "database", "math/rand", "crypto/rand",
	"google.golang.org/grpc", "github.com/nats-io", "github.com/redis",
}

// inside lists directions between packages of one module, where the compiler only refuses circles.
var inside = []struct{ from, to, why string }{
	{"pkg/ledger", "pkg/registry", "the ledger carries facts and does not know them; a fold is handed the commits"},
	{"pkg/ledger", "pkg/figures", "the ledger carries facts and does not know them; a fold is handed the commits"},
	{"pkg/registry", "pkg/figures", "figures are about zones, zones are not about figures"},
	{"pkg/service", "pkg/ledger", "the host runs services and does not know what they work on"},
	{"pkg/service", "pkg/registry", "the host runs services and does not know what they work on"},
	{"pkg/service", "pkg/figures", "the host runs services and does not know what they work on"},
	{"pkg/fault", "pkg", "errors are below everything; an error type that needs more belongs beside what it needs"},
	{"pkg/tabular", "pkg/ledger", "a reader of tables knows tables; the service turns rows into facts"},
	{"pkg/tabular", "pkg/registry", "a reader of tables knows tables; the service turns rows into facts"},
	{"pkg/tabular", "pkg/figures", "a reader of tables knows tables; the service turns rows into facts"},
	{"services/board", "pkg/registry", "the board folds nothing: it asks the services"},
	{"services/board", "pkg/figures", "the board folds nothing: it asks the services"},
	{"services/board", "pkg/ledger", "the board folds nothing: it asks the services"},
}

// edge checks one import.
func (c *checker) edge(p Package, i Import, test bool) {
	where := p.Dir + "/" + i.File
	from, ok := c.modules[p.Module]
	if !ok {
		return
	}
	if strings.HasPrefix(i.Path, root) {
		c.ours(from, i.Path, where, test)
	} else if from.Dir == "pkg/composite" {
		c.engine(i.Path, where, test)
	}
	for _, f := range fences {
		if !below(i.Path, f.pkg) || test && !f.tests {
			continue
		}
		if f.pkg == "log" && i.Path != "log" { // log/slog is what we use
			continue
		}
		if f.pkg == "testing" && (strings.HasSuffix(p.Name, "test") || i.Path == "testing/fstest") {
			continue
		}
		if !slices.ContainsFunc(f.to, func(dir string) bool { return below(p.Dir, dir) }) {
			c.addf("fence", where, "imports %s: %s", i.Path, f.why)
		}
	}
	for _, r := range pure {
		if test || !below(p.Dir, r.dir) {
			continue
		}
		for _, b := range r.banned {
			if below(i.Path, b) {
				c.addf("pure", where, "imports %s: %s", i.Path, r.why)
			}
		}
	}
	for _, r := range inside {
		to := strings.TrimPrefix(i.Path, root)
		if test || !strings.HasPrefix(i.Path, root) || !below(p.Dir, r.from) || !below(to, r.to) || below(to, r.from) {
			continue
		}
		c.addf("direction", where, "imports %s: %s", to, r.why)
	}
}

// ours checks an import between packages of this repository against the table.
func (c *checker) ours(from Module, imported, where string, test bool) {
	to, ok := c.owner(imported)
	if !ok {
		c.addf("table", where, "imports %s, which no module of the workspace holds", imported)
		return
	}
	if to.Path == from.Path {
		return
	}
	r, ok := table[from.Dir]
	if !ok || slices.Contains(r.imports, to.Dir) || test && slices.Contains(r.testImports, to.Dir) {
		return // a module without a row is reported once, by module
	}
	c.addf("table", where, "imports %s: %s", to.Dir, whyNot(from, to))
}

// whyNot finds the sentence for a forbidden import between two modules.
func whyNot(from, to Module) string {
	service := func(m Module) bool { return strings.HasPrefix(m.Dir, "services/") && m.Dir != "services/standalone" }
	switch {
	case service(from) && service(to):
		return "services never import each other; they meet over proto (gRPC), the ledger and events, and share what is in pkg"
	case to.Dir == "services/standalone":
		return "standalone is the composition root; only tests and benchmarks start it"
	case service(to) && from.Dir == "pkg":
		return "pkg is below the services; move what both need into pkg, or the caller into a service"
	case service(to):
		return "only services/standalone puts services together; elsewhere call them over gRPC"
	case to.Dir == "pkg/local" && (service(from) || from.Dir == "pkg"):
		return "embedded servers are wired by services/standalone and by tests; take the connection as a dependency"
	case to.Dir == "data":
		return "data is loaded through the public API; only standalone, tests and benchmarks carry it"
	case to.Dir == "test" || to.Dir == "bench":
		return "nothing imports " + to.Dir + "; a helper that others need is a package of its own, named xtest, beside what it helps with"
	default:
		is := table[from.Dir].is
		if is == "" {
			is = "a module without a row in the table"
		}
		return fmt.Sprintf("%s is %s and may import %s", from.Dir, is, list(table[from.Dir].imports))
	}
}

func list(dirs []string) string {
	if len(dirs) == 0 {
		return "none of our modules"
	}
	return "only " + strings.Join(dirs, ", ")
}

// engine checks what pkg/composite takes from outside: the standard library and gonum, and in tests comparison helpers.
func (c *checker) engine(imported, where string, test bool) {
	if !strings.Contains(strings.Split(imported, "/")[0], ".") || below(imported, "gonum.org/v1/gonum") {
		return
	}
	if test && (below(imported, "github.com/google/go-cmp") || below(imported, "pgregory.net/rapid")) {
		return
	}
	c.addf("engine", where, "imports %s: the engine takes the standard library and gonum, nothing else", imported)
}

// owner finds the module that holds an import path: the longest that is a prefix.
func (c *checker) owner(imported string) (Module, bool) {
	for p := imported; p != "."; p = path.Dir(p) {
		if m, ok := c.modules[p]; ok {
			return m, true
		}
	}
	return Module{}, false
}

// module checks one go.mod: it must be in the table, and be enough to build the module without the workspace.
func (c *checker) module(t Tree, m Module) {
	where := m.Dir + "/go.mod"
	if want := root + m.Dir; m.Path != want {
		c.addf("module", where, "declares %s; a module is named for its directory: %s", m.Path, want)
	}
	if _, ok := table[m.Dir]; !ok {
		c.addf("table", where, "has no row in the table of test/arch: say there what it is and what it may import")
	}
	if t.Go != "" && m.Go != t.Go {
		c.addf("module", where, "says go %s and go.work says go %s: one version for all", m.Go, t.Go)
	}
	for _, dep := range c.needs(t, m) {
		if _, ok := m.Require[dep]; !ok {
			c.addf("module", where, "imports %s and does not require it: add `require %s v0.0.0`, or it only builds in the workspace", dep, dep)
		}
	}
	for _, dep := range c.closure(m) {
		want := relative(m.Dir, c.modules[dep].Dir)
		switch have, ok := m.Replace[dep]; {
		case !ok:
			c.addf("module", where, "needs %s (itself or through another module) and does not replace it: add `replace %s => %s`, or Go asks the network for it", dep, dep, want)
		case have != want:
			c.addf("module", where, "replaces %s by %s, but it is at %s", dep, have, want)
		}
	}
	for _, dep := range slices.Sorted(maps.Keys(m.Require)) {
		if _, ok := c.modules[dep]; !ok && strings.HasPrefix(dep, root) {
			c.addf("module", where, "requires %s, which is not in the workspace", dep)
		}
	}
	for _, dep := range slices.Sorted(maps.Keys(m.Replace)) {
		if !strings.HasPrefix(dep, root) {
			c.addf("module", where, "replaces %s: a replaced module of others is a fork that users of go.work do not see; pin a version", dep)
		}
	}
}

// versions checks that the modules agree on what any of them imports: the workspace builds with the highest version that anyone requires, so a
// module on its own would be tested with another one than is shipped.
func (c *checker) versions(t Tree) {
	users := make(map[string]map[string][]string) // dependency, version, directories
	direct := make(map[string]bool)
	for _, m := range t.Modules {
		for dep, version := range m.Require {
			if !m.Indirect[dep] {
				direct[dep] = true
			}
			if users[dep] == nil {
				users[dep] = make(map[string][]string)
			}
			users[dep][version] = append(users[dep][version], m.Dir)
		}
	}
	for dep, by := range users {
		if len(by) == 1 || !direct[dep] {
			continue
		}
		var said []string
		for _, version := range slices.Sorted(maps.Keys(by)) {
			said = append(said, version+" in "+strings.Join(by[version], ", "))
		}
		c.addf("versions", "go.work", "%s is %s: one version for all, run `make fix-tidy`", dep, strings.Join(said, "; "))
	}
}

// needs returns our modules that the packages of m import, tests included.
func (c *checker) needs(t Tree, m Module) []string {
	set := make(map[string]bool)
	for _, p := range t.Packages {
		if p.Module != m.Path {
			continue
		}
		for _, i := range slices.Concat(p.Imports, p.TestImports) {
			if to, ok := c.owner(i.Path); ok && to.Path != m.Path {
				set[to.Path] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// closure returns our modules that m requires, itself or through others: the ones it must replace.
func (c *checker) closure(m Module) []string {
	seen := map[string]bool{m.Path: true}
	queue := []Module{m}
	for len(queue) > 0 {
		next := queue[0]
		queue = queue[1:]
		for dep := range next.Require {
			if to, ok := c.modules[dep]; ok && !seen[dep] {
				seen[dep] = true
				queue = append(queue, to)
			}
		}
	}
	delete(seen, m.Path)
	return slices.Sorted(maps.Keys(seen))
}

// relative returns how go.mod in one directory writes the other: "../proto", "./local".
func relative(from, to string) string {
	a, b := strings.Split(from, "/"), strings.Split(to, "/")
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	if len(a) == 0 {
		return "./" + strings.Join(b, "/")
	}
	return strings.TrimSuffix(strings.Repeat("../", len(a))+strings.Join(b, "/"), "/")
}

// drawers are names that say nothing about what is inside.
var drawers = strings.Fields(`util utils common helper helpers misc base core shared types models dto manager impl interfaces`)

// names checks how packages and files are called, and that a package says what it is for.
func (c *checker) names(p Package) {
	if below(p.Dir, "proto/gen") {
		return
	}
	if slices.Contains(drawers, p.Name) || slices.Contains(drawers, path.Base(p.Dir)) {
		c.addf("name", p.Dir, "is a drawer, not a package: name it for what it gives, or put its content where it is used")
	}
	for _, f := range p.Files {
		if stem := strings.TrimSuffix(strings.TrimSuffix(f, ".go"), "_test"); slices.Contains(drawers, stem) {
			c.addf("name", p.Dir+"/"+f, "is a drawer: name the file for the concept it holds")
		}
	}
	if p.Name != strings.ToLower(p.Name) || strings.Contains(p.Name, "_") {
		c.addf("name", p.Dir, "has the package name %s: lower case, one word", p.Name)
	}
	if p.Name != "main" && p.Name != path.Base(p.Dir) {
		c.addf("name", p.Dir, "has the package name %s: a package is named for its directory", p.Name)
	}
	if p.Name == "main" && path.Base(path.Dir(p.Dir)) != "cmd" {
		c.addf("name", p.Dir, "is a command: commands live in a directory below cmd")
	}
	if strings.TrimSpace(p.Doc) == "" {
		c.addf("doc", p.Dir, "has no package comment: begin it with what the package is for")
	}
}

// below reports whether a slash-separated path is dir or inside it.
func below(p, dir string) bool { return p == dir || strings.HasPrefix(p, dir+"/") }
