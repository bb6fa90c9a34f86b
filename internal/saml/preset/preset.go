package preset

import (
	"fmt"
	"maps"
	"net/url"
	"slices"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/metadata"
)

// Names of the presets, as in idp.ServiceProvider.Preset.
const (
	Generic    = "generic"
	Office365  = "office365"
	Salesforce = "salesforce"
	Atlassian  = "atlassian"
)

// Options are the few things about a service provider that neither the preset
// nor metadata knows. Each preset reads its own.
type Options struct {
	// Local is local mode: endpoints may be http on localhost.
	Local bool

	// Issuer is our entityID, from which issuers per domain are derived.
	// office365.
	Issuer string
	// Domains are the federated domains, each with the issuer that was given
	// to Microsoft for it; empty: one is derived. office365.
	Domains map[string]string
	// China chooses the cloud operated by 21Vianet. office365.
	China bool

	// MyDomain is the host of the organization: "example.my.salesforce.com".
	// salesforce.
	MyDomain string

	// ConnectionID is the last part of the SP entity URL that Atlassian
	// shows: "https://auth.atlassian.com/saml/ID". atlassian.
	ConnectionID string
	// Draft saves the service provider before ConnectionID is known.
	// atlassian.
	Draft bool
}

// settings are a preset's own, which Apply puts where nothing is set.
type settings struct {
	name       string // display name
	nameID     string
	attributes []string
	defaultACR string
	acrMap     map[string]string
}

// preset is one row of the table.
type preset struct {
	settings settings
	// apply does what is particular about the service provider; it sees it
	// before the settings are filled in.
	apply func(sp *idp.ServiceProvider, opts Options) error
	// fields lists what the other side asks for.
	fields func(sp *idp.ServiceProvider, us Us) []Field
}

func presets() map[string]preset {
	return map[string]preset{
		Generic:    {genericSettings(), applyGeneric, genericFields},
		Office365:  {office365Settings(), applyOffice365, office365Fields},
		Salesforce: {salesforceSettings(), applySalesforce, salesforceFields},
		Atlassian:  {atlassianSettings(), applyAtlassian, atlassianFields},
	}
}

// of is the table for the protocol of sp.
func of(sp *idp.ServiceProvider) map[string]preset {
	if sp.Protocol == idp.ProtocolWSFed {
		return wsfed()
	}
	return presets()
}

// Names lists the presets.
func Names() []string { return []string{Generic, Office365, Salesforce, Atlassian} }

// Apply fills in sp's settings as the preset has them; an empty name stands
// for generic. Settings that are not zero stay as they are, so that applying a
// preset twice, or again after an edit, changes nothing. Its errors are
// idp.Invalid and say what is missing.
func Apply(name string, sp *idp.ServiceProvider, opts Options) error {
	if name == "" {
		name = Generic
	}
	table := of(sp)
	p, ok := table[name]
	if !ok {
		return idp.E(idp.Invalid, "there is no preset %q; choose one of %v", name, slices.Sorted(maps.Keys(table)))
	}
	sp.Name = metadata.CleanName(sp.Name)
	if err := p.apply(sp, opts); err != nil {
		return err
	}
	sp.Preset = name
	p.settings.fill(sp)
	return check(sp, opts.Local)
}

func (s settings) fill(sp *idp.ServiceProvider) {
	if s.name != "" && sp.Name == hostOf(sp) { // metadata that gives no name
		sp.Name = ""
	}
	setDefault(&sp.Name, s.name)
	setDefault(&sp.Sign, idp.SignAssertion)
	setDefault(&sp.NameID, s.nameID)
	setDefault(&sp.DefaultACR, s.defaultACR)
	if len(sp.Attributes) == 0 {
		sp.Attributes = slices.Clone(s.attributes)
	}
	if len(sp.ACRMap) == 0 {
		sp.ACRMap = s.acrMap
	}
}

// check judges what was given by hand like what comes from metadata.
func check(sp *idp.ServiceProvider, local bool) error {
	if err := metadata.CheckEntityID(sp.EntityID); err != nil {
		return fmt.Errorf("apply preset: %w", err)
	}
	for _, e := range sp.ACS {
		if err := metadata.CheckACS(e.Location, local); err != nil {
			return fmt.Errorf("apply preset: %w", err)
		}
	}
	return nil
}

// hostOf is the host that answers go to; empty where there is none yet.
func hostOf(sp *idp.ServiceProvider) string {
	acs := sp.DefaultACS()
	if acs == nil {
		return ""
	}
	u, err := url.Parse(acs.Location)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

func setDefault(setting *string, value string) {
	if *setting == "" {
		*setting = value
	}
}

// postEndpoint is the only ACS of a service provider that is added without
// metadata.
func postEndpoint(location string) []idp.Endpoint {
	yes := true
	return []idp.Endpoint{{Binding: idp.BindingPOST, Location: location, IsDefault: &yes}}
}
