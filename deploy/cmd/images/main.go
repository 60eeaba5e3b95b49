// Command images makes container images from binaries that are already built.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"zonebench.internal/deploy/image"
)

func main() {
	if err := run(os.Args[1:], os.Getenv("SOURCE_DATE_EPOCH"), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "images:", err)
		os.Exit(1)
	}
}

func run(args []string, epoch string, out io.Writer) error {
	flags := flag.NewFlagSet("images", flag.ContinueOnError)
	list := flags.Bool("packages", false, "list the packages of the binaries, and do nothing else")
	bin := flags.String("bin", "dist/bin", "directory of the binaries")
	to := flags.String("to", "dist/images", "directory to write NAME.tar into")
	version := flags.String("version", "devel", "version of the binaries")
	repository := flags.String("repository", image.Repository, "repository of the images")
	tag := flags.String("tag", "devel", "tag of the images")
	arch := flags.String("arch", "amd64", "architecture of the binaries")
	authorities := flags.String("certificates", "/etc/ssl/certs/ca-certificates.crt", "authorities that programs trust; none when the file is missing")
	push := flags.Bool("push", false, "push to the repository too, with the credentials of docker login")
	if err := flags.Parse(args); err != nil {
		return err //nolint:wrapcheck // it is worded for people
	}
	if *list {
		for _, i := range image.All() {
			fmt.Fprintln(out, i.Package)
		}
		return nil
	}
	created := time.Unix(0, 0).UTC()
	if epoch != "" {
		seconds, err := strconv.ParseInt(epoch, 10, 64)
		if err != nil {
			return fmt.Errorf("SOURCE_DATE_EPOCH: %w", err)
		}
		created = time.Unix(seconds, 0).UTC()
	}
	if _, err := os.Stat(*authorities); errors.Is(err, fs.ErrNotExist) {
		*authorities = ""
	}
	if err := os.MkdirAll(*to, 0o755); err != nil { //nolint:gosec // others may read what is published anyway
		return fmt.Errorf("make the directory of the images: %w", err)
	}
	for _, i := range image.All() {
		img, err := i.Build(image.Options{
			Binary: filepath.Join(*bin, i.Name), Certificates: *authorities, Version: *version, OS: "linux", Arch: *arch, Created: created,
		})
		if err != nil {
			return err
		}
		reference, err := i.Reference(*repository, *tag)
		if err != nil {
			return err
		}
		digest, file, err := i.Save(img, reference, *to)
		if err != nil {
			return err
		}
		if *push {
			if err := remote.Write(reference, img, remote.WithAuthFromKeychain(authn.DefaultKeychain)); err != nil {
				return fmt.Errorf("push %s: %w", reference, err)
			}
		}
		fmt.Fprintf(out, "%s %s %s\n", reference, digest, file)
	}
	return nil
}
