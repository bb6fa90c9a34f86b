package idp

import "context"

type callerKey struct{}

// WithCaller returns a context that carries the name of the authenticated
// program or administrator behind a request: an IAM ARN behind API Gateway,
// the token's name in local mode.
func WithCaller(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, callerKey{}, name)
}

// CallerFrom returns the authenticated caller, or "" when there is none.
func CallerFrom(ctx context.Context) string {
	name, _ := ctx.Value(callerKey{}).(string)
	return name
}
