package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/mdrefresh"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/web"
)

const (
	maxAddress    = 2048             // characters of a metadata URL
	importTimeout = 25 * time.Second // the caller waits, for 30 seconds at most
)

// fetch makes a service provider of metadata at an address.
func (h *Handlers) fetch(ctx context.Context, req *adminapi.NewServiceProvider) (*idp.ServiceProvider, *idp.MetadataSource, []string, error) {
	ask := mdrefresh.Request{
		URL: req.MetadataURL, MDQ: req.MDQURL, EntityID: req.EntityID, TrustURL: req.TrustMetadataURL, Force: req.Force,
	}
	if req.PinnedCertificate != "" {
		cert, err := certificate(req.PinnedCertificate)
		if err != nil {
			return nil, nil, nil, invalid("pinned_certificate: %v", err)
		}
		ask.Pinned = cert.Raw
	}
	ctx, cancel := context.WithTimeout(ctx, importTimeout)
	defer cancel()
	in, src, err := h.refresh.Fetcher.Import(ctx, ask)
	if err != nil {
		if e := idp.AsError(err); e.Code == idp.Invalid {
			return nil, nil, nil, &idp.Error{Code: idp.Invalid, Reason: e.Reason, Detail: "metadata: " + e.Detail, Err: e.Err}
		}
		return nil, nil, nil, err
	}
	var notes []string
	for _, n := range in.Notes {
		notes = append(notes, string(n))
	}
	switch {
	case ask.Pinned != nil:
	case req.TrustMetadataURL:
		notes = append(notes, "This metadata is not verified: nothing but the connection vouches for it. Changes of keys and of endpoints on the same host will be applied all the same.")
	default:
		notes = append(notes, "This metadata is not verified: nothing but the connection vouches for it. Its changes will wait for your approval; give the certificate that it is signed with to have them applied.")
	}
	return in.SP, src, notes, nil
}

// source is where a service provider's metadata comes from; nil: nowhere.
func (h *Handlers) source(ctx context.Context, sp *idp.ServiceProvider) (*adminapi.MetadataStatus, error) {
	src, err := h.Store.MetadataSource(ctx, sp.EntityID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil //nolint:nilnil // absent is an answer
	}
	if err != nil {
		return nil, err
	}
	status := h.statusOf(src)
	return &status, nil
}

// sources are all of them, by entityID.
func (h *Handlers) sources(ctx context.Context) (map[string]*idp.MetadataSource, error) {
	all, err := h.Store.MetadataSources(ctx)
	if err != nil {
		return nil, err
	}
	out := make(map[string]*idp.MetadataSource, len(all))
	for _, src := range all {
		out[src.EntityID] = src
	}
	return out, nil
}

func (h *Handlers) statusOf(src *idp.MetadataSource) adminapi.MetadataStatus {
	s := adminapi.MetadataStatus{
		URL: src.URL, Kind: "file", TrustURL: src.TrustURL, Signature: src.Signature,
		ValidUntil: src.ValidUntil.Seconds(), Expired: h.expired(src), FetchedAt: src.FetchedAt.Seconds(), NextAt: src.NextAt.Seconds(),
		Failure: src.Failure, FailingSince: src.FailingSince.Seconds(),
	}
	switch {
	case src.MDQ != "":
		s.Kind = "mdq"
	case src.Aggregate:
		s.Kind = "aggregate"
	}
	if len(src.PinnedCert) > 0 {
		s.PinnedKey = mdrefresh.Fingerprint(src.PinnedCert)
	}
	if p := src.Pending; p != nil {
		s.Pending = &adminapi.PendingMetadata{
			Change: p.ID, FoundAt: p.FoundAt.Seconds(), Signature: p.Signature, ValidUntil: p.ValidUntil.Seconds(), Changes: p.Changes, Reasons: p.Reasons,
		}
	}
	return s
}

func (h *Handlers) expired(src *idp.MetadataSource) bool {
	return src.ValidUntil != 0 && src.ValidUntil.Over(h.Now())
}

// metadataWarnings are about a source; nil: there is none.
func (h *Handlers) metadataWarnings(sp *idp.ServiceProvider, src *idp.MetadataSource) []adminapi.Warning {
	if src == nil {
		return nil
	}
	var warnings []adminapi.Warning
	warn := func(code, format string, args ...any) {
		warnings = append(warnings, adminapi.Warning{Code: code, Subject: sp.Slug, Text: fmt.Sprintf(format, args...)})
	}
	if h.expired(src) {
		warn("sp.metadata_expired", "Its metadata expired on %s and is used all the same; what its keys and endpoints are now is not known.", day(src.ValidUntil))
	}
	if src.Failure != "" {
		warn("sp.metadata_failing", "Its metadata cannot be refreshed since %s: %s.", day(src.FailingSince), src.Failure)
	}
	if src.Pending != nil {
		warn("sp.metadata_pending", "Its metadata has changed, and that waits for approval since %s: latchkey sp diff %s.", day(src.Pending.FoundAt), sp.EntityID)
	}
	return warnings
}

func day(m idp.Millis) string { return m.Time().Format(time.DateOnly) }

// noSource: its metadata came as a file.
func noSource() error {
	return notFound("the metadata of this service provider does not come from an address")
}

func (h *Handlers) getMetadata(w http.ResponseWriter, r *http.Request) error {
	sp, err := h.sp(r)
	if err != nil {
		return err
	}
	status, err := h.source(r.Context(), sp)
	if err != nil {
		return err
	}
	if status == nil {
		return noSource()
	}
	return web.JSON(w, http.StatusOK, status)
}

func (h *Handlers) refreshMetadata(w http.ResponseWriter, r *http.Request) error {
	sp, err := h.sp(r)
	if err != nil {
		return err
	}
	var nothing struct{}
	if err := read(r, web.MaxAdminJSON, &nothing); err != nil {
		return err
	}
	o, err := h.refresh.One(r.Context(), actor(r.Context()), sp.EntityID)
	if errors.Is(err, store.ErrNotFound) {
		return noSource()
	}
	if err != nil {
		return told(err)
	}
	return h.answerRefresh(w, o)
}

func (h *Handlers) approveMetadata(w http.ResponseWriter, r *http.Request) error {
	sp, err := h.sp(r)
	if err != nil {
		return err
	}
	var req adminapi.Approval
	if err := read(r, web.MaxAdminJSON, &req); err != nil {
		return err
	}
	o, err := h.refresh.Approve(r.Context(), actor(r.Context()), sp.EntityID, req.Change)
	if errors.Is(err, store.ErrNotFound) {
		return notFound("no change of its metadata waits for approval")
	}
	if err != nil { // ErrConflict: another change waits by now
		return told(err)
	}
	return h.answerRefresh(w, o)
}

func (h *Handlers) answerRefresh(w http.ResponseWriter, o mdrefresh.Outcome) error {
	a := adminapi.RefreshAnswer{Result: o.Result, Changes: o.Changes, Reasons: o.Reasons, Metadata: h.statusOf(o.Source)}
	if a.Changes == nil {
		a.Changes = []idp.MetadataChange{}
	}
	if a.Reasons == nil {
		a.Reasons = []string{}
	}
	return web.JSON(w, http.StatusOK, a)
}
