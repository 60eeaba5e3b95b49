// Package credentials makes what the parts of an installation prove themselves
// with: certificates of an authority of its own, NKeys for NATS, passwords for
// Redis, and the key that signs releases. They are kept as files below one
// directory, for one machine, and given out as Secrets, for Kubernetes.
//
// What is there is kept: making credentials again adds what is missing and
// renews certificates that end soon.
package credentials

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/nats-io/nkeys"
)

const (
	authorityLife   = 10 * 365 * 24 * time.Hour
	certificateLife = 365 * 24 * time.Hour
	renewBefore     = 90 * 24 * time.Hour
)

// A Part is what has a certificate: its name, and the names by which others reach it.
type Part struct {
	Name  string
	Hosts []string
}

// Parts are what has a certificate. Its identity is the URI spiffe://zonebench/NAME.
// Services are localhost too: for one machine, and through a forwarded port.
func Parts() []Part {
	return []Part{
		{Name: "zone", Hosts: []string{"zone", "localhost"}},
		{Name: "indicator", Hosts: []string{"indicator", "localhost"}},
		{Name: "ranking", Hosts: []string{"ranking", "localhost"}},
		{Name: "board", Hosts: []string{"board", "localhost"}},
		{Name: "nats", Hosts: []string{"nats", "nats-0.nats", "nats-1.nats", "nats-2.nats"}},
		{Name: "redis", Hosts: []string{"redis"}},
		{Name: "archive"},
		{Name: "operator"},
	}
}

// Users are the users of NATS, each with an NKey.
func Users() []string { return []string{"zone", "indicator", "ranking", "archive", "operator"} }

// RedisUsers has one line for each user of Redis in the server's notation. Of the
// password the server has only the digest.
func RedisUsers(password string) string {
	digest := sha256.Sum256([]byte(password))
	return "user default off\n" +
		"user ranking on #" + hex.EncodeToString(digest[:]) + " " + RankingRights + "\n"
}

// RankingRights is what the ranking service may do in Redis: read and write
// hashes and texts below its own prefix, by the commands that it uses and no
// others. It cannot list, move or flush keys, nor look at the server.
const RankingRights = "resetkeys ~zonebench:* resetchannels -@all " +
	"+hello +auth +ping +select +multi +exec +discard +eval +evalsha " +
	"+get +set +pexpire +hget +hset +hdel +hmget +hgetall +hkeys +hvals"

// Make fills a directory with what is missing in it. extra adds names or IP
// addresses to the certificates of parts.
func Make(dir string, extra map[string][]string, now time.Time) error {
	m := maker{dir: dir, now: now}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("credentials: %w", err)
	}
	authority, key, err := m.authority()
	if err != nil {
		return err
	}
	for _, part := range Parts() {
		if err := m.certificate(part, extra[part.Name], authority, key); err != nil {
			return err
		}
	}
	var public []string
	for _, user := range Users() {
		id, err := m.nkey(user)
		if err != nil {
			return err
		}
		public = append(public, strings.ToUpper(user)+"_NKEY="+id)
	}
	if err := m.write("nats-users/users.env", []byte(strings.Join(public, "\n")+"\n")); err != nil {
		return err
	}
	password, err := m.kept("ranking-redis/password", func() ([]byte, error) { return []byte(rand.Text() + "\n"), nil })
	if err != nil {
		return err
	}
	if err := m.write("redis-users/users.acl", []byte(RedisUsers(strings.TrimSpace(string(password))))); err != nil {
		return err
	}
	_, err = m.kept("ranking-signing/key.pem", signingKey)
	return err
}

type maker struct {
	dir string
	now time.Time
}

// kept reads a file, and makes it first when it is not there.
func (m maker) kept(name string, content func() ([]byte, error)) ([]byte, error) {
	have, err := os.ReadFile(filepath.Join(m.dir, name))
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return have, err //nolint:wrapcheck // it names the file
	}
	made, err := content()
	if err != nil {
		return nil, fmt.Errorf("credentials: make %s: %w", name, err)
	}
	return made, m.write(name, made)
}

func (m maker) write(name string, content []byte) error {
	path := filepath.Join(m.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("credentials: %w", err)
	}
	// Another process may read it at any moment: it is whole or not there.
	if err := os.WriteFile(path+".new", content, 0o600); err != nil {
		return fmt.Errorf("credentials: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("credentials: %w", err)
	}
	return nil
}

func (m maker) authority() (*x509.Certificate, *ecdsa.PrivateKey, error) {
	name := filepath.Join("authority", "tls.crt")
	if certificate, key, err := m.read("authority"); err == nil {
		return certificate, key, nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("credentials: %s: %w", name, err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("credentials: %w", err)
	}
	template := m.template("zonebench", authorityLife)
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	certificate, err := m.issue("authority", template, template, key, key)
	return certificate, key, err
}

// certificate makes the certificate of a part unless there is one that lasts.
func (m maker) certificate(part Part, extra []string, authority *x509.Certificate, key *ecdsa.PrivateKey) error {
	have, _, err := m.read(part.Name + "-tls")
	if err == nil && have.NotAfter.After(m.now.Add(renewBefore)) && names(have, append(part.Hosts, extra...)) {
		return nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("credentials: certificate of %s: %w", part.Name, err)
	}
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("credentials: %w", err)
	}
	template := m.template(part.Name, certificateLife)
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	template.URIs = []*url.URL{{Scheme: "spiffe", Host: "zonebench", Path: "/" + part.Name}}
	for _, host := range append(part.Hosts, extra...) {
		if ip := parseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	if _, err := m.issue(part.Name+"-tls", template, authority, own, key); err != nil {
		return err
	}
	trusted := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: authority.Raw})
	return m.write(part.Name+"-tls/ca.crt", trusted)
}

// names reports whether a certificate is good for all hosts.
func names(c *x509.Certificate, hosts []string) bool {
	for _, host := range hosts {
		if c.VerifyHostname(host) != nil {
			return false
		}
	}
	return true
}

func (m maker) template(name string, life time.Duration) *x509.Certificate {
	return &x509.Certificate{
		Subject:   pkix.Name{CommonName: name, Organization: []string{"zonebench"}},
		NotBefore: m.now.Add(-5 * time.Minute), // clocks differ
		NotAfter:  m.now.Add(life),
	}
}

func (m maker) issue(dir string, template, parent *x509.Certificate, own, signer *ecdsa.PrivateKey) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("credentials: %w", err)
	}
	template.SerialNumber = serial
	raw, err := x509.CreateCertificate(rand.Reader, template, parent, &own.PublicKey, signer)
	if err != nil {
		return nil, fmt.Errorf("credentials: issue %s: %w", dir, err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(own)
	if err != nil {
		return nil, fmt.Errorf("credentials: %w", err)
	}
	if err := m.write(dir+"/tls.key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})); err != nil {
		return nil, err
	}
	if err := m.write(dir+"/tls.crt", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw})); err != nil {
		return nil, err
	}
	return x509.ParseCertificate(raw) //nolint:wrapcheck // we have just made it
}

func (m maker) read(dir string) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	certificate, err := block(filepath.Join(m.dir, dir, "tls.crt"))
	if err != nil {
		return nil, nil, err
	}
	key, err := block(filepath.Join(m.dir, dir, "tls.key"))
	if err != nil {
		return nil, nil, err
	}
	parsed, err := x509.ParseCertificate(certificate)
	if err != nil {
		return nil, nil, err //nolint:wrapcheck // the caller names the file
	}
	private, err := x509.ParsePKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, err //nolint:wrapcheck // the caller names the file
	}
	own, ok := private.(*ecdsa.PrivateKey)
	if !ok || !own.PublicKey.Equal(parsed.PublicKey) {
		return nil, nil, errors.New("key and certificate do not belong together")
	}
	return parsed, own, nil
}

func block(path string) ([]byte, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err //nolint:wrapcheck // it names the file
	}
	b, _ := pem.Decode(content)
	if b == nil {
		return nil, errors.New("it is not PEM")
	}
	return b.Bytes, nil
}

// nkey keeps the seed of a user and gives its public key.
func (m maker) nkey(user string) (string, error) {
	seed, err := m.kept(user+"-nats/nkey", func() ([]byte, error) {
		pair, err := nkeys.CreateUser()
		if err != nil {
			return nil, err //nolint:wrapcheck // kept says what was being made
		}
		seed, err := pair.Seed()
		return append(seed, '\n'), err //nolint:wrapcheck // kept says what was being made
	})
	if err != nil {
		return "", err
	}
	pair, err := nkeys.FromSeed([]byte(strings.TrimSpace(string(seed))))
	if err != nil {
		return "", fmt.Errorf("credentials: NKey of %s: %w", user, err)
	}
	public, err := pair.PublicKey()
	if err != nil {
		return "", fmt.Errorf("credentials: NKey of %s: %w", user, err)
	}
	return public, nil
}

func signingKey() ([]byte, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err //nolint:wrapcheck // kept says what was being made
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err //nolint:wrapcheck // kept says what was being made
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), nil
}
