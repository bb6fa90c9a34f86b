package pages

import "net/http"

// AppsPage is a person's launchpad.
type AppsPage struct {
	Frame
	Name string // of the person
	Apps []App
}

// App is an application that can be opened.
type App struct {
	Name string
	Logo string // path on this origin; empty: its first letter
	Path string // on this origin, where the sign-in begins; or else
	URL  string // of the application itself, http or https, as registered
}

// Letter is what stands for a logo.
func (a App) Letter() string {
	for _, r := range a.Name {
		return string(r)
	}
	return "?"
}

// Apps writes the page, 200. On an error before the first byte nothing has been
// written.
func (p *Pages) Apps(w http.ResponseWriter, page AppsPage) error {
	page.Frame = p.frame(page.Frame)
	for i := range page.Apps {
		page.Apps[i].Logo, page.Apps[i].Path = ownPath(page.Apps[i].Logo), ownPath(page.Apps[i].Path)
	}
	return write(w, http.StatusOK, "; style-src 'self'; img-src 'self'; form-action 'self'", p.apps, page)
}
