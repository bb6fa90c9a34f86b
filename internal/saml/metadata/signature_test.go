package metadata_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/beevik/etree"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/dsig"
	"github.com/latchkey-idp/latchkey/internal/saml/metadata"
)

// sign signs the element of a file that has this entityID, or the root.
func sign(t testing.TB, data []byte, by identity, entityID string, legacySHA1 bool) []byte {
	t.Helper()
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(data); err != nil {
		t.Fatal(err)
	}
	el := doc.Root()
	if entityID != "" {
		el = doc.FindElement("//EntityDescriptor[@entityID='" + entityID + "']")
		el.CreateAttr("xmlns:md", el.NamespaceURI())
	}
	el.CreateAttr("ID", "_signed")
	if err := dsig.Sign(el, by.key, by.cert, legacySHA1, dsig.First); err != nil {
		t.Fatal(err)
	}
	return dsig.Serialize(doc.Root())
}

func testPinned(t *testing.T) {
	ours, attacker := identities()[0], identities()[1]
	plain := fixture(t, "minimal.xml")
	pinned := metadata.ReadOptions{PinnedCert: ours.cert}

	t.Run("good", func(t *testing.T) {
		sp, notes := read(t, sign(t, plain, ours, "", false), pinned)
		if sp.MetadataSigned != metadata.Verified || len(notes) > 0 {
			t.Errorf("%q, notes %q", sp.MetadataSigned, notes)
		}
	})
	t.Run("SHA-1 is a note", func(t *testing.T) {
		sp, notes := read(t, sign(t, plain, ours, "", true), pinned)
		if sp.MetadataSigned != metadata.Verified || len(notes) != 1 || !strings.Contains(string(notes[0]), "SHA-1") {
			t.Errorf("%q, notes %q", sp.MetadataSigned, notes)
		}
	})
	t.Run("unsigned", func(t *testing.T) {
		if err := refusal(t, plain, pinned); err.Reason != idp.SigRequired {
			t.Error(err)
		}
	})
	t.Run("S7 the attacker's own certificate in KeyInfo", func(t *testing.T) {
		if err := refusal(t, sign(t, plain, attacker, "", false), pinned); err.Reason != idp.SigUntrustedKey {
			t.Error(err)
		}
	})
	t.Run("changed after signing", func(t *testing.T) {
		data := bytes.Replace(sign(t, plain, ours, "", false), []byte("https://sp.example.test/acs"), []byte("https://evil.test/acs"), 1)
		if err := refusal(t, data, pinned); err.Reason != idp.SigReference {
			t.Error(err)
		}
	})
	t.Run("signature wrapped into another entity", func(t *testing.T) {
		signed := string(sign(t, plain, ours, "", false))
		wrapped := strings.Replace(string(plain), "<md:SPSSODescriptor", "<md:Extensions>"+signed+"</md:Extensions><md:SPSSODescriptor", 1)
		wrapped = strings.ReplaceAll(wrapped, "https://sp.example.test/acs", "https://evil.test/acs")
		if err := refusal(t, []byte(wrapped), pinned); err.Reason != idp.SigRequired {
			t.Error(err)
		}
	})
	t.Run("not pinned", func(t *testing.T) {
		for name, data := range map[string][]byte{
			"good":    sign(t, plain, ours, "", false),
			"changed": bytes.Replace(sign(t, plain, ours, "", false), []byte("/acs"), []byte("/acs2"), 1),
		} {
			sp, notes := read(t, data, metadata.ReadOptions{})
			if sp.MetadataSigned != metadata.NotVerified || len(notes) != 1 || !strings.Contains(string(notes[0]), "not verified") {
				t.Errorf("%s: %q, notes %q", name, sp.MetadataSigned, notes)
			}
		}
	})
	t.Run("aggregate signed as a whole", func(t *testing.T) {
		opts := pinned
		opts.EntityID = "https://one.example.test/"
		sp, _ := read(t, sign(t, fixture(t, "aggregate.xml"), ours, "", false), opts)
		if sp.MetadataSigned != metadata.Verified {
			t.Errorf("%q", sp.MetadataSigned)
		}
	})
	t.Run("aggregate with one signed entity", func(t *testing.T) {
		opts := pinned
		opts.EntityID = "https://one.example.test/"
		data := sign(t, fixture(t, "aggregate.xml"), ours, opts.EntityID, false)
		if sp, _ := read(t, data, opts); sp.MetadataSigned != metadata.Verified {
			t.Errorf("%q", sp.MetadataSigned)
		}
		opts.EntityID, opts.Force = "https://two.example.test/", true
		if err := refusal(t, data, opts); err.Reason != idp.SigRequired {
			t.Error(err)
		}
	})
}
