// Command secrets makes the certificates, keys and passwords of an installation:
// files for one machine, Secrets for Kubernetes.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"zonebench.internal/deploy/credentials"
)

func main() {
	if err := run(os.Args[1:], os.Stdout, os.Stderr, time.Now()); err != nil {
		fmt.Fprintln(os.Stderr, "secrets:", err)
		os.Exit(1)
	}
}

func run(args []string, out, errOut io.Writer, now time.Time) error {
	flags := flag.NewFlagSet("secrets", flag.ContinueOnError)
	dir := flags.String("dir", "dist/secrets", "directory that keeps them; what is in it is kept, and certificates that end soon are renewed")
	manifests := flags.Bool("manifests", false, "print them as Secrets of Kubernetes, for kubectl apply -f -")
	namespace := flags.String("namespace", "zonebench", "namespace of the Secrets")
	certificates := flags.Bool("certificates", true, "certificates among the Secrets; false where cert-manager issues them")
	extra := make(map[string][]string)
	flags.Func("host", "a further name or address of a part, such as board=zones.example.org; may be repeated", func(value string) error {
		part, host, ok := strings.Cut(value, "=")
		if !ok {
			return fmt.Errorf("%q: write it as PART=HOST", value)
		}
		extra[part] = append(extra[part], host)
		return nil
	})
	if err := flags.Parse(args); err != nil {
		return err //nolint:wrapcheck // it is worded for people
	}
	if err := credentials.Make(*dir, extra, now); err != nil {
		return err //nolint:wrapcheck // it is worded for people
	}
	if !*manifests {
		fmt.Fprintf(errOut, "the credentials are in %s; keep %s/authority away from the machines that run the services\n", *dir, *dir)
		return nil
	}
	secrets, err := credentials.Secrets(*dir, *namespace, *certificates)
	if err != nil {
		return err //nolint:wrapcheck // it is worded for people
	}
	_, err = out.Write(secrets)
	return err //nolint:wrapcheck // an output that is closed
}
