package main

import (
	"cmp"
	"strings"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/xmlenc"
)

// serviceProvider shows one with what to enter on its side.
func (p *printer) serviceProvider(a adminapi.ServiceProviderAnswer) {
	sp := a.ServiceProvider
	p.line("")
	p.line("  Name         %s", sp.Name)
	p.line("  entityID     %s", sp.EntityID)
	p.line("  Short name   %s", sp.Slug)
	p.line("  Preset       %s", sp.Preset)
	place := "ACS"
	if sp.Protocol != idp.ProtocolSAML {
		p.line("  Protocol     %s", sp.Protocol)
		place = "Reply URL"
	}
	for _, acs := range sp.ACS {
		programs := ""
		if acs.Binding == idp.BindingPAOS {
			programs = " (PAOS: for programs)"
		}
		p.line("  %-12s %s%s", place, acs.Location, programs)
	}
	for _, slo := range sp.SLO {
		p.line("  Logout       %s", logoutWords(slo))
	}
	if sp.StartURL != "" {
		p.line("  Starts at    %s", sp.StartURL)
	}
	p.line("  NameID       %s", sp.NameID)
	p.release(a.Release)
	if sp.Consent != idp.ConsentOff {
		p.line("  Consent      %s", sp.Consent)
	}
	p.line("  Encryption   %s", encryptionWords(&sp.ServiceProvider))
	if sp.SigningKey != "" {
		p.line("  Signing key  %s", sp.SigningKey)
	}
	for _, rule := range sp.Access {
		p.line("  Access       %s", rule)
	}
	for _, state := range []struct {
		on    bool
		words string
	}{
		{sp.Disabled, "switched off"},
		{sp.Draft, "draft: cannot sign in yet"},
		{sp.IdPInitiated, "sign-ins may begin here, without a request"},
		{sp.ECP, "programs may sign in, with app passwords"},
		{sp.AllowSHA1, "SHA-1 in signatures of requests is accepted"},
		{sp.LegacySHA1Output, "signs with SHA-1"},
	} {
		if state.on {
			p.line("  Note         %s", state.words)
		}
	}
	if a.Metadata != nil {
		p.metadataStatus(*a.Metadata)
	}
	for _, note := range a.Notes {
		p.line("  Note         %s", note)
	}
	where := ""
	for _, f := range a.Instructions {
		if f.Where != where {
			p.line("")
			p.line("Enter on the other side: %s", f.Where)
			where = f.Where
		}
		p.line("")
		p.line("  %s:", f.Name)
		for line := range strings.Lines(f.Value) {
			p.line("    %s", strings.TrimRight(line, "\n"))
		}
	}
}

// logoutWords says where logout messages go, as --slo takes it.
func logoutWords(at idp.Endpoint) string {
	words := map[string]string{
		idp.BindingRedirect: "redirect", idp.BindingPOST: "post", idp.BindingSOAP: "soap",
	}[at.Binding]
	words = cmp.Or(words, at.Binding) + "=" + at.Location
	if at.Response != "" {
		words += ", answers to " + at.Response
	}
	return words
}

// encryptionWords says how assertions are encrypted.
func encryptionWords(sp *idp.ServiceProvider) string {
	mode := sp.Encryption
	if mode == idp.EncryptOff {
		return "off"
	}
	to, err := xmlenc.For(sp)
	switch {
	case err != nil:
		return mode + ", but it fails: " + err.Error()
	case to == nil:
		return mode + "; no usable key, so in plain"
	}
	return mode + "; " + to.Options.String()
}
