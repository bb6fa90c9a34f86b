package sso

import (
	"net/http"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/login"
	"github.com/latchkey-idp/latchkey/internal/web/pages"
)

// returned is where an app on the same phone leads after an approval (5.5). The
// nonce in the address alone gives nothing: only in the browser that started
// there is a form that finishes, everywhere else a word of where to go.
func (h *Handlers) returned(w http.ResponseWriter, r *http.Request) error {
	s, err := h.sessionOf(r)
	if err != nil {
		return err
	}
	nonce, err := idp.DecodeBase64(r.URL.Query().Get("rn"), 16)
	if err != nil {
		return idp.E(idp.SessionUnknown, "return nonce is malformed")
	}
	if hash := idp.Secret(nonce).Hash(); len(s.ReturnHash) == 0 || !idp.Equal(s.ReturnHash, hash[:]) {
		return idp.E(idp.SessionUnknown, "another return nonce")
	}
	switch login.Observe(s, h.Now()).State {
	case idp.StateApproved:
	case idp.StateExpired:
		return idp.E(idp.SessionExpired, "approval is over")
	default:
		return idp.E(idp.WrongState, "session is %s", s.State)
	}
	secret := h.secretOf(r, s)
	if secret == nil {
		return h.elsewhere(w, r)
	}
	page, err := h.plainPage(s, secret)
	if err != nil {
		return err
	}
	page.Frame, page.Refresh = h.Frame(w, r, ""), 0
	return h.Pages.Plain(w, http.StatusOK, page)
}

func (h *Handlers) elsewhere(w http.ResponseWriter, r *http.Request) error {
	f := h.Frame(w, r, "")
	title, err := f.T("plain.elsewhere.title")
	if err != nil {
		return err
	}
	words, err := f.T("plain.elsewhere.words")
	if err != nil {
		return err
	}
	return h.Pages.Message(w, http.StatusOK, pages.MessagePage{Frame: f, Title: title, Words: words})
}
