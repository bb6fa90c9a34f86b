package sso

import (
	"errors"
	"net/http"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/obs"
	"github.com/latchkey-idp/latchkey/internal/saml/acr"
	"github.com/latchkey-idp/latchkey/internal/saml/binding"
	"github.com/latchkey-idp/latchkey/internal/saml/request"
	"github.com/latchkey-idp/latchkey/internal/web"
)

// maxPost bounds the form of a POSTed request: a SAMLRequest of 32 KiB, its
// percent-encoding, and a RelayState.
const maxPost = 128 << 10

func (h *Handlers) redirect(w http.ResponseWriter, r *http.Request) error {
	in, err := binding.Redirect(r.URL.RawQuery)
	if err != nil {
		return h.Start.Rejected(nil, err)
	}
	return h.receive(w, r, in)
}

func (h *Handlers) post(w http.ResponseWriter, r *http.Request) error {
	body, err := web.ReadBody(r, maxPost)
	if err != nil {
		return h.Start.Rejected(nil, err)
	}
	in, err := binding.POST(r.Header.Get("Content-Type"), body)
	if err != nil {
		return h.Start.Rejected(nil, err)
	}
	return h.receive(w, r, in)
}

// receive judges a request, stores it as a Login, and sends the browser to our
// own page with 303 (a cross-site POST carries no Lax cookie; the GET after it
// does). Neither a write nor the key is used before the request is judged.
func (h *Handlers) receive(w http.ResponseWriter, r *http.Request, in *binding.Inbound) error {
	req, err := request.Parse(in)
	if err != nil {
		return h.Start.Rejected(nil, err)
	}
	sp, err := h.Sender(r.Context(), req.Issuer)
	if err != nil {
		return h.Start.Rejected(nil, err)
	}
	draft, err := request.Judge(req, in, sp, h.env())
	var answer *request.Answer
	if errors.As(err, &answer) {
		return h.refuseRequest(w, r, sp, draft, answer)
	}
	if err != nil {
		return h.Start.Rejected(sp, err)
	}
	return h.Start.Begin(w, r, draft, sp)
}

func (h *Handlers) env() request.Env {
	level := acr.LevelQR
	if h.Passkeys {
		level = acr.LevelPHRHW
	}
	return request.Env{
		Level: level, EntityID: h.Config.EntityID,
		SSOURL: h.Config.SSOURL(), Now: h.Clock(), Window: h.Window(),
		Local: h.Config.Local(), Refused: h.Config.RefusedAlgorithms,
	}
}

// refuseRequest answers an authentic request with a SAML status.
func (h *Handlers) refuseRequest(w http.ResponseWriter, r *http.Request, sp *idp.ServiceProvider, l *idp.Login, a *request.Answer) error {
	h.Metrics.Count(obs.RequestRejected, map[string]string{obs.Reason: statusReason(a.Second)})
	return h.fail(w, r, failure{
		protocol: sp.Protocol, sp: sp, status: &a.StatusError, acs: a.ACS, requestID: l.RequestID, issuer: h.Issuer(sp),
		relayState: l.RelayState, hasRelayState: l.HasRelayState,
	})
}
