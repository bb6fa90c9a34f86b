package pages

import (
	"net/http"

	"github.com/latchkey-idp/latchkey/internal/headers"
)

// ApprovePage is where a scanned code leads (approval-protocol.md 16.2). The
// code is in the address's fragment, which never reaches the server; all that
// is shown of a sign-in comes from the approval API.
type ApprovePage struct {
	Frame

	Host string // of this deployment, as people see it in the address bar
}

// EnrollPage is where an invite leads (approval-protocol.md 16.3). The token is
// in the address's fragment.
type EnrollPage struct {
	Frame

	Host string // of this deployment, as people see it in the address bar

	// TestSignIn offers to try the new passkey at once, which needs
	// /v1/me/stepup.
	TestSignIn bool
}

type approveData struct {
	ApprovePage
	Nonce string
}

type enrollData struct {
	EnrollPage
	Nonce string
}

// Approve writes the approval page, 200, the only one that may use the camera.
// On an error before the first byte nothing has been written.
func (p *Pages) Approve(w http.ResponseWriter, page ApprovePage) error {
	nonce, err := p.nonce()
	if err != nil {
		return err
	}
	page.Frame = p.frame(page.Frame)
	headers.AllowCamera(w.Header())
	return write(w, http.StatusOK, scripted(w, nonce, page.ReportTo, installs, worksOffline), p.approve, approveData{page, nonce})
}

// Enroll writes the page of an invite, 200. On an error before the first byte
// nothing has been written.
func (p *Pages) Enroll(w http.ResponseWriter, page EnrollPage) error {
	nonce, err := p.nonce()
	if err != nil {
		return err
	}
	page.Frame = p.frame(page.Frame)
	return write(w, http.StatusOK, scripted(w, nonce, page.ReportTo, installs), p.enroll, enrollData{page, nonce})
}
