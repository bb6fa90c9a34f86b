// Package app is the composition root: from what a deployment provides (Deps)
// it makes the handler of each function, and of all of them in one process.
// Lambda and laptop differ in their Deps only.
package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"

	"github.com/latchkey-idp/latchkey/internal/approver"
	"github.com/latchkey-idp/latchkey/internal/assets"
	"github.com/latchkey-idp/latchkey/internal/audit"
	"github.com/latchkey-idp/latchkey/internal/config"
	"github.com/latchkey-idp/latchkey/internal/directory"
	"github.com/latchkey-idp/latchkey/internal/directory/local"
	"github.com/latchkey-idp/latchkey/internal/i18n"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/keys"
	"github.com/latchkey-idp/latchkey/internal/login"
	"github.com/latchkey-idp/latchkey/internal/mdrefresh"
	"github.com/latchkey-idp/latchkey/internal/obs"
	"github.com/latchkey-idp/latchkey/internal/outbound"
	"github.com/latchkey-idp/latchkey/internal/passkey"
	"github.com/latchkey-idp/latchkey/internal/saml/response"
	logout "github.com/latchkey-idp/latchkey/internal/slo"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/table"
	"github.com/latchkey-idp/latchkey/internal/web"
	"github.com/latchkey-idp/latchkey/internal/web/admin"
	"github.com/latchkey-idp/latchkey/internal/web/approval"
	"github.com/latchkey-idp/latchkey/internal/web/ecp"
	"github.com/latchkey-idp/latchkey/internal/web/enroll"
	"github.com/latchkey-idp/latchkey/internal/web/launch"
	"github.com/latchkey-idp/latchkey/internal/web/me"
	"github.com/latchkey-idp/latchkey/internal/web/metadata"
	"github.com/latchkey-idp/latchkey/internal/web/pages"
	"github.com/latchkey-idp/latchkey/internal/web/phoneapp"
	"github.com/latchkey-idp/latchkey/internal/web/qrsession"
	"github.com/latchkey-idp/latchkey/internal/web/slo"
	"github.com/latchkey-idp/latchkey/internal/web/sso"
	"github.com/latchkey-idp/latchkey/internal/web/start"
)

// Deps is what a deployment provides.
type Deps struct {
	Config    config.Config
	Table     table.Table
	Keys      *keys.Ring
	Secrets   Secrets
	Directory directory.Directory // nil: the users in the table
	Admins    admin.Authenticator // nil: nobody
	Outbound  outbound.Options    // what configured addresses may be; its limits are not used
	Log       *slog.Logger
	Metrics   obs.Metrics
	Clock     idp.Clock
	Random    io.Reader
}

// Secrets are the deployment's own keys, besides the signing key.
type Secrets struct {
	Masters  *login.MasterKeys
	Pairwise []byte // 32 bytes, made once: generated NameIDs depend on it
}

// App makes handlers.
type App struct {
	deps   Deps
	site   *web.Site
	rp     *passkey.RP // nil: the address cannot have passkeys
	start  *start.Starter
	assets *assets.Assets

	attestation passkey.Attestation
}

// New checks the Deps and parses the templates.
func New(d Deps) (*App, error) {
	if d.Table == nil || d.Keys == nil || d.Secrets.Masters == nil || len(d.Secrets.Pairwise) != 32 || d.Clock == nil || d.Random == nil || d.Log == nil {
		return nil, errors.New("app: Table, Keys, Secrets, Clock, Random and Log are required")
	}
	if d.Metrics == nil {
		d.Metrics = obs.Discard
	}
	st := store.New(d.Table, d.Clock)
	if d.Directory == nil {
		d.Directory = local.New(st)
	}
	catalog, err := i18n.New()
	if err != nil {
		return nil, fmt.Errorf("load messages: %w", err)
	}
	files, err := assets.New(catalog)
	if err != nil {
		return nil, fmt.Errorf("load assets: %w", err)
	}
	rendered, err := pages.New(files, catalog, d.Random)
	if err != nil {
		return nil, fmt.Errorf("load pages: %w", err)
	}
	a := &App{deps: d, assets: files, site: &web.Site{
		Config: d.Config, Store: st, Audit: audit.NewTrail(st, d.Secrets.Masters, d.Clock, d.Random), Pages: rendered,
		Log: d.Log, Metrics: d.Metrics, Clock: d.Clock, Random: d.Random,
	}}
	a.start = start.New(a.site, d.Secrets.Masters)
	if a.attestation, err = passkey.ReadAttestation(d.Config.Attestation, d.Config.AttestationModels, d.Config.AttestationRoots); err != nil {
		return nil, fmt.Errorf("read attestation policy: %w", err)
	}
	if rp, err := passkey.NewRP(d.Config.PublicURL, d.Config.DisplayName); err == nil {
		a.rp = &rp
	} else {
		d.Log.Warn("no passkeys at this address, native phones only", "url", d.Config.PublicURL, "error", err.Error())
	}
	return a, nil
}

// Site is what the handlers share; tests and the composition of one process
// look into its store.
func (a *App) Site() *web.Site { return a.site }

// mounter is the part of one function.
type mounter interface{ Mount(web.Mux) }

func (a *App) sso() mounter {
	return sso.New(sso.Handlers{
		Site: a.site, Masters: a.deps.Secrets.Masters, Start: a.start, Pairwise: a.deps.Secrets.Pairwise, Passkeys: a.rp != nil,
		Keys: a.deps.Keys, Directory: a.deps.Directory, Assets: a.assets.Handler(), Protocols: protocols(),
	})
}

func (a *App) ecp() mounter {
	return ecp.New(ecp.Handlers{
		Site: a.site, Masters: a.deps.Secrets.Masters, Pairwise: a.deps.Secrets.Pairwise, Keys: a.deps.Keys, Directory: a.deps.Directory,
	})
}

func (a *App) approver() approver.Approver {
	return approver.Approver{
		Store: a.site.Store, Directory: a.deps.Directory, Pairwise: a.deps.Secrets.Pairwise, Clock: a.deps.Clock,
	}
}

func (a *App) launch() mounter {
	return &launch.Handlers{Site: a.site, Start: a.start, Directory: a.deps.Directory}
}
func (a *App) metadata() mounter { return metadata.New(a.site, a.deps.Keys, a.extras()...) }
func (a *App) qrsession() mounter {
	return qrsession.New(a.site, a.deps.Secrets.Masters, a.start, a.approver(), a.rp)
}
func (a *App) approval() mounter {
	return approval.New(a.site, a.deps.Secrets.Masters, a.approver(), a.rp)
}
func (a *App) phoneApp() mounter { return phoneapp.New(a.site, a.assets) }
func (a *App) enroll() mounter {
	return enroll.New(enroll.Handlers{
		Site: a.site, Directory: a.deps.Directory, Masters: a.deps.Secrets.Masters, RP: a.rp, Attestation: a.attestation,
	})
}
func (a *App) me() mounter {
	return me.New(me.Handlers{
		Site: a.site, Directory: a.deps.Directory, Masters: a.deps.Secrets.Masters, Approver: a.approver(), RP: a.rp,
	})
}
func (a *App) slo() mounter {
	return slo.New(a.site, a.deps.Keys, a.logout())
}
func (a *App) adminSignOut() mounter { return admin.NewSignOut(a.site, a.logout(), a.deps.Admins) }
func (a *App) admin() mounter {
	return admin.New(a.site, a.deps.Keys, a.Refresher(), a.Auditor(), a.deps.Admins)
}

// logout ends sessions and tells the applications.
func (a *App) logout() *logout.Service {
	return &logout.Service{
		Store: a.site.Store, Client: outbound.New(a.outbound()), Record: a.site.Record, Clock: a.deps.Clock,
		Signing: func(ctx context.Context, sp *idp.ServiceProvider) (response.Signing, error) {
			return a.site.Signing(ctx, a.deps.Keys, sp)
		},
		Window:  a.site.Window(),
		Refused: a.deps.Config.RefusedAlgorithms, Visits: visits(),
	}
}

func (a *App) outbound() outbound.Options {
	o := a.deps.Outbound
	o.Local = o.Local || a.deps.Config.Local()
	return o
}

// Refresher keeps the metadata of service providers up to date. The admin API
// has it, and whoever calls it on a schedule.
func (a *App) Refresher() *mdrefresh.Runner {
	return &mdrefresh.Runner{
		Store: a.site.Store, Audit: a.site.Audit, Fetcher: mdrefresh.NewFetcher(a.outbound(), a.deps.Config.MetadataMaxValidity, a.deps.Clock), Clock: a.deps.Clock, Log: a.deps.Log,
	}
}

// Auditor verifies the audit trail and closes its hours. The admin API has it,
// and whoever calls it on a schedule.
func (a *App) Auditor() *audit.Verifier {
	return &audit.Verifier{Store: a.site.Store, Masters: a.deps.Secrets.Masters, Clock: a.deps.Clock, Log: a.deps.Log, Metrics: a.deps.Metrics}
}

// SSO is the handler of functions/sso.
func (a *App) SSO() http.Handler { return a.serve(a.sso(), a.launch(), a.ecp()) }

// Metadata is the handler of functions/metadata.
func (a *App) Metadata() http.Handler { return a.serve(a.metadata()) }

// QRSession is the handler of functions/qrsession.
func (a *App) QRSession() http.Handler { return a.serve(a.qrsession()) }

// Approval is the handler of functions/approval.
func (a *App) Approval() http.Handler { return a.serve(a.approval(), a.phoneApp()) }

// Enroll is the handler of functions/enroll.
func (a *App) Enroll() http.Handler { return a.serve(a.enroll(), a.me()) }

// SLO is the handler of functions/slo.
func (a *App) SLO() http.Handler { return a.serve(a.slo(), a.adminSignOut()) }

// Admin is the handler of functions/admin.
func (a *App) Admin() http.Handler { return a.serve(a.admin()) }

// All is every function in one handler.
func (a *App) All() http.Handler { return a.serve(a.all()...) }

func (a *App) all() []mounter {
	return []mounter{
		a.sso(), a.launch(), a.ecp(), a.slo(), a.adminSignOut(), a.metadata(), a.qrsession(), a.approval(), a.phoneApp(), a.enroll(), a.me(), a.admin(), a.wsfed(),
	}
}

// Routes lists the patterns that All serves, sorted. One without a method is
// either for GET only or the answer to methods that the others do not have.
func (a *App) Routes() []string {
	var patterns routes
	for _, p := range a.all() {
		p.Mount(&patterns)
	}
	slices.Sort(patterns)
	return patterns
}

// routes is a web.Mux that only remembers.
type routes []string

func (r *routes) Handle(pattern string, _ http.Handler) { *r = append(*r, pattern) }

func (a *App) serve(parts ...mounter) http.Handler {
	mux := http.NewServeMux()
	for _, p := range parts {
		p.Mount(mux)
	}
	return a.site.Wrap(a.site.Route(mux))
}
