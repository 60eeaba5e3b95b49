package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// A board that others reach must not lend them the rights of its machine's operator.
func TestAddressesBeyondTheLoopback(t *testing.T) {
	loopback := settings{Listen: "127.0.0.1:0", Zone: "127.0.0.1:1", Indicator: "127.0.0.1:2", Ranking: "127.0.0.1:3"}
	for name, c := range map[string]struct {
		change func(*settings)
		want   string // in the refusal; empty: served
	}{
		"loopback":                            {func(*settings) {}, ""},
		"anywhere, plain":                     {func(s *settings) { s.Listen = "0.0.0.0:7880" }, "TLS_CERT_FILE"},
		"anywhere, TLS, services on loopback": {func(s *settings) { s.Listen, s.CertFile = ":7880", "c.pem" }, "operator"},
		"anywhere, TLS to and fro":            {func(s *settings) { s.Listen, s.CertFile, s.Services.CAFile = ":7880", "c.pem", "ca.pem" }, ""},
		"anywhere, TLS, services elsewhere": {func(s *settings) {
			s.Listen, s.CertFile = ":7880", "c.pem"
			s.Zone, s.Indicator, s.Ranking = "zone:7801", "indicator:7802", "ranking:7803"
		}, ""},
		"anywhere, said to be insecure": {func(s *settings) { s.Listen, s.Insecure = ":7880", true }, ""},
	} {
		s := loopback
		c.change(&s)
		err := s.check()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSettings(t *testing.T) {
	for name, c := range map[string]struct {
		args, environ []string
		code          int
		want          string
	}{
		"help":              {args: []string{"--help"}, want: "ZONEBENCH_BOARD_RANKING_ADDRESS"},
		"argument":          {args: []string{"serve"}, code: exitUsage, want: "settings come from the environment"},
		"misspelt":          {environ: []string{"ZONEBENCH_BOARD_LISTN=x"}, code: exitUsage, want: "did you mean ZONEBENCH_BOARD_LISTEN"},
		"refused":           {environ: []string{"ZONEBENCH_BOARD_LISTEN=0.0.0.0:0"}, code: exitFailed, want: "is refused"},
		"of other programs": {environ: []string{"ZONEBENCH_NATS_URL=x", "ZONEBENCH_ZONE_LISTEN=x", "ZONEBENCH_BOARD_LISTEN=nonsense"}, code: exitFailed, want: "nonsense"},
	} {
		t.Run(name, func(t *testing.T) {
			var said bytes.Buffer
			if code := run(c.args, c.environ, &said, &said, time.Now); code != c.code || !strings.Contains(said.String(), c.want) {
				t.Errorf("%d\n%s", code, said.String())
			}
		})
	}
}
