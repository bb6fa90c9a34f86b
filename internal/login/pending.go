package login

import "github.com/latchkey-idp/latchkey/internal/idp"

// CheckBrowser is step 1 of create (5.2) for the LOGIN item: may this browser
// (nil: it sent no cookie) show a code for the login? Errors: session_unknown,
// login_expired, wrong_state, cookies_needed, not_your_browser.
func CheckBrowser(l idp.Login, browser *idp.BrowserSecret, now idp.Millis) error {
	switch {
	case l.ID == "":
		return idp.E(idp.SessionUnknown, "no login")
	case l.ExpiresAt.Over(now):
		return idp.E(idp.LoginExpired, "login over")
	case l.Done != "":
		return wrongState("login is done")
	case browser == nil:
		return idp.E(idp.CookiesNeeded, "no browser secret")
	case l.Browser != nil && !idp.Equal(l.Browser[:], browser[:]):
		return idp.E(idp.NotYourBrowser, "login is bound to another browser")
	}
	return nil
}

// Begin is step 3 of create: it binds the login to the browser and makes sid
// its current session, within the limits of section 8. The same sid again
// changes nothing, so that a create that crashed half way can be repeated.
func Begin(l idp.Login, browser idp.BrowserSecret, sid string, now idp.Millis) (idp.Login, error) {
	if err := CheckBrowser(l, &browser, now); err != nil {
		return l, err
	}
	if l.Current == sid {
		return l, nil
	}
	if l.Creates >= MaxCreates {
		return l, idp.E(idp.LoginExpired, "%d sessions made", l.Creates)
	}
	if next := l.LastAt.Add(CreateGap); l.Creates > 0 && !next.Over(now) {
		return l, &idp.Error{
			Code:       idp.SlowDown,
			Detail:     "sessions of one login too fast",
			Args:       map[string]string{"n": "2"},
			RetryAfter: next.Sub(now),
		}
	}
	l.Browser = &browser
	l.Current = sid
	l.Creates++
	l.LastAt = now
	return l, nil
}

// Bind gives the login to the browser that is shown something of it.
func Bind(l idp.Login, browser idp.BrowserSecret, now idp.Millis) (idp.Login, error) {
	if err := CheckBrowser(l, &browser, now); err != nil {
		return l, err
	}
	l.Browser = &browser
	return l, nil
}

// Continued is what Login.Done says when an SSO session did it.
func Continued(ssoSID string) string { return "sso." + ssoSID }

// Continue marks the login as done by the browser's SSO session. A repeat by
// the same session within FinishRepeat changes nothing, so that an answer that
// was lost can be asked for again.
func Continue(l idp.Login, browser idp.BrowserSecret, ssoSID string, now idp.Millis) (idp.Login, error) {
	done := Continued(ssoSID)
	if l.Done == done && l.Browser != nil && idp.Equal(l.Browser[:], browser[:]) {
		if now >= l.DoneAt.Add(FinishRepeat) {
			return l, wrongState("login is done")
		}
		return l, nil
	}
	if err := CheckBrowser(l, &browser, now); err != nil {
		return l, err
	}
	l.Browser, l.Current, l.Done, l.DoneAt = &browser, "", done, now
	return l, nil
}

// Complete marks the login as done by sid (5.4). A login is done by its
// current session and by one only; the same sid again changes nothing.
func Complete(l idp.Login, sid string) (idp.Login, error) {
	if l.Current != sid || l.Done != "" && l.Done != sid {
		return l, wrongState("session is not the login's current one, or the login is done")
	}
	l.Done = sid
	return l, nil
}
