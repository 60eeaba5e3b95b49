package board_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/fstest"

	"zonebench.internal/services/board"
)

func TestSecurityHeaders(t *testing.T) {
	f := start(t, &services{})
	for _, path := range []string{"/", "/assets/app-B3kd93Ks.js", "/nowhere.png", "/healthz", getZone} {
		resp, _ := f.ask(t, http.MethodGet, path, "")
		h := resp.Header
		csp := make(map[string]string)
		for part := range strings.SplitSeq(h.Get("Content-Security-Policy"), "; ") {
			name, sources, _ := strings.Cut(part, " ")
			csp[name] = sources
		}
		for name, want := range map[string]string{
			"default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "connect-src": "'self'",
			"img-src": "'self' data: blob:", "frame-ancestors": "'none'", "base-uri": "'none'", "form-action": "'none'",
		} {
			if csp[name] != want {
				t.Errorf("%s: the policy has %s %s", path, name, csp[name])
			}
		}
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "same-origin",
			"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
			"Access-Control-Allow-Origin": "", "Strict-Transport-Security": "", // over TLS only
		} {
			if h.Get(name) != want {
				t.Errorf("%s: %s: %q, want %q", path, name, h.Get(name), want)
			}
		}
		if !strings.Contains(h.Get("Permissions-Policy"), "geolocation=()") {
			t.Errorf("%s: Permissions-Policy: %q", path, h.Get("Permissions-Policy"))
		}
	}
}

func TestCachingOfAssets(t *testing.T) {
	f := start(t, &services{})
	for path, want := range map[string]string{
		"/": "no-cache", "/index.html": "no-cache", "/rankings/x": "no-cache", "/favicon.svg": "no-cache",
		"/assets/app-B3kd93Ks.js": "public, max-age=31536000, immutable",
		getZone:                   "no-store",
	} {
		resp, _ := f.ask(t, http.MethodGet, path, "")
		if got := resp.Header.Get("Cache-Control"); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	resp, _ := f.ask(t, http.MethodGet, "/", "")
	tag := resp.Header.Get("ETag")
	if resp, body := f.ask(t, http.MethodGet, "/", "", "If-None-Match", tag); resp.StatusCode != http.StatusNotModified || body != "" {
		t.Errorf("the same page again: %d %q", resp.StatusCode, body)
	}
	if resp, _ := f.ask(t, http.MethodGet, "/", "", "If-None-Match", `"another"`); resp.StatusCode != http.StatusOK {
		t.Errorf("another page: %d", resp.StatusCode)
	}
}

func TestAssetsArePacked(t *testing.T) {
	f := start(t, &services{})
	tags := make(map[string]bool)
	for accept, want := range map[string]string{
		"gzip, deflate, br": "br", "gzip": "gzip", "br;q=0, gzip;q=0.5": "gzip", "identity": "", "gzip;q=0": "",
	} {
		resp, body := f.ask(t, http.MethodGet, "/assets/app-B3kd93Ks.js", "", "Accept-Encoding", accept)
		if got := resp.Header.Get("Content-Encoding"); got != want || resp.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%s: Content-Encoding %q, want %q", accept, got, want)
		}
		if resp.Header.Get("Content-Type") != "text/javascript; charset=utf-8" {
			t.Errorf("%s: Content-Type %q", accept, resp.Header.Get("Content-Type"))
		}
		if whole := len(files["assets/app-B3kd93Ks.js"].Data); (want == "") != (len(body) == whole) {
			t.Errorf("%s: %d bytes of %d", accept, len(body), whole)
		}
		tags[resp.Header.Get("ETag")] = true
	}
	if len(tags) != 3 {
		t.Errorf("three forms of a file have the tags %v", tags)
	}
	// Without Accept-Encoding, Go's client asks for gzip by itself and unpacks it.
	if _, body := f.ask(t, http.MethodGet, "/assets/app-B3kd93Ks.js", ""); body != string(files["assets/app-B3kd93Ks.js"].Data) {
		t.Error("the packed file is another one")
	}
}

func TestEveryPageIsTheFrontEnds(t *testing.T) {
	f := start(t, &services{})
	for _, path := range []string{"/", "/rankings/province-2024", "/zones/a/targets", "/rankings/../zones"} {
		if resp, body := f.ask(t, http.MethodGet, path, ""); resp.StatusCode != http.StatusOK || body != string(files["index.html"].Data) {
			t.Errorf("%s: %d %q", path, resp.StatusCode, body)
		}
	}
	if resp, body := f.ask(t, http.MethodHead, "/", ""); resp.StatusCode != http.StatusOK || body != "" {
		t.Errorf("HEAD: %d %q", resp.StatusCode, body)
	}
	for path, want := range map[string]int{
		"/assets/gone-12345678.js": 404, "/robots.txt": 404, "/../../go.mod": 404, "/assets/app-B3kd93Ks.js.br": 404,
		"/assets/_plugin-export-Z_Fqki.js": 200,
	} {
		if resp, _ := f.ask(t, http.MethodGet, path, ""); resp.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, resp.StatusCode, want)
		}
	}
	if resp, _ := f.ask(t, http.MethodPost, "/rankings/x", ""); resp.StatusCode != http.StatusMethodNotAllowed || resp.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("POST to a page: %d", resp.StatusCode)
	}
}

func TestWithoutAFrontEndThePageSaysHowToBuildIt(t *testing.T) {
	page := "安装 Node.js … make run"
	f := start(t, &services{}, func(_ *board.Config, d *board.Deps) {
		d.Assets = fstest.MapFS{"placeholder.html": {Data: []byte(page)}}
	})
	resp, body := f.ask(t, http.MethodGet, "/rankings/x", "")
	if resp.StatusCode != http.StatusServiceUnavailable || body != page || resp.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%d %q %v", resp.StatusCode, body, resp.Header)
	}
	if resp, _ := f.json(t, getZone, `{"name":"zones/a"}`); resp.StatusCode != http.StatusOK {
		t.Errorf("the API without a front end: %d", resp.StatusCode)
	}
}

// What is in the repository beside the built front end, in both languages.
func TestAssetsOfThisBuild(t *testing.T) {
	assets, err := board.Assets()
	if err != nil {
		t.Fatal(err)
	}
	f := start(t, &services{}, func(_ *board.Config, d *board.Deps) { d.Assets = assets })
	resp, body := f.ask(t, http.MethodGet, "/", "")
	if strings.Contains(body, "<style") || strings.Contains(body, "style=") || strings.Contains(body, "<script>") {
		t.Errorf("the first page has what its policy forbids:\n%s", body)
	}
	if resp.StatusCode == http.StatusServiceUnavailable && (!strings.Contains(body, "看板尚未构建") || !strings.Contains(body, "The board was not built")) {
		t.Errorf("the page without a front end:\n%s", body)
	}
}

// A foreign page that a browser shows must not reach a board on the loopback:
// neither by a name that it resolves to 127.0.0.1, nor by a request across sites.
func TestOtherSitesAreRefused(t *testing.T) {
	f := start(t, &services{}, func(c *board.Config, _ *board.Deps) { c.Hosts = []string{"board.example"} })
	for host, want := range map[string]int{
		"evil.example": 421, "evil.example:7880": 421, "127.0.0.1.evil.example": 421, "": 421,
		"board.example": 200, "BOARD.example:8443": 200, "localhost:1": 200, "[::1]:7880": 200, "192.0.2.1": 200,
	} {
		if host == "" {
			continue // Go's client always sends one.
		}
		if resp, _ := f.json(t, getZone, `{"name":"zones/a"}`, "Host", host); resp.StatusCode != want {
			t.Errorf("Host %s: %d, want %d", host, resp.StatusCode, want)
		}
	}
	for site, want := range map[string]int{"cross-site": 403, "same-site": 403, "same-origin": 200, "none": 200} {
		if resp, _ := f.json(t, getZone, `{"name":"zones/a"}`, "Sec-Fetch-Site", site); resp.StatusCode != want {
			t.Errorf("Sec-Fetch-Site %s: %d, want %d", site, resp.StatusCode, want)
		}
	}
	if resp, _ := f.json(t, getZone, `{"name":"zones/a"}`, "Origin", "https://evil.example"); resp.StatusCode != http.StatusForbidden {
		t.Errorf("Origin of another site: %d", resp.StatusCode)
	}
	if resp, _ := f.ask(t, http.MethodPost, getZone, `{"name":"zones/a"}`, "Content-Type", "text/plain"); resp.StatusCode != http.StatusUnsupportedMediaType {
		t.Errorf("a type that a form can send: %d", resp.StatusCode)
	}
}
