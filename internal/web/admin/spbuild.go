package admin

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"slices"
	"strings"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/metadata"
	"github.com/latchkey-idp/latchkey/internal/saml/preset"
	"github.com/latchkey-idp/latchkey/internal/web"
)

// build makes a service provider of what was sent, without storing anything.
// The source is nil unless the metadata was fetched.
func (h *Handlers) build(ctx context.Context, req *adminapi.NewServiceProvider) (*idp.ServiceProvider, *idp.MetadataSource, []string, error) {
	protocol, err := protocolOf(req)
	if err != nil {
		return nil, nil, nil, err
	}
	sp, src, notes, err := h.origin(ctx, req)
	if err != nil {
		return nil, nil, nil, err
	}
	sp.Protocol = protocol
	// Before the preset, which keeps what is set; and after it, because to a
	// preset "off" and "none" look like "not set".
	if err := apply(sp, &req.Settings); err != nil {
		return nil, nil, nil, err
	}
	if err := preset.Apply(req.Preset, sp, h.presetOptions(sp, req.Options)); err != nil {
		return nil, nil, nil, err
	}
	if err := apply(sp, &req.Settings); err != nil {
		return nil, nil, nil, err
	}
	if sp.Slug == "" {
		if sp.Slug, err = h.freeSlug(ctx, sp); err != nil {
			return nil, nil, nil, err
		}
	}
	more, err := h.judge(ctx, nil, sp, req.AllowUnknownAttributes)
	return sp, src, append(notes, more...), err
}

// origin is the service provider as its metadata has it, or as far as it was
// given by hand.
func (h *Handlers) origin(ctx context.Context, req *adminapi.NewServiceProvider) (*idp.ServiceProvider, *idp.MetadataSource, []string, error) {
	if len(req.MetadataURL) > maxAddress || len(req.MDQURL) > maxAddress {
		return nil, nil, nil, invalid("metadata_url is longer than %d characters", maxAddress)
	}
	fetch := req.Metadata == nil && (req.MetadataURL != "" || req.MDQURL != "")
	switch {
	case req.Metadata == nil && !fetch && req.PinnedCertificate != "":
		return nil, nil, nil, invalid("pinned_certificate is about metadata, which is missing")
	case !fetch && (req.TrustMetadataURL || req.MDQURL != ""):
		return nil, nil, nil, invalid("trust_metadata_url and mdq_url are for metadata that is fetched")
	case req.Metadata == nil && !fetch:
		return byHand(req), nil, nil, nil
	case req.ACSURL != "":
		return nil, nil, nil, invalid("acs_url is for service providers without metadata; this one's metadata has its endpoints")
	case fetch:
		return h.fetch(ctx, req)
	}
	sp, notes, err := h.readFile(req)
	return sp, nil, notes, err
}

// readFile reads the metadata that was sent.
func (h *Handlers) readFile(req *adminapi.NewServiceProvider) (*idp.ServiceProvider, []string, error) {
	opts := metadata.ReadOptions{Now: h.Clock(), Force: req.Force, EntityID: req.EntityID, Local: h.Config.Local()}
	if !req.Force {
		opts.MaxValidity = h.Config.MetadataMaxValidity
	}
	if req.PinnedCertificate != "" {
		cert, err := certificate(req.PinnedCertificate)
		if err != nil {
			return nil, nil, invalid("pinned_certificate: %v", err)
		}
		opts.PinnedCert = cert
	}
	sp, said, err := metadata.ReadServiceProvider(req.Metadata, opts)
	if err != nil {
		return nil, nil, mistake("metadata: ", err)
	}
	sp.MetadataURL = req.MetadataURL
	notes := make([]string, 0, len(said))
	for _, n := range said {
		notes = append(notes, string(n))
	}
	return sp, notes, nil
}

func byHand(req *adminapi.NewServiceProvider) *idp.ServiceProvider {
	sp := &idp.ServiceProvider{EntityID: req.EntityID}
	if req.ACSURL != "" {
		yes := true
		sp.ACS = []idp.Endpoint{{Binding: idp.BindingPOST, Location: req.ACSURL, IsDefault: &yes}}
	}
	return sp
}

// modify makes the service provider that a patch asks for.
func (h *Handlers) modify(ctx context.Context, before *idp.ServiceProvider, req *adminapi.ServiceProviderPatch) (*idp.ServiceProvider, []string, error) {
	next := *before
	if err := apply(&next, &req.Settings); err != nil {
		return nil, nil, err
	}
	if req.Options != nil || before.Draft {
		if err := h.complete(&next, req); err != nil {
			return nil, nil, err
		}
	}
	notes, err := h.judge(ctx, before, &next, req.AllowUnknownAttributes)
	return &next, notes, err
}

// complete asks the preset again, which knows when a draft is one no more.
// What was set by hand in the meantime stays.
func (h *Handlers) complete(sp *idp.ServiceProvider, req *adminapi.ServiceProviderPatch) error {
	opts := adminapi.Options{}
	if req.Options != nil {
		opts = *req.Options
	}
	opts.Draft = opts.Draft || sp.Draft && opts.ConnectionID == ""
	kept := *sp
	if err := preset.Apply(sp.Preset, sp, h.presetOptions(sp, opts)); err != nil {
		return err
	}
	sp.AllowSHA1, sp.AllowMissingDestination = kept.AllowSHA1, kept.AllowMissingDestination
	sp.RequireSignedRequests, sp.ConfirmUnsignedLogout = kept.RequireSignedRequests, kept.ConfirmUnsignedLogout
	return apply(sp, &req.Settings)
}

func (h *Handlers) presetOptions(sp *idp.ServiceProvider, o adminapi.Options) preset.Options {
	issuer := sp.Issuer
	if issuer == "" {
		issuer = h.Config.EntityID
	}
	return preset.Options{
		Local: h.Config.Local(), Issuer: issuer, Domains: o.Domains, China: o.China,
		MyDomain: o.MyDomain, ConnectionID: o.ConnectionID, Draft: o.Draft,
	}
}

// sloEndpoints reads lines like "redirect=https://app.example.com/slo".
func sloEndpoints(lines []string) ([]idp.Endpoint, error) {
	bindings := map[string]string{"redirect": idp.BindingRedirect, "post": idp.BindingPOST, "soap": idp.BindingSOAP}
	var out []idp.Endpoint
	for i, line := range lines {
		name, location, _ := strings.Cut(line, "=")
		if bindings[name] == "" {
			return nil, invalid("slo_urls %d: %q is none of redirect=URL, post=URL, soap=URL", i+1, line)
		}
		out = append(out, idp.Endpoint{Binding: bindings[name], Location: location})
	}
	return out, nil
}

// apply puts the settings that are given into sp.
func apply(sp *idp.ServiceProvider, s *adminapi.Settings) error {
	if s.Name != nil {
		sp.Name = metadata.CleanName(*s.Name)
	}
	set(&sp.Slug, s.Slug)
	set(&sp.Issuer, s.Issuer)
	set(&sp.Disabled, s.Disabled)
	set(&sp.NameID, s.NameID)
	set(&sp.Sign, s.Sign)
	set(&sp.QRPolicy, s.QRPolicy)
	set(&sp.QRNumber, s.QRNumber)
	set(&sp.RefuseProbation, s.RefuseProbation)
	set(&sp.IdPInitiated, s.IdPInitiated)
	set(&sp.DefaultRelayState, s.DefaultRelayState)
	set(&sp.StartURL, s.StartURL)
	set(&sp.AlwaysAsk, s.AlwaysAsk)
	set(&sp.SigningKey, s.SigningKey)
	set(&sp.MaxSessionMinutes, s.MaxSessionMinutes)
	set(&sp.ECP, s.ECP)
	if s.MinACR != nil {
		sp.MinACR = longACR(*s.MinACR)
	}
	set(&sp.RequireSignedRequests, s.RequireSignedRequests)
	set(&sp.AllowSHA1, s.AllowSHA1)
	set(&sp.AllowMissingDestination, s.AllowMissingDestination)
	set(&sp.ConfirmUnsignedLogout, s.ConfirmUnsignedLogout)
	if s.SLO != nil {
		endpoints, err := sloEndpoints(*s.SLO)
		if err != nil {
			return err
		}
		sp.SLO = endpoints
	}
	set(&sp.LegacySHA1Output, s.LegacySHA1Output)
	set(&sp.QualifyNameID, s.QualifyNameID)
	set(&sp.DefaultACR, s.DefaultACR)
	if err := applyReplies(sp, s.ReplyURLs); err != nil {
		return err
	}
	if s.Attributes != nil {
		sp.Attributes = slices.Clone(*s.Attributes)
	}
	if s.Access != nil {
		sp.Access = slices.Clone(*s.Access)
	}
	if s.ACRMap != nil {
		sp.ACRMap = *s.ACRMap
	}
	if s.SigningCertificates != nil {
		certs, err := certificates("signing_certificates", *s.SigningCertificates)
		if err != nil {
			return err
		}
		sp.SigningCerts = certs
	}
	applyRelease(sp, s)
	return applyEncryption(sp, s)
}

// longACR takes our classes by their last word too.
func longACR(class string) string {
	switch class {
	case "qr", "phr", "phr-hw":
		return "urn:latchkey:acr:" + class
	}
	return class
}

func set[T any](field *T, value *T) {
	if value != nil {
		*field = *value
	}
}

// certificates reads the PEM certificates of a setting, in DER.
func certificates(setting string, pems []string) ([][]byte, error) {
	var out [][]byte
	for i, text := range pems {
		cert, err := certificate(text)
		if err != nil {
			return nil, invalid("%s %d: %v", setting, i+1, err)
		}
		out = append(out, cert.Raw)
	}
	return out, nil
}

// certificate reads one PEM certificate.
func certificate(text string) (*x509.Certificate, error) {
	block, rest := pem.Decode([]byte(text))
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, errors.New("not a certificate in PEM form (-----BEGIN CERTIFICATE-----)")
	}
	if next, _ := pem.Decode(rest); next != nil {
		return nil, errors.New("more than one certificate; give each on its own")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, errors.New("this certificate cannot be read")
	}
	return cert, nil
}

// mistake makes an error about a file visible to whoever sent it.
func mistake(prefix string, err error) error {
	var m *metadata.Error
	if !errors.As(err, &m) {
		return err
	}
	return &idp.Error{Code: idp.Invalid, Reason: m.Reason, Detail: prefix + m.Error(), Err: m.Err}
}

// instructions lists what the service provider's administrator has to enter.
func (h *Handlers) instructions(ctx context.Context, sp *idp.ServiceProvider) ([]adminapi.Field, error) {
	certs, err := h.Keys.PublishedFor(ctx, sp.SigningKey)
	if err != nil {
		return nil, web.KeyError(err)
	}
	us := preset.Us{
		EntityID: h.Config.EntityID, SSOURL: h.Config.SSOURL(), SLOURL: h.Config.SLOURL(), MetadataURL: h.Config.MetadataURL() + "/" + sp.Slug,
		DisplayName: h.Config.DisplayName,
	}
	if sp.Protocol == idp.ProtocolWSFed {
		us.SSOURL, us.SLOURL, us.MetadataURL = h.Config.WSFedURL(), h.Config.WSFedURL(), h.Config.WSFedURL()+"/FederationMetadata.xml"
	}
	if len(certs) > 0 {
		us.CertificatePEM = certificatePEM(certs[0].Raw)
	}
	out := []adminapi.Field{}
	for _, f := range preset.Instructions(sp, us) {
		out = append(out, adminapi.Field(f))
	}
	return out, nil
}
