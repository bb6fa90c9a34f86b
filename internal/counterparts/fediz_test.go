package counterparts_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/preset"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
	"github.com/latchkey-idp/latchkey/internal/saml/schematest"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

const (
	fedizRealm = "urn:fediz:app"
	fedizReply = "https://fediz.test/app?x=1&y=2"
)

// fedizApp is a running scripts/fediz/Application.java.
type fedizApp struct {
	t   *testing.T
	in  io.Writer
	out *bufio.Scanner
}

// startFediz starts one that trusts a certificate.
func startFediz(t *testing.T, cert []byte) *fedizApp {
	t.Helper()
	program, err := exec.LookPath("javac")
	missing(t, "Java (a JDK)", err)
	cache := os.Getenv("LATCHKEY_CACHE")
	if cache == "" {
		cache = "../../.cache"
	}
	lib, err := filepath.Abs(filepath.Join(cache, "fediz", "lib"))
	must(t, err)
	_, err = os.Stat(filepath.Join(lib, "pom.xml"))
	missing(t, "Apache CXF Fediz (scripts/deps.sh)", err)

	dir := t.TempDir()
	certFile, config := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "fediz.xml")
	must(t, os.WriteFile(certFile, schematest.PEM(cert), 0o600))
	must(t, os.WriteFile(config, fmt.Appendf(nil, `<FedizConfig xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><contextConfig name="/app">
<audienceUris><audienceItem>%[1]s</audienceItem></audienceUris>
<certificateStores><trustManager><keyStore file="%[2]s" type="PEM"/></trustManager></certificateStores>
<trustedIssuers><issuer certificateValidation="PeerTrust"/></trustedIssuers><maximumClockSkew>10</maximumClockSkew>
<protocol xsi:type="federationProtocolType" version="1.2"><realm>%[1]s</realm><issuer>https://id.test/wsfed</issuer></protocol>
</contextConfig></FedizConfig>`, fedizRealm, certFile), 0o600))

	ctx, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, filepath.Join(filepath.Dir(program), "java"),
		"-cp", lib+"/*", "../../scripts/fediz/Application.java", config)
	in, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() {
		stop()
		_ = cmd.Wait()
	})
	return &fedizApp{t, in, bufio.NewScanner(out)}
}

// takes gives an answer to the application: the parts of what it says.
func (a *fedizApp) takes(wresult string) []string {
	a.t.Helper()
	_, err := io.WriteString(a.in, base64.StdEncoding.EncodeToString([]byte(wresult))+"\n")
	must(a.t, err)
	for a.out.Scan() {
		if parts := strings.Split(a.out.Text(), "\t"); parts[0] == "ok" || parts[0] == "refused" {
			return parts
		}
	}
	a.t.Fatal("Fediz ended: ", a.out.Err())
	return nil
}

// registerFediz adds the application, as an administrator does by hand.
func registerFediz(i *idptest.Live) {
	i.T.Helper()
	sp := &idp.ServiceProvider{
		EntityID: fedizRealm, Slug: "fediz", Name: "Fediz", Protocol: idp.ProtocolWSFed,
		ACS: []idp.Endpoint{{Binding: idp.BindingPOST, Location: fedizReply}},
	}
	if err := preset.Apply(preset.Generic, sp, preset.Options{}); err != nil {
		i.T.Fatal(err)
	}
	if err := i.Store.SaveServiceProvider(context.Background(), sp); err != nil {
		i.T.Fatal(err)
	}
}

// signInWSFed goes the whole way and returns the form of the answer.
func (v *visitor) signInWSFed(wctx string) url.Values {
	v.t.Helper()
	p := v.get(v.idp.URL + "/wsfed?" + url.Values{"wa": {"wsignin1.0"}, "wtrealm": {fedizRealm}, "wctx": {wctx}}.Encode())
	s, req := v.scan(p)
	_, err := v.phone.Approve(v.t.Context(), req)
	must(v.t, err)
	answered := v.finished(p, s)
	f, ok := readForm(v.t, answered.body)
	if !ok || f.action != fedizReply || f.fields.Get("wa") != "wsignin1.0" || f.fields.Get("wctx") != wctx {
		v.t.Fatalf("no answer: %d %s\n%s", answered.status, answered.body, v.idp.Log)
	}
	schematest.VerifySignature(v.t, []byte(f.fields.Get("wresult")), schematest.PEM(v.idp.Cert.Raw), "AssertionID:Assertion")
	exercised.message()
	return f.fields
}

func TestFediz(t *testing.T) {
	i := idptest.NewLive(t)
	registerFediz(i)
	phone := i.Phone(i.AddUser("zoe@example.com", "Zoë", "O'Hara & <Söhne>"), "127.0.0.2")
	app := startFediz(t, i.Cert.Raw)
	wresult := newVisitor(t, i, phone).signInWSFed(`state="<&'>+%20 ✓`).Get("wresult")
	got := app.takes(wresult)
	if len(got) > 4 {
		slices.Sort(got[4:])
	}
	const claims = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
	want := []string{
		"ok", "zoe@example.com", i.URL + "/saml/metadata", fedizRealm,
		claims + "emailaddress=zoe@example.com", claims + "givenname=Zoë", claims + "name=Zoë O'Hara & <Söhne>",
		claims + "surname=O'Hara & <Söhne>", claims + "upn=zoe@example.com",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
	exercised.signIn(fediz)
	for name, answer := range map[string]string{
		"a second time":  wresult,
		"another person": strings.ReplaceAll(newVisitor(t, i, phone).signInWSFed("").Get("wresult"), "zoe@", "eve@"),
	} {
		t.Run(name, func(t *testing.T) {
			if got := app.takes(answer); got[0] != "refused" {
				t.Errorf("got %q", got)
			}
			exercised.refusal(fediz)
		})
	}
}

// Fediz leaves the audience to the containers that it is built into.
func TestFedizRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		cert  []byte
		clock time.Duration // of the identity provider, beside the right one
	}{
		"another key":        {cert: samltest.B().Cert.Raw},
		"over":               {clock: -61 * time.Minute},
		"not yet there":      {clock: 2 * time.Minute},
		"ACCEPT in its hour": {clock: -59 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			i := idptest.NewLive(t)
			i.Forward(c.clock)
			registerFediz(i)
			if c.cert == nil {
				c.cert = i.Cert.Raw
			}
			phone := i.Phone(i.AddUser("ana@example.com", "Ana", "Kos"), "127.0.0.2")
			got := startFediz(t, c.cert).takes(newVisitor(t, i, phone).signInWSFed("").Get("wresult"))
			if want := strings.HasPrefix(name, "ACCEPT"); (got[0] == "ok") != want {
				t.Fatalf("got %q", got)
			}
			if got[0] == "ok" {
				exercised.signIn(fediz)
			} else {
				exercised.refusal(fediz)
			}
		})
	}
}
