package image_test

import (
	"archive/tar"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"zonebench.internal/deploy/image"
)

func build(t *testing.T, i image.Image, content string) (v1.Image, string) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{i.Name: content, "authorities.crt": "-----BEGIN CERTIFICATE-----"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	img, err := i.Build(image.Options{
		Binary: filepath.Join(dir, i.Name), Certificates: filepath.Join(dir, "authorities.crt"),
		Version: "v1.2.3", OS: "linux", Arch: "arm64", Created: time.Unix(0, 0).UTC(),
	})
	if err != nil {
		t.Fatal(err)
	}
	reference, err := i.Reference(image.Repository, "v1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	digest, file, err := i.Save(img, reference, dir)
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := tarball.ImageFromPath(file, &reference) // as a container engine loads it
	if err != nil {
		t.Fatal(err)
	}
	return loaded, digest
}

func TestTheSameBinaryGivesTheSameImage(t *testing.T) {
	zone := image.All()[0]
	_, first := build(t, zone, "a binary")
	_, second := build(t, zone, "a binary")
	_, other := build(t, zone, "another binary")
	if first != second {
		t.Errorf("two builds: %s and %s", first, second)
	}
	if first == other {
		t.Error("another binary has the same digest")
	}
}

func TestAnImageHoldsTheBinaryAndRunsItAsNobody(t *testing.T) {
	for _, i := range image.All() {
		img, _ := build(t, i, "a binary")
		file, err := img.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		if file.OS != "linux" || file.Architecture != "arm64" || file.Config.User != "65532:65532" ||
			!slices.Equal(file.Config.Entrypoint, []string{"/" + i.Name}) || file.Config.Labels["org.opencontainers.image.version"] != "v1.2.3" {
			t.Errorf("%s: %+v", i.Name, file)
		}
		if len(file.Config.ExposedPorts) != len(i.Ports) {
			t.Errorf("%s: ports %v", i.Name, file.Config.ExposedPorts)
		}
		layers, err := img.Layers()
		if err != nil || len(layers) != 1 {
			t.Fatalf("%s: %d layers, %v", i.Name, len(layers), err)
		}
		content, err := layers[0].Uncompressed()
		if err != nil {
			t.Fatal(err)
		}
		modes := make(map[string]int64)
		for r := tar.NewReader(content); ; {
			header, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			modes[header.Name] = header.Mode
		}
		if modes[i.Name] != 0o555 || modes["etc/ssl/certs/ca-certificates.crt"] != 0o444 || len(modes) != 5 {
			t.Errorf("%s: %v", i.Name, modes)
		}
	}
}

// The Dockerfile says the same as All, in another language.
func TestTheDockerfileBuildsTheSameImages(t *testing.T) {
	content, err := os.ReadFile("../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	text := string(content)
	var targets []string
	for _, m := range regexp.MustCompile(`(?m)^FROM base AS (\w+)$`).FindAllStringSubmatch(text, -1) {
		targets = append(targets, m[1])
	}
	var want []string
	for _, i := range image.All() {
		want = append(want, i.Name)
		_, stage, _ := strings.Cut(text, "FROM base AS "+i.Name+"\n")
		stage, _, _ = strings.Cut(stage, "\nFROM ")
		var ports []int
		if m := regexp.MustCompile(`(?m)^EXPOSE (.*)$`).FindStringSubmatch(stage); m != nil {
			for port := range strings.FieldsSeq(m[1]) {
				n, err := strconv.Atoi(port)
				if err != nil {
					t.Fatal(err)
				}
				ports = append(ports, n)
			}
		}
		if !slices.Equal(ports, i.Ports) {
			t.Errorf("%s: the Dockerfile exposes %v, the image %v", i.Name, ports, i.Ports)
		}
		if !strings.Contains(stage, `ENTRYPOINT ["/`+i.Name+`"]`) || !strings.Contains(text, i.Package) {
			t.Errorf("%s: its stage runs something else, or %s is not built:\n%s", i.Name, i.Package, stage)
		}
	}
	if !slices.Equal(targets, want) {
		t.Errorf("targets %v, images %v", targets, want)
	}
	if !strings.Contains(text, "USER "+image.User+"\n") {
		t.Error("the Dockerfile has another user")
	}
}
