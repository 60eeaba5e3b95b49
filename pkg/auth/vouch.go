package auth

import "context"

type vouchedKey struct{}

// Vouch says that another process of the installation has proved the caller and
// handed the call over. Only what runs inside this process can say so: nothing
// that comes over the network sets it.
func Vouch(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, vouchedKey{}, c)
}

// Vouched is the caller that another process has proved, if there is one.
func Vouched(ctx context.Context) (Caller, bool) {
	c, ok := ctx.Value(vouchedKey{}).(Caller)
	return c, ok
}
