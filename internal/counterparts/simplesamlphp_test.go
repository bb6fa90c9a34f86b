package counterparts_test

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
	"github.com/latchkey-idp/latchkey/internal/saml/schematest"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// ours is the folder with SimpleSAMLphp's settings.
const ours = "../../scripts/simplesamlphp"

// php is a running SimpleSAMLphp.
type php struct {
	t   *testing.T
	url string
	dir string // of its settings
}

// startPHP runs a SimpleSAMLphp that knows i by its metadata, and sends
// requests by a binding: "Redirect" or "POST".
func startPHP(t *testing.T, i *idptest.Live, binding string) *php {
	t.Helper()
	home := os.Getenv("LATCHKEY_SIMPLESAMLPHP")
	if home == "" {
		home = "/usr/share/simplesamlphp"
	}
	_, err := os.Stat(home)
	missing(t, "SimpleSAMLphp", err)
	program, err := exec.LookPath("php")
	missing(t, "PHP", err)

	p := &php{t: t, dir: t.TempDir()}
	p.configure(i)
	address := freeAddress(t)
	p.url = "http://" + address
	router, err := filepath.Abs(filepath.Join(ours, "router.php"))
	must(t, err)
	ctx, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, program, "-d", "display_errors=stderr", "-S", address, "-t", filepath.Join(home, "www"), router)
	cmd.Env = append(os.Environ(), "SIMPLESAMLPHP_CONFIG_DIR="+p.dir, "LATCHKEY_SIMPLESAMLPHP="+home,
		"LATCHKEY_SP_URL="+p.url, "LATCHKEY_IDP="+i.URL+"/saml/metadata", "LATCHKEY_BINDING="+binding)
	must(t, cmd.Start())
	t.Cleanup(func() {
		stop()
		_ = cmd.Wait()
		if log, err := os.ReadFile(filepath.Join(p.dir, "simplesamlphp.log")); err == nil && t.Failed() {
			t.Logf("SimpleSAMLphp: %.8000s", log)
		}
	})
	answers(t, address)
	return p
}

// configure makes the folder of its settings, with a key pair and our metadata.
func (p *php) configure(i *idptest.Live) {
	p.t.Helper()
	for _, name := range []string{"config.php", "authsources.php", "saml20-idp-remote.php"} {
		p.copy(name)
	}
	must(p.t, os.Mkdir(filepath.Join(p.dir, "tmp"), 0o700))
	their := samltest.A()
	key, err := x509.MarshalPKCS8PrivateKey(their.Key)
	must(p.t, err)
	p.write("sp.key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}))
	p.write("sp.crt", schematest.PEM(their.Cert.Raw))
	p.write("idp.crt", schematest.PEM(i.Cert.Raw))
	p.write("idp.xml", []byte(newVisitor(p.t, i, nil).get(i.URL+"/saml/metadata").body))
}

func (p *php) copy(name string) {
	p.t.Helper()
	data, err := os.ReadFile(filepath.Join(ours, name))
	must(p.t, err)
	p.write(name, data)
}

func (p *php) write(name string, data []byte) {
	p.t.Helper()
	must(p.t, os.WriteFile(filepath.Join(p.dir, name), data, 0o600))
}

// whoami is the page that signs in at one of its two service providers.
func (p *php) whoami(source string) string { return p.url + "/whoami?as=" + source }

// register adds one of its service providers from its own metadata.
func (p *php) register(i *idptest.Live, source string, change func(*idp.ServiceProvider)) *idp.ServiceProvider {
	p.t.Helper()
	file := newVisitor(p.t, i, nil).get(p.url + "/module.php/saml/sp/metadata.php/" + source)
	if file.status != http.StatusOK {
		p.t.Fatalf("metadata of SimpleSAMLphp: %d %s", file.status, file.body)
	}
	return i.Register([]byte(file.body), change)
}

// phpApplications are its two service providers.
func phpApplications(t *testing.T, i *idptest.Live) (two [2]application) {
	t.Helper()
	p := startPHP(t, i, "Redirect")
	for at, source := range []string{"signed", "unsigned"} {
		two[at] = pages(p.register(i, source, nil).EntityID, p.whoami(source), oidMail, p.whoami(source), p.url+"/leave?as="+source)
	}
	return two
}

func TestSimpleSAMLphp(t *testing.T) {
	i := idptest.NewLive(t)
	zoe := i.AddUser("zoe@example.com", "Zoë", "O'Hara & <Söhne>")
	phone := i.Phone(zoe, "127.0.0.2")
	attributes := map[string][]string{
		"urn:oid:0.9.2342.19200300.100.1.3": {"zoe@example.com"}, "urn:oid:2.5.4.42": {"Zoë"}, "urn:oid:2.5.4.4": {"O'Hara & <Söhne>"},
		"urn:oid:2.16.840.1.113730.3.1.241": {"Zoë O'Hara & <Söhne>"}, "urn:oid:1.3.6.1.4.1.5923.1.1.1.6": {"zoe@example.com"},
	}
	for _, binding := range []string{"Redirect", "POST"} {
		p := startPHP(t, i, binding)
		for _, source := range []string{"unsigned", "signed"} {
			for _, sign := range []string{idp.SignAssertion, idp.SignResponse, idp.SignBoth} {
				if source == "unsigned" && sign == idp.SignBoth {
					continue // as in the signed case
				}
				t.Run(binding+" "+source+", answer signed "+sign, func(t *testing.T) {
					p.register(i, source, func(sp *idp.ServiceProvider) {
						sp.Sign = sign
						if source == "signed" && !sp.RequireSignedRequests {
							t.Error("its metadata does not say that it signs")
						}
					})
					v := newVisitor(t, i, phone)
					got := readSeen(t, v.deliver(v.approve(v.open(p.whoami(source)))))
					if got.Format != idp.NameIDTransient || !strings.HasPrefix(got.NameID, "_") {
						t.Errorf("NameID %q of format %q", got.NameID, got.Format)
					}
					if diff := cmp.Diff(attributes, got.Attributes); diff != "" {
						t.Error(diff)
					}
					exercised.signIn(simpleSAMLphp)
				})
			}
		}
	}
}

func TestSimpleSAMLphpVerifiesOurMetadata(t *testing.T) {
	i := idptest.NewLive(t)
	p := startPHP(t, i, "Redirect")
	v := newVisitor(t, i, nil)
	if got := v.get(p.url + "/verify?cert=idp.crt"); got.body != "true" {
		t.Errorf("with our certificate: %d %s", got.status, got.body)
	}
	if got := v.get(p.url + "/verify?cert=sp.crt"); got.body != "false" {
		t.Errorf("with another certificate: %d %s", got.status, got.body)
	}
}

func TestSimpleSAMLphpIsToldOfDenial(t *testing.T) {
	i := idptest.NewLive(t)
	phone := i.Phone(i.AddUser("ana@example.com", "Ana", "Kos"), "127.0.0.2")
	p := startPHP(t, i, "Redirect")
	p.register(i, "signed", nil)
	v := newVisitor(t, i, phone)
	told := v.deliver(v.deny(v.open(p.whoami("signed"))))
	var got struct {
		Status    string `json:"status"`
		SubStatus string `json:"sub_status"`
		Message   string `json:"message"`
	}
	if err := json.Unmarshal([]byte(told.body), &got); err != nil || told.status != http.StatusForbidden {
		t.Fatalf("%d %s", told.status, told.body)
	}
	const status = "urn:oasis:names:tc:SAML:2.0:status:"
	if got.Status != status+"Responder" || got.SubStatus != status+"AuthnFailed" || got.Message == "" {
		t.Errorf("told %+v", got)
	}
	exercised.refusal(simpleSAMLphp)
}

func freeAddress(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer ln.Close() //nolint:errcheck // only its number is wanted
	return ln.Addr().String()
}

func answers(t *testing.T, address string) {
	t.Helper()
	for range 200 {
		c, err := net.Dial("tcp", address)
		if err == nil {
			_ = c.Close()
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("it does not start")
}
