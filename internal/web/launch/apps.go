package launch

import (
	"net/http"
	"slices"
	"strings"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/web/pages"
)

// maxApps bounds how many applications are looked at for a page.
const maxApps = 200

// apps shows the applications that the person may open from here.
func (h *Handlers) apps(w http.ResponseWriter, r *http.Request) error {
	f := h.Frame(w, r, "/apps")
	session, err := h.Session(r)
	if idp.CodeOf(err) == idp.StepupRequired {
		return h.Pages.Message(w, http.StatusOK, pages.MessagePage{
			Frame: f, Title: f.Must("apps_page.title"), Words: f.Must("apps_page.signed_out"),
			Action: &pages.Action{Label: f.Must("apps_page.sign_in"), Path: "/me"},
		})
	}
	if err != nil {
		return err
	}
	user, err := h.Directory.User(r.Context(), session.UserID)
	if err != nil {
		return err
	}
	if user.Disabled {
		return idp.E(idp.UserInactive, "user %s is disabled", user.ID)
	}
	page := pages.AppsPage{Frame: f, Name: user.Display()}
	if page.Apps, err = h.open(r, user); err != nil {
		return err
	}
	return h.Pages.Apps(w, page)
}

// open lists what user can open, by name.
func (h *Handlers) open(r *http.Request, user *idp.User) (apps []pages.App, err error) {
	all, err := h.Store.ServiceProviders(r.Context())
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(s store.SPSummary) bool { return !s.Opens || s.Disabled || s.Draft })
	sps, err := h.Store.ServiceProvidersOf(r.Context(), all[:min(len(all), maxApps)])
	if err != nil {
		return nil, err
	}
	for _, sp := range sps {
		if !sp.Admits(user) {
			continue
		}
		app := pages.App{Name: sp.Name, Logo: sp.Logo, Path: "/saml/launch/" + sp.Slug}
		if sp.StartURL != "" { // it asks for the sign-in itself
			app.Path, app.URL = "", sp.StartURL
		}
		apps = append(apps, app)
	}
	slices.SortFunc(apps, func(a, b pages.App) int { return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) })
	return apps, nil
}
