package slo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/outbound"
	"github.com/latchkey-idp/latchkey/internal/saml/binding"
	"github.com/latchkey-idp/latchkey/internal/saml/logout"
	"github.com/latchkey-idp/latchkey/internal/saml/message"
	"github.com/latchkey-idp/latchkey/internal/saml/response"
	"github.com/latchkey-idp/latchkey/internal/saml/soap"
	"github.com/latchkey-idp/latchkey/internal/store"
)

// soapDeadline is how long one application may take to answer a call.
const soapDeadline = 5 * time.Second

// soapAction is the value that SAML suggests (Bindings 3.2.3.1).
const soapAction = `"http://www.oasis-open.org/committees/security"`

// Service ends sessions and tells applications.
type Service struct {
	Store   *store.Store
	Signing func(context.Context, *idp.ServiceProvider) (response.Signing, error)
	Client  *outbound.Client
	Window  message.Window // of answers
	Refused []string       // URIs of algorithms refused in addition
	Record  func(context.Context, idp.AuditEvent)

	// Visits gives, for each protocol besides SAML, the address that a browser
	// visits to be signed out of an application; empty: it has none.
	Visits map[string]func(*idp.ServiceProvider) string
	Clock  idp.Clock
}

// TellServers calls every application that is told by SOAP, side by side, and
// writes what became of it. It returns when all have answered or had their time.
// An error is a failure of ours to write a result down; who is concerned counts
// as not told.
func (s *Service) TellServers(ctx context.Context, l *idp.Logout) error {
	var wg sync.WaitGroup
	errs := make([]error, len(l.Targets))
	for n, t := range l.Targets {
		if t.Binding == idp.BindingSOAP {
			wg.Go(func() { errs[n] = s.tellServer(ctx, l, n) })
		}
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (s *Service) tellServer(ctx context.Context, l *idp.Logout, n int) error {
	outcome, cause := s.call(ctx, l, n)
	return s.settle(ctx, l, n, outcome, cause)
}

// call tells one application by SOAP. The cause is for the audit trail.
func (s *Service) call(ctx context.Context, l *idp.Logout, n int) (idp.LogoutOutcome, error) {
	ctx, cancel := context.WithTimeout(ctx, soapDeadline)
	defer cancel()
	m, sp, err := s.Message(ctx, l, n)
	if err != nil {
		return idp.LogoutLeftOpen, err
	}
	key, err := s.Signing(ctx, sp)
	if err != nil {
		return idp.LogoutLeftOpen, err
	}
	body, err := m.SOAP(key)
	if err != nil {
		return idp.LogoutLeftOpen, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, m.Location(), bytes.NewReader(body))
	if err != nil {
		return idp.LogoutLeftOpen, fmt.Errorf("call %s: %w", sp.EntityID, err)
	}
	r.Header.Set("Content-Type", soap.ContentType)
	r.Header.Set("SOAPAction", soapAction)
	answer, err := s.Client.Do(ctx, r)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return idp.LogoutSilent, err
	case err != nil:
		return idp.LogoutLeftOpen, err
	}
	done, err := s.readAnswer(answer, sp, requestID(l.ID, n))
	if err != nil || !done {
		return idp.LogoutFailed, err
	}
	return idp.LogoutDone, nil
}

// readAnswer reads the LogoutResponse that a call was answered with.
func (s *Service) readAnswer(answer *outbound.Response, sp *idp.ServiceProvider, asked string) (done bool, err error) {
	env, err := soap.Parse(answer.Header.Get("Content-Type"), answer.Body)
	if err != nil {
		return false, fmt.Errorf("HTTP status %d: %w", answer.Status, err)
	}
	if env.IsFault() {
		return false, errors.New("answered with a SOAP fault")
	}
	claim, err := logout.ReadResponse(env.Body)
	if err != nil {
		return false, err
	}
	in := &binding.Inbound{Binding: idp.BindingSOAP, Response: true}
	res, err := logout.JudgeResponse(claim, in, sp, logout.Env{Now: s.Clock(), Window: s.Window, Refused: s.Refused})
	if err != nil {
		return false, err
	}
	if res.InResponseTo != asked {
		return false, idp.Refuse(idp.SLOUnsolicited, "answer to another request")
	}
	return res.Done(), nil
}

// Message makes the LogoutRequest for a target. store.ErrNotFound where the
// application, or its endpoint, is gone.
func (s *Service) Message(ctx context.Context, l *idp.Logout, n int) (*logout.Message, *idp.ServiceProvider, error) {
	if n < 0 || n >= len(l.Targets) || l.Targets[n].Binding == "" {
		return nil, nil, store.ErrNotFound
	}
	t := &l.Targets[n]
	sp, err := s.Store.ServiceProvider(ctx, t.SP)
	if err != nil {
		return nil, nil, err
	}
	to := sp.SLOEndpoint(t.Binding)
	if to == nil {
		return nil, nil, store.ErrNotFound
	}
	m, err := logout.NewRequest(sp, t, to, requestID(l.ID, n), s.Clock())
	return m, sp, err
}

// Answered takes the LogoutResponse that a browser brought from sp, already
// judged. Refusals: slo.unsolicited for an answer to nothing that we asked this
// application, or asked it long ago. The same answer again changes nothing.
func (s *Service) Answered(ctx context.Context, res *logout.Response, sp *idp.ServiceProvider) (*idp.Logout, error) {
	unsolicited := idp.Refuse(idp.SLOUnsolicited, "LogoutResponse to nothing that is pending")
	id, n, ok := parseRequestID(res.InResponseTo)
	if !ok {
		return nil, unsolicited
	}
	l, err := s.Store.Logout(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, unsolicited
	}
	if err != nil {
		return nil, err
	}
	if n >= len(l.Targets) || l.Targets[n].SP != sp.EntityID || l.ExpiresAt.Over(s.Clock.Now()) {
		return nil, unsolicited
	}
	switch l.Targets[n].Binding {
	case idp.BindingRedirect, idp.BindingPOST:
	default: // it was not asked through a browser
		return nil, unsolicited
	}
	outcome := idp.LogoutFailed
	if res.Done() {
		outcome = idp.LogoutDone
	}
	return l, s.settle(ctx, l, n, outcome, nil)
}

// Visited notes that a browser was sent to the address of a target: all that
// can be known of it.
func (s *Service) Visited(ctx context.Context, l *idp.Logout, n int) error {
	return s.settle(ctx, l, n, idp.LogoutAsked, nil)
}

// settle writes the outcome of a target down, the first one only.
func (s *Service) settle(ctx context.Context, l *idp.Logout, n int, outcome idp.LogoutOutcome, cause error) error {
	err := s.Store.PutLogoutResult(ctx, l, idp.LogoutResult{Target: n, Outcome: outcome, At: s.Clock.Now()})
	if errors.Is(err, store.ErrConflict) {
		return nil
	}
	if err != nil {
		return err
	}
	s.told(ctx, l, n, outcome, cause)
	return nil
}

// requestID is the ID of the LogoutRequest to a target: it says which logout it
// belongs to, since an answer that a frame brings comes without a cookie.
func requestID(id string, n int) string { return "_" + id + "-" + strconv.Itoa(n) }

func parseRequestID(v string) (id string, n int, ok bool) {
	rest, ok := strings.CutPrefix(v, "_")
	if !ok {
		return "", 0, false
	}
	id, number, ok := strings.Cut(rest, "-")
	n, err := strconv.Atoi(number)
	if _, bad := idp.DecodeBase32(id, 16); !ok || bad != nil || err != nil || n < 0 || requestID(id, n) != v {
		return "", 0, false
	}
	return id, n, true
}
