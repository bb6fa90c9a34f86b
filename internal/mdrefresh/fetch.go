package mdrefresh

import (
	"context"
	"crypto/sha1" //nolint:gosec // the metadata query protocol names entities by it
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/outbound"
	"github.com/latchkey-idp/latchkey/internal/saml/metadata"
)

// Limits of an aggregate, of which only the wanted entities are kept; those of
// a single entity are outbound's (AD1: 1 MiB, 5 s).
const (
	maxAggregate     = 128 << 20
	aggregateTimeout = 60 * time.Second
	maxValidator     = 1024 // bytes of an ETag that is worth keeping
)

// Fetcher gets metadata from addresses.
type Fetcher struct {
	one, many *outbound.Client
	local     bool
	validity  time.Duration // metadata.ReadOptions.MaxValidity
	clock     idp.Clock
}

// NewFetcher makes one; o says what may be called, its limits are not used.
// maxValidity is metadata.ReadOptions.MaxValidity.
func NewFetcher(o outbound.Options, maxValidity time.Duration, clock idp.Clock) *Fetcher {
	one, many := o, o
	one.MaxBody, one.Timeout = 0, 0
	many.MaxBody, many.Timeout = maxAggregate, aggregateTimeout
	return &Fetcher{one: outbound.New(one), many: outbound.New(many), local: o.Local, validity: maxValidity, clock: clock}
}

// fetched is an answer.
type fetched struct {
	unchanged          bool // 304
	etag, lastModified string
	entities           map[string]metadata.Result
	status             int
}

// get asks the address of src for entities; conditionally, if it is told what
// is there already (RFC 9110, 13). Errors are for the administrator:
// *idp.Error of code Invalid or BadRequest.
func (f *Fetcher) get(ctx context.Context, src *idp.MetadataSource, force bool, wanted ...string) (*fetched, error) {
	address, err := addressOf(src)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, idp.E(idp.Invalid, "%q is not an address", src.URL)
	}
	r.Header.Set("Accept", "application/samlmetadata+xml, application/xml;q=0.8, text/xml;q=0.8")
	if src.ETag != "" {
		r.Header.Set("If-None-Match", src.ETag)
	}
	if src.LastModified != "" {
		r.Header.Set("If-Modified-Since", src.LastModified)
	}
	client := f.one
	if src.Aggregate {
		client = f.many
	}
	s, err := client.Open(ctx, r)
	if err != nil {
		return nil, err
	}
	defer s.Body.Close() //nolint:errcheck // it was read
	out := &fetched{status: s.Status, etag: validator(s.Header, "ETag"), lastModified: validator(s.Header, "Last-Modified")}
	switch {
	case s.Status == http.StatusNotModified && (src.ETag != "" || src.LastModified != ""):
		out.unchanged = true
		return out, nil
	case s.Status != http.StatusOK:
		return out, &idp.Error{Code: idp.Invalid, Reason: idp.OutboundFailed, Detail: fmt.Sprintf("the server of the metadata answered with status %d", s.Status)}
	}
	opts := metadata.ReadOptions{Now: f.clock(), Force: force, Local: f.local, MaxValidity: f.validity}
	if len(src.PinnedCert) > 0 {
		if opts.PinnedCert, err = x509.ParseCertificate(src.PinnedCert); err != nil {
			return nil, fmt.Errorf("parse pinned certificate: %w", err)
		}
	}
	out.entities, err = metadata.ReadEntities(s.Body, opts, wanted...)
	if errors.Is(err, outbound.ErrTooLarge) && client == f.one && src.MDQ == "" {
		e := idp.AsError(err)
		return out, &idp.Error{Code: e.Code, Reason: e.Reason, Err: e.Err, Detail: e.Detail + "; if it is an aggregate, say which entity of it is meant (--entity-id)"}
	}
	return out, told(err)
}

// query is get that finds out which form of a metadata query the server knows:
// some know the hash only. src then has that form.
func (f *Fetcher) query(ctx context.Context, src *idp.MetadataSource, force bool, wanted ...string) (*fetched, error) {
	got, err := f.get(ctx, src, force, wanted...)
	if src.MDQ != idp.MDQPlain || got == nil || got.status != http.StatusNotFound && got.status != http.StatusBadRequest {
		return got, err
	}
	hashed := *src
	hashed.MDQ, hashed.ETag, hashed.LastModified = idp.MDQHash, "", ""
	again, err2 := f.get(ctx, &hashed, force, wanted...)
	if err2 != nil {
		return got, err
	}
	src.MDQ = idp.MDQHash
	return again, nil
}

// validator is a header that is worth sending back.
func validator(h http.Header, name string) string {
	if v := h.Get(name); len(v) <= maxValidator {
		return v
	}
	return ""
}

// told gives an error about a file the code of input with a mistake.
func told(err error) error {
	var m *metadata.Error
	if !errors.As(err, &m) {
		return err
	}
	return &idp.Error{Code: idp.Invalid, Reason: m.Reason, Detail: m.Error(), Err: m.Err}
}

// addressOf is what to call: of a metadata query, {base}/entities/{id} (IIP-MD01;
// draft-young-md-query 3.1, draft-young-md-query-saml 2.1 and 2.2).
func addressOf(src *idp.MetadataSource) (string, error) {
	if src.MDQ == "" {
		return src.URL, nil
	}
	base, err := url.Parse(src.URL)
	if err != nil || base.RawQuery != "" || base.Fragment != "" {
		return "", idp.E(idp.Invalid, "the address of the metadata query server must have no query and no fragment")
	}
	id := src.EntityID
	if src.MDQ == idp.MDQHash {
		sum := sha1.Sum([]byte(id)) //nolint:gosec // as above
		id = "{sha1}" + hex.EncodeToString(sum[:])
	}
	return strings.TrimSuffix(src.URL, "/") + "/entities/" + strings.ReplaceAll(url.QueryEscape(id), "+", "%20"), nil
}

// Address is what is called for a source; empty if it cannot be called.
func Address(src *idp.MetadataSource) string {
	address, err := addressOf(src)
	if err != nil {
		return ""
	}
	return address
}

// Check judges the address of a source before it is stored.
func (f *Fetcher) Check(src *idp.MetadataSource) error {
	address, err := addressOf(src)
	if err != nil {
		return err
	}
	u, err := url.Parse(address)
	if err != nil {
		return idp.E(idp.Invalid, "%q is not an address", src.URL)
	}
	if src.TrustURL && u.Scheme != "https" {
		return idp.E(idp.Invalid, "only an https address can be trusted")
	}
	return f.one.Check(u)
}

// Request is an import from an address.
type Request struct {
	URL      string // of a file; or
	MDQ      string // the base of a metadata query server
	EntityID string // which one; MDQ needs it
	Pinned   []byte // DER of the certificate whose key must have signed
	TrustURL bool   // let later changes be applied that only https vouches for
	Force    bool   // take expired metadata
}

// Import fetches a service provider for the first time, and makes its source,
// which is not stored yet.
func (f *Fetcher) Import(ctx context.Context, req Request) (*metadata.Imported, *idp.MetadataSource, error) {
	src := &idp.MetadataSource{URL: req.URL, EntityID: req.EntityID, PinnedCert: req.Pinned, TrustURL: req.TrustURL, Aggregate: req.EntityID != ""}
	var wanted []string
	if req.EntityID != "" {
		wanted = []string{req.EntityID}
	}
	if req.MDQ != "" {
		if req.URL != "" || req.EntityID == "" {
			return nil, nil, idp.E(idp.Invalid, "a metadata query needs the entityID, and no other address")
		}
		src.URL, src.MDQ, src.Aggregate = req.MDQ, idp.MDQPlain, false
	}
	if err := f.Check(src); err != nil {
		return nil, nil, err
	}
	if req.Force {
		forced := *f
		forced.validity = 0
		f = &forced
	}
	got, err := f.query(ctx, src, req.Force, wanted...)
	if err != nil {
		return nil, nil, err
	}
	for id, r := range got.entities {
		if r.Err != nil {
			return nil, nil, told(r.Err)
		}
		src.EntityID = id
		accept(src, r.Imported, got, f.clock.Now())
		r.SP.MetadataURL = Address(src)
		return r.Imported, src, nil
	}
	return nil, nil, idp.E(idp.Invalid, "the metadata holds no service provider")
}
