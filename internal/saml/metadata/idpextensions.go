package metadata

import (
	"strconv"

	"github.com/beevik/etree"

	"github.com/latchkey-idp/latchkey/internal/saml/dsig"
	"github.com/latchkey-idp/latchkey/internal/saml/xmlenc"
)

// addAlgorithms lists the algorithms of signatures that we verify, the best
// first (SAML Metadata Profile for Algorithm Support 1.0, 2.1 to 2.4)
// [IIP-MD09].
func (m IdP) addAlgorithms(extensions *etree.Element) {
	digests, signatures := dsig.Policy{Refused: m.RefusedAlgorithms}.Accepted()
	for _, uri := range digests {
		el := extensions.CreateElement("alg:DigestMethod")
		el.CreateAttr("xmlns:alg", nsALG)
		el.CreateAttr("Algorithm", uri)
	}
	for _, a := range signatures {
		el := extensions.CreateElement("alg:SigningMethod")
		el.CreateAttr("xmlns:alg", nsALG)
		el.CreateAttr("Algorithm", a.URI)
		if a.MinBits > 0 {
			el.CreateAttr("MinKeySize", strconv.Itoa(a.MinBits))
		}
	}
}

// addUI writes the MDUI extension (SAML Metadata Extensions for Login and
// Discovery User Interface 2.1).
func (m IdP) addUI(extensions *etree.Element) {
	if m.DisplayName+m.LogoURL+m.InformationURL+m.PrivacyURL == "" {
		return
	}
	ui := extensions.CreateElement("mdui:UIInfo")
	ui.CreateAttr("xmlns:mdui", nsMDUI)
	for _, text := range []struct{ tag, value string }{
		{"mdui:DisplayName", m.DisplayName}, {"mdui:InformationURL", m.InformationURL}, {"mdui:PrivacyStatementURL", m.PrivacyURL},
	} {
		if text.value == "" {
			continue
		}
		el := ui.CreateElement(text.tag)
		el.CreateAttr("xml:lang", "en")
		el.SetText(text.value)
	}
	if m.LogoURL != "" {
		logo := ui.CreateElement("mdui:Logo")
		logo.CreateAttr("height", "64") // required by the schema; a hint for layout
		logo.CreateAttr("width", "64")
		logo.SetText(m.LogoURL)
	}
}

// addEncryptionMethods says what may be used with our key, the best first
// (SAML Metadata 2.4.1.1; XML Encryption 1.1 5.5.2).
func addEncryptionMethods(key *etree.Element) {
	for _, content := range xmlenc.OfferedContents() {
		key.CreateElement("md:EncryptionMethod").CreateAttr("Algorithm", content)
	}
	for _, t := range xmlenc.OfferedTransports() {
		method := key.CreateElement("md:EncryptionMethod")
		method.CreateAttr("Algorithm", t.Algorithm)
		digest := method.CreateElement("ds:DigestMethod")
		digest.CreateAttr("xmlns:ds", nsDS)
		digest.CreateAttr("Algorithm", t.Digest)
		if t.MGF != "" {
			mask := method.CreateElement("xenc11:MGF")
			mask.CreateAttr("xmlns:xenc11", nsXENC11)
			mask.CreateAttr("Algorithm", t.MGF)
		}
	}
}
