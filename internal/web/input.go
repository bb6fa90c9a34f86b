package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// Limits of bodies (security-requirements.md 4).
const (
	MaxJSON      = 32 << 10
	MaxAdminJSON = 64 << 10
	MaxForm      = 64 << 10
)

// SameOriginForm admits a top-level form post of our own pages only: it must
// say our Origin (approval-protocol.md 2.3).
func (s *Site) SameOriginForm(r *http.Request) error {
	if r.Header.Get("Origin") != s.Config.PublicURL {
		return idp.E(idp.CrossSite, "form from origin %q", clip(r.Header.Get("Origin"), 100))
	}
	return nil
}

// SameOriginAPI admits API calls that no other site can cause: other than GET
// they need X-Requested-By: latchkey and, with a cookie, our Origin; a foreign
// Origin is always refused.
func (s *Site) SameOriginAPI(r *http.Request) error {
	origin, has := r.Header.Get("Origin"), r.Header.Get("Cookie") != ""
	switch site := r.Header.Get("Sec-Fetch-Site"); {
	case origin != "" && origin != s.Config.PublicURL:
		return idp.E(idp.CrossSite, "call from origin %q", clip(origin, 100))
	case site != "" && site != "same-origin":
		return idp.E(idp.CrossSite, "call with Sec-Fetch-Site %q", clip(site, 20))
	case r.Method == http.MethodGet:
		return nil
	case r.Header.Get("X-Requested-By") != "latchkey":
		return idp.E(idp.CrossSite, "call without X-Requested-By")
	case has && origin == "":
		return idp.E(idp.CrossSite, "call with a cookie and without Origin")
	}
	return nil
}

// ReadJSON reads a body of at most limit bytes into v: one JSON value of type
// application/json. strict refuses members that v does not have.
func ReadJSON(r *http.Request, limit int64, strict bool, v any) error {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/json" {
		return &idp.Error{Code: idp.UnsupportedType, Detail: "content type " + clip(r.Header.Get("Content-Type"), 60)}
	}
	body, err := ReadBody(r, limit)
	if err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	if strict {
		dec.DisallowUnknownFields()
	}
	if err := dec.Decode(v); err != nil {
		return &idp.Error{Code: idp.BadRequest, Detail: "read JSON", Err: err}
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return idp.E(idp.BadRequest, "more than one JSON value")
	}
	return nil
}

// ReadBody reads at most limit bytes; TooLarge if there are more.
func ReadBody(r *http.Request, limit int64) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over) || int64(len(body)) > limit:
		return nil, idp.E(idp.TooLarge, "body over %d bytes", limit)
	case err != nil:
		return nil, &idp.Error{Code: idp.BadRequest, Detail: "read body", Err: err}
	}
	return body, nil
}
