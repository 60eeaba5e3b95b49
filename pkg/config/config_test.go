package config_test

import (
	"strings"
	"testing"
	"time"

	"zonebench.internal/pkg/config"
)

type settings struct {
	Listen string `env:"LISTEN" help:"address to serve on"`
	Host   struct {
		Grace time.Duration `env:"GRACE" help:"how long calls may take to end"`
	} `envPrefix:"HOST_"`
}

func TestLoad(t *testing.T) {
	for _, c := range []struct {
		name, environ string
		want          string // part of the error
	}{
		{"nothing set", "PATH=/bin", ""},
		{"set", "ZONEBENCH_LISTEN=127.0.0.1:1 ZONEBENCH_HOST_GRACE=3s", ""},
		{"of another program", "ZONEBENCH_RANKING_X=1", ""},
		{"misspelt", "ZONEBENCH_LISTN=x", "unknown variable ZONEBENCH_LISTN: did you mean ZONEBENCH_LISTEN?"},
		{"unknown", "ZONEBENCH_SOMETHING_ELSE=x", "unknown variable ZONEBENCH_SOMETHING_ELSE: --help lists"},
		{"wrong type", "ZONEBENCH_HOST_GRACE=soon", `ZONEBENCH_HOST_GRACE: `},
	} {
		t.Run(c.name, func(t *testing.T) {
			var s settings
			err := config.Load(strings.Fields(c.environ), []string{"RANKING_"}, config.Part{Into: &s})
			switch {
			case c.want == "" && err != nil:
				t.Fatal(err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Fatalf("got %v, want %q", err, c.want)
			case c.name == "set" && (s.Listen != "127.0.0.1:1" || s.Host.Grace != 3*time.Second):
				t.Fatalf("got %+v", s)
			}
		})
	}
}

func TestUsage(t *testing.T) {
	var b strings.Builder
	if err := config.Usage(&b, config.Part{Into: &settings{}}); err != nil {
		t.Fatal(err)
	}
	want := "  ZONEBENCH_LISTEN      address to serve on\n  ZONEBENCH_HOST_GRACE  how long calls may take to end\n"
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
}
