package ecp

import (
	"errors"
	"net/http"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/soap"
	"github.com/latchkey-idp/latchkey/internal/web"
)

// challenge asks a program for an app password (RFC 7617).
const challenge = `Basic realm="Latchkey app password", charset="UTF-8"`

// fault answers with an error in a SOAP envelope, in our own words. A message
// that is refused has the status of SOAP, 500 (SOAP 1.1 6.2); what HTTP has a
// status for (who are you, not here, too often) has that.
func (h *Handlers) fault(w http.ResponseWriter, r *http.Request, err error) {
	e := h.Note(w, r, err)
	status := e.Code.Info().Status
	if e.Code == idp.SAMLRefused {
		status = http.StatusInternalServerError
	}
	if e.Code == idp.Unauthorized {
		w.Header().Set("WWW-Authenticate", challenge)
	}
	var f *soap.Fault
	if !errors.As(err, &f) {
		f = &soap.Fault{Code: soap.CodeClient, Text: words(e)}
		if e.Code.Info().Status >= http.StatusInternalServerError {
			f.Code = soap.CodeServer
		}
	}
	told := *f
	told.Text += " Reference: " + web.RecordFrom(r.Context()).CorrID
	write(w, status, told.XML())
}

// words are for whoever reads the log of a program.
func words(e *idp.Error) string {
	switch {
	case e.Reason == idp.ECPOff:
		return "This application does not let programs sign in."
	case e.Code == idp.Unauthorized:
		return "Give the person's e-mail address and an app password that is for this application."
	case e.Code == idp.SAMLRefused:
		return "The sign-in request was refused."
	}
	return e.Words()
}

func write(w http.ResponseWriter, status int, envelope []byte) {
	w.Header().Set("Content-Type", soap.ContentType)
	w.WriteHeader(status)
	_, _ = w.Write(envelope) // the client went away; nothing to be done
}
