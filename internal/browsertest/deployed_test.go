//go:build browser

package browsertest

import (
	"testing"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/testkit/cloud"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// TestDeployed: a person signs in, is signed in by the session, signs out, and is
// asked again, with the functions as they are deployed.
func TestDeployed(t *testing.T) {
	c := cloud.Start(t, cloud.Options{Key: idptest.PrivateKey()})
	w := newWorldAt(t, idptest.LiveElsewhere(t, cloud.URL, c.Table, c.Transport))
	w.address = c.Address()
	w.idp.Update(w.app.url+"/saml/metadata", func(sp *idp.ServiceProvider) { sp.SLO = nil })
	b := w.start()
	if got := b.Text("h1"); got != "Sign in to "+appName {
		t.Errorf("h1 %q", got)
	}
	w.approve(w.dana, w.claim(w.dana, b))
	b.Notice("Continue as "+w.danasMasked+"?", "Is this you? - "+appName)
	b.Click("#notice-first")
	w.arrived(b, "dana@example.com")

	// The application has forgotten her; the session has not.
	b.Open(w.app.url + "/forget")
	b.Open(w.app.url)
	w.arrived(b, "dana@example.com")
	if n := len(w.app.acs()); n != 2 {
		t.Errorf("the application was answered %d times", n)
	}

	b.Open(w.idp.URL + "/saml/slo")
	b.Click("main button")
	b.Told("#title", "You are not signed out everywhere") // the application cannot be told
	b.Open(w.idp.URL + "/saml/slo")
	b.Until(`document.body.innerText.includes("Nobody is signed in here")`)

	b.Open(w.app.url + "/forget")
	b.Open(w.app.url)
	b.Waiting() // a scan is asked for again, but no question: the browser is known
	w.approve(w.dana, w.claim(w.dana, b))
	w.arrived(b, "dana@example.com")
}
