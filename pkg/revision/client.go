package revision

import (
	"context"
	"strconv"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"zonebench.internal/pkg/fault"
	typev1 "zonebench.internal/proto/gen/zonebench/type/v1"
)

// Client keeps the highest token that any answer brought, and sends it with
// every call: whoever shares a Client never reads less than was read or written
// before, from whichever service. The zero value is ready.
type Client struct {
	mu       sync.Mutex
	revision int64
	token    string
}

// Token is the highest token seen, empty before the first answer.
func (c *Client) Token() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.token
}

// Unary is the client's interceptor for calls with one answer.
func (c *Client) Unary(
	ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption,
) error {
	var header metadata.MD
	err := invoke(c.outgoing(ctx), method, req, reply, cc, append(opts, grpc.Header(&header))...)
	c.saw(header, err)
	return err
}

// Stream is the client's interceptor for calls with a stream of answers.
func (c *Client) Stream(
	ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, streamer grpc.Streamer, opts ...grpc.CallOption,
) (grpc.ClientStream, error) {
	stream, err := streamer(c.outgoing(ctx), desc, cc, method, opts...)
	if err != nil {
		c.saw(nil, err)
		return nil, err
	}
	return &clientStream{ClientStream: stream, client: c}, nil
}

type clientStream struct {
	grpc.ClientStream
	client *Client
	seen   bool
}

func (s *clientStream) RecvMsg(m any) error {
	err := s.ClientStream.RecvMsg(m)
	if !s.seen {
		s.seen = true
		header, _ := s.Header() // without a header there is no token; the error is RecvMsg's too
		s.client.saw(header, err)
	}
	return err
}

func (c *Client) outgoing(ctx context.Context) context.Context {
	token := c.Token()
	if md, ok := metadata.FromOutgoingContext(ctx); token == "" || ok && len(md.Get(TokenKey)) > 0 {
		return ctx // the caller's own token is the one that counts
	}
	return metadata.AppendToOutgoingContext(ctx, TokenKey, token)
}

func (c *Client) saw(header metadata.MD, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil && fault.ReasonOf(err) == typev1.ErrorReason_ERROR_REASON_FOREIGN_TOKEN {
		c.revision, c.token = 0, "" // the ledger was restored: what was seen is not there any more
		return
	}
	revisions, tokens := header.Get(RevisionKey), header.Get(TokenKey)
	if len(revisions) == 0 || len(tokens) == 0 {
		return
	}
	if revision, err := strconv.ParseInt(revisions[0], 10, 64); err == nil && revision >= c.revision {
		c.revision, c.token = revision, tokens[0]
	}
}
