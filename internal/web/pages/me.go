package pages

import "net/http"

// MePage is where people look after their own devices (approval-protocol.md
// 12.1). All that is shown of them comes from the API.
type MePage struct {
	Frame

	Host string // of this deployment, as people see it in the address bar
}

type meData struct {
	MePage
	Nonce string
}

// Me writes the page, 200. On an error before the first byte nothing has been
// written.
func (p *Pages) Me(w http.ResponseWriter, page MePage) error {
	nonce, err := p.nonce()
	if err != nil {
		return err
	}
	page.Frame = p.frame(page.Frame)
	return write(w, http.StatusOK, scripted(w, nonce, page.ReportTo, installs), p.me, meData{page, nonce})
}
