package metadata

import (
	"net/url"
	"strconv"
	"time"

	"github.com/beevik/etree"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// Candidate is an entity of the file that can become a service provider.
type Candidate struct {
	Entity
	role *etree.Element
	doc  *Document
}

// reader gathers a service provider and what there is to say about it.
type reader struct {
	entity *etree.Element
	role   *etree.Element
	local  bool
	sp     *idp.ServiceProvider
	notes  []Note

	validUntil time.Time // the earliest; zero: none
}

func (r *reader) note(format string, args ...any) { r.notes = append(r.notes, note(format, args...)) }

// ServiceProvider reads the role. The settings that metadata doesn't speak of
// are left at their zero values for a preset to fill in. Its errors are *Error.
func (c Candidate) ServiceProvider() (*idp.ServiceProvider, []Note, error) {
	r, err := c.read()
	if err != nil {
		return nil, nil, err
	}
	return r.sp, r.notes, nil
}

func (c Candidate) read() (*reader, error) {
	r := &reader{entity: c.el, role: c.role, local: c.doc.opts.Local}
	r.sp = &idp.ServiceProvider{EntityID: c.EntityID, MetadataSigned: c.doc.Signature}
	r.notes = append(r.notes, c.doc.Notes...)

	if err := c.verify(r); err != nil {
		return nil, err
	}
	if err := CheckEntityID(c.EntityID); err != nil {
		return nil, err
	}
	if err := c.checkValidity(r); err != nil {
		return nil, err
	}
	if err := c.checkExpiry(r); err != nil {
		return nil, err
	}
	if err := r.readACS(); err != nil {
		return nil, err
	}
	r.readSLO()
	r.readKeys()
	r.readWishes()
	r.readEntityAttributes()
	if err := r.readAttributeServices(); err != nil {
		return nil, err
	}
	r.sp.Name = r.name()
	return r, nil
}

// verify judges the entity's own signature where the file as a whole has none;
// with a pinned certificate, what is read then is what was signed.
func (c Candidate) verify(r *reader) error {
	if c.doc.Signature != "" {
		return nil
	}
	el, signature, notes, err := verify(c.el, c.doc.opts.PinnedCert)
	if err != nil {
		return err
	}
	signed := newEntity(el, nil)
	role := signed.serviceProvider()
	if signed.EntityID != c.EntityID || role == nil {
		return refuse("the signed part of the file is not the entity %q", clip(c.EntityID)).because(idp.SigReference)
	}
	r.entity, r.role = el, role
	r.sp.MetadataSigned = signature
	r.notes = append(r.notes, notes...)
	return nil
}

// checkExpiry judges the validUntil of the role, the entity and everything
// around it; the earliest counts.
func (c Candidate) checkExpiry(r *reader) error {
	var earliest time.Time
	for _, el := range append([]*etree.Element{r.role, r.entity}, c.scope...) {
		value := attr(el, "validUntil")
		if value == "" {
			continue
		}
		t, err := dateTime(value)
		if err != nil && !c.doc.opts.Force {
			return refuse("validUntil=%q is not a date; use --force to import the file all the same", clip(value)).at(el.GetPath())
		}
		if err != nil || t.Year() <= 1 { // some write "never" as the year 1
			r.note("validUntil=%q is ignored.", clip(value))
			continue
		}
		if earliest.IsZero() || t.Before(earliest) {
			earliest = t
		}
	}
	r.validUntil = earliest
	if earliest.IsZero() || c.doc.opts.Now.Before(earliest) {
		return nil
	}
	if !c.doc.opts.Force {
		return refuse("the metadata expired on %s (validUntil); ask for a newer file, or use --force to import it all the same", earliest.Format(time.RFC3339)).because(idp.TimeWindow)
	}
	r.note("The metadata expired on %s; it was imported all the same.", earliest.Format(time.RFC3339))
	return nil
}

// checkValidity refuses a file whose root does not say how long it is valid, or
// says too long, where that is demanded: whoever replays it would keep keys in
// use that were taken back long ago. The root is that of what is signed, since
// what stands around a signed entity may be the replayer's.
func (c Candidate) checkValidity(r *reader) error {
	limit := c.doc.opts.MaxValidity
	if limit == 0 {
		return nil
	}
	root := r.entity
	if entitySigned := c.doc.Signature == "" && r.sp.MetadataSigned == Verified; len(c.scope) > 0 && !entitySigned {
		root = c.scope[0]
	}
	until, err := dateTime(attr(root, "validUntil"))
	if err != nil || until.Year() <= 1 {
		return refuse("the root element has no validUntil, which is demanded here (LATCHKEY_METADATA_MAX_VALIDITY); use --force to import the file all the same").at(root.GetPath())
	}
	if until.After(c.doc.opts.Now.Add(limit)) {
		return refuse("the metadata is valid until %s, further ahead than the %s that are accepted here (LATCHKEY_METADATA_MAX_VALIDITY); use --force to import it all the same",
			until.Format(time.RFC3339), limit).because(idp.TimeWindow).at(root.GetPath())
	}
	return nil
}

func (r *reader) readACS() error {
	var post bool
	all := children(r.role, nsMD, "AssertionConsumerService")
	for i, el := range all {
		e := r.endpoint(el, i)
		post = post || e.Binding == idp.BindingPOST
		r.sp.ACS = append(r.sp.ACS, e)
	}
	if !post {
		return refuse("%q has no AssertionConsumerService for HTTP-POST, the only binding that answers are sent by", clip(r.sp.EntityID)).at(r.role.GetPath())
	}
	for i, el := range all {
		if err := checkURL(r.sp.ACS[i].Location, r.local); err != nil {
			return err.because(idp.ACSScheme).at(el.GetPath())
		}
	}
	return nil
}

// endpoint reads an endpoint, the i-th of its kind; an index that isn't a
// number is replaced by i.
func (r *reader) endpoint(el *etree.Element, i int) idp.Endpoint {
	e := idp.Endpoint{
		Index:     i,
		Binding:   attr(el, "Binding"),
		Location:  attr(el, "Location"),
		Response:  attr(el, "ResponseLocation"),
		IsDefault: flag(el, "isDefault"),
	}
	if n, err := strconv.ParseUint(attr(el, "index"), 10, 16); err == nil {
		e.Index = int(n)
	}
	return e
}

func (r *reader) readSLO() {
	for i, el := range children(r.role, nsMD, "SingleLogoutService") {
		e := r.endpoint(el, i)
		err := checkURL(e.Location, r.local)
		if err == nil && e.Response != "" {
			err = checkURL(e.Response, r.local)
		}
		if err != nil {
			r.note("A SingleLogoutService was left out: %s.", err.Msg)
			continue
		}
		r.sp.SLO = append(r.sp.SLO, e)
	}
}

// readWishes reads what the service provider asks for.
func (r *reader) readWishes() {
	for _, el := range children(r.role, nsMD, "NameIDFormat") {
		if f := text(el); f != "" {
			r.sp.NameIDFormats = append(r.sp.NameIDFormats, f)
		}
	}
	if signed := flag(r.role, "AuthnRequestsSigned"); signed != nil && *signed {
		r.sp.RequireSignedRequests = true
		if len(r.sp.SigningCerts) == 0 {
			r.note("It says that it signs its requests, but gives no usable signing certificate: requests are refused until one is added.")
		}
	}
	if signed := flag(r.role, "WantAssertionsSigned"); signed != nil && *signed {
		r.note("It wants signed assertions; that is the default.")
	}
}

// name is the first usable one of: MDUI display name, organization, service
// name, host of the endpoint.
func (r *reader) name() string {
	ui := child(child(r.role, nsMD, "Extensions"), nsMDUI, "UIInfo")
	org := child(r.role, nsMD, "Organization")
	if org == nil {
		org = child(r.entity, nsMD, "Organization")
	}
	service := child(r.role, nsMD, "AttributeConsumingService")
	for _, all := range [][]*etree.Element{
		children(ui, nsMDUI, "DisplayName"),
		children(org, nsMD, "OrganizationDisplayName"),
		children(org, nsMD, "OrganizationName"),
		children(service, nsMD, "ServiceName"),
	} {
		if name := CleanName(localized(all)); name != "" {
			return name
		}
	}
	u, err := url.Parse(r.sp.DefaultACS().Location)
	if err != nil {
		return CleanName(r.sp.EntityID)
	}
	return CleanName(u.Hostname())
}
