package idp

import (
	"context"
	"time"
)

// Clock tells the time. Everything that judges an expiry takes one, so that
// tests can put "now" on either side of a limit.
type Clock func() time.Time

// Now returns the clock's time in milliseconds.
func (c Clock) Now() Millis { return At(c()) }

// Millis is a point in time: milliseconds since the Unix epoch. The zero value
// means "not set".
type Millis int64

// At converts a time, dropping what is finer than a millisecond.
func At(t time.Time) Millis { return Millis(t.UnixMilli()) }

// Time converts back, in UTC.
func (m Millis) Time() time.Time { return time.UnixMilli(int64(m)).UTC() }

// Seconds is the wire form: whole seconds, rounded down.
func (m Millis) Seconds() int64 { return int64(m) / 1000 }

// Add moves a time by d, which is cut to whole milliseconds.
func (m Millis) Add(d time.Duration) Millis { return m + Millis(d.Milliseconds()) }

// Sub is the time from n to m.
func (m Millis) Sub(n Millis) time.Duration { return time.Duration(m-n) * time.Millisecond }

// Over reports whether the time m has come: now >= m.
func (m Millis) Over(now Millis) bool { return now >= m }

// Earlier returns the earlier of two set times.
func Earlier(a, b Millis) Millis {
	if b < a {
		return b
	}
	return a
}

// Client is where a request came from, as the gateway saw it
// (approval-protocol.md 2.2). It is carried in the request's context.
type Client struct {
	IP    string // address without a port; empty when unknown
	Place string // "Ljubljana, SI", or empty when unknown
}

type clientKey struct{}

// WithClient returns a context that carries c.
func WithClient(ctx context.Context, c Client) context.Context {
	return context.WithValue(ctx, clientKey{}, c)
}

// ClientFrom returns the client of the request, or the zero Client.
func ClientFrom(ctx context.Context) Client {
	c, _ := ctx.Value(clientKey{}).(Client)
	return c
}
