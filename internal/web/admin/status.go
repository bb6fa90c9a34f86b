package admin

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/build"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/keys"
	"github.com/latchkey-idp/latchkey/internal/web"
)

// expiringIn is how early a warning about our certificate comes. Most service
// providers ignore the dates; some do not.
const expiringIn = 90 * 24 * time.Hour

// requestTakes is how long the certificate of a requested key may take: a
// minute until an instance sees the request, and somebody has to ask for our
// metadata.
const requestTakes = 10 * time.Minute

func (h *Handlers) status(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	records, err := h.Keys.List(ctx)
	if err != nil {
		return err
	}
	sps, err := h.allSPs(ctx)
	if err != nil {
		return err
	}
	s := adminapi.Status{
		Version: build.Version(), PublicURL: h.Config.PublicURL, EntityID: h.Config.EntityID, Issuers: h.Config.AllIssuers(),
		SSOURL: h.Config.SSOURL(), MetadataURL: h.Config.MetadataURL(), DisplayName: h.Config.DisplayName,
		Local: h.Config.Local(), ServerTime: h.Now(), ServiceProviders: len(sps),
		Keys: []adminapi.Key{}, Warnings: h.keyWarnings(ctx, records),
	}
	for _, rec := range records {
		if rec.State != keys.Retired {
			s.Keys = append(s.Keys, keyOf(rec))
		}
	}
	sources, err := h.sources(ctx)
	if err != nil {
		return err
	}
	for _, sp := range sps {
		s.Warnings = append(s.Warnings, h.spWarnings(sp, records)...)
		s.Warnings = append(s.Warnings, h.metadataWarnings(sp, sources[sp.EntityID])...)
	}
	return web.JSON(w, http.StatusOK, s)
}

// keyWarnings has the signing key sign something, where this program may.
func (h *Handlers) keyWarnings(ctx context.Context, records []keys.Record) []adminapi.Warning {
	warnings := []adminapi.Warning{}
	if err := h.Keys.Check(ctx); err != nil {
		h.Log.WarnContext(ctx, "signing key failed its test", "error", err.Error(), "corr_id", web.RecordFrom(ctx).CorrID)
		warnings = append(warnings, adminapi.Warning{
			Code: "key.unusable", Subject: "signing key",
			Text: "The signing key cannot sign; nobody can sign in. The log has the cause.",
		})
	}
	for _, rec := range records {
		k := keyOf(rec)
		if rec.State == keys.Requested && h.Clock().Sub(rec.CreatedAt.Time()) > requestTakes {
			warnings = append(warnings, adminapi.Warning{
				Code: "key.requested", Subject: k.ID,
				Text: "Its certificate is not made: the function of the metadata cannot use the key, or was not asked. Its log has the cause.",
			})
		}
		if left := time.Unix(k.NotAfter, 0).Sub(h.Clock()); rec.State == keys.Active && left < expiringIn {
			warnings = append(warnings, adminapi.Warning{
				Code: "key.expiring", Subject: k.ID,
				Text: fmt.Sprintf("The signing certificate ends on %s: announce a new key and give it to the service providers.",
					time.Unix(k.NotAfter, 0).UTC().Format(time.DateOnly)),
			})
		}
	}
	return warnings
}

func (h *Handlers) spWarnings(sp *idp.ServiceProvider, records []keys.Record) []adminapi.Warning {
	var warnings []adminapi.Warning
	warn := func(code, text string) {
		warnings = append(warnings, adminapi.Warning{Code: code, Subject: sp.Slug, Text: text})
	}
	if sp.Draft {
		warn("sp.draft", "This service provider is a draft: nobody can sign in until it is completed.")
	} else if sp.RequireSignedRequests && len(sp.SigningCerts) == 0 {
		warn("sp.unverifiable", "It must sign its requests, but no signing certificate of it is known: all are refused.")
	}
	for _, note := range encryptionNotes(sp) {
		warn("sp.encryption", note)
	}
	if err := h.checkIssuers(sp); err != nil {
		warn("sp.issuer", idp.AsError(err).Detail)
	}
	if sp.SigningKey != "" && !slices.ContainsFunc(records, func(rec keys.Record) bool {
		return rec.ID == sp.SigningKey && rec.State == keys.Dedicated
	}) {
		warn("sp.signing_key", "Nobody can sign in: its signing key "+sp.SigningKey+" is not a dedicated key.")
	}
	return warnings
}
