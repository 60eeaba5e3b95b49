package auth

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"zonebench.internal/pkg/auth/token"
)

// access is the file that gives roles and zones to whoever was proved:
//
//	claims:                 # which claims of a token give groups, roles and zones; none by default
//	  groups: groups
//	  roles: zonebench_roles
//	  zones: zonebench_zones
//	grants:
//	  - certificate: spiffe://example.org/warehouse   # a URI or DNS name of a client's certificate
//	    roles: [service]
//	  - subject: 7f3a1c                                # sub of a token
//	    roles: [reporter]
//	    zones: [zones/example-a]
//	  - group: bureau-analysts                         # one of the token's groups
//	    roles: [reviewer, publisher]
//	  - anonymous: true                                # calls without any credential
//	    roles: [viewer]
//
// A caller has the roles and zones of all grants that name it. Whom none names
// has no role, and is refused everything.
type access struct {
	Claims struct {
		Groups string `yaml:"groups"`
		Roles  string `yaml:"roles"`
		Zones  string `yaml:"zones"`
	} `yaml:"claims"`
	Grants []grant `yaml:"grants"`
}

type grant struct {
	Certificate string   `yaml:"certificate"`
	Subject     string   `yaml:"subject"`
	Group       string   `yaml:"group"`
	Anonymous   bool     `yaml:"anonymous"`
	Roles       []Role   `yaml:"roles"`
	Zones       []string `yaml:"zones"`
}

func readAccess(path string) (*access, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err //nolint:wrapcheck // it names the path and what is wrong
	}
	var a access
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	decoder.KnownFields(true)
	if err := decoder.Decode(&a); err != nil {
		return nil, fmt.Errorf("access file %s: %w", path, err)
	}
	for i, g := range a.Grants {
		if err := g.check(); err != nil {
			return nil, fmt.Errorf("access file %s: grants[%d]: %w", path, i, err)
		}
	}
	return &a, nil
}

var zoneName = regexp.MustCompile(`^(zones|referenceUnits)/[a-z0-9-]{1,63}$`)

func (g grant) check() error {
	named := 0
	for _, is := range []bool{g.Certificate != "", g.Subject != "", g.Group != "", g.Anonymous} {
		if is {
			named++
		}
	}
	switch {
	case named != 1:
		return fmt.Errorf("name one of certificate, subject, group or anonymous: %d are named", named)
	case g.Certificate != "" && !strings.Contains(g.Certificate, ":"):
		return fmt.Errorf("certificate %q: write spiffe://… or another URI, or dns: before a DNS name", g.Certificate)
	case len(g.Roles) == 0:
		return fmt.Errorf("it gives no role: name some of %s", words(Roles()))
	case g.Anonymous && !slices.Equal(g.Roles, []Role{Viewer}):
		return fmt.Errorf("callers without a credential can be %s and nothing else", Viewer)
	}
	for _, r := range g.Roles {
		if !slices.Contains(Roles(), r) {
			return fmt.Errorf("role %q: use some of %s", r, words(Roles()))
		}
	}
	for _, z := range g.Zones {
		if !zoneName.MatchString(z) {
			return fmt.Errorf("zone %q: write it as zones/example-a", z)
		}
	}
	if len(g.Zones) > 0 != slices.Contains(g.Roles, Reporter) {
		return fmt.Errorf("a %s speaks for zones, and nobody else does: name both or neither", Reporter)
	}
	return nil
}

// holder is a caller that grants are added to.
type holder struct{ Caller }

func (h *holder) give(roles []Role, zones []string) {
	for _, r := range roles {
		if !slices.Contains(h.Roles, r) {
			h.Roles = append(h.Roles, r)
		}
	}
	for _, z := range zones {
		if !slices.Contains(h.Zones, z) {
			h.Zones = append(h.Zones, z)
		}
	}
}

// certificate is the caller that a certificate with these names is: the first
// that a grant names, or else the first.
func (a *access) certificate(names []string) Caller {
	for _, name := range names {
		h := holder{Caller{Subject: name}}
		for _, g := range a.Grants {
			if g.Certificate == name {
				h.give(g.Roles, g.Zones)
			}
		}
		if len(h.Roles) > 0 {
			return h.Caller
		}
	}
	return Caller{Subject: names[0]}
}

// token is the caller that a token is of.
func (a *access) token(claims token.Claims) Caller {
	h := holder{Caller{Subject: claims.Subject}}
	groups := a.claim(claims, a.Claims.Groups)
	for _, g := range a.Grants {
		if g.Subject != "" && g.Subject == claims.Subject || g.Group != "" && slices.Contains(groups, g.Group) {
			h.give(g.Roles, g.Zones)
		}
	}
	for _, name := range a.claim(claims, a.Claims.Roles) {
		if r := Role(name); slices.Contains(Roles(), r) { // What else an issuer calls a role is none of ours.
			h.give([]Role{r}, nil)
		}
	}
	for _, z := range a.claim(claims, a.Claims.Zones) {
		if zoneName.MatchString(z) {
			h.give(nil, []string{z})
		}
	}
	return h.Caller
}

func (a *access) claim(claims token.Claims, name string) []string {
	if name == "" {
		return nil
	}
	return claims.List(name)
}

// anonymous is the caller without a credential, if there is a grant for it.
func (a *access) anonymous() (Caller, bool) {
	h := holder{Caller{Subject: "anonymous"}}
	for _, g := range a.Grants {
		if g.Anonymous {
			h.give(g.Roles, nil)
		}
	}
	return h.Caller, len(h.Roles) > 0
}
