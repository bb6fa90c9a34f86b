package pages

import (
	"net/http"
	"strings"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// States of a LogoutPage.
const (
	LogoutAsk     = "ask"     // the person wants to; nothing has ended
	LogoutConfirm = "confirm" // an application says so without proof; nothing has ended
	LogoutUnder   = "under"   // our session is over, applications are being told
	LogoutOver    = "over"    // everybody has confirmed
	LogoutPartial = "partial" // somebody has not
)

// LogoutPage signs a person out. It works without script, too: the forms and
// frames are there, and looking again shows how far it has come.
type LogoutPage struct {
	Frame
	State    string
	LogoutID string // as in /logout?l=<id>; empty: none yet
	AppName  string // of the application that wants it; empty: the person does
	Back     bool   // there is an application to go back to
	Apps     []LogoutApp
	Tell     []string // addresses on this origin of frames that tell applications

	// Insecure lets frames go to http on this machine (local mode).
	Insecure bool
}

// LogoutApp is an application that takes part in the session.
type LogoutApp struct {
	Name    string
	Outcome idp.LogoutOutcome // empty before anything ended
}

type logoutData struct {
	LogoutPage
	Nonce string
	Icon  string
}

// Outcomes are those that the page has words for.
func (LogoutPage) Outcomes() []idp.LogoutOutcome {
	return []idp.LogoutOutcome{idp.LogoutPending, idp.LogoutDone, idp.LogoutFailed, idp.LogoutSilent, idp.LogoutUntold, idp.LogoutLeftOpen, idp.LogoutAsked}
}

// Key is the name of the outcome's words, logout_page.outcomes.<key>.
func (a LogoutApp) Key() string { return "logout_page.outcomes." + string(a.Outcome) }

var logoutIcons = map[string]string{
	LogoutAsk: "person", LogoutConfirm: "shield", LogoutUnder: "clock", LogoutOver: "done", LogoutPartial: "alert",
}

// Logout writes the page, 200. On an error before the first byte nothing has
// been written.
func (p *Pages) Logout(w http.ResponseWriter, page LogoutPage) error {
	nonce, err := p.nonce()
	if err != nil {
		return err
	}
	page.Frame = p.frame(page.Frame)
	policy := scripted(w, nonce, page.ReportTo)
	// No form-action: the answer to the application may be a redirect, to which
	// Chromium applies it. The forms are our own, and hold nothing of a request.
	policy = strings.Replace(policy, "; form-action 'self'", "", 1)
	if len(page.Tell) > 0 {
		// The applications may redirect on their way back to us.
		policy += "; frame-src 'self' https:"
		if page.Insecure {
			policy += " http://localhost:* http://127.0.0.1:*"
		}
	}
	return write(w, http.StatusOK, policy, p.logout, logoutData{page, nonce, logoutIcons[page.State]})
}
