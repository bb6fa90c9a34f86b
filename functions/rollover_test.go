package functions_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/adminclient"
	"github.com/latchkey-idp/latchkey/internal/keys/kmsfake"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
	"github.com/latchkey-idp/latchkey/internal/testkit/lambdaruntime"
)

// TestRolloverThroughTheFunctions rolls the signing key over with the programs
// as they are deployed: the admin function uses no key.
func TestRolloverThroughTheFunctions(t *testing.T) {
	bin := build(t)
	cloud := newCloud(t)
	env := append(cloud.env(), "LATCHKEY_PUBLIC_URL="+idptest.Base)
	d := deployment{}
	start := func(name string) { d[name] = lambdaruntime.Start(t, filepath.Join(bin, name), env...) }
	metadata := func() string {
		t.Helper()
		// A fresh instance each time: those that run see a change within a minute.
		start("metadata")
		b := (&idptest.IdP{T: t}).Browser("")
		b.Server = d
		resp := b.Get("/saml/metadata")
		body := idptest.Body(t, resp)
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("metadata: %d %s\n%s", resp.StatusCode, body, d["metadata"].Output())
		}
		return body
	}
	published := func(want int) {
		t.Helper()
		doc := metadata()
		if n := strings.Count(doc, `use="signing"`); n != want {
			t.Errorf("%d signing keys in metadata, want %d", n, want)
		}
		if n := strings.Count(doc, `use="encryption"`); n != 1 {
			t.Errorf("%d encryption keys in metadata", n)
		}
	}
	signedWith := func() string {
		calls := cloud.kms.Calls(kmsfake.Sign)
		return calls[len(calls)-1].KeyID
	}
	published(1)
	if signedWith() != cloud.signingKey {
		t.Errorf("signed with %s", signedWith())
	}

	start("admin")
	api, err := adminclient.New(idptest.Base, &http.Client{Transport: d}, func(*http.Request, []byte) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	signatures := cloud.kms.Signatures()
	made, err := api.AnnounceKey(t.Context(), adminapi.NewKey{})
	if err != nil {
		t.Fatalf("%v\n%s", err, d["admin"].Output())
	}
	if made.Key.State != "requested" || made.Key.Ref != cloud.nextKey {
		t.Errorf("requested %+v", made.Key)
	}
	if n := cloud.kms.Signatures() - signatures; n != 0 {
		t.Errorf("L6 the admin function made %d signatures", n)
	}
	published(2)
	if signedWith() != cloud.signingKey {
		t.Errorf("announced: signed with %s", signedWith())
	}

	signatures = cloud.kms.Signatures()
	if _, err := api.ActivateKey(t.Context(), "key-2", true); err != nil {
		t.Fatal(err)
	}
	status, err := api.Status(t.Context())
	if err != nil || len(status.Keys) != 2 || len(status.Warnings) > 0 {
		t.Errorf("status %+v, %v", status, err)
	}
	if n := cloud.kms.Signatures() - signatures; n != 0 {
		t.Errorf("L6 the admin function made %d signatures", n)
	}
	published(2)
	if signedWith() != cloud.nextKey {
		t.Errorf("activated: signed with %s", signedWith())
	}
	if _, err := api.RetireKey(t.Context(), "key-1"); err != nil {
		t.Fatal(err)
	}
	published(1)
	if n := len(cloud.kms.Calls(kmsfake.Decrypt)); n == 0 {
		t.Error("the master key is wrapped")
	}
	for _, call := range cloud.kms.Calls(kmsfake.Decrypt) {
		if call.KeyID == cloud.encryptionKey {
			t.Error("L6 a function that reads no logout request decrypts")
		}
	}
}
