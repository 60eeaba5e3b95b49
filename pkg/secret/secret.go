// Package secret reads secrets, which come from files only: what stands in an
// environment or on a command line is seen by others, and ends up in logs.
package secret

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
)

// File is a file with one secret in it. The name may be shown, and the secret is
// read when it is used, so that it can be rotated.
type File string

// largest is how long a secret may be; more is a mistake in the name of the file.
const largest = 64 << 10

// Read gives the secret without the line break behind it, empty for no file.
func (f File) Read() (string, error) {
	if f == "" {
		return "", nil
	}
	content, err := os.ReadFile(string(f))
	if err != nil {
		return "", err //nolint:wrapcheck // it names the path and what is wrong
	}
	content = bytes.TrimRight(content, "\r\n")
	if len(content) == 0 || len(content) > largest || bytes.ContainsAny(content, "\r\n") {
		return "", fmt.Errorf("secret file %s: it must hold one line, which is the secret", string(f))
	}
	return string(content), nil
}

// CheckURLs refuses addresses, separated by commas, that carry a secret in
// them. The message does not repeat it.
func CheckURLs(addresses string) error {
	for address := range strings.SplitSeq(addresses, ",") {
		// What does not parse may hold a secret too, and its error would repeat it.
		if strings.Contains(address, "@") {
			return errors.New("an address has a user or password in it: take it out and name the file of the secret instead")
		}
		if u, err := url.Parse(strings.TrimSpace(address)); err == nil && u.Query().Has("password") {
			return errors.New("an address has a password in it: take it out and name the file of the secret instead")
		}
	}
	return nil
}
