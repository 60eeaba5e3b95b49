package ranking

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	rankingv1 "zonebench.internal/proto/gen/zonebench/ranking/v1"
	"zonebench.internal/services/ranking/standing"
	"zonebench.internal/services/ranking/versions"
)

// SignedText is the text that the signature of a release is made over: lines that
// end in a line feed, UTF-8, as a third party can write them from GetRelease. The
// package comment lists them.
func SignedText(r *rankingv1.Release) []byte {
	head, seal := r.GetHead(), r.GetSeal()
	sum := func(s string) string {
		h := sha256.Sum256([]byte(s))
		return hex.EncodeToString(h[:])
	}
	lines := []string{
		"zonebench release 1",
		r.GetName(),
		"number " + strconv.Itoa(int(r.GetNumber())),
		"scheme " + r.GetRanking().GetScheme(),
		"group " + r.GetRanking().GetGroup(),
		"period " + r.GetRanking().GetPeriod(),
		"state " + stateWord(head.GetState()),
		"version " + strconv.FormatInt(head.GetVersion(), 10),
		"time " + head.GetCommitTime().AsTime().UTC().Format(time.RFC3339Nano),
		"simulated " + strconv.FormatBool(head.GetSimulated()),
		"title " + sum(r.GetTitle().GetZh()),
		"note " + sum(r.GetNote()),
		"head " + head.GetDigest(),
		"inputs " + seal.GetInputsDigest(),
		"tree " + seal.GetSchemeDigest(),
		"rows " + seal.GetRowsDigest(),
		"engine " + seal.GetEngine(),
	}
	return []byte(strings.Join(lines, "\n") + "\n")
}

// sealed makes the seal of a release but for the signature, which covers it.
func sealed(table *standing.Table, rows []*rankingv1.Standing, engine string) *rankingv1.Seal {
	return &rankingv1.Seal{
		InputsDigest: inputsDigest(table, rows), SchemeDigest: schemeDigest(table.Scheme()), RowsDigest: rowsDigest(rows), Engine: engine,
	}
}

// signRelease puts the signature and its public key into the seal.
func signRelease(r *rankingv1.Release, key ed25519.PrivateKey) {
	r.Seal.Signature = ed25519.Sign(key, SignedText(r))
	public, _ := key.Public().(ed25519.PublicKey) // It is one by its type.
	r.Seal.PublicKey = public
}

// verified reports whether the signature of a release holds for what it says.
func verified(r *rankingv1.Release) bool {
	public := r.GetSeal().GetPublicKey()
	return len(public) == ed25519.PublicKeySize && ed25519.Verify(public, SignedText(r), r.GetSeal().GetSignature())
}

// fields hashes texts, each behind its length as 8 bytes, big endian.
type fields struct{ sum hash.Hash }

func (f fields) add(texts ...string) {
	for _, s := range texts {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(s)))
		f.sum.Write(n[:])
		f.sum.Write([]byte(s))
	}
}

func (f fields) hex() string { return hex.EncodeToString(f.sum.Sum(nil)) }

// inputsDigest covers the figures that went in: for each row by position and each
// leaf in the order of the scheme subject, node, number and period.
func inputsDigest(table *standing.Table, rows []*rankingv1.Standing) string {
	zones := make([]string, len(rows))
	for i, r := range rows {
		zones[i] = r.GetSubject()
	}
	figures := table.Figures(zones)
	f := fields{sha256.New()}
	for _, zone := range zones {
		for _, leaf := range table.Leaves() {
			c := figures[standing.FigureOf{Zone: zone, Node: leaf.ID()}]
			f.add(zone, leaf.ID(), c.Number, c.Period)
		}
	}
	return f.hex()
}

// schemeDigest covers the tree and the recipe: for each node id, parent, weight
// and what a leaf takes, then the recipe.
func schemeDigest(scheme *rankingv1.Scheme) string {
	f := fields{sha256.New()}
	for _, n := range scheme.GetNodes() {
		f.add(n.GetId(), n.GetParent(), n.GetWeight())
		leaf := n.GetLeaf()
		f.add(leaf.GetIndicator(), strconv.Itoa(int(leaf.GetStatisticalClass())), strconv.Itoa(int(leaf.GetCarry())),
			strconv.Itoa(int(leaf.GetMaxAgeMonths())), leaf.GetRequiredCompleteness())
	}
	f.add(scheme.GetRecipe())
	return f.hex()
}

// rowsDigest covers subject, place and score of each row by position.
func rowsDigest(rows []*rankingv1.Standing) string {
	f := fields{sha256.New()}
	for _, r := range rows {
		f.add(r.GetSubject(), strconv.Itoa(int(r.GetPlace())), r.GetScore())
	}
	return f.hex()
}

// intact reports whether stored rows have the digests that were signed.
func intact(r *rankingv1.Release, rows []*rankingv1.Standing) bool {
	v := &versions.Version{Head: r.GetHead(), Rows: rows}
	return rowsDigest(rows) == r.GetSeal().GetRowsDigest() && v.Digest() == r.GetHead().GetDigest() &&
		slices.IsSortedFunc(rows, func(a, b *rankingv1.Standing) int { return int(a.GetPosition() - b.GetPosition()) })
}

const pemType = "PRIVATE KEY"

// SigningKey reads an Ed25519 key from a PEM file (PKCS #8), as
// `openssl genpkey -algorithm ed25519` writes it.
func SigningKey(path string) (ed25519.PrivateKey, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("the key of releases: %w", err)
	}
	// The group may read it: that is how Kubernetes gives a secret to a process.
	if info.Mode().Perm()&0o037 != 0 {
		return nil, fmt.Errorf("the key of releases %s can be read by others (mode %04o): chmod 600 or 640 it", path, info.Mode().Perm())
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("the key of releases: %w", err)
	}
	block, _ := pem.Decode(content)
	if block == nil || block.Type != pemType {
		return nil, fmt.Errorf("the key of releases %s is not PEM of type %s: make one by openssl genpkey -algorithm ed25519", path, pemType)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("the key of releases %s: %w", path, err)
	}
	key, ok := parsed.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("the key of releases %s is a %T: it must be Ed25519", path, parsed)
	}
	return key, nil
}

// OwnSigningKey reads the key of a directory, and makes it the first time.
func OwnSigningKey(dir string) (ed25519.PrivateKey, error) {
	path := filepath.Join(dir, "release-key.pem")
	key, err := SigningKey(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	_, key, err = ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key of releases: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("make a key of releases: %w", err)
	}
	// Written beside and renamed, so that a crash leaves no half a key.
	file, err := os.CreateTemp(dir, ".release-key-*") // mode 0600
	if err != nil {
		return nil, fmt.Errorf("make a key of releases: %w", err)
	}
	err = pem.Encode(file, &pem.Block{Type: pemType, Bytes: der})
	err = errors.Join(err, file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make a key of releases: %w", err), os.Remove(file.Name()))
	}
	return key, nil
}
