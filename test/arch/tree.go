package arch

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Tree is the workspace as the rules see it.
type Tree struct {
	Go       string // the go line of go.work
	Modules  []Module
	Packages []Package
}

// Module is one module of the workspace.
type Module struct {
	Path    string            // import path
	Dir     string            // below the workspace, with slashes: "services/zone"
	Go      string            // the go line
	Require map[string]string // path to version
	// Indirect holds the required paths that no package of the module imports.
	Indirect map[string]bool
	Replace  map[string]string // required path to what stands in its place, as written
}

// Package is one directory of Go code.
type Package struct {
	Path   string // import path
	Dir    string // below the workspace
	Module string // path of its module
	Name   string // as its package clause says
	Doc    string // package comment, of a test file when there is nothing else
	Files  []string
	// Imports of the code, and of test files. A file under a build tag counts whatever the tag says.
	Imports, TestImports []Import
}

// Import says which file imports what.
type Import struct{ File, Path string }

// Load reads the tree below root, the directory of go.work.
func Load(root string) (Tree, error) {
	var tree Tree
	var work struct {
		Go  string
		Use []struct{ DiskPath string }
	}
	if err := goJSON(root, &work, "work", "edit", "-json"); err != nil {
		return Tree{}, err
	}
	tree.Go = work.Go
	for _, use := range work.Use {
		m, err := loadModule(root, use.DiskPath)
		if err != nil {
			return Tree{}, err
		}
		tree.Modules = append(tree.Modules, m)
	}
	// One walk for each module: a package that go list would leave out (because of tags) must keep to the rules too.
	for _, m := range tree.Modules {
		if err := tree.walk(root, m); err != nil {
			return Tree{}, err
		}
	}
	return tree, nil
}

func loadModule(root, dir string) (Module, error) {
	var mod struct {
		Module  struct{ Path string }
		Go      string
		Require []struct {
			Path, Version string
			Indirect      bool
		}
		Replace []struct{ Old, New struct{ Path string } }
	}
	if err := goJSON(filepath.Join(root, dir), &mod, "mod", "edit", "-json"); err != nil {
		return Module{}, err
	}
	m := Module{
		Path:    mod.Module.Path,
		Dir:     filepath.ToSlash(filepath.Clean(dir)),
		Go:      mod.Go,
		Require: make(map[string]string), Indirect: make(map[string]bool),
		Replace: make(map[string]string),
	}
	for _, r := range mod.Require {
		m.Require[r.Path] = r.Version
		m.Indirect[r.Path] = r.Indirect
	}
	for _, r := range mod.Replace {
		m.Replace[r.Old.Path] = r.New.Path
	}
	return m, nil
}

// goJSON runs a go command that prints JSON in dir.
func goJSON(dir string, into any, args ...string) error {
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("go %s in %s: %w", strings.Join(args, " "), dir, err)
	}
	if err := json.Unmarshal(out, into); err != nil {
		return fmt.Errorf("go %s in %s: %w", strings.Join(args, " "), dir, err)
	}
	return nil
}

// walk adds the packages of m. Directories that the go command ignores, and modules inside m, are not part of it.
func (t *Tree) walk(root string, m Module) error {
	base := filepath.Join(root, m.Dir)
	return filepath.WalkDir(base, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if !d.IsDir() {
			return nil
		}
		if path != base {
			if name := d.Name(); name == "testdata" || name == "vendor" || name[0] == '.' || name[0] == '_' {
				return filepath.SkipDir
			}
			if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil {
				return filepath.SkipDir
			}
		}
		rel, err := filepath.Rel(base, path)
		if err != nil {
			return err
		}
		p, err := loadPackage(root, path)
		if err != nil || p.Files == nil {
			return err
		}
		p.Module, p.Path = m.Path, m.Path
		if rel != "." {
			p.Path += "/" + filepath.ToSlash(rel)
		}
		t.Packages = append(t.Packages, p)
		return nil
	})
}

func loadPackage(root, dir string) (Package, error) {
	rel, err := filepath.Rel(root, dir)
	if err != nil {
		return Package{}, err
	}
	p := Package{Dir: filepath.ToSlash(rel)}
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return Package{}, err
	}
	var doc, testDoc strings.Builder
	var testName string
	for _, path := range files {
		name := filepath.Base(path)
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly|parser.ParseComments)
		if err != nil {
			return Package{}, fmt.Errorf("parse: %w", err)
		}
		p.Files = append(p.Files, name)
		if strings.HasSuffix(name, "_test.go") {
			testName = strings.TrimSuffix(f.Name.Name, "_test")
			testDoc.WriteString(f.Doc.Text())
			p.TestImports = append(p.TestImports, imports(f, name)...)
			continue
		}
		if p.Name == "" || !ignored(f) {
			p.Name = f.Name.Name
		}
		doc.WriteString(f.Doc.Text())
		p.Imports = append(p.Imports, imports(f, name)...)
	}
	p.Doc = doc.String()
	if p.Name == "" {
		p.Name, p.Doc = testName, testDoc.String()
	}
	return p, nil
}

func imports(f *ast.File, name string) []Import {
	var list []Import
	for _, spec := range f.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue // the compiler refuses it in better words
		}
		list = append(list, Import{File: name, Path: path})
	}
	return list
}

// ignored reports whether f is a program of its own beside the package, marked by "//go:build ignore".
func ignored(f *ast.File) bool {
	return slices.ContainsFunc(f.Comments, func(c *ast.CommentGroup) bool {
		return c.Pos() < f.Package && strings.HasPrefix(c.List[0].Text, "//go:build ignore")
	})
}
