package pages

import (
	"net/http"

	"github.com/latchkey-idp/latchkey/internal/qr"
)

// PlainPage is a sign-in for browsers that run no script (approval-protocol.md
// 16.1): the state it is in, and forms for what can be done.
type PlainPage struct {
	Frame
	LoginID string // as in /login?l=<id>
	AppName string // as registered
	AppHost string // where the answer goes
	AppLogo string // path on this origin; empty: none

	State    string   // of the messages "login.states", or PlainPasskey
	Code     *qr.Code // to be scanned; nil: none
	UserCode string   // BCDF-GHJK, to be typed at TypeAt; empty: none
	TypeAt   string   // address without its scheme
	Number   string   // digits to be typed on the phone; empty: none
	Device   string   // kind of the phone; empty: any
	Name     string   // masked name of who approved

	Refresh int    // seconds after which the page loads itself again; 0: never
	Again   string // this page, to be loaded by hand; empty: it will not change
	Stay    string // this page without Refresh; empty: it has none

	SID       string // of the session
	FinishKey string // 16 bytes, base64url
	Continue  bool   // the person can go on to the application
	Decline   string // label, by its key, of the way back without a sign-in; empty: none
	Renew     bool   // a new code can be asked for
}

// PlainPasskey is the state of a sign-in that needs a passkey, and so a script.
const PlainPasskey = "passkey"

type plainData struct {
	PlainPage
	Icon string
}

// plainIcons are those of the states that show no code.
var plainIcons = map[string]string{
	"connected": "phone", "number": "phone", "confirm": "person", "approved": "done", "consumed": "done",
	"expired": "clock", "contested": "shield", "number_mismatch": "shield", PlainPasskey: "key",
}

// Plain writes the page with an HTTP status. On an error before the first byte
// nothing has been written.
func (p *Pages) Plain(w http.ResponseWriter, status int, page PlainPage) error {
	page.Frame = p.frame(page.Frame)
	page.AppLogo, page.Again, page.Stay = ownPath(page.AppLogo), ownPath(page.Again), ownPath(page.Stay)
	icon := plainIcons[page.State]
	if icon == "" {
		icon = "stop"
	}
	return write(w, status, "; style-src 'self'; img-src 'self'; form-action 'self'", p.plain, plainData{page, icon})
}
