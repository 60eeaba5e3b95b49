// Vendorprotos writes the protobuf files that our contracts import but do not own into third_party/,
// a folder that git ignores. It needs nothing but Go modules:
//
//   - buf/validate/validate.proto is copied, comments and all, from the module github.com/bufbuild/protovalidate,
//     whose content hash is pinned below (a module without a go.mod cannot be kept in ours by an import);
//   - google/api and google/rpc are printed from the descriptors inside google.golang.org/genproto at the version in
//     this module's go.mod. Comments are lost, names and numbers are exact.
//
// Run it through `make third_party`; it does nothing when the stamp file already names the same versions.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/jhump/protoreflect/v2/protoprint"
	_ "google.golang.org/genproto/googleapis/api/annotations" // registers google/api descriptors
	_ "google.golang.org/genproto/googleapis/rpc/errdetails"  // registers google/rpc/error_details.proto
	_ "google.golang.org/genproto/googleapis/rpc/status"      // registers google/rpc/status.proto
	"google.golang.org/protobuf/reflect/protoregistry"
)

const (
	validateModule  = "github.com/bufbuild/protovalidate"
	validateVersion = "v1.2.2"
	validateSum     = "h1:2H/9/Kr97etSRqW3IJjTTb09z+zutkK2GDhDRbOnqr4="
)

// printed lists the files taken from genproto; files that they import and that protoc does not bring itself are listed too.
var printed = []string{
	"google/api/annotations.proto",
	"google/api/client.proto",
	"google/api/field_behavior.proto",
	"google/api/field_info.proto",
	"google/api/http.proto",
	"google/api/launch_stage.proto",
	"google/api/resource.proto",
	"google/rpc/error_details.proto",
	"google/rpc/status.proto",
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: vendorprotos DIRECTORY")
		os.Exit(2)
	}
	if err := run(context.Background(), os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "vendorprotos:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, dir string) error {
	stamp := filepath.Join(dir, "VERSIONS")
	want := versions()
	if have, err := os.ReadFile(stamp); err == nil && string(have) == want {
		return nil
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := copyValidate(ctx, filepath.Join(dir, "protovalidate")); err != nil {
		return err
	}
	if err := printGoogle(filepath.Join(dir, "googleapis")); err != nil {
		return err
	}
	// Written last: a run that was cut short leaves no stamp and starts again.
	return os.WriteFile(stamp, []byte(want), 0o644)
}

// versions describes what third_party/ holds, one module a line, with the list of printed files.
func versions() string {
	var b strings.Builder
	fmt.Fprintln(&b, validateModule, validateVersion, validateSum)
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, dep := range info.Deps {
			if strings.HasPrefix(dep.Path, "google.golang.org/genproto/") || strings.HasPrefix(dep.Path, "github.com/jhump/") {
				fmt.Fprintln(&b, dep.Path, dep.Version, dep.Sum)
			}
		}
	}
	for _, name := range printed {
		fmt.Fprintln(&b, name)
	}
	return b.String()
}

func copyValidate(ctx context.Context, dir string) error {
	cmd := exec.CommandContext(ctx, "go", "mod", "download", "-json", validateModule+"@"+validateVersion)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("download %s@%s: %w\n%s", validateModule, validateVersion, err, out)
	}
	var mod struct {
		Dir string `json:"Dir"` //nolint:tagliatelle // as the go command writes it
		Sum string `json:"Sum"` //nolint:tagliatelle // as the go command writes it
	}
	if err := json.Unmarshal(out, &mod); err != nil {
		return fmt.Errorf("read the answer of go mod download: %w", err)
	}
	if mod.Sum != validateSum {
		return fmt.Errorf("%s@%s has the hash %s, expected %s", validateModule, validateVersion, mod.Sum, validateSum)
	}
	root := filepath.Join(mod.Dir, "proto", "protovalidate")
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".proto" {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return write(filepath.Join(dir, rel), data)
	})
}

func printGoogle(dir string) error {
	printer := protoprint.Printer{Compact: true}
	var errs []error
	for _, name := range printed {
		desc, err := protoregistry.GlobalFiles.FindFileByPath(name)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
			continue
		}
		text, err := printer.PrintProtoToString(desc)
		if err != nil {
			errs = append(errs, fmt.Errorf("print %s: %w", name, err))
			continue
		}
		errs = append(errs, write(filepath.Join(dir, name), []byte(text)))
	}
	return errors.Join(errs...)
}

func write(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o644)
}
