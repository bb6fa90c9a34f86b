package functions_test

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/phone"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
	"github.com/latchkey-idp/latchkey/internal/testkit/lambdaruntime"
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
	bin := build(t)
	env := append(newCloud(t).env(), "LATCHKEY_PUBLIC_URL="+idptest.Base)
	d := deployment{}
	for _, name := range names {
		d[name] = lambdaruntime.Start(t, filepath.Join(bin, name), env...)
	}
	client := &timed{RoundTripper: d}
	var polls time.Duration
	ana, err := phone.Enroll(t.Context(), phone.Deps{HTTP: &http.Client{Transport: client}, Random: rand.Reader, Clock: time.Now},
		administer(t, &http.Client{Transport: d}), "Ana's phone")
	if err != nil {
		t.Fatal(err)
	}
	signIn := func(n int) {
		b := (&idptest.IdP{T: t}).Browser("")
		b.Server = client
		request := samltest.B().Request(time.Now())
		request.ID += fmt.Sprint("-", n)
		view := b.Login(b.Start(samltest.RedirectQuery(request.XML(), nil)))
		claimed, err := ana.Claim(t.Context(), view.Frames[0].URL)
		if err != nil {
			t.Fatal(err)
		}
		before := client.took
		b.Poll(view.SID)
		polls += client.took - before
		if _, err := ana.Approve(t.Context(), claimed); err != nil {
			t.Fatal(err)
		}
		idptest.ReadPost(t, b.Finish(view.SID, idptest.RandomKey()))
	}
	const warm, signIns = 3, 20
	for n := range warm {
		signIn(n)
	}
	client.calls, client.took, polls = 0, 0, 0
	for n := range signIns {
		signIn(warm + n)
	}
	if client.calls != 7*signIns { // one of them a poll
		t.Errorf("%d calls for %d sign-ins", client.calls, signIns)
	}
	t.Logf("the 11 invocations of a sign-in with 5 polls work %.0f ms", (client.took+4*polls).Seconds()*1000/signIns)
}
