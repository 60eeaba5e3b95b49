package board

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"regexp"
	"strings"
	"sync"
	"time"
)

// The front end is built into dist/app, which git ignores; beside it stands the
// page that is shown when there is none. A file that begins with an underscore
// is a file like others to the builder, hence all:.
//
//go:embed all:web/dist
var dist embed.FS

// Assets is the front end as it was built into this program, or the page that
// says how to build it.
func Assets() (fs.FS, error) {
	for _, dir := range []string{"web/dist/app", "web/dist"} {
		sub, err := fs.Sub(dist, dir)
		if err != nil {
			return nil, fmt.Errorf("board: assets: %w", err)
		}
		if _, err := fs.Stat(sub, index); err == nil {
			return sub, nil
		}
	}
	sub, err := fs.Sub(dist, "web/dist")
	if err != nil {
		return nil, fmt.Errorf("board: assets: %w", err)
	}
	return sub, nil
}

const (
	index       = "index.html"
	placeholder = "placeholder.html"
)

// pages serves the files of the front end, and its first page for every path
// that is a page's: the router in the browser does the rest.
type pages struct {
	files map[string]*asset
	first *asset
	built bool
}

// asset is one file in the forms in which it is sent.
type asset struct {
	kind   string
	hashed bool // its name changes with its content
	plain  variant
	brotli variant // as the build made it, or nothing
	gzip   func() variant
}

type variant struct {
	content []byte
	etag    string
}

func newPages(files fs.FS) (*pages, error) {
	p := &pages{files: make(map[string]*asset)}
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(name, ".br") || strings.HasSuffix(name, ".gz") {
			return err
		}
		content, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		a := &asset{kind: kind(name), hashed: hashed.MatchString(name), plain: made(content, "")}
		if packed, err := fs.ReadFile(files, name+".br"); err == nil {
			a.brotli = made(packed, "br")
		}
		a.gzip = sync.OnceValue(func() variant { return packed(content, a.kind) })
		p.files[name] = a
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("board: assets: %w", err)
	}
	p.first, p.built = p.files[index], true
	if p.first == nil {
		p.first, p.built = p.files[placeholder], false
	}
	if p.first == nil {
		return nil, errors.New("board: assets: there is neither " + index + " nor " + placeholder)
	}
	return p, nil
}

// hashed tells names that the builder made from the content: assets/app-B3kd93Ks.js.
var hashed = regexp.MustCompile(`^assets/.*-[A-Za-z0-9_-]{8,}\.[a-z0-9]+$`)

// kind is the media type of a file. It is not asked of the system, whose tables
// differ from machine to machine.
func kind(name string) string {
	switch path.Ext(name) {
	case ".html":
		return "text/html; charset=utf-8"
	case ".js", ".mjs":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".json", ".map":
		return "application/json"
	case ".webmanifest":
		return "application/manifest+json"
	case ".svg":
		return "image/svg+xml"
	case ".png":
		return "image/png"
	case ".ico":
		return "image/x-icon"
	case ".txt":
		return "text/plain; charset=utf-8"
	case ".woff2":
		return "font/woff2"
	default:
		return "application/octet-stream"
	}
}

func made(content []byte, encoding string) variant {
	sum := sha256.Sum256(content)
	tag := hex.EncodeToString(sum[:12])
	if encoding != "" {
		tag += "-" + encoding
	}
	return variant{content: content, etag: `"` + tag + `"`}
}

// packed is the content under gzip when that is worth it, else nothing.
func packed(content []byte, kind string) variant {
	if major, _, _ := strings.Cut(kind, "/"); len(content) < 1024 || major == "image" && kind != "image/svg+xml" || major == "font" {
		return variant{}
	}
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return variant{}
	}
	if _, err := w.Write(content); err != nil || w.Close() != nil {
		return variant{}
	}
	return made(out.Bytes(), "gz")
}

func (p *pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		p.refuse(w, r)
		return
	}
	name := strings.TrimPrefix(path.Clean(r.URL.Path), "/")
	a, ok := p.files[name]
	switch {
	case ok && (p.built || name != placeholder):
	case rpc(r.URL.Path), path.Ext(name) != "", strings.HasPrefix(name, "assets/"):
		p.refuse(w, r)
		return
	default: // A page of the front end.
		a = p.first
	}
	p.send(w, r, a)
}

// refuse answers what is neither a file, a page nor a method.
func (p *pages) refuse(w http.ResponseWriter, r *http.Request) {
	if rpc(r.URL.Path) {
		notMethod(w, r)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "pages are read with GET; methods are called at /zonebench.PACKAGE.v1.SERVICE/METHOD", http.StatusMethodNotAllowed)
		return
	}
	http.Error(w, "there is no such file", http.StatusNotFound)
}

func (p *pages) send(w http.ResponseWriter, r *http.Request, a *asset) {
	h := w.Header()
	h.Set("Content-Type", a.kind)
	h.Set("Vary", "Accept-Encoding")
	switch {
	case a.hashed:
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	default:
		h.Set("Cache-Control", "no-cache")
	}
	v := a.plain
	if small := a.brotli; small.content != nil && accepts(r, "br") {
		v = small
		h.Set("Content-Encoding", "br")
	} else if accepts(r, "gzip") {
		if small := a.gzip(); small.content != nil {
			v = small
			h.Set("Content-Encoding", "gzip")
		}
	}
	h.Set("ETag", v.etag)
	if a == p.first && !p.built {
		h.Set("Cache-Control", "no-store")
		h.Del("ETag")
		w.WriteHeader(http.StatusServiceUnavailable)
		if r.Method != http.MethodHead {
			_, _ = w.Write(v.content) // The browser went: nobody to tell.
		}
		return
	}
	r.Header.Del("Range") // Files are small and packed: a part of one is never needed.
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(v.content))
}

// accepts reports whether the browser takes an encoding.
func accepts(r *http.Request, encoding string) bool {
	for _, values := range r.Header.Values("Accept-Encoding") {
		for part := range strings.SplitSeq(values, ",") {
			name, parameters, _ := strings.Cut(part, ";")
			_, values, err := mime.ParseMediaType("x/x;" + parameters)
			if strings.EqualFold(strings.TrimSpace(name), encoding) && (err != nil || strings.Trim(values["q"], "0.") != "" || values["q"] == "") {
				return true
			}
		}
	}
	return false
}
