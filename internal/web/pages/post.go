package pages

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"
)

// PostPage takes a SAML response to an application by the HTTP-POST binding
// (saml-bindings-2.0-os 3.5.4).
type PostPage struct {
	Frame

	ACS           string // absolute http or https URL, as registered
	SAMLResponse  string // base64
	RelayState    string
	HasRelayState bool   // false: no field; true: a field, also when empty
	AppName       string // as registered
}

type postData struct {
	PostPage
	Nonce      string
	RelayState []string // split at carriage returns
}

// AutoPost writes a form that submits itself, 200. Without script, and when
// that takes longer than two seconds, there is a Continue button.
//
// RelayState reaches the browser unchanged. The form a browser sends has CR LF
// for every line break in it, whatever the page holds (HTML, "convert to a
// list of name-value pairs"); a NUL or invalid UTF-8 cannot be put into a page
// at all and is an error. On an error before the first byte nothing has been
// written.
func (p *Pages) AutoPost(w http.ResponseWriter, page PostPage) error {
	acs, err := url.Parse(page.ACS)
	if err != nil {
		return fmt.Errorf("parse assertion consumer service: %w", err)
	}
	if acs.Scheme != "https" && acs.Scheme != "http" || acs.Host == "" {
		return errors.New("assertion consumer service is not an absolute http or https URL")
	}
	if !utf8.ValidString(page.RelayState) || strings.ContainsRune(page.RelayState, 0) {
		return errors.New("RelayState holds what HTML cannot")
	}
	nonce, err := p.nonce()
	if err != nil {
		return err
	}
	page.Frame = p.frame(page.Frame)
	data := postData{
		PostPage: page,
		Nonce:    nonce,
		// A parser turns a literal CR into LF, so the template writes each
		// one as a character reference.
		RelayState: strings.Split(page.RelayState, "\r"),
	}
	// The SP needs our origin, and no-referrer would make it "null".
	w.Header().Set("Referrer-Policy", "strict-origin")
	// No form-action: Chromium applies it to redirects after the post too, and
	// many an SP redirects to another origin. The target is configuration.
	return write(w, http.StatusOK, "; script-src 'nonce-"+nonce+"'; style-src 'self'", p.post, data)
}
