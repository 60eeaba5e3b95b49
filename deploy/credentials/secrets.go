package credentials

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

func parseIP(host string) net.IP { return net.ParseIP(host) }

// Secrets gives what Make made as manifests of Secrets: one for each directory,
// but for the key of the authority, which stays where it is. Without
// certificates, somebody else issues them.
func Secrets(dir, namespace string, certificates bool) ([]byte, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("credentials: %w", err)
	}
	var all bytes.Buffer
	for _, e := range entries {
		isTLS := strings.HasSuffix(e.Name(), "-tls")
		if !e.IsDir() || e.Name() == "authority" || isTLS && !certificates {
			continue
		}
		kind := "Opaque"
		if isTLS {
			kind = "kubernetes.io/tls"
		}
		fmt.Fprintf(&all, "---\napiVersion: v1\nkind: Secret\ntype: %s\nmetadata:\n  name: %s\n  namespace: %s\n"+
			"  labels: {app.kubernetes.io/part-of: zonebench}\ndata:\n", kind, e.Name(), namespace)
		data, err := contents(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		for _, d := range data {
			fmt.Fprintf(&all, "  %s: %s\n", d.key, base64.StdEncoding.EncodeToString(d.value))
		}
	}
	return all.Bytes(), nil
}

type datum struct {
	key   string
	value []byte
}

// contents are the files of a directory; an .env file is what stands in it.
func contents(dir string) ([]datum, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("credentials: %w", err)
	}
	var data []datum
	for _, e := range entries {
		value, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, fmt.Errorf("credentials: %w", err)
		}
		if !strings.HasSuffix(e.Name(), ".env") {
			data = append(data, datum{e.Name(), value})
			continue
		}
		for line := range strings.Lines(string(value)) {
			key, v, _ := strings.Cut(strings.TrimSpace(line), "=")
			data = append(data, datum{key, []byte(v)})
		}
	}
	slices.SortFunc(data, func(a, b datum) int { return strings.Compare(a.key, b.key) })
	return data, nil
}
