package auth_test

import (
	"context"
	"net"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"zonebench.internal/pkg/auth"
)

func TestLoopbackKnowsOnlyItsMachine(t *testing.T) {
	from := func(a net.Addr) context.Context { return peer.NewContext(t.Context(), &peer.Peer{Addr: a}) }
	for _, a := range []string{"127.0.0.1", "::1", "127.8.8.8"} {
		caller, err := auth.Loopback(from(&net.TCPAddr{IP: net.ParseIP(a)}))
		if err != nil || caller.Subject != auth.LocalOperator || !caller.Is(auth.Admin) {
			t.Errorf("%s: %q, %v", a, caller, err)
		}
	}
	for name, ctx := range map[string]context.Context{
		"another machine": from(&net.TCPAddr{IP: net.ParseIP("192.0.2.7")}),
		"a unix socket":   from(&net.UnixAddr{Net: "unix", Name: "@x"}),
		"nobody":          t.Context(),
	} {
		if caller, err := auth.Loopback(ctx); status.Code(err) != codes.Unauthenticated || caller.Subject != "" {
			t.Errorf("%s: %q, %v", name, caller, err)
		}
	}
}

func TestListensOnLoopbackOnly(t *testing.T) {
	for _, a := range []string{"127.0.0.1:0", "localhost:0", "[::1]:0"} {
		if err := auth.CheckAddress(a); err != nil {
			t.Errorf("%s: %v", a, err)
		}
	}
	for _, a := range []string{"0.0.0.0:7800", ":7800", "192.0.2.7:7800", "[::]:7800", "example.org:7800", "7800"} {
		_, err := auth.Listen(t.Context(), a)
		if err == nil || !strings.Contains(err.Error(), "127.0.0.1") {
			t.Errorf("%s: %v", a, err)
		}
	}
}
