package admin

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/acr"
	"github.com/latchkey-idp/latchkey/internal/saml/metadata"
)

const (
	maxLines = 200  // mapping lines of a service provider
	maxRules = 1000 // lines of its access list
)

// judge refuses settings that would not work, and tells what is odd. before is
// nil for a new service provider; what it had already is not judged again.
func (h *Handlers) judge(ctx context.Context, before, sp *idp.ServiceProvider, allowUnknown bool) ([]string, error) {
	for _, check := range []func(sp *idp.ServiceProvider) error{
		checkNames, h.checkProtocol, h.checkIssuers, h.checkLogout, h.checkStart, checkAnswers, checkAccess, checkRelease,
	} {
		if err := check(sp); err != nil {
			return nil, err
		}
	}
	if err := checkEncryption(before, sp); err != nil {
		return nil, err
	}
	otherKey := before == nil || before.SigningKey != sp.SigningKey
	if otherKey {
		if err := h.checkSigningKey(ctx, sp); err != nil {
			return nil, err
		}
	}
	if sp.LegacySHA1Output && (otherKey || !before.LegacySHA1Output) {
		if err := h.checkSHA1(ctx, sp.SigningKey); err != nil {
			return nil, err
		}
	}
	notes, err := h.checkMapping(ctx, before, sp, allowUnknown)
	if err != nil {
		return nil, err
	}
	return append(notes, spNotes(sp)...), nil
}

// spNotes says what stands in the way of signing in.
func spNotes(sp *idp.ServiceProvider) []string {
	var notes []string
	if sp.Draft {
		notes = append(notes, "This is a draft: nobody can sign in until it is completed.")
	}
	if sp.RequireSignedRequests && len(sp.SigningCerts) == 0 {
		notes = append(notes, "Requests must be signed, but no signing certificate is known: all are refused until one is added.")
	}
	if sp.ECP {
		notes = append(notes, ecpNotes(sp)...)
	}
	return append(notes, encryptionNotes(sp)...)
}

// ecpNotes says what stands in the way of programs.
func ecpNotes(sp *idp.ServiceProvider) (notes []string) {
	if sp.DefaultACSFor(idp.BindingPAOS) == nil {
		notes = append(notes, "Programs cannot sign in: the metadata has no AssertionConsumerService for PAOS.")
	}
	if _, ok := acr.ResolvePassword(sp, nil, ""); !ok {
		notes = append(notes, "Programs cannot sign in: min_acr or qr_policy demand more than an app password.")
	}
	return notes
}

func checkNames(sp *idp.ServiceProvider) error {
	switch {
	case sp.Name == "":
		return invalid("name is empty, or holds nothing that can be seen")
	case !validSlug(sp.Slug):
		return invalid("slug %q is not 1 to 40 of a-z, 0-9 and -", sp.Slug)
	}
	return nil
}

// checkIssuers refuses to speak in a name that the deployment does not have.
func (h *Handlers) checkIssuers(sp *idp.ServiceProvider) error {
	ours := h.Config.AllIssuers()
	issuers := map[string]string{"issuer": sp.Issuer}
	for domain, issuer := range sp.IssuerByDomain {
		issuers["the issuer of the domain "+domain] = issuer
	}
	if sp.Issuer == "" {
		delete(issuers, "issuer")
	}
	for _, what := range slices.Sorted(maps.Keys(issuers)) {
		if issuer := issuers[what]; !slices.Contains(ours, issuer) {
			return invalid("%s, %s, is not an entityID of this deployment (%s); add it to the setting LATCHKEY_ISSUERS first",
				what, issuer, strings.Join(ours, ", "))
		}
	}
	return nil
}

// checkLogout refuses addresses that logout messages cannot go to.
func (h *Handlers) checkLogout(sp *idp.ServiceProvider) error {
	for _, e := range sp.SLO {
		for _, to := range []string{e.Location, e.ResponseLocation()} {
			if err := metadata.CheckACS(to, h.Config.Local()); err != nil {
				return invalid("address for logout %q: %v", to, err)
			}
		}
	}
	return nil
}

// checkStart refuses what a sign-in that begins here cannot have.
func (h *Handlers) checkStart(sp *idp.ServiceProvider) error {
	switch s := sp.DefaultRelayState; {
	case len(s) > 1024 || !utf8.ValidString(s) || strings.ContainsAny(s, "\x00\r\n"):
		return invalid("default_relay_state has at most 1,024 bytes and no line breaks")
	case sp.IdPInitiated && sp.Protocol != idp.ProtocolSAML:
		return invalid("idp_initiated is for applications that speak SAML; give start_url instead")
	case sp.StartURL == "":
		return nil
	}
	if err := metadata.CheckACS(sp.StartURL, h.Config.Local()); err != nil {
		return invalid("start_url %q: %v", sp.StartURL, err)
	}
	return nil
}

func checkAnswers(sp *idp.ServiceProvider) error {
	if sp.MaxSessionMinutes < 0 || sp.MaxSessionMinutes > 7*24*60 {
		return invalid("max_session_minutes is 0 (no limit) to 10080, not %d", sp.MaxSessionMinutes)
	}
	if !slices.Contains([]string{"", idp.QRPolicyAny, idp.QRPolicyOff}, sp.QRPolicy) {
		return invalid("qr_policy is %s or %s, not %q", idp.QRPolicyAny, idp.QRPolicyOff, sp.QRPolicy)
	}
	if sp.MinACR != "" && acr.LevelOf(sp.MinACR) == 0 {
		return invalid("min_acr is qr, phr or phr-hw, not %q", sp.MinACR)
	}
	if !slices.Contains([]string{"", idp.SignAssertion, idp.SignResponse, idp.SignBoth}, sp.Sign) {
		return invalid("sign is %s, %s or %s, not %q", idp.SignAssertion, idp.SignResponse, idp.SignBoth, sp.Sign)
	}
	if sp.DefaultACR != "" && !plainURI(sp.DefaultACR) {
		return invalid("default_acr %q is not a URI", sp.DefaultACR)
	}
	for class, ours := range sp.ACRMap {
		if !plainURI(class) {
			return invalid("acr_map: %q is not a URI", class)
		}
		if !slices.Contains([]string{idp.ACRQR, idp.ACRPHR, idp.ACRPHRHW}, ours) {
			return invalid("acr_map: %q is not one of our classes: %s, %s, %s", ours, idp.ACRQR, idp.ACRPHR, idp.ACRPHRHW)
		}
	}
	return nil
}

func plainURI(s string) bool {
	return len(s) <= 1024 && strings.Contains(s, ":") && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f })
}

func checkAccess(sp *idp.ServiceProvider) error {
	if len(sp.Access) > maxRules {
		return invalid("access has more than %d lines; use an attribute of the users", maxRules)
	}
	for i, rule := range sp.Access {
		kind, rest, _ := strings.Cut(rule, ":")
		name, value, assigned := strings.Cut(rest, "=")
		switch {
		case kind == "user" && checkEmail(rest) == nil:
		case kind == "attribute" && assigned && name != "" && value != "":
		default:
			return invalid("access %d: %q is neither user:EMAIL nor attribute:NAME=VALUE", i+1, rule)
		}
	}
	return nil
}

// weakened names the settings that protect less than before.
func weakened(before, next *idp.ServiceProvider) []string {
	var names []string
	for name, weaker := range map[string]bool{
		"require_signed_requests":     before.RequireSignedRequests && !next.RequireSignedRequests,
		"qr_policy":                   before.QRPolicy == idp.QRPolicyOff && next.QRPolicy != idp.QRPolicyOff,
		"qr_number":                   before.QRNumber && !next.QRNumber,
		"min_acr":                     acr.LevelOf(next.MinACR) < acr.LevelOf(before.MinACR) && acr.LevelOf(before.MinACR) > acr.LevelQR,
		"signing_key":                 before.SigningKey != "" && next.SigningKey == "",
		"idp_initiated":               !before.IdPInitiated && next.IdPInitiated,
		"ecp":                         !before.ECP && next.ECP,
		"always_ask":                  before.AlwaysAsk && !next.AlwaysAsk,
		"max_session_minutes":         before.MaxSessionMinutes > 0 && (next.MaxSessionMinutes == 0 || next.MaxSessionMinutes > before.MaxSessionMinutes),
		"refuse_probation":            before.RefuseProbation && !next.RefuseProbation,
		"allow_sha1":                  !before.AllowSHA1 && next.AllowSHA1,
		"allow_missing_destination":   !before.AllowMissingDestination && next.AllowMissingDestination,
		"confirm_unsigned_logout":     !before.ConfirmUnsignedLogout && next.ConfirmUnsignedLogout,
		"legacy_sha1_output":          !before.LegacySHA1Output && next.LegacySHA1Output,
		"encryption":                  encryptionRank(next) < encryptionRank(before),
		"allow_cbc":                   !before.AllowCBC && next.AllowCBC,
		"release":                     releaseRank(next) < releaseRank(before),
		"consent":                     consentRank(next) < consentRank(before),
		"confirmed_entity_attributes": moreConfirmed(before, next),
		"access":                      len(before.Access) > 0 && len(next.Access) == 0,
		"acr_map":                     !reflect.DeepEqual(before.ACRMap, next.ACRMap) && len(next.ACRMap) > 0,
	} {
		if weaker {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
