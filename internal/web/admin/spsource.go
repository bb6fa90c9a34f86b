package admin

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/mdrefresh"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/web"
)

// patchMetadata changes where metadata comes from and who vouches for it. What
// is in force stays; the next refresh compares with it.
func (h *Handlers) patchMetadata(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	var req adminapi.MetadataPatch
	if err := read(r, web.MaxAdminJSON, &req); err != nil {
		return err
	}
	sp, err := h.sp(r)
	if err != nil {
		return err
	}
	before, err := h.Store.MetadataSource(ctx, sp.EntityID)
	if errors.Is(err, store.ErrNotFound) {
		if req.URL == nil && req.MDQURL == nil {
			return noSource()
		}
		before, err = &idp.MetadataSource{EntityID: sp.EntityID, Facts: mdrefresh.FactsOf(sp), Signature: sp.MetadataSigned}, nil
	}
	if err != nil {
		return err
	}
	next, err := h.changedSource(before, &req)
	if err != nil {
		return err
	}
	event := idp.AuditEvent{Event: idp.AuditPolicyChanged, SP: sp.EntityID, Detail: map[string]string{
		"action": "metadata_source.changed", "slug": sp.Slug, "before": sourceText(before), "after": sourceText(next),
	}}
	if next.TrustURL && !before.TrustURL || len(before.PinnedCert) > 0 && len(next.PinnedCert) == 0 {
		event.Event = idp.AuditPolicyWeakened
	}
	if err := h.change(ctx, event, func() error { return h.saveSource(ctx, sp, next) }); err != nil {
		return err
	}
	return web.JSON(w, http.StatusOK, h.statusOf(next))
}

// changedSource is the source that a patch asks for. It is due at once, and
// what was fetched under other rules does not wait for approval any more.
func (h *Handlers) changedSource(before *idp.MetadataSource, req *adminapi.MetadataPatch) (*idp.MetadataSource, error) {
	next := *before
	next.ETag, next.LastModified, next.Pending, next.NextAt = "", "", nil, 0
	switch {
	case req.URL != nil && req.MDQURL != nil:
		return nil, invalid("give either url or mdq_url")
	case req.URL != nil:
		next.URL, next.MDQ = *req.URL, ""
	case req.MDQURL != nil:
		next.URL, next.MDQ, next.Aggregate = *req.MDQURL, idp.MDQPlain, false
	}
	if len(next.URL) > maxAddress {
		return nil, invalid("url is longer than %d characters", maxAddress)
	}
	set(&next.Aggregate, req.Aggregate)
	set(&next.TrustURL, req.TrustMetadataURL)
	if req.PinnedCertificate != nil {
		next.PinnedCert = nil
		if *req.PinnedCertificate != "" {
			cert, err := certificate(*req.PinnedCertificate)
			if err != nil {
				return nil, invalid("pinned_certificate: %v", err)
			}
			next.PinnedCert = cert.Raw
		}
	}
	return &next, h.refresh.Fetcher.Check(&next)
}

// saveSource stores a source; the service provider names the address, too.
func (h *Handlers) saveSource(ctx context.Context, sp *idp.ServiceProvider, src *idp.MetadataSource) error {
	if sp.MetadataURL == mdrefresh.Address(src) {
		return h.Store.SaveMetadataSource(ctx, src)
	}
	named := *sp
	named.MetadataURL = mdrefresh.Address(src)
	return h.Store.SaveRefreshed(ctx, &named, src)
}

// sourceText is a source in a line of the audit trail.
func sourceText(src *idp.MetadataSource) string {
	if src.URL == "" {
		return ""
	}
	words := []string{src.URL}
	if src.MDQ != "" {
		words = append(words, "mdq")
	}
	if src.TrustURL {
		words = append(words, "trusted")
	}
	if len(src.PinnedCert) > 0 {
		words = append(words, "pinned to "+mdrefresh.Fingerprint(src.PinnedCert))
	}
	return strings.Join(words, ", ")
}
