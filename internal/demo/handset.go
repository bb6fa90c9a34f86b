package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"sync"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/phone"
	"github.com/latchkey-idp/latchkey/internal/phone/scan"
	"github.com/latchkey-idp/latchkey/internal/qr"
)

const (
	maxText    = 4 << 10
	maxPicture = 16 << 20
	pngScale   = 8 // pixels of a module
)

// handset serves the page of the demo phone: what a phone shows, and what a
// person does with it. It holds one request at a time, as a phone does.
type handset struct {
	demo  *Demo
	pages *pages

	mu      sync.Mutex
	request *phone.Request
}

func newHandset(d *Demo) *handset { return &handset{demo: d} }

func (h *handset) handler(p *pages) http.Handler {
	h.pages = p
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", h.page)
	mux.HandleFunc("GET /screen.png", h.screenshot)
	mux.HandleFunc("GET /api/request", h.own(h.current))
	mux.HandleFunc("POST /api/look", h.own(h.look))
	mux.HandleFunc("POST /api/text", h.own(h.text))
	mux.HandleFunc("POST /api/picture", h.own(h.picture))
	mux.HandleFunc("POST /api/approve", h.own(h.approve))
	mux.HandleFunc("POST /api/deny", h.own(h.deny))
	mux.Handle("/assets/", p.assets)
	return p.guard(h.demo.Phone, mux)
}

type phonePage struct {
	App, User, IDP, Command, Home string
}

func (h *handset) page(w http.ResponseWriter, _ *http.Request) {
	idpURL, err := url.Parse(h.demo.IDP)
	if err != nil {
		http.Error(w, "no address", http.StatusInternalServerError)
		return
	}
	h.pages.show(w, http.StatusOK, "phone.html", phonePage{
		App: appName, User: h.demo.device.Info().User, IDP: idpURL.Host,
		Command: h.demo.Command("approve"), Home: h.demo.App,
	})
}

// screenshot is the picture that the sign-in page shows: what a camera sees.
func (h *handset) screenshot(w http.ResponseWriter, _ *http.Request) {
	text, ok := h.demo.screen.text()
	if !ok {
		http.Error(w, "No code is on the screen. Start a sign-in at "+h.demo.App, http.StatusNotFound)
		return
	}
	code, err := qr.Encode(text)
	if err == nil {
		var picture []byte
		if picture, err = code.PNG(pngScale); err == nil {
			w.Header().Set("Content-Type", "image/png")
			_, _ = w.Write(picture)
			return
		}
	}
	http.Error(w, "The code cannot be drawn.", http.StatusInternalServerError)
}

// view is what the phone's page is told.
type view struct {
	Status      string   `json:"status"` // none, request, approved, denied
	App         string   `json:"app,omitempty"`
	Host        string   `json:"host,omitempty"`
	Browser     string   `json:"browser,omitempty"`
	OS          string   `json:"os,omitempty"`
	Place       string   `json:"place,omitempty"`
	RequestedAt int64    `json:"requested_at,omitempty"`
	ExpiresAt   int64    `json:"expires_at,omitempty"`
	Now         int64    `json:"now"`
	Warnings    []string `json:"warnings,omitempty"`
	Error       string   `json:"error,omitempty"`
}

// errNoRequest means that the phone shows no sign-in to answer.
var errNoRequest = errors.New("there is no sign-in to answer; scan the code first")

var (
	errNoPicture = errors.New("no code is on the screen; open the application and start to sign in")
	errInput     = errors.New("this cannot be read")
)

// own admits calls of our own page only: this page can approve.
func (h *handset) own(call func(*http.Request) (view, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		site := r.Header.Get("Sec-Fetch-Site")
		foreign := site != "" && site != "same-origin" || r.Header.Get("X-Requested-By") != "latchkey-demo"
		if r.Method != http.MethodGet && r.Header.Get("Origin") != h.demo.Phone {
			foreign = true
		}
		if foreign {
			http.Error(w, "This call is for the phone's own page.", http.StatusForbidden)
			return
		}
		v, err := call(r)
		status := http.StatusOK
		if err != nil {
			v, status = view{Error: words(err)}, http.StatusUnprocessableEntity
		}
		v.Now = h.demo.opt.Clock.Now().Seconds()
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(v) // the browser went away: nothing to tell it
	}
}

// words tells a refusal as the phone would.
func words(err error) string {
	var p *phone.Problem
	var e *idp.Error
	switch {
	case errors.As(err, &p) && p.Detail != "":
		return p.Detail
	case errors.As(err, &e):
		return e.Words()
	case errors.Is(err, phone.ErrForeign):
		return idp.QRInvalid.Info().Words
	case errors.Is(err, scan.ErrNoCode):
		return "There is no code in this picture. Show all of the code, with its white border."
	case errors.Is(err, errNoRequest), errors.Is(err, errNoPicture), errors.Is(err, errInput):
		return sentence(err.Error())
	}
	return idp.Internal.Info().Words
}

func sentence(s string) string { return string(bytes.ToUpper([]byte(s[:1]))) + s[1:] + "." }

func (h *handset) current(*http.Request) (view, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.request == nil || h.request.ExpiresAt <= h.demo.opt.Clock.Now().Seconds() {
		return view{Status: "none"}, nil
	}
	return show(h.request), nil
}

func (h *handset) look(r *http.Request) (view, error) {
	text, ok := h.demo.screen.text()
	if !ok {
		return view{}, errNoPicture
	}
	return h.claim(r.Context(), text)
}

func (h *handset) text(r *http.Request) (view, error) {
	var body struct{ Text string }
	if err := json.NewDecoder(http.MaxBytesReader(nil, r.Body, maxText)).Decode(&body); err != nil {
		return view{}, errInput
	}
	return h.claim(r.Context(), body.Text)
}

func (h *handset) picture(r *http.Request) (view, error) {
	text, err := scan.Image(http.MaxBytesReader(nil, r.Body, maxPicture))
	if errors.Is(err, scan.ErrNoCode) {
		return view{}, err
	}
	if err != nil {
		return view{}, errInput
	}
	return h.claim(r.Context(), text)
}

func (h *handset) claim(ctx context.Context, text string) (view, error) {
	request, err := h.demo.device.Claim(ctx, text)
	if err != nil {
		return view{}, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.request = request
	return show(request), nil
}

func show(r *phone.Request) view {
	return view{
		Status: "request", App: r.Context.App.Name, Host: r.Context.App.Host,
		Browser: r.Context.Browser, OS: r.Context.OS, Place: r.Context.Place,
		RequestedAt: r.Context.RequestedAt, ExpiresAt: r.ExpiresAt, Warnings: r.Warnings,
	}
}

func (h *handset) approve(r *http.Request) (view, error) {
	return h.answer("approved", func(request *phone.Request) error {
		_, err := h.demo.device.Approve(r.Context(), request)
		return err
	})
}

func (h *handset) deny(r *http.Request) (view, error) {
	return h.answer("denied", func(request *phone.Request) error {
		return h.demo.device.Deny(r.Context(), request, idp.WhyNotMe)
	})
}

// answer ends the request that the phone shows.
func (h *handset) answer(status string, do func(*phone.Request) error) (view, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.request == nil {
		return view{}, errNoRequest
	}
	v := show(h.request)
	v.Status = status
	if err := do(h.request); err != nil {
		return view{}, err
	}
	h.request = nil
	return v, nil
}
