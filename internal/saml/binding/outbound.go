package binding

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
)

// Outbound is a message on its way to an application.
type Outbound struct {
	Location      string // as registered
	Response      bool   // it goes as SAMLResponse
	XML           []byte
	RelayState    string
	HasRelayState bool
}

// Name is that of the parameter or form field that carries the message.
func (out *Outbound) Name() string {
	if out.Response {
		return "SAMLResponse"
	}
	return "SAMLRequest"
}

// Base64 is the message as a field of the HTTP-POST binding holds it (SAML
// Bindings 3.5.4).
func (out *Outbound) Base64() string { return base64.StdEncoding.EncodeToString(out.XML) }

// RedirectURL is the message as an address of the HTTP-Redirect binding, DEFLATE
// encoding (SAML Bindings 3.4.4.1). sign appends the signature to the query that
// it is given; the query that Location may have itself is not part of that.
func (out *Outbound) RedirectURL(sign func(query string) (string, error)) (string, error) {
	var compressed bytes.Buffer
	w, err := flate.NewWriter(&compressed, flate.BestCompression)
	if err != nil {
		return "", fmt.Errorf("deflate message: %w", err)
	}
	if _, err := w.Write(out.XML); err != nil {
		return "", fmt.Errorf("deflate message: %w", err)
	}
	if err := w.Close(); err != nil {
		return "", fmt.Errorf("deflate message: %w", err)
	}
	query := out.Name() + "=" + url.QueryEscape(base64.StdEncoding.EncodeToString(compressed.Bytes()))
	if out.HasRelayState {
		query += "&RelayState=" + url.QueryEscape(out.RelayState)
	}
	if query, err = sign(query); err != nil {
		return "", err
	}
	address, _, _ := strings.Cut(out.Location, "#")
	if strings.Contains(address, "?") {
		return address + "&" + query, nil
	}
	return address + "?" + query, nil
}
