// Package image makes container images from binaries, without a container
// engine and without a base image: one layer over nothing, the same bytes for
// the same binaries.
package image

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// Repository is where images are named, unless their operator names them
// otherwise. Nothing is ever pulled from it: no registry has this name.
const Repository = "zonebench.internal"

// User runs the binary: nobody, by number, since there is no /etc/passwd.
const User = "65532:65532"

// An Image is a program and the ports it serves when it is told to.
type Image struct {
	Name    string // zone, as the binary and the target in the Dockerfile
	Package string // of the binary, in the workspace
	Title   string
	Ports   []int
}

// The ports of every process, beside its own.
const (
	ProbesPort  = 7808
	MetricsPort = 7890
)

// All are the images of an installation.
func All() []Image {
	return []Image{
		{Name: "zone", Package: "./services/zone/cmd/zone", Title: "zonebench: zones and their registry", Ports: []int{7801, ProbesPort, MetricsPort}},
		{
			Name: "indicator", Package: "./services/indicator/cmd/indicator", Title: "zonebench: indicators, figures and targets",
			Ports: []int{7802, ProbesPort, MetricsPort},
		},
		{
			Name: "ranking", Package: "./services/ranking/cmd/ranking", Title: "zonebench: comparisons and rankings",
			Ports: []int{7803, ProbesPort, MetricsPort},
		},
		{Name: "board", Package: "./services/board/cmd/board", Title: "zonebench: what people look at", Ports: []int{7880, MetricsPort}},
		{Name: "zonebench", Package: "./services/standalone/cmd/zonebench", Title: "zonebench: everything in one process, and the command line"},
	}
}

// Options say what an image is made from.
type Options struct {
	Binary       string // path of the static binary
	Certificates string // path of a file of authorities to trust, none when empty
	Version      string
	OS, Arch     string
	Created      time.Time
}

// Build makes an image. The same options and files give the same digest.
func (i Image) Build(opts Options) (v1.Image, error) {
	layer, err := i.layer(opts)
	if err != nil {
		return nil, err
	}
	img, err := mutate.Append(empty.Image, mutate.Addendum{
		Layer: layer, History: v1.History{CreatedBy: "zonebench images", Created: v1.Time{Time: opts.Created}},
	})
	if err != nil {
		return nil, fmt.Errorf("image %s: %w", i.Name, err)
	}
	file, err := img.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("image %s: %w", i.Name, err)
	}
	file = file.DeepCopy()
	file.OS, file.Architecture, file.Created = opts.OS, opts.Arch, v1.Time{Time: opts.Created}
	file.Config = v1.Config{
		User:         User,
		Entrypoint:   []string{"/" + i.Name},
		ExposedPorts: make(map[string]struct{}),
		Labels: map[string]string{
			"org.opencontainers.image.title":   i.Title,
			"org.opencontainers.image.version": opts.Version,
		},
	}
	for _, port := range i.Ports {
		file.Config.ExposedPorts[fmt.Sprintf("%d/tcp", port)] = struct{}{}
	}
	if img, err = mutate.ConfigFile(img, file); err != nil {
		return nil, fmt.Errorf("image %s: %w", i.Name, err)
	}
	return img, nil
}

// layer holds the binary, and authorities where programs look for them.
func (i Image) layer(opts Options) (v1.Layer, error) {
	binary, err := os.ReadFile(opts.Binary)
	if err != nil {
		return nil, fmt.Errorf("image %s: %w", i.Name, err)
	}
	var buffer bytes.Buffer
	w := tar.NewWriter(&buffer)
	add := func(header tar.Header, content []byte) {
		header.ModTime, header.Size, header.Format = opts.Created, int64(len(content)), tar.FormatUSTAR
		if err == nil {
			err = w.WriteHeader(&header)
		}
		if err == nil {
			_, err = w.Write(content)
		}
	}
	if opts.Certificates != "" {
		authorities, err := os.ReadFile(opts.Certificates)
		if err != nil {
			return nil, fmt.Errorf("image %s: %w", i.Name, err)
		}
		for _, dir := range []string{"etc/", "etc/ssl/", "etc/ssl/certs/"} {
			add(tar.Header{Name: dir, Typeflag: tar.TypeDir, Mode: 0o755}, nil)
		}
		add(tar.Header{Name: "etc/ssl/certs/ca-certificates.crt", Typeflag: tar.TypeReg, Mode: 0o444}, authorities)
	}
	add(tar.Header{Name: i.Name, Typeflag: tar.TypeReg, Mode: 0o555}, binary)
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("image %s: %w", i.Name, err)
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(buffer.Bytes())), nil
	})
	if err != nil {
		return nil, fmt.Errorf("image %s: %w", i.Name, err)
	}
	return layer, nil
}

// Reference is the name of an image in a repository, with its tag.
func (i Image) Reference(repository, tag string) (name.Tag, error) {
	reference, err := name.NewTag(repository + "/" + i.Name + ":" + tag)
	if err != nil {
		return name.Tag{}, fmt.Errorf("image %s: %w", i.Name, err)
	}
	return reference, nil
}

// Save writes an image as a file that docker load, podman load and ctr images
// import read, and returns its digest.
func (i Image) Save(img v1.Image, reference name.Tag, dir string) (digest, file string, err error) {
	hash, err := img.Digest()
	if err != nil {
		return "", "", fmt.Errorf("image %s: %w", i.Name, err)
	}
	file = filepath.Join(dir, i.Name+".tar")
	if err := tarball.WriteToFile(file, reference, img); err != nil {
		return "", "", fmt.Errorf("image %s: %w", i.Name, err)
	}
	return hash.String(), file, nil
}
