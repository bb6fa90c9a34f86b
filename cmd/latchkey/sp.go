package main

import (
	"strings"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/adminclient"
)

type spCmd struct {
	Add    spAddCmd    `cmd:"" help:"Register a service provider."`
	List   spListCmd   `cmd:"" help:"List the service providers."`
	Show   spShowCmd   `cmd:"" help:"Show one, with what to enter on its side."`
	Update spUpdateCmd `cmd:"" help:"Change settings of one."`
	Remove spRemoveCmd `cmd:"" help:"Remove one. Sign-ins to it stop at once."`

	Refresh spRefreshCmd `cmd:"" help:"Look now whether metadata that comes from an address has changed."`
	Diff    spDiffCmd    `cmd:"" help:"Show a change of metadata that waits for approval."`
	Approve spApproveCmd `cmd:"" help:"Bring a change of metadata that waits into force."`
}

// spSettings are the flags that add and update share. What is not given is
// left to the preset, or as it is.
type spSettings struct {
	Name      *string  `help:"Name that people see." placeholder:"NAME"`
	Slug      *string  `help:"Short name in addresses and logs." placeholder:"a-z0-9-"`
	Issuer    *string  `help:"Our entityID towards this service provider." placeholder:"URI"`
	NameID    *string  `name:"name-id" help:"NameID: FORMAT=SOURCE, such as persistent=immutableId; none for no NameID." placeholder:"FORMAT=SOURCE"`
	Attribute []string `help:"Attribute: NAME=SOURCE; repeat. Replaces the list." sep:"none" placeholder:"NAME=SOURCE"`
	Reply     []string `help:"ws-federation: URL at which it is answered, the default first; repeat. Replaces the list." sep:"none" placeholder:"URL"`
	Access    []string `help:"Who may sign in: user:EMAIL or attribute:NAME=VALUE; repeat. Replaces the list." sep:"none" placeholder:"RULE"`
	Everyone  bool     `help:"Everyone may sign in." xor:"access"`
	QRPolicy  *string  `name:"qr-policy" help:"Whether scanning a code is enough: any, or off for passkeys only." placeholder:"any|off"`
	MinACR    *string  `name:"min-acr" help:"What each sign-in must reach: qr, phr (a passkey on the computer), phr-hw (one that cannot leave its device)." placeholder:"CLASS"`
	SignKey   *string  `name:"signing-key" help:"Sign with this dedicated key, such as key-3, and with no other; empty for the deployment's." placeholder:"ID"`
	Sign      *string  `help:"What is signed: assertion, response or both." placeholder:"PART"`

	Encrypt               *string  `help:"Encryption of assertions: off, if-key (where it has a usable key) or required." placeholder:"off|if-key|required"`
	EncryptionCertificate []string `name:"encryption-certificate" help:"Its key for encryption (PEM); repeat. Replaces those of the metadata." sep:"none" placeholder:"FILE"`
	EncryptionAlgorithm   *string  `name:"encryption-algorithm" help:"Content encryption instead of the one chosen: aes128-gcm, aes256-gcm, aes128-cbc, aes256-cbc; empty to choose." placeholder:"NAME"`
	EncryptionTransport   *string  `name:"encryption-transport" help:"Key transport instead of the one chosen: rsa-oaep-mgf1p, rsa-oaep-mgf1p-sha256, rsa-oaep-sha256; empty to choose." placeholder:"NAME"`
	AllowCBC              *bool    `name:"allow-cbc" help:"Encrypt with AES-CBC where there is no AES-GCM. Legacy." negatable:""`

	Release            *string  `help:"Which of the permitted attributes are released: permitted (all), requested (those that its metadata asks for) or required." placeholder:"permitted|requested|required"`
	EntityAttribute    []string `name:"entity-attribute" help:"Entity attribute that you vouch for, for release rules: NAME=VALUE; repeat. Replaces the list." sep:"none" placeholder:"NAME=VALUE" xor:"confirmed"`
	NoEntityAttributes bool     `name:"no-entity-attributes" help:"Vouch for none." xor:"confirmed"`
	Consent            *string  `help:"Ask people before their attributes are released: off, once (until others are released) or always." placeholder:"off|once|always"`

	QRNumber                *bool    `name:"qr-number" help:"Show a number to type on the phone." negatable:""`
	RefuseProbation         *bool    `help:"Refuse phones that are on probation." negatable:""`
	AlwaysAsk               *bool    `name:"always-ask" help:"Ask for an approval at each sign-in, also where the person is signed in." negatable:""`
	MaxSession              *int     `name:"max-session" help:"Ask again when the approval is older than this many minutes; 0 for no limit." placeholder:"MINUTES"`
	RequireSignedRequests   *bool    `help:"Refuse requests without a signature." negatable:""`
	AllowSHA1               *bool    `name:"allow-sha1" help:"Accept SHA-1 in signatures of requests. A risk." negatable:""`
	AllowMissingDestination *bool    `help:"Accept signed requests without Destination." negatable:""`
	ConfirmUnsignedLogout   *bool    `name:"confirm-unsigned-logout" help:"Accept logout requests without a signature: the person is asked." negatable:""`
	SLO                     []string `name:"slo" help:"Where logout messages go: redirect=URL, post=URL, soap=URL; repeat. Replaces those of the metadata." sep:"none" placeholder:"BINDING=URL"`
	LegacySHA1Output        *bool    `name:"legacy-sha1-output" help:"Sign with SHA-1. A risk; key files only." negatable:""`
	QualifyNameID           *bool    `name:"qualify-name-id" help:"Send NameQualifier and SPNameQualifier." negatable:""`
	IdPInitiated            *bool    `name:"idp-initiated" help:"Let sign-ins begin here, without a request of the application." negatable:""`
	RelayState              *string  `name:"relay-state" help:"RelayState of sign-ins that begin here." placeholder:"TEXT"`
	StartURL                *string  `name:"start-url" help:"Where the application itself begins; the launchpad leads there." placeholder:"URL"`
	ECP                     *bool    `name:"ecp" help:"Let programs without a browser sign in, by the Enhanced Client or Proxy profile and with app passwords." negatable:""`
	AllowUnknownAttributes  bool     `help:"Accept sources that no user has yet."`
}

func (s *spSettings) settings() (adminapi.Settings, error) {
	out := adminapi.Settings{
		Name: s.Name, Slug: s.Slug, Issuer: s.Issuer, NameID: s.NameID, Sign: s.Sign, QRPolicy: s.QRPolicy,
		QRNumber: s.QRNumber, MinACR: s.MinACR, RefuseProbation: s.RefuseProbation,
		IdPInitiated: s.IdPInitiated, DefaultRelayState: s.RelayState, StartURL: s.StartURL, ECP: s.ECP,
		AlwaysAsk: s.AlwaysAsk, MaxSessionMinutes: s.MaxSession, SigningKey: s.SignKey,
		RequireSignedRequests: s.RequireSignedRequests, AllowSHA1: s.AllowSHA1, AllowMissingDestination: s.AllowMissingDestination,
		ConfirmUnsignedLogout: s.ConfirmUnsignedLogout, LegacySHA1Output: s.LegacySHA1Output, QualifyNameID: s.QualifyNameID,
		Encryption: s.Encrypt, EncryptionAlgorithm: s.EncryptionAlgorithm, EncryptionTransport: s.EncryptionTransport, AllowCBC: s.AllowCBC,
		AllowUnknownAttributes: s.AllowUnknownAttributes, Release: s.Release, Consent: s.Consent,
	}
	if len(s.EntityAttribute) > 0 || s.NoEntityAttributes {
		confirmed, err := entityAttributes(s.EntityAttribute)
		if err != nil {
			return out, err
		}
		out.ConfirmedEntityAttributes = &confirmed
	}
	if len(s.SLO) > 0 {
		out.SLO = &s.SLO
	}
	if len(s.EncryptionCertificate) > 0 {
		pems := make([]string, 0, len(s.EncryptionCertificate))
		for _, file := range s.EncryptionCertificate {
			pem, err := readFile(file)
			if err != nil {
				return out, err
			}
			pems = append(pems, string(pem))
		}
		out.EncryptionCertificates = &pems
	}
	if len(s.Attribute) > 0 {
		out.Attributes = &s.Attribute
	}
	if len(s.Reply) > 0 {
		out.ReplyURLs = &s.Reply
	}
	switch {
	case s.Everyone && len(s.Access) > 0:
		return out, usage("give either --access or --everyone")
	case s.Everyone:
		out.Access = &[]string{}
	case len(s.Access) > 0:
		out.Access = &s.Access
	}
	return out, nil
}

// spOptions are the flags that only some presets ask for.
type spOptions struct {
	Domain       []string `help:"office365: federated domain, with the issuer that Microsoft was given for it, if any; repeat." sep:"none" placeholder:"DOMAIN[=ISSUER]"`
	China        bool     `help:"office365: the cloud operated by 21Vianet."`
	MyDomain     string   `help:"salesforce: host of the organization." placeholder:"example.my.salesforce.com"`
	ConnectionID string   `name:"connection-id" help:"atlassian: end of the SP entity URL that it shows." placeholder:"ID"`
	Draft        bool     `help:"atlassian: save before that is known."`
}

func (o *spOptions) options() adminapi.Options {
	out := adminapi.Options{China: o.China, MyDomain: o.MyDomain, ConnectionID: o.ConnectionID, Draft: o.Draft}
	for _, d := range o.Domain {
		if out.Domains == nil {
			out.Domains = map[string]string{}
		}
		name, issuer, _ := strings.Cut(d, "=")
		out.Domains[name] = issuer
	}
	return out
}

func (o *spOptions) given() bool {
	return len(o.Domain) > 0 || o.China || o.MyDomain != "" || o.ConnectionID != "" || o.Draft
}

type spAddCmd struct {
	Metadata string `help:"Its metadata: a file, or an https address that the server fetches now and keeps looking at." placeholder:"FILE|URL" xor:"metadata"`
	MDQ      string `name:"mdq" help:"Ask this metadata query server (MDQ) for --entity-id." placeholder:"URL" xor:"metadata"`
	Protocol string `help:"What it speaks: saml (the default) or ws-federation." placeholder:"PROTOCOL"`
	Preset   string `help:"Kind of application: generic, office365, salesforce or atlassian." placeholder:"PRESET"`
	EntityID string `name:"entity-id" help:"Its entityID: by hand, or which one of many in the metadata." placeholder:"URI"`
	ACSURL   string `name:"acs-url" help:"By hand: URL of its assertion consumer service." placeholder:"URL"`
	Pinned   string `name:"metadata-cert" aliases:"pinned-certificate" help:"The metadata must be signed with the key of this certificate (PEM)." placeholder:"FILE"`
	TrustURL bool   `name:"trust-metadata-url" help:"Apply changes that only the https address of the metadata vouches for."`
	Force    bool   `help:"Accept metadata that has expired."`
	DryRun   bool   `help:"Show what would be stored, and store nothing."`

	spSettings
	spOptions
}

func (c *spAddCmd) Run(e *env) error {
	if c.MDQ != "" && c.EntityID == "" {
		return usage("--mdq needs --entity-id")
	}
	if c.Metadata == "" && c.EntityID == "" && (c.Preset == "" || c.Preset == "generic") {
		return usage("give --metadata FILE|URL, or --entity-id and --acs-url (with ws-federation: --reply), or a --preset that knows them")
	}
	settings, err := c.settings()
	if err != nil {
		return err
	}
	sp := adminapi.NewServiceProvider{
		Settings: settings, EntityID: c.EntityID, ACSURL: c.ACSURL, Protocol: c.Protocol, Preset: c.Preset,
		Options: c.options(), Force: c.Force, DryRun: c.DryRun, MDQURL: c.MDQ, TrustMetadataURL: c.TrustURL,
	}
	if isAddress(c.Metadata) {
		sp.MetadataURL = c.Metadata
	} else if c.Metadata != "" {
		doc, err := readFile(c.Metadata)
		if err != nil {
			return err
		}
		sp.Metadata = doc
	}
	if c.Pinned != "" {
		pem, err := readFile(c.Pinned)
		if err != nil {
			return err
		}
		sp.PinnedCertificate = string(pem)
	}
	client, err := e.admin()
	if err != nil {
		return err
	}
	answer, err := client.AddServiceProvider(e.ctx, sp)
	if err != nil {
		return err
	}
	return e.show(answer, func(p *printer) {
		if c.DryRun {
			p.line("Nothing was stored. This is what would be:")
		} else {
			p.line("Added %s.", answer.ServiceProvider.Name)
		}
		p.serviceProvider(answer)
	})
}

type spListCmd struct{}

func (spListCmd) Run(e *env) error {
	client, err := e.admin()
	if err != nil {
		return err
	}
	items, err := client.ServiceProviders(e.ctx)
	if err != nil {
		return err
	}
	return e.show(items, func(p *printer) {
		var rows [][]string
		for _, sp := range items {
			state := "on"
			if sp.Draft {
				state = "draft"
			}
			if sp.Disabled {
				state = "off"
			}
			rows = append(rows, []string{sp.Slug, sp.Name, sp.Preset, state, sp.EntityID})
		}
		p.table("SHORT NAME | NAME | PRESET | STATE | ENTITYID", rows, "There is no service provider yet. Add one with: latchkey sp add --metadata FILE|URL")
	})
}

// spNamed is a service provider by its entityID or its short name.
type spNamed struct {
	EntityID string `arg:"" name:"entityid" help:"Its entityID or short name."`
}

// find looks the service provider up.
func (c *spNamed) find(e *env) (client *adminclient.Client, slug string, err error) {
	if client, err = e.admin(); err != nil {
		return nil, "", err
	}
	slug, err = client.Find(e.ctx, c.EntityID)
	return client, slug, err
}

type spShowCmd struct{ spNamed }

func (c *spShowCmd) Run(e *env) error {
	client, slug, err := c.find(e)
	if err != nil {
		return err
	}
	answer, err := client.ServiceProvider(e.ctx, slug)
	if err != nil {
		return err
	}
	return e.show(answer, func(p *printer) { p.serviceProvider(answer) })
}

type spUpdateCmd struct {
	spNamed
	Disabled *bool `help:"Switch it off, or on again." negatable:""`

	spSource

	spSettings
	spOptions
}

func (c *spUpdateCmd) Run(e *env) error {
	settings, err := c.settings()
	if err != nil {
		return err
	}
	settings.Disabled = c.Disabled
	patch := adminapi.ServiceProviderPatch{Settings: settings}
	if c.given() {
		options := c.options()
		patch.Options = &options
	}
	source, err := c.source()
	if err != nil {
		return err
	}
	client, slug, err := c.find(e)
	if err != nil {
		return err
	}
	if source != nil {
		if _, err := client.UpdateMetadata(e.ctx, slug, *source); err != nil {
			return noSource(err)
		}
	}
	answer, err := client.UpdateServiceProvider(e.ctx, slug, patch)
	if err != nil {
		return err
	}
	return e.show(answer, func(p *printer) {
		p.line("Changed %s.", answer.ServiceProvider.Name)
		answer.Instructions = nil
		if source == nil {
			answer.Metadata = nil
		}
		p.serviceProvider(answer)
	})
}

type spRemoveCmd struct{ spNamed }

func (c *spRemoveCmd) Run(e *env) error {
	client, slug, err := c.find(e)
	if err != nil {
		return err
	}
	if err := client.RemoveServiceProvider(e.ctx, slug); err != nil {
		return err
	}
	return e.show(map[string]string{"removed": slug}, func(p *printer) { p.line("Removed %s.", c.EntityID) })
}
