package pages

import "net/http"

// ConsentPage asks a person whether what is shown may be sent to an application.
type ConsentPage struct {
	Frame
	AppName string // as registered
	AppHost string // where the answer goes
	AppLogo string // path on this origin; empty: none

	Items  []ConsentItem
	Action string  // path on this origin that both forms post to
	Yes    []Field // of the form that agrees
	No     []Field // of the form that does not
}

// ConsentItem is one of the things that are sent.
type ConsentItem struct {
	Label  string   // plain words
	Raw    bool     // the label is a name of the protocol, for want of words
	Name   string   // as it is sent; empty: the label says it
	Values []string // at least one
}

// Consent writes the page, 200. On an error before the first byte nothing has
// been written.
func (p *Pages) Consent(w http.ResponseWriter, page ConsentPage) error {
	page.Frame = p.frame(page.Frame)
	page.AppLogo, page.Action = ownPath(page.AppLogo), ownPath(page.Action)
	return write(w, http.StatusOK, "; style-src 'self'; img-src 'self'; form-action 'self'", p.consent, page)
}
