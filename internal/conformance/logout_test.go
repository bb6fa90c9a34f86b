package conformance_test

import (
	"bytes"
	"net/http"
	"strings"

	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
	"github.com/latchkey-idp/latchkey/internal/saml/schematest"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// over checks that the browser's session is over.
func (v *visit) over() {
	v.Helper()
	if v.alive() {
		v.Error("the session signs in")
	}
}

// elsewhere signs the person in once more, in another browser.
func (v *visit) elsewhere(p *party) (participant, *visit) {
	v.Helper()
	other := *v
	other.browser = v.idp.Browser(v.browser.IP)
	return other.joins(p), &other
}

// isAbout checks that a LogoutRequest names a participant as it was told.
func (v *visit) isAbout(m sent, p participant) {
	v.Helper()
	id := v.one(m.root, "./NameID")
	for _, name := range []string{"Format", "NameQualifier", "SPNameQualifier"} {
		if got, want := id.SelectAttrValue(name, ""), p.nameID.SelectAttrValue(name, ""); got != want {
			v.Errorf("%s %q, the assertion had %q", name, got, want)
		}
	}
	if index := v.one(m.root, "./SessionIndex").Text(); id.Text() != p.nameID.Text() || index != p.index {
		v.Errorf("about %q, %q, want %q, %q", id.Text(), index, p.nameID.Text(), p.index)
	}
}

var logoutCases = []conformanceCase{
	{"M015", "Metadata 2.4.2", "logout by HTTP-Redirect, HTTP-POST and SOAP, by https", func(v *visit) {
		for _, binding := range []string{bindingRedirect, bindingPOST, bindingSOAP} {
			if !strings.HasPrefix(v.ours.slo[binding], "https://") {
				v.Errorf("%s at %q", binding, v.ours.slo[binding])
			}
		}
	}},
	{"P040", "Profiles 4.4.3.1", "logout by HTTP-Redirect, nobody else takes part", func(v *visit) {
		p := v.joins(v.plain)
		r := v.signOut(p)
		m := v.carried(v.leaves(v.plain, r, "state & more"))
		v.answered(m, r, "Success", "")
		if m.binding != bindingRedirect || m.to != v.plain.logout[bindingRedirect] || m.relayState != "state & more" {
			v.Errorf("answered at %s by %s with RelayState %q", m.to, m.binding, m.relayState)
		}
		v.over()
	}},
	{"P041", "Profiles 4.4.3.1", "logout by HTTP-POST, nobody else takes part", func(v *visit) {
		r := v.signOut(v.joins(v.plain))
		m := v.carried(v.leavesByPost(v.plain, r, "state & more"))
		v.answered(m, r, "Success", "")
		if m.binding != bindingPOST || m.to != v.plain.logout[bindingPOST] || m.relayState != "state & more" {
			v.Errorf("answered at %s by %s with RelayState %q", m.to, m.binding, m.relayState)
		}
		v.over()
	}},
	{"B050", "Bindings 3.4.3", "no RelayState, none comes back with the answer to a logout", func(v *visit) {
		r := v.signOut(v.joins(v.plain))
		if m := v.carried(v.leaves(v.plain, r)); m.hasRelayState {
			v.Errorf("RelayState %q", m.relayState)
		}
	}},
	{"P042", "Profiles 4.4.3.2", "the other participants are told, then the first is", func(v *visit) {
		first, byRedirect, byPost := v.joins(v.plain), v.joins(v.persistent), v.joins(v.signing)
		r := v.signOut(first)
		frames, goOn := v.waits(v.leaves(v.plain, r, "state"))
		v.over() // before anybody has answered
		if len(frames) != 2 {
			v.Fatalf("frames %q", frames)
		}
		for n, other := range []participant{byRedirect, byPost} {
			m := v.carried(v.browser.Get(frames[n]))
			v.isAbout(m, other)
			if want := other.logout[m.binding]; m.to != want || m.root.Tag != "LogoutRequest" {
				v.Errorf("%s to %q, want %q", m.root.Tag, m.to, want)
			}
			if told := v.replies(other.party, m, "Success"); told.StatusCode != http.StatusOK {
				v.Errorf("its answer: %d %s", told.StatusCode, idptest.Body(v, told))
			}
		}
		m := goOn()
		v.answered(m, r, "Success", "")
		if m.relayState != "state" {
			v.Errorf("RelayState %q", m.relayState)
		}
	}},
	{"C110", "Core 3.7.1", "the others are told the identifier, format, qualifiers and SessionIndex that they know", func(v *visit) {
		first, other := v.joins(v.plain), v.joins(v.persistent)
		frames, _ := v.waits(v.leaves(v.plain, v.signOut(first)))
		m := v.carried(v.browser.Get(frames[0]))
		v.isAbout(m, other)
		if bytes.Contains(m.xml, []byte(v.user.Email)) || bytes.Contains(m.xml, []byte(first.index)) || bytes.Contains(m.xml, []byte(first.entityID)) {
			v.Errorf("what another one knows in %s", m.xml)
		}
	}},
	{"C111", "Core 3.7.1", "the identifier is encrypted where assertions are", func(v *visit) {
		first, other := v.joins(v.plain), v.joins(v.encrypting)
		frames, _ := v.waits(v.leaves(v.plain, v.signOut(first)))
		m := v.carried(v.browser.Get(frames[0]))
		if bytes.Contains(m.xml, []byte(v.user.Email)) {
			v.Errorf("in plain: %s", m.xml)
		}
		plain := parse(v, schematest.Decrypt(v, m.xml, other.keyPEM(v)))
		if got := v.one(plain, "./EncryptedID/NameID").Text(); got != other.nameID.Text() {
			v.Errorf("about %q", got)
		}
	}},
	{"C112", "Core 3.7.3.2", "PartialLogout where somebody has no endpoint", func(v *visit) {
		first := v.joins(v.plain)
		v.joins(v.opaque)
		r := v.signOut(first)
		frames, goOn := v.waits(v.leaves(v.plain, r))
		if len(frames) != 0 {
			v.Errorf("frames %q", frames)
		}
		v.answered(goOn(), r, "Success", "PartialLogout")
		v.over()
	}},
	{"C113", "Core 3.7.3.2", "PartialLogout where somebody does not answer, or says no", func(v *visit) {
		for _, status := range []string{"", "Responder"} {
			first, other := v.joins(v.plain), v.joins(v.persistent)
			r := v.signOut(first)
			frames, goOn := v.waits(v.leaves(v.plain, r))
			m := v.carried(v.browser.Get(frames[0]))
			if status != "" {
				v.replies(other.party, m, status)
			}
			v.answered(goOn(), r, "Success", "PartialLogout")
		}
	}},
	{"P043", "Profiles 4.4.3.4", "nobody answers for another one", func(v *visit) {
		first, _ := v.joins(v.plain), v.joins(v.persistent)
		r := v.signOut(first)
		frames, goOn := v.waits(v.leaves(v.plain, r))
		m := v.carried(v.browser.Get(frames[0]))
		v.rejected(v.replies(v.plain, m, "Success"))
		v.answered(goOn(), r, "Success", "PartialLogout")
	}},
	{"C114", "Core 3.7.3.2", "no SessionIndex: all sessions of the person", func(v *visit) {
		p := v.joins(v.plain)
		_, other := v.elsewhere(v.plain)
		r := v.signOut(p)
		r.SessionIndexes = nil
		v.answered(v.carried(v.leaves(v.plain, r)), r, "Success", "")
		v.over()
		other.over()
	}},
	{"C115", "Core 3.7.3.2", "one SessionIndex: that session; several: all of them", func(v *visit) {
		one := v.joins(v.plain)
		two, second := v.elsewhere(v.plain)
		three, third := v.elsewhere(v.plain)
		r := v.signOut(one)
		v.answered(v.carried(v.leaves(v.plain, r)), r, "Success", "")
		v.over()
		if !second.alive() || !third.alive() {
			v.Fatal("other sessions are over, too")
		}
		r = v.signOut(two)
		r.SessionIndexes = []string{two.index, three.index}
		v.answered(v.carried(second.leaves(v.plain, r)), r, "Success", "")
		second.over()
		third.over()
	}},
	{"C116", "Core 2.2.4", "EncryptedID", func(v *visit) {
		r := v.signOut(v.joins(v.plain))
		nameID := `<saml:NameID xmlns:saml="` + nsAssertion + `" Format="` + r.Format + `"` + r.NameIDAttributes + `>` + r.NameID + `</saml:NameID>`
		encrypted := schematest.Encrypt(v, []byte(nameID), schematest.PEM(v.ours.encryption.Raw))
		r.NameID, r.Children = "", "<saml:EncryptedID>"+string(encrypted)+"</saml:EncryptedID>"
		v.answered(v.carried(v.leavesByPost(v.plain, r)), r, "Success", "")
		v.over()
	}},
	{"C117", "Core 3.2.1", "asynchronous logout: it ends the session, and there is no answer", func(v *visit) {
		r := v.signOut(v.joins(v.plain))
		r.Children = `<samlp:Extensions><x:Asynchronous xmlns:x="urn:oasis:names:tc:SAML:2.0:protocol:ext:async-slo"/></samlp:Extensions>`
		resp := v.leaves(v.plain, r)
		if to := resp.Header.Get("Location"); strings.Contains(to, "SAMLResponse") || !strings.HasPrefix(to, "/") && to != "" {
			v.Errorf("leads to %q", to)
		}
		v.over()
	}},
	{"M014", "Metadata 2.2.2", "answers go to the ResponseLocation, requests do not", func(v *visit) {
		for _, p := range []*party{v.persistent, v.signing} {
			v.joins(v.plain)
			r := v.signOut(v.joins(p))
			send := map[*party]func(*party, samltest.LogoutRequest, ...string) *http.Response{v.persistent: v.leaves, v.signing: v.leavesByPost}[p]
			_, goOn := v.waits(send(p, r))
			if m := goOn(); m.to != p.left {
				v.Errorf("answered at %s, want %s", m.to, p.left)
			}
			first, known := v.joins(v.plain), v.joins(p)
			frames, _ := v.waits(v.leaves(v.plain, v.signOut(first)))
			if m := v.carried(v.browser.Get(frames[0])); m.to != known.logout[m.binding] {
				v.Errorf("told at %s", m.to)
			}
		}
	}},
}
