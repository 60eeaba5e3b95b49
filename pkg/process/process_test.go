package process

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"zonebench.internal/pkg/service"
)

func TestExitCodes(t *testing.T) {
	program := Program{Name: "zone", Listen: "127.0.0.1:0", Build: func(*Process) (service.Service, error) {
		return nil, errors.New("nobody comes this far")
	}}
	for name, c := range map[string]struct {
		args, environ []string
		code          int
		out, errOut   string
	}{
		"help":             {args: []string{"--help"}, code: exitOK, out: "ZONEBENCH_ZONE_LISTEN"},
		"argument":         {args: []string{"run"}, code: exitUsage, errOut: `unknown argument "run"`},
		"unknown variable": {environ: []string{"ZONEBENCH_NATS_ULR=x"}, code: exitUsage, errOut: "did you mean ZONEBENCH_NATS_URL?"},
		"another service's variable": {
			environ: []string{"ZONEBENCH_RANKING_LISTEN=x", "ZONEBENCH_ADDRESS=x", "ZONEBENCH_ZONE_LISTEN=0.0.0.0:1"},
			code:    exitFailed, errOut: "only loopback addresses",
		},
		"no address of NATS": {environ: []string{"ZONEBENCH_NATS_URL=nats://:x"}, code: exitFailed, errOut: "connect to NATS"},
		"probes' address":    {environ: []string{"ZONEBENCH_PROBES_LISTEN=nowhere"}, code: exitFailed, errOut: "probes: listen on nowhere"},
		"log format":         {environ: []string{"ZONEBENCH_LOG_FORMAT=xml"}, code: exitUsage, errOut: "text or json"},
	} {
		var out, errOut bytes.Buffer
		if code := program.Main(c.args, c.environ, &out, &errOut, time.Now); code != c.code {
			t.Errorf("%s: code %d, want %d: %s", name, code, c.code, errOut.String())
		}
		if !strings.Contains(out.String(), c.out) || !strings.Contains(errOut.String(), c.errOut) {
			t.Errorf("%s: out %q, err %q", name, out.String(), errOut.String())
		}
	}
}
