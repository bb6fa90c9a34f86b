package sso

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/login"
	"github.com/latchkey-idp/latchkey/internal/qr"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/web"
	"github.com/latchkey-idp/latchkey/internal/web/pages"
	"github.com/latchkey-idp/latchkey/internal/web/start"
)

const (
	maxPlainForm = 1 << 10
	plainPath    = "/login/plain"
	plainRefresh = 5 // seconds
)

// plainStart opens a session for a browser without script (16.1), with the code
// to type beside the one to scan, and leads to its page. The same form again
// opens nothing new.
func (h *Handlers) plainStart(w http.ResponseWriter, r *http.Request) error {
	if err := h.SameOriginForm(r); err != nil {
		return err
	}
	loginID, after, err := readPlain(r)
	if err != nil {
		return err
	}
	secret := h.SecretCookie(r, web.CookieBrowser, 32)
	if secret == nil {
		return idp.E(idp.CookiesNeeded, "no browser secret")
	}
	if err := h.Start.Admit(r.Context()); err != nil {
		return err
	}
	key, err := login.PlainKey(secret, loginID, after)
	if err != nil {
		return err
	}
	s, err := h.Start.Session(r, start.Request{Login: loginID, Key: key, Browser: secret.Hash(), Mode: login.ModeQR})
	if idp.CodeOf(err) == idp.PolicyPasskeyRequired {
		return h.plainPasskey(w, r, loginID)
	}
	if err != nil {
		return err
	}
	if err := h.plainCode(r, s, secret); err != nil {
		return err
	}
	http.Redirect(w, r, plainPath+"?sid="+s.SID, http.StatusSeeOther)
	return nil
}

func readPlain(r *http.Request) (loginID, after string, err error) {
	body, err := web.ReadBody(r, maxPlainForm)
	if err != nil {
		return "", "", err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil || len(form["l"]) != 1 || len(form["after"]) > 1 {
		return "", "", idp.E(idp.BadRequest, "form")
	}
	loginID, after = form.Get("l"), form.Get("after")
	if _, err := idp.DecodeBase32(loginID, 16); err != nil {
		return "", "", idp.E(idp.SessionUnknown, "login id")
	}
	if _, err := idp.DecodeBase32(after, 16); after != "" && err != nil {
		return "", "", idp.E(idp.BadRequest, "sid of the former session")
	}
	return loginID, after, nil
}

// plainCode gives a session that waits for its phone a user code, once.
func (h *Handlers) plainCode(r *http.Request, s idp.QRSession, secret idp.Secret) error {
	if login.Observe(s, h.Now()).State != idp.StateCreated || s.CodeHash != nil {
		return nil
	}
	_, mac, err := h.Start.Code(r.Context(), s, func(try int) (string, error) { return login.PlainCode(secret, s.SID, try) })
	if err != nil {
		return err
	}
	_, _, err = h.Store.UpdateSession(r.Context(), s.SID, login.Same, func(s idp.QRSession) (idp.QRSession, error) {
		if s.CodeHash != nil || login.Observe(s, h.Now()).State != idp.StateCreated {
			return s, nil // the same form a moment ago, or scanned already
		}
		return login.Apply(s, login.ShowCode{Browser: secret.Hash(), CodeHash: mac}, h.Now())
	})
	return err
}

func (h *Handlers) plainPasskey(w http.ResponseWriter, r *http.Request, loginID string) error {
	l, err := h.Store.Login(r.Context(), loginID)
	if err != nil {
		return err
	}
	web.RecordFrom(r.Context()).Reason = string(idp.PolicyPasskeyRequired)
	return h.Pages.Plain(w, http.StatusForbidden, pages.PlainPage{
		Frame: h.Frame(w, r, ""), LoginID: l.ID, AppName: l.App.Name, AppHost: l.App.Host,
		AppLogo: logoOf(l.App), State: pages.PlainPasskey,
	})
}

// plain shows how a session of this browser stands. It changes nothing.
func (h *Handlers) plain(w http.ResponseWriter, r *http.Request) error {
	s, err := h.sessionOf(r)
	if err != nil {
		return err
	}
	secret := h.secretOf(r, s)
	if secret == nil {
		return idp.E(idp.SessionUnknown, "foreign session")
	}
	address := plainPath + "?sid=" + s.SID
	page, err := h.plainPage(s, secret)
	if err != nil {
		return err
	}
	if page.Refresh > 0 {
		page.Again, page.Stay = address, address+"&still=1"
		if r.URL.Query().Get("still") == "1" { // for who reads slowly (WCAG 2.2.1)
			page.Again, page.Stay, page.Refresh = page.Stay, "", 0
			address = page.Again
		}
	}
	page.Frame = h.Frame(w, r, address)
	return h.Pages.Plain(w, http.StatusOK, page)
}

// secretOf is the browser's secret if the session is bound to it, else nil.
func (h *Handlers) secretOf(r *http.Request, s idp.QRSession) idp.Secret {
	secret := h.SecretCookie(r, web.CookieBrowser, 32)
	if secret == nil {
		return nil
	}
	if hash := secret.Hash(); !idp.Equal(s.Browser[:], hash[:]) {
		return nil
	}
	return secret
}

// sessionOf is the session of ?sid=, whoever asks.
func (h *Handlers) sessionOf(r *http.Request) (idp.QRSession, error) {
	sid := r.URL.Query().Get("sid")
	if _, err := idp.DecodeBase32(sid, 16); err != nil {
		return idp.QRSession{}, idp.E(idp.SessionUnknown, "sid")
	}
	s, err := h.Store.Session(r.Context(), sid)
	if errors.Is(err, store.ErrNotFound) {
		return s, idp.E(idp.SessionUnknown, "no session")
	}
	rec := web.RecordFrom(r.Context())
	rec.SID, rec.SP = s.SID, s.SP
	return s, err
}

// plainPage is what a browser without script shows of its session.
func (h *Handlers) plainPage(s idp.QRSession, secret idp.Secret) (pages.PlainPage, error) {
	now := h.Now()
	s = login.Observe(s, now)
	key, err := login.FinishKey(secret, s.SID)
	if err != nil {
		return pages.PlainPage{}, err
	}
	page := pages.PlainPage{
		LoginID: s.Login, AppName: s.Context.App.Name, AppHost: s.Context.App.Host, AppLogo: logoOf(s.Context.App),
		State: plainState(s), SID: s.SID, FinishKey: key.Reveal(),
	}
	switch s.State {
	case idp.StateCreated:
		page.Refresh, page.Decline = plainRefresh, "login_page.cancel"
		return page, h.plainFrame(&page, s, secret)
	case idp.StateScanned:
		page.Refresh, page.Decline = plainRefresh, "login_page.cancel"
		page.Number, page.Device = login.DisplayNumber(s.Number), kindOf(s)
	case idp.StateApproved:
		page.Refresh, page.Continue = int(s.DoneExpiresAt.Sub(now).Seconds())+1, true
		page.Name = (&idp.User{DisplayName: s.UserDisplay}).Masked()
		if page.State == "confirm" {
			page.Decline = "login.buttons.notMe"
		}
	case idp.StateConsumed:
	default:
		page.Renew = true
		if declined(s) {
			page.Decline = "login.buttons.goBack"
		}
	}
	return page, nil
}

// plainFrame adds the current frame, which stays fresh for longer than the page
// is shown, and the user code.
func (h *Handlers) plainFrame(page *pages.PlainPage, s idp.QRSession, secret idp.Secret) error {
	frames, err := h.Masters.Frames(s, h.Config.PublicURL, h.Now())
	if err != nil {
		return err
	}
	if len(frames) == 0 { // a session for a passkey, of a page with script
		page.State, page.Refresh = pages.PlainPasskey, 0
		return nil
	}
	code, err := qr.Encode(frames[0].URL)
	if err != nil {
		return err
	}
	page.Code = &code
	page.TypeAt = h.Config.Host() + "/m"
	page.UserCode, err = h.shownCode(s, secret)
	return err
}

// shownCode is the session's user code, made anew of the browser secret; empty
// if another page of this browser has shown a code of its own.
func (h *Handlers) shownCode(s idp.QRSession, secret idp.Secret) (string, error) {
	for try := range start.CodeTries {
		letters, err := login.PlainCode(secret, s.SID, try)
		if err != nil {
			return "", err
		}
		for _, version := range h.Masters.Versions() {
			mac, err := h.Masters.CodeHash(version, letters)
			if err != nil {
				return "", err
			}
			if idp.Equal(mac, s.CodeHash) {
				return login.DisplayUserCode(letters), nil
			}
		}
	}
	return "", nil
}

// plainState names a session's state as the messages "login.states" do.
func plainState(s idp.QRSession) string {
	hint := login.Hint(s)
	switch {
	case s.State == idp.StateCreated:
		return "waiting"
	case s.State == idp.StateScanned && s.Number != "":
		return "number"
	case s.State == idp.StateScanned:
		return "connected"
	case hint == "confirm_user":
		return "confirm"
	case s.State == idp.StateCancelled && hint != idp.WhyContested:
		return "stopped"
	}
	return hint
}

func kindOf(s idp.QRSession) string {
	if s.PhoneKind == login.AnyPhone {
		return ""
	}
	return s.PhoneKind
}

func logoOf(app idp.ContextApp) string { return "/login/logo/" + web.Initial(app.Name) }
