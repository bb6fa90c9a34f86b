package metadata_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/saml/metadata"
)

// samplesFolder holds metadata of real products, where it was made available;
// testdata holds the same odd forms, written for this test.
const samplesFolder = "../../../../shared/metadata-samples"

// sample is what is expected of a file of the folder.
type sample struct {
	opts   metadata.ReadOptions
	refuse string // part of the refusal; empty: the file is read

	entityID string
	name     string
	acs      string // default endpoint
	signing  int    // certificates
	encrypt  int
	signed   bool // requests must be signed
	document string
}

var (
	local  = metadata.ReadOptions{Local: true}
	forced = metadata.ReadOptions{Force: true}
)

func samples() map[string]sample {
	shibboleth := sample{
		entityID: "https://sp.idptestbed/shibboleth", name: "idptestbed",
		acs: "https://idptestbed/Shibboleth.sso/SAML2/POST", signing: 1, encrypt: 1,
	}
	return map[string]sample{
		"adfs-sp-and-idp.xml": {
			entityID: "urn:bpce:bpce:bpce:pro:sp1", name: "fi-sp.a.bbg",
			acs: "https://fi-sp.a.bbg/adfs/ls/", signing: 1, encrypt: 1, document: "not verified",
		},
		"aggregate-bankid-local.xml": {refuse: "holds 2 service providers; choose one with --entity-id: http://sandbox.swedenconnect.se/testmyeid, http://sandbox.swedenconnect.se/testmyeid-sign"},
		"aggregate-testshib-two.xml": {
			entityID: "https://sp.testshib.org/shibboleth-sp", name: "TestShib Test SP",
			acs: "https://sp.testshib.org/Shibboleth.sso/SAML2/POST", signing: 1, encrypt: 1,
		},
		"aws-console-sp.xml": {
			opts: forced, entityID: "urn:amazon:webservices", name: "AWS",
			acs: "https://signin.aws.amazon.com/saml", signing: 1,
		},
		"crewjam-TestCanParseMetadata.xml": {
			opts: forced, entityID: "https://dev.aa.kndr.org/users/auth/saml/metadata", name: "Required attributes",
			acs: "https://dev.aa.kndr.org/users/auth/saml/callback",
		},
		"crewjam-sp.xml": {
			opts: forced, entityID: "https://example.com/saml2/metadata", name: "example.com",
			acs: "https://example.com/saml2/acs", signing: 1, encrypt: 1,
		},
		"ddf-sp.xml": {
			entityID: "https://localhost:8993/services/saml", name: "localhost",
			acs: "https://localhost:8993/services/saml/sso", signing: 1, encrypt: 1,
		},
		"derived-doctype-internal-entity.xml": {refuse: "DOCTYPE"},
		"derived-utf16le-bom.xml":             shibboleth,
		"derived-utf8-bom.xml":                shibboleth,
		"f5-bigip-sp.xml": {
			entityID: "https://sp.acme.com", name: "sp.acme.com", signed: true,
			acs: "https://sp.acme.com/saml/sp/profile/post/acs", signing: 1,
		},
		"google-workspace-legacy-sp.xml": {
			entityID: "google.com/a/domain.com", name: "www.google.com", acs: "https://www.google.com/a/domain.com/acs",
		},
		"microsoftonline-2021.xml": {
			entityID: "urn:federation:MicrosoftOnline", name: "login.microsoftonline.com",
			acs: "https://login.microsoftonline.com/login.srf", signing: 2, document: "not verified",
		},
		"odd-affiliation-vo.xml":                  {refuse: "it is an affiliation"},
		"odd-empty-file.xml":                      {refuse: "the file is empty"},
		"odd-entra-common-idp-bom.xml":            {refuse: "it is an identity provider"},
		"odd-invalid.xml":                         {refuse: "the root element is <root>"},
		"odd-spid-demo-idp.xml":                   {refuse: "it is an identity provider"},
		"onelogin-entities_metadata.xml":          {refuse: "holds 2 service providers"},
		"onelogin-expired_metadata_settings1.xml": {refuse: "expired on 2014-02-22T00:39:43Z (validUntil); ask for a newer file, or use --force"},
		"onelogin-metadata_settings1.xml":         {refuse: `"http://stuff.com/endpoints/endpoints/acs.php" does not start with https://`},
		"onelogin-no_expiration_mark_metadata.xml": {
			opts: local, refuse: `"http://stuff.com/endpoints/endpoints/acs.php" does not start with https://`,
		},
		"onelogin-noentity_metadata_settings1.xml": {refuse: "the root element is <EntityDescriptor2>"},
		"onelogin-signed_metadata_settings1.xml": {
			opts: forced, entityID: "https://example.com//demo1/metadata.php", name: "SP test", signed: true,
			acs: "https://example.com//demo1/index.php?acs", signing: 1, encrypt: 1, document: "not verified",
		},
		"onelogin-unparsed_metadata.xml": {refuse: "(line 13)"},
		"pysaml2-sp-0.xml":               {opts: local, refuse: "no AssertionConsumerService for HTTP-POST"},
		"pysaml2-sp-entity-category-sfs.xml": {
			refuse: `"http://lingon.catalogix.se:8087/" does not start with https://`,
		},
		"pysaml2-sp.xml": {
			entityID: "https://lingon.ladok.umu.se:8087/sp.xml", name: "AB Exempel",
			acs: "https://lingon.ladok.umu.se:8087/acs/post", signing: 1, encrypt: 1,
		},
		"salesforce-sp-SYNTHETIC.xml": {
			entityID: "https://example-dev-ed.my.salesforce.com", name: "example-dev-ed.my.salesforce.com", signed: true,
			acs: "https://example-dev-ed.my.salesforce.com?so=00D000000000000", signing: 1,
		},
		"samlify-sp_metadata_98.xml":     {refuse: "is in no namespace"},
		"samlify-spmeta.xml":             {refuse: "is in no namespace"},
		"samlify-spmeta_noauthnsign.xml": {refuse: "is in no namespace"},
		"shibboleth-sp.xml":              shibboleth,
		"simplesamlphp-sp.xml": {
			entityID: "http://idptestbed/sp/simplesamlphp", name: "idptestbed",
			acs:     "https://idptestbed/simplesaml/module.php/saml/sp/saml2-acs.php/default-sp",
			signing: 1, encrypt: 1,
		},
		"spid-sp.xml": {
			entityID: "https://example.com/spid", name: "example.com", acs: "https://example.com/saml/acs", signing: 1,
		},
		"spring-testIDPnestedMetadata.xml": {refuse: "none of the 3 entities of the file is a SAML 2.0 service provider"},
		"spring-testSP.xml": { // its KeyInfo is in a namespace that does not exist
			opts: local, entityID: "http://localhost:8081/spring-security-saml2-webapp", name: "localhost", signed: true,
			acs: "http://localhost:8081/spring-security-saml2-webapp/saml/SSO",
		},
		"spring-testSPMissingDescriptor.xml": {refuse: "it has no role descriptor"},
		"spring-testSP_signed.xml": {
			opts: local, entityID: "http://localhost/spring-security-saml2-sample", name: "localhost", signed: true,
			acs:     "http://localhost/spring-security-saml2-sample/saml/SSO/alias/spring-security-saml2-sample",
			signing: 1, encrypt: 1, document: "not verified",
		},
		"spring-testSP_signed_invalid.xml": {refuse: "does not start with https://"},
		"ssp-EntitiesDescriptor.xml":       {refuse: "no AssertionConsumerService for HTTP-POST"},
		"ssp-expired-metadata.xml":         {refuse: "it is an identity provider"},
		"ssp-unsigned-metadata.xml":        {refuse: "it is an identity provider"},
		"ssp-valid-metadata-ca-signed.xml": {refuse: "it is an identity provider"},
		"ssp-valid-metadata-selfsigned.xml": {
			refuse: "it is an identity provider",
		},
	}
}

func TestSamples(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(samplesFolder, "*.xml"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		// Real metadata is not ours to publish. Where the folder lies beside the
		// checkout all of it is read; our own fixtures always are.
		t.Log("the folder of metadata samples is not here")
		return
	}
	expected := samples()
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			want, ok := expected[filepath.Base(file)]
			if !ok {
				t.Fatal("no expectation for this file")
			}
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			want.check(t, data)
		})
	}
}

func (want sample) check(t *testing.T, data []byte) {
	t.Helper()
	want.opts.Now = now
	sp, notes, err := metadata.ReadServiceProvider(data, want.opts)
	for _, n := range notes {
		t.Log(n)
	}
	if want.refuse != "" {
		if err == nil || !strings.Contains(err.Error(), want.refuse) {
			t.Fatalf("error %v, want one with %q", err, want.refuse)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	got := sample{
		opts: want.opts, entityID: sp.EntityID, name: sp.Name, acs: sp.DefaultACS().Location,
		signing: len(sp.SigningCerts), encrypt: len(sp.EncryptCerts),
		signed: sp.RequireSignedRequests, document: sp.MetadataSigned,
	}
	if got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}
