package conformance_test

import (
	"mime"
	"net/url"
	"strings"
	"time"

	"github.com/beevik/etree"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
	"github.com/latchkey-idp/latchkey/internal/saml/schematest"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// ourMetadata reads a document of ours.
func (v *visit) ourMetadata(address string) (root *etree.Element, xml []byte) {
	v.Helper()
	xml = []byte(idptest.Body(v, v.get(v, address)))
	return parse(v, xml), xml
}

// known is a case of a sign-in that works only with what metadata says.
func known(id, section, what string, p func(*world) *party) conformanceCase {
	return conformanceCase{id, section, what, func(v *visit) {
		by := p(v.world)
		r := v.request(by)
		v.success(v.approve(v.post(by, by.SignXML(r.XML(), samltest.Signing{}))), r, by)
	}}
}

var metadataCases = []conformanceCase{
	known("M011", "Metadata 2.4.1.1", "request signed with the second of several keys, which has no use", func(w *world) *party { return w.signing }),
	known("M012", "Metadata 2.2.1", "metadata with extensions and attributes that nobody knows", func(w *world) *party { return w.plain }),
	{"M013", "Metadata 2.3.2", "metadata without an end, past it, or with a far one, where that is demanded", func(v *visit) {
		p := &party{Identity: v.plain.Identity, entityID: "https://stale.test/sp", acs: "https://stale.test/acs", second: "https://stale.test/acs7", slug: "stale"}
		for _, attributes := range []string{"", v.until(-time.Hour), v.until(15 * 24 * time.Hour)} {
			if err := v.register(v, p, attributes, false, adminapi.Settings{}); err == nil {
				v.Errorf("taken with%s", attributes)
			}
		}
		must(v, v.register(v, p, v.until(13*24*time.Hour), false, adminapi.Settings{}))
	}},
	{"M001", "Metadata 2", "valid by the schema", func(v *visit) {
		_, xml := v.ourMetadata(v.ours.entityID)
		schematest.Validate(v, xml)
	}},
	{"M002", "Metadata 3", "signed with a key that it names", func(v *visit) {
		root, xml := v.ourMetadata(v.ours.entityID)
		schematest.VerifySignature(v, xml, schematest.PEM(v.ours.certs[0].Raw), "EntityDescriptor")
		v.signature(v.one(root, "./Signature"), root.SelectAttrValue("ID", ""))
	}},
	{"M003", "Metadata 4.1", "it is at the address that is the entityID", func(v *visit) {
		root, _ := v.ourMetadata(v.ours.entityID)
		if got := root.SelectAttrValue("entityID", ""); got != v.ours.entityID {
			v.Errorf("entityID %q", got)
		}
	}},
	{"M004", "Metadata A", "media type", func(v *visit) {
		got, _, err := mime.ParseMediaType(v.get(v, v.ours.entityID).Header.Get("Content-Type"))
		if err != nil || got != "application/samlmetadata+xml" {
			v.Errorf("media type %q, %v", got, err)
		}
	}},
	{"M005", "Metadata 2.3.2", "validUntil and cacheDuration", func(v *visit) {
		root, _ := v.ourMetadata(v.ours.entityID)
		if d := v.time(root.SelectAttrValue("validUntil", "")).Sub(v.now()); d < 24*time.Hour || d > 30*24*time.Hour {
			v.Errorf("valid for %s", d)
		}
		if got := root.SelectAttrValue("cacheDuration", ""); !strings.HasPrefix(got, "PT") {
			v.Errorf("cacheDuration %q", got)
		}
	}},
	{"M006", "Metadata 2.4.1", "one role, of SAML 2.0", func(v *visit) {
		root, _ := v.ourMetadata(v.ours.entityID)
		role := v.one(root, "./IDPSSODescriptor")
		if got := strings.Fields(role.SelectAttrValue("protocolSupportEnumeration", "")); len(got) != 1 || got[0] != nsProtocol {
			v.Errorf("protocols %q", got)
		}
	}},
	{"M007", "Metadata 2.4.3", "sign-in by HTTP-Redirect and HTTP-POST, by https", func(v *visit) {
		for _, binding := range []string{bindingRedirect, bindingPOST} {
			if to, err := url.Parse(v.ours.sso[binding]); err != nil || to.Scheme != "https" || to.Host == "" {
				v.Errorf("%s at %q", binding, v.ours.sso[binding])
			}
		}
	}},
	{"M008", "Metadata 2.4.1.1", "signing keys, as certificates", func(v *visit) {
		root, _ := v.ourMetadata(v.ours.entityID)
		for _, e := range v.one(root, "./IDPSSODescriptor").SelectElements("KeyDescriptor") {
			v.oneOf("use", e.SelectAttrValue("use", ""), "signing", "encryption")
		}
		if len(v.ours.certs) == 0 {
			v.Error("none")
		}
	}},
	{"M009", "Metadata 2.4.3", "WantAuthnRequestsSigned, for each service provider", func(v *visit) {
		for p, want := range map[*party]string{v.plain: "false", v.signing: "true"} {
			root, xml := v.ourMetadata(idptest.Base + "/saml/metadata/" + p.slug)
			schematest.Validate(v, xml)
			schematest.VerifySignature(v, xml, schematest.PEM(v.ours.certs[0].Raw), "EntityDescriptor")
			if got := v.attribute(root, "./IDPSSODescriptor", "WantAuthnRequestsSigned"); got != want {
				v.Errorf("%s: %s", p.slug, got)
			}
		}
	}},
}
