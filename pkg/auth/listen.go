package auth

import (
	"context"
	"fmt"
	"net"
)

// Listen listens on a loopback address and refuses every other. It is for what
// asks nobody who they are: metrics, profiles, and servers without an Entrance.
func Listen(ctx context.Context, address string) (net.Listener, error) {
	if err := CheckAddress(address); err != nil {
		return nil, err
	}
	lis, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", address, err)
	}
	return lis, nil
}

// CheckAddress says in a sentence why Listen would refuse an address.
func CheckAddress(address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("address %q: write it as host:port, such as 127.0.0.1:7800", address)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("address %q is refused: only loopback addresses such as 127.0.0.1:7800 are served "+
			"without credentials and TLS; docs/operations/security.md tells how to set them up", address)
	}
	return nil
}
