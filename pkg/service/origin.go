package service

import (
	"context"
	"errors"
	"net"

	"google.golang.org/grpc/credentials"
)

// byOrigin asks for TLS where connections come from outside and for none where
// they do not leave the process: one server answers both.
type byOrigin struct {
	outside, inside credentials.TransportCredentials
}

// ServerHandshake implements credentials.TransportCredentials.
func (b byOrigin) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	if conn.LocalAddr().Network() == "bufconn" {
		return b.inside.ServerHandshake(conn)
	}
	return b.outside.ServerHandshake(conn)
}

// ClientHandshake implements credentials.TransportCredentials.
func (byOrigin) ClientHandshake(context.Context, string, net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return nil, nil, errors.New("service: these are the credentials of a server")
}

// Info implements credentials.TransportCredentials.
func (b byOrigin) Info() credentials.ProtocolInfo { return b.outside.Info() }

// Clone implements credentials.TransportCredentials.
func (b byOrigin) Clone() credentials.TransportCredentials {
	return byOrigin{outside: b.outside.Clone(), inside: b.inside.Clone()}
}

// OverrideServerName implements credentials.TransportCredentials.
func (byOrigin) OverrideServerName(string) error {
	return errors.New("service: these are the credentials of a server")
}
