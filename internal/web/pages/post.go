package pages

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"
)

// PostPage is a form that submits itself: a SAML message on its way to an
// application by the HTTP-POST binding (saml-bindings-2.0-os 3.5.4), or the next
// step on this origin.
type PostPage struct {
	Frame

	Action  string // absolute http or https URL, as registered, or a path on this origin
	Fields  []Field
	AppName string // as registered; empty: none is named
}

// Fields of a SAML message by the HTTP-POST binding. name is SAMLRequest or
// SAMLResponse; an empty RelayState is a field, an absent one is none.
func Message(name, base64 string, relayState string, hasRelayState bool) []Field {
	fields := []Field{{name, base64}}
	if hasRelayState {
		fields = append(fields, Field{"RelayState", relayState})
	}
	return fields
}

type postData struct {
	PostPage
	Nonce string
}

// Lines are the parts of a field's value between carriage returns: a parser
// turns a literal CR into LF, so the template writes each one as a character
// reference.
func (f Field) Lines() []string { return strings.Split(f.Value, "\r") }

// AutoPost writes a form that submits itself, 200. Without script, and when
// that takes longer than two seconds, there is a Continue button.
//
// RelayState reaches the browser unchanged. The form a browser sends has CR LF
// for every line break in it, whatever the page holds (HTML, "convert to a
// list of name-value pairs"); a NUL or invalid UTF-8 cannot be put into a page
// at all and is an error. On an error before the first byte nothing has been
// written.
func (p *Pages) AutoPost(w http.ResponseWriter, page PostPage) error {
	if err := page.check(); err != nil {
		return err
	}
	nonce, err := p.nonce()
	if err != nil {
		return err
	}
	page.Frame = p.frame(page.Frame)
	// The SP needs our origin, and no-referrer would make it "null".
	w.Header().Set("Referrer-Policy", "strict-origin")
	// No form-action: Chromium applies it to redirects after the post too, and
	// many an SP redirects to another origin. The target is configuration.
	return write(w, http.StatusOK, "; script-src 'nonce-"+nonce+"'; style-src 'self'", p.post, postData{page, nonce})
}

func (page *PostPage) check() error {
	if ownPath(page.Action) == "" {
		to, err := url.Parse(page.Action)
		if err != nil {
			return fmt.Errorf("parse target of a form: %w", err)
		}
		if to.Scheme != "https" && to.Scheme != "http" || to.Host == "" {
			return errors.New("target of a form is not an absolute http or https URL")
		}
	}
	for _, f := range page.Fields {
		if !utf8.ValidString(f.Value) || strings.ContainsRune(f.Value, 0) {
			return fmt.Errorf("%s holds what HTML cannot", f.Name)
		}
	}
	return nil
}
