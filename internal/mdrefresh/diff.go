package mdrefresh

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// Kinds of changes. Endpoints and keys have their kind in front: acs.moved,
// signing_key.added.
const (
	added   = ".added"
	removed = ".removed"
	moved   = ".moved"   // the same place in the list, another address
	changed = ".changed" // the same address: index, default or response location
	renewed = ".renewed" // the same key in another certificate

	acs, slo               = "acs", "slo"
	signingKey, encryptKey = "signing_key", "encryption_key"
	encryptMethod          = "encryption_method"
	nameIDFormat           = "name_id_format"
	requested              = "requested_attribute"
	requestedDefault       = "attribute_service.default"
	entityAttribute        = "entity_attribute"
	requestsSigned         = "authn_requests_signed"
	assertionsSigned       = "want_assertions_signed"
	entityID               = "entity_id"
	acsDefault             = "acs.default"
)

// Diff lists what next says that base did not. The order of elements and the
// layout of the file mean nothing, except that the first ACS is the default
// where none says so (SAML Metadata 2.2.3).
func Diff(base, next idp.MetadataFacts) []idp.MetadataChange {
	var d differ
	d.value(entityID, base.EntityID, next.EntityID)
	d.endpoints(acs, base.ACS, next.ACS)
	d.value(acsDefault, defaultOf(base), defaultOf(next))
	d.endpoints(slo, unindexed(base.SLO), unindexed(next.SLO))
	d.keys(signingKey, base.SigningCerts, next.SigningCerts)
	d.keys(encryptKey, base.EncryptCerts, next.EncryptCerts)
	d.set(encryptMethod, methods(base), methods(next))
	d.set(nameIDFormat, base.NameIDFormats, next.NameIDFormats)
	d.set(requested, attributes(base), attributes(next))
	d.value(requestedDefault, defaultService(base), defaultService(next))
	d.set(entityAttribute, entityAttributes(base), entityAttributes(next))
	d.flag(requestsSigned, base.AuthnRequestsSigned, next.AuthnRequestsSigned)
	d.flag(assertionsSigned, base.WantAssertionsSigned, next.WantAssertionsSigned)
	return d.changes
}

// methods are the texts of the encryption methods of the keys that are there.
func methods(f idp.MetadataFacts) (out []string) {
	for _, cert := range f.EncryptCerts {
		key := keyID(cert)
		for _, m := range f.EncryptionMethods[idp.CertID(cert)] {
			text := strings.Join([]string{hex.EncodeToString(key[:8]), m.Algorithm, m.Digest, m.MGF}, " ")
			if m.Parameters {
				text += " OAEPparams"
			}
			out = append(out, strings.Join(strings.Fields(text), " "))
		}
	}
	return out
}

type differ struct{ changes []idp.MetadataChange }

func (d *differ) add(what, before, after string) {
	d.changes = append(d.changes, idp.MetadataChange{What: what, Before: before, After: after})
}

func (d *differ) value(what, before, after string) {
	if before != after {
		d.add(what, before, after)
	}
}

func (d *differ) flag(what string, before, after bool) {
	if before != after {
		d.add(what, fmt.Sprint(before), fmt.Sprint(after))
	}
}

func (d *differ) set(what string, before, after []string) {
	for _, v := range distinct(before) {
		if !slices.Contains(after, v) {
			d.add(what+removed, v, "")
		}
	}
	for _, v := range distinct(after) {
		if !slices.Contains(before, v) {
			d.add(what+added, "", v)
		}
	}
}

func distinct(in []string) []string { return slices.Compact(slices.Sorted(slices.Values(in))) }

// endpoints pairs what is equal, then what has the same address, then what has
// the same place.
func (d *differ) endpoints(what string, before, after []idp.Endpoint) {
	before, after = slices.Clone(before), slices.Clone(after)
	pair := func(same func(a, b idp.Endpoint) bool, kind string) {
		for i := 0; i < len(before); {
			j := slices.IndexFunc(after, func(b idp.Endpoint) bool { return same(before[i], b) })
			if j < 0 {
				i++
				continue
			}
			if kind != "" {
				d.add(what+kind, endpoint(before[i]), endpoint(after[j]))
			}
			before, after = slices.Delete(before, i, i+1), slices.Delete(after, j, j+1)
		}
	}
	pair(func(a, b idp.Endpoint) bool { return endpoint(a) == endpoint(b) }, "")
	pair(func(a, b idp.Endpoint) bool { return a.Binding == b.Binding && a.Location == b.Location }, changed)
	pair(func(a, b idp.Endpoint) bool { return a.Binding == b.Binding && a.Index == b.Index }, moved)
	for _, e := range before {
		d.add(what+removed, endpoint(e), "")
	}
	for _, e := range after {
		d.add(what+added, "", endpoint(e))
	}
}

// unindexed leaves out the index of endpoints that have none in metadata: only
// their order is in it.
func unindexed(in []idp.Endpoint) []idp.Endpoint {
	out := slices.Clone(in)
	for i := range out {
		out[i].Index = 0
	}
	return out
}

// endpoint is the text of one, by which they are compared, too.
func endpoint(e idp.Endpoint) string {
	s := fmt.Sprintf("%s %s [%d]", e.Binding[strings.LastIndexByte(e.Binding, ':')+1:], e.Location, e.Index)
	if e.Response != "" {
		s += " response " + e.Response
	}
	if e.IsDefault != nil {
		s += fmt.Sprintf(" default=%t", *e.IsDefault)
	}
	return s
}

func defaultOf(f idp.MetadataFacts) string {
	sp := idp.ServiceProvider{ACS: f.ACS}
	if e := sp.DefaultACS(); e != nil {
		return e.Location
	}
	return ""
}

// keys compares certificates and, where a certificate is another one, the keys
// in them: it is the key that counts (Metadata Interoperability Profile 2.6.1).
func (d *differ) keys(what string, before, after [][]byte) {
	gone, come := without(before, after), without(after, before)
	for _, a := range gone {
		i := slices.IndexFunc(come, func(b []byte) bool { return keyID(a) == keyID(b) })
		if i < 0 {
			d.add(what+removed, Fingerprint(a), "")
			continue
		}
		d.add(what+renewed, Fingerprint(a), Fingerprint(come[i]))
		come = slices.Delete(come, i, i+1)
	}
	for _, b := range come {
		d.add(what+added, "", Fingerprint(b))
	}
}

// without are the members of a that b does not have, in a fixed order.
func without(a, b [][]byte) [][]byte {
	var out [][]byte
	for _, v := range a {
		if !contains(b, v) && !contains(out, v) {
			out = append(out, v)
		}
	}
	slices.SortFunc(out, bytes.Compare)
	return out
}

func contains(list [][]byte, v []byte) bool {
	return slices.ContainsFunc(list, func(o []byte) bool { return bytes.Equal(o, v) })
}

// keyID is the hash of the public key of a certificate; of the whole, where it
// cannot be read.
func keyID(der []byte) [sha256.Size]byte {
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return sha256.Sum256(der)
	}
	return sha256.Sum256(cert.RawSubjectPublicKeyInfo)
}

// Fingerprint names a certificate: its SHA-256, its subject and its end.
func Fingerprint(der []byte) string {
	sum := sha256.Sum256(der)
	s := "sha256:" + hex.EncodeToString(sum[:])
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return s
	}
	subject := cert.Subject.String()
	if len(subject) > 100 {
		subject = strings.ToValidUTF8(subject[:100], "") + "..."
	}
	return fmt.Sprintf("%s (%s, until %s)", s, cmp.Or(subject, "no subject"), cert.NotAfter.UTC().Format("2006-01-02"))
}

// attributes are the texts of the requested attributes, each with its service
// where that is not the only one.
func attributes(f idp.MetadataFacts) (out []string) {
	for _, s := range f.AttributeServices {
		for _, a := range s.Requested {
			words := []string{a.Name}
			if a.NameFormat != "" {
				words = append(words, "format "+a.NameFormat)
			}
			if a.Required {
				words = append(words, "required")
			}
			if len(a.Values) > 0 {
				words = append(words, fmt.Sprintf("values %q", a.Values))
			}
			if len(f.AttributeServices) > 1 || s.Index > 1 {
				words = append(words, fmt.Sprintf("[%d]", s.Index))
			}
			out = append(out, strings.Join(words, " "))
		}
	}
	return out
}

// defaultService is the index of the default one of several.
func defaultService(f idp.MetadataFacts) string {
	sp := idp.ServiceProvider{AttributeServices: f.AttributeServices}
	if s := sp.AttributeService(nil); s != nil && len(f.AttributeServices) > 1 {
		return fmt.Sprint(s.Index)
	}
	return ""
}

func entityAttributes(f idp.MetadataFacts) (out []string) {
	for _, a := range f.EntityAttributes {
		out = append(out, a.Name+"="+a.Value)
	}
	return out
}
