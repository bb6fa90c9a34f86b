package web

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strconv"

	"github.com/latchkey-idp/latchkey/internal/audit"
	"github.com/latchkey-idp/latchkey/internal/config"
	"github.com/latchkey-idp/latchkey/internal/i18n"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/obs"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/web/pages"
)

// Site is what the handlers of a deployment share.
type Site struct {
	Config  config.Config
	Store   *store.Store
	Audit   *audit.Trail
	Pages   *pages.Pages
	Log     *slog.Logger
	Metrics obs.Metrics
	Clock   idp.Clock
	Random  io.Reader
}

// Now is the clock's time.
func (s *Site) Now() idp.Millis { return s.Clock.Now() }

// Handler is an HTTP handler that may fail. A returned error is the answer,
// rendered by Page or API; nothing may have been written before.
type Handler func(w http.ResponseWriter, r *http.Request) error

// Page makes a handler whose errors are shown as a page.
func (s *Site) Page(h Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			s.ErrorPage(w, r, err)
		}
	}
}

// API makes a handler whose errors are problem+json (RFC 9457).
func (s *Site) API(h Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			s.Problem(w, r, err)
		}
	}
}

// ErrorPage shows err as a page: plain words, a reference, nothing of the request.
func (s *Site) ErrorPage(w http.ResponseWriter, r *http.Request, err error) {
	if err := s.ErrorForm(w, r, err, nil); err != nil {
		RecordFrom(r.Context()).Err = err.Error()
	}
}

// ErrorForm shows err as a page with a form as the way on.
func (s *Site) ErrorForm(w http.ResponseWriter, r *http.Request, err error, form *pages.Form) error {
	e := s.Note(w, r, err)
	f := s.Frame(w, r, "")
	title, words, err := told(f.Locale, e)
	if err != nil {
		return err
	}
	return s.Pages.Message(w, e.Code.Info().Status, pages.MessagePage{
		Frame: f, Title: title, Words: words, Detail: e.Fix, Reference: RecordFrom(r.Context()).CorrID, Form: form,
	})
}

// told is an error in the words of a language.
func told(l i18n.Locale, e *idp.Error) (title, words string, err error) {
	code := e.Code
	if !l.Has("errors." + string(code) + ".title") {
		code = idp.Internal
	}
	key := "errors." + string(code)
	if title, err = l.T(key + ".title"); err != nil {
		return "", "", err
	}
	value := func(name, absent string) string { return cmp.Or(e.Args[name], absent) }
	words, err = l.T(key+".words", "app", value("app", "..."), "n", value("n", "0"), "time", value("time", "..."))
	return title, words, err
}

// problem is the wire form of an error (approval-protocol.md 9).
type problem struct {
	Type   string    `json:"type"`
	Title  string    `json:"title"`
	Status int       `json:"status"`
	Code   idp.Code  `json:"code"`
	Detail string    `json:"detail"`
	Retry  idp.Retry `json:"retry"`
	State  idp.State `json:"state,omitempty"`
	Trace  string    `json:"trace"`
}

// Problem writes err as problem+json.
func (s *Site) Problem(w http.ResponseWriter, r *http.Request, err error) {
	e := s.Note(w, r, err)
	info := e.Code.Info()
	p := problem{
		Type: s.Config.PublicURL + "/problems/" + string(e.Code), Title: info.Title, Status: info.Status,
		Code: e.Code, Detail: e.Words(), Retry: info.Retry, State: e.State, Trace: RecordFrom(r.Context()).CorrID,
	}
	if e.Detail != "" && (e.Code == idp.Invalid || e.Code == idp.Conflict) {
		p.Detail = e.Detail // an administrator's own input
	}
	w.Header().Set("Content-Type", "application/problem+json")
	writeJSON(w, info.Status, p)
}

// Note puts err on the request's log line and sets the headers of its code.
func (s *Site) Note(w http.ResponseWriter, r *http.Request, err error) *idp.Error {
	e := idp.AsError(err)
	if e.Code == idp.Internal && errors.Is(err, store.ErrConflict) { // nobody made better use of it
		e = &idp.Error{Code: idp.Busy, Detail: "changed meanwhile", Err: err}
	}
	rec := RecordFrom(r.Context())
	rec.Reason, rec.Detail = e.LogReason(), e.Detail
	if e.Err != nil {
		rec.Err = e.Err.Error()
	}
	if e.SP != "" {
		rec.SP = e.SP
	}
	if e.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(e.RetryAfter.Seconds())))
	} else if e.Code == idp.Busy {
		w.Header().Set("Retry-After", "2")
	}
	if e.Code == idp.Unauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="latchkey admin"`)
	}
	return e
}

// JSON answers with a value.
func JSON(w http.ResponseWriter, status int, v any) error {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	writeJSON(w, status, v)
	return nil
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v) // the client went away; nothing to be done
}

// Record writes an audit event with the request's client. A failure is logged
// and does not fail the request, except where the caller needs it to.
func (s *Site) Record(ctx context.Context, e idp.AuditEvent) {
	client := idp.ClientFrom(ctx)
	e.IP, e.Place = client.IP, client.Place
	if rec := RecordFrom(ctx); rec.UA != "" {
		e.UA = rec.UA
	}
	if err := s.Audit.Write(ctx, e); err != nil {
		s.Log.ErrorContext(ctx, "audit write failed", "event", e.Event, "corr_id", RecordFrom(ctx).CorrID, "error", err.Error())
	}
}
