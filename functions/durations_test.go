package functions_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/testkit/cloud"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// timed adds up how long calls take.
type timed struct {
	http.RoundTripper
	calls int
	took  time.Duration
}

func (c *timed) RoundTrip(r *http.Request) (*http.Response, error) {
	began := time.Now()
	defer func() { c.took += time.Since(began) }()
	c.calls++
	return c.RoundTripper.RoundTrip(r)
}

// TestSignInFigures prints how long the functions work for a sign-in once they
// are warm: what docs/operations.md computes the cost of Lambda from.
func TestSignInFigures(t *testing.T) {
	c := cloud.Start(t, cloud.Options{})
	client := &timed{RoundTripper: c.Transport("127.0.0.3")}
	var polls time.Duration
	ana := enrolledBy(t, c, client)
	signIn := func() {
		b := browser(t, c)
		b.Server = client
		sid := approved(t, b, ana, nil)
		before := client.took
		b.Poll(sid)
		polls += client.took - before
		idptest.ReadPost(t, b.Finish(sid, idptest.RandomKey()))
	}
	const warm, signIns = 3, 20
	for range warm {
		signIn()
	}
	client.calls, client.took, polls = 0, 0, 0
	for range signIns {
		signIn()
	}
	if client.calls != 7*signIns { // one of them a poll
		t.Errorf("%d calls for %d sign-ins", client.calls, signIns)
	}
	t.Logf("the 11 invocations of a sign-in with 5 polls work %.0f ms", (client.took+4*polls).Seconds()*1000/signIns)
}
