package pages

import "net/http"

// LoginPage is what the login page shows before its script runs
// (approval-protocol.md 16.1). Everything else comes from the session API.
type LoginPage struct {
	Frame

	LoginID string // as in /login?l=<id>
	AppName string // as registered
	AppHost string // host of the AssertionConsumerService, where the answer goes
	AppLogo string // path on this origin; empty: none

	// Passkey offers to sign in with a passkey of this device (5.5).
	Passkey bool
	// PasskeyOnly says that a code will not be enough, so that the page need
	// not ask for one first.
	PasskeyOnly bool
}

type loginData struct {
	LoginPage
	Nonce string
}

// Login writes the login page, 200. On an error before the first byte nothing
// has been written.
func (p *Pages) Login(w http.ResponseWriter, page LoginPage) error {
	nonce, err := p.nonce()
	if err != nil {
		return err
	}
	page.Frame = p.frame(page.Frame)
	page.AppLogo = ownPath(page.AppLogo)
	return write(w, http.StatusOK, scripted(w, nonce, page.ReportTo), p.login, loginData{page, nonce})
}
