package app_test

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/xml"
	"errors"
	"io/fs"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/crewjam/saml"
	"github.com/crewjam/saml/samlsp"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/adminclient"
	"github.com/latchkey-idp/latchkey/internal/app"
	"github.com/latchkey-idp/latchkey/internal/config"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/keys"
	"github.com/latchkey-idp/latchkey/internal/keys/filesigner"
	"github.com/latchkey-idp/latchkey/internal/keys/kmsfake"
	"github.com/latchkey-idp/latchkey/internal/keys/kmssigner"
	"github.com/latchkey-idp/latchkey/internal/obs"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
	"github.com/latchkey-idp/latchkey/internal/table"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
	"github.com/latchkey-idp/latchkey/internal/web/admin"
)

// rolling is an identity provider with several signing keys, and who
// administers it.
type rolling struct {
	*idptest.IdP
	admin *adminclient.Client
	kms   *kmsfake.Fake // nil: keys are files
	arn   []string
}

// rollingFiles has its keys in files and one program, as latchkey serve.
func rollingFiles(t *testing.T) *rolling {
	dir := t.TempDir()
	open := func(_ context.Context, ref string) (keys.Key, error) {
		path := filepath.Join(dir, ref)
		if err := filesigner.Create(path, keys.MinBits, rand.Reader); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		return filesigner.Open(path)
	}
	i := idptest.New(t, idptest.Options{Keys: func(o *keys.Options) { o.Open, o.DefaultRef = open, "first.pem" }})
	return &rolling{IdP: i, admin: administrator(t, i)}
}

// rollingKMS has its keys in KMS and an admin API that may not sign.
func rollingKMS(t *testing.T) *rolling {
	r := &rolling{kms: kmsfake.New()}
	for range 3 {
		arn, err := r.kms.CreateRSA(keys.MinBits)
		if err != nil {
			t.Fatal(err)
		}
		r.arn = append(r.arn, arn)
	}
	client := kms.New(kms.Options{
		Region: "eu-central-1", HTTPClient: &http.Client{Transport: r.kms},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "TEST", SecretAccessKey: "ONLY"}, nil
		}),
	})
	var options keys.Options
	var tab table.Table
	o := kept(&tab)
	o.Config = func(c *config.Config) { c.SigningKeys = r.arn }
	o.Keys = func(o *keys.Options) {
		o.Open = func(ctx context.Context, ref string) (keys.Key, error) { return kmssigner.Open(ctx, client, ref, nil) }
		o.DefaultRef = r.arn[0]
		options = *o
	}
	r.IdP = idptest.New(t, o)

	options.NoSign = true
	ring, err := keys.NewRing(options)
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.New(app.Deps{
		Config: r.Config, Table: tab, Keys: ring, Secrets: app.Secrets{Masters: r.Masters, Pairwise: make([]byte, 32)},
		Admins: admin.Bearer(sha256.Sum256([]byte(idptest.AdminToken))),
		Log:    obs.NewLogger(r.Log, 0, true), Clock: r.Clock.Now, Random: rand.Reader,
	})
	if err != nil {
		t.Fatal(err)
	}
	apart := *r.IdP
	apart.Handler = a.Admin()
	r.admin = administrator(t, &apart)
	return r
}

func administrator(t *testing.T, i *idptest.IdP) *adminclient.Client {
	t.Helper()
	client, err := adminclient.New(idptest.Base, &http.Client{Transport: i.Transport(address())}, adminclient.Bearer(idp.Secret(idptest.AdminToken)))
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// consumer is a service provider made with crewjam/saml that knows us by the
// metadata that it has read.
type consumer struct {
	saml.ServiceProvider
	slug string
}

func newConsumer(r *rolling, sp *samltest.SP) *consumer {
	acs, err := url.Parse(sp.ACS[0].Location)
	if err != nil {
		r.T.Fatal(err)
	}
	c := &consumer{saml.ServiceProvider{EntityID: sp.EntityID, AcsURL: *acs}, sp.Slug}
	c.refresh(r)
	return c
}

// refresh reads our metadata for it and returns it.
func (c *consumer) refresh(r *rolling) string {
	r.T.Helper()
	resp := r.Browser(address()).Get("/saml/metadata/" + c.slug)
	body := idptest.Body(r.T, resp)
	if resp.StatusCode != http.StatusOK {
		r.T.Fatalf("metadata: %d %s", resp.StatusCode, body)
	}
	read, err := samlsp.ParseMetadata([]byte(body))
	if err != nil {
		r.T.Fatal(err)
	}
	c.IDPMetadata = read
	return body
}

// answered is the answer of one sign-in, and the request that it answers.
type answered struct {
	xml     []byte
	request string
}

// signIn is one sign-in of Alice at a service provider.
func (r *rolling) signIn(sp *samltest.SP) answered {
	r.T.Helper()
	request := sp.Request(r.Clock.Now())
	request.ID = "_" + rand.Text()
	alice := newPerson(r.IdP, r.Alice)
	view := alice.approve(alice.Start(query(request)))
	resp := alice.Finish(view.SID, idptest.RandomKey())
	if resp.StatusCode != http.StatusOK {
		r.T.Fatalf("finish: %d %s", resp.StatusCode, idptest.Body(r.T, resp))
	}
	return answered{idptest.ReadPost(r.T, resp).SAMLResponse, request.ID}
}

// accepts reports whether the service provider lets the person in.
func (c *consumer) accepts(a answered) error {
	got, err := c.ParseXMLResponse(a.xml, []string{a.request}, c.AcsURL)
	if invalid := (*saml.InvalidResponseError)(nil); errors.As(err, &invalid) {
		return invalid.PrivateErr
	}
	if err == nil && got.Subject.NameID.Value != "alice@example.com" {
		return errors.New("signed in as " + got.Subject.NameID.Value)
	}
	return err
}

// certificates counts the keys in metadata by their use.
func certificates(t *testing.T, metadata string) map[string]int {
	t.Helper()
	var m struct {
		Keys []struct {
			Use string `xml:"use,attr"`
		} `xml:"IDPSSODescriptor>KeyDescriptor"`
	}
	if err := xml.NewDecoder(strings.NewReader(metadata)).Decode(&m); err != nil {
		t.Fatal(err)
	}
	out := map[string]int{}
	for _, k := range m.Keys {
		out[k.Use]++
	}
	return out
}

// states are those of all keys, as an administrator sees them.
func (r *rolling) states() string {
	r.T.Helper()
	list, err := r.admin.Keys(r.T.Context())
	if err != nil {
		r.T.Fatal(err)
	}
	var out []string
	for _, k := range list {
		out = append(out, k.ID+" "+k.State)
	}
	return strings.Join(out, ", ")
}

// key makes a call of the administrator's that must succeed.
func (r *rolling) key(a adminapi.KeyAnswer, err error) adminapi.KeyAnswer {
	r.T.Helper()
	if err != nil {
		r.T.Fatal(err)
	}
	return a
}
