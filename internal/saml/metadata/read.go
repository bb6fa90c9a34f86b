package metadata

import (
	"crypto/x509"
	"slices"
	"strings"
	"time"

	"github.com/beevik/etree"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/xmlsafe"
)

// ReadOptions say how a file is judged. The zero value judges strictly, apart
// from Now, which must be set.
type ReadOptions struct {
	Now        time.Time         // what validUntil is compared with
	Force      bool              // take expired metadata all the same
	PinnedCert *x509.Certificate // the file must be signed with this key; nil: signatures are not verified
	EntityID   string            // the entity that is wanted; empty: the only service provider of the file
	Local      bool              // local mode: http://localhost may be an endpoint

	// MaxValidity is how far after Now the root's validUntil may lie; a root
	// without one is refused then, also with Force. 0: no matter.
	MaxValidity time.Duration
}

// Document is a metadata file that was read.
type Document struct {
	// Entities are all entities of the file, in its order.
	Entities []Entity
	// Signature is "verified", "not verified", or empty for an unsigned file.
	Signature string
	// Notes are about the file as a whole.
	Notes []Note

	opts ReadOptions
}

// Entity is an EntityDescriptor of the file.
type Entity struct {
	EntityID string
	Roles    []string // names of its role descriptors: "SPSSODescriptor", ...

	el    *etree.Element
	scope []*etree.Element // the EntitiesDescriptors around it
}

// Values of Document.Signature and idp.ServiceProvider.MetadataSigned.
const (
	Verified    = idp.MetadataVerified
	NotVerified = idp.MetadataNotVerified
)

// ReadServiceProvider reads the one service provider that a file is about, or
// the one that opts.EntityID names, with notes for the administrator. Its
// errors are *Error.
func ReadServiceProvider(data []byte, opts ReadOptions) (*idp.ServiceProvider, []Note, error) {
	doc, err := Read(data, opts)
	if err != nil {
		return nil, nil, err
	}
	c, err := doc.Only()
	if err != nil {
		return nil, nil, err
	}
	return c.ServiceProvider()
}

// Read parses a metadata file of at most 1 MiB, verifies its signature if a
// certificate is pinned, and lists its entities. A file without any SAML 2.0
// service provider is refused. Its errors are *Error.
func Read(data []byte, opts ReadOptions) (*Document, error) {
	doc, err := readWithin(data, opts, xmlsafe.Metadata())
	if err != nil {
		return nil, err
	}
	if err := doc.check(); err != nil {
		return nil, err
	}
	return doc, nil
}

func readWithin(data []byte, opts ReadOptions, limits xmlsafe.Limits) (*Document, error) {
	root, err := parse(data, limits)
	if err != nil {
		return nil, err
	}
	if err := checkRoot(root); err != nil {
		return nil, err
	}
	root, signature, notes, err := verifyFile(root, opts.PinnedCert)
	if err != nil {
		return nil, err
	}
	doc := &Document{Signature: signature, Notes: notes, opts: opts}
	doc.collect(root, nil)
	return doc, nil
}

func checkRoot(root *etree.Element) error {
	if root.Tag != "EntityDescriptor" && root.Tag != "EntitiesDescriptor" {
		return refuse("the root element is <%s>, not the EntityDescriptor or EntitiesDescriptor of SAML metadata", clip(root.Tag))
	}
	if ns := root.NamespaceURI(); ns != nsMD {
		in := "no namespace"
		if ns != "" {
			in = "namespace " + clip(ns)
		}
		return refuse("the root element %s is in %s; expected %s", root.Tag, in, nsMD)
	}
	return nil
}

// collect walks through nested EntitiesDescriptors.
func (d *Document) collect(el *etree.Element, scope []*etree.Element) {
	if el.Tag == "EntityDescriptor" {
		d.Entities = append(d.Entities, newEntity(el, scope))
		return
	}
	scope = append(slices.Clip(scope), el)
	for child := range el.ChildElementsSeq() {
		if xmlsafe.Is(child, nsMD, "EntityDescriptor") || xmlsafe.Is(child, nsMD, "EntitiesDescriptor") {
			d.collect(child, scope)
		}
	}
}

func newEntity(el *etree.Element, scope []*etree.Element) Entity {
	e := Entity{EntityID: attr(el, "entityID"), el: el, scope: scope}
	for child := range el.ChildElementsSeq() {
		role := strings.HasSuffix(child.Tag, "Descriptor")
		if role && child.NamespaceURI() == nsMD && !slices.Contains(e.Roles, child.Tag) {
			e.Roles = append(e.Roles, child.Tag)
		}
	}
	return e
}

// serviceProvider is the first SPSSODescriptor that speaks SAML 2.0. (A role
// that doesn't say what it speaks is taken at its name.)
func (e Entity) serviceProvider() *etree.Element {
	for _, role := range children(e.el, nsMD, "SPSSODescriptor") {
		speaks := strings.Fields(attr(role, "protocolSupportEnumeration"))
		if len(speaks) == 0 || slices.Contains(speaks, nsSAMLP) {
			return role
		}
	}
	return nil
}

// why says, for an entity that is no SAML 2.0 service provider, what it is.
func (e Entity) why() string {
	has := func(role string) bool { return slices.Contains(e.Roles, role) }
	switch {
	case has("SPSSODescriptor"):
		return "its SPSSODescriptor does not support SAML 2.0"
	case has("IDPSSODescriptor"):
		return "it is an identity provider (IDPSSODescriptor only), not a service provider"
	case has("AffiliationDescriptor"):
		return "it is an affiliation, a group of other entities (AffiliationDescriptor)"
	case len(e.Roles) == 0:
		return "it has no role descriptor"
	default:
		return "it has no SPSSODescriptor (only " + strings.Join(e.Roles, ", ") + ")"
	}
}

func (d *Document) check() error {
	if len(d.Entities) == 0 {
		return refuse("the EntitiesDescriptor holds no EntityDescriptor")
	}
	if id := d.opts.EntityID; id != "" {
		return d.checkWanted(id)
	}
	if len(d.ServiceProviders()) > 0 {
		return nil
	}
	if len(d.Entities) == 1 {
		e := d.Entities[0]
		return refuse("%q cannot be added: %s", clip(e.EntityID), e.why()).at(e.el.GetPath())
	}
	return refuse("none of the %d entities of the file is a SAML 2.0 service provider; of the first, %q: %s",
		len(d.Entities), clip(d.Entities[0].EntityID), d.Entities[0].why())
}

func (d *Document) checkWanted(id string) error {
	var found []Entity
	for _, e := range d.Entities {
		if e.EntityID == id {
			found = append(found, e)
		}
	}
	switch {
	case len(found) == 0:
		return refuse("the file does not hold the entity %q; it holds %s", clip(id), list(d.Entities))
	case len(found) > 1:
		return refuse("the file holds the entity %q %d times", clip(id), len(found))
	case found[0].serviceProvider() == nil:
		return refuse("%q cannot be added: %s", clip(id), found[0].why()).at(found[0].el.GetPath())
	}
	return nil
}

// ServiceProviders lists the entities with a SAML 2.0 SP role; only the wanted
// one if ReadOptions name it.
func (d *Document) ServiceProviders() []Candidate {
	var out []Candidate
	for _, e := range d.Entities {
		role := e.serviceProvider()
		if role != nil && (d.opts.EntityID == "" || d.opts.EntityID == e.EntityID) {
			out = append(out, Candidate{Entity: e, role: role, doc: d})
		}
	}
	return out
}

// Only is the service provider to add when there is no choice to make. If the
// file holds several, the error lists them.
func (d *Document) Only() (Candidate, error) {
	all := d.ServiceProviders()
	if len(all) == 1 {
		return all[0], nil
	}
	entities := make([]Entity, len(all))
	for i, c := range all {
		entities[i] = c.Entity
	}
	return Candidate{}, refuse("the file holds %d service providers; choose one with --entity-id: %s", len(all), list(entities))
}

// list names entities for a message; a federation has thousands.
func list(entities []Entity) string {
	const most = 20
	var ids []string
	for _, e := range entities[:min(len(entities), most)] {
		ids = append(ids, clip(e.EntityID))
	}
	if len(entities) > most {
		ids = append(ids, "...")
	}
	return strings.Join(ids, ", ")
}
