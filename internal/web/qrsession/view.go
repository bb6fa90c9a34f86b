package qrsession

import (
	"net/http"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/login"
	"github.com/latchkey-idp/latchkey/internal/qr"
	"github.com/latchkey-idp/latchkey/internal/web"
)

// view is what the login page sees of a session (approval-protocol.md 15.1).
type view struct {
	SID         string     `json:"sid"`
	V           int64      `json:"v"`
	Status      idp.State  `json:"status"`
	Hint        string     `json:"hint"`
	Mode        string     `json:"mode"`
	ServerTime  idp.Millis `json:"server_time"`
	ExpiresAt   int64      `json:"expires_at"`
	PollAfterMS int64      `json:"poll_after_ms"`
	Frames      []frame    `json:"frames"`
	Match       *string    `json:"match"`
	Device      *device    `json:"device"`
	ContinueAs  *string    `json:"continue_as"`
	Remembered  *person    `json:"remembered"`
	App         app        `json:"app"`

	// Return: the SP can be told how this ended, by posting the finish form.
	Return bool `json:"return"`
	// Extend: "More time" can still be asked for.
	Extend bool `json:"extend"`
	// Codes left to ask for by "Can't scan?".
	CodesLeft int `json:"codes_left"`
}

// frame is a picture of the rotating code: its text and, so that the page
// needs no encoder, its modules (qr.Code.Bitmap).
type frame struct {
	login.TimedFrame
	Size int    `json:"size"`
	Bits string `json:"bits"`
}

type device struct {
	Kind string `json:"kind"`
}

// person is who used this browser last, as a screen may show it.
type person struct {
	Display string `json:"display"`
	Push    bool   `json:"push"`
}

type app struct {
	Name string `json:"name"`
	Host string `json:"host"`
	Logo string `json:"logo"`
}

func (h *Handlers) view(w http.ResponseWriter, r *http.Request, status int, s idp.QRSession) error {
	now := h.Now()
	s = login.Observe(s, now)
	rec := web.RecordFrom(r.Context())
	rec.SP, rec.SID = s.SP, s.SID
	frames, err := h.frames(s, now)
	if err != nil {
		return err
	}
	v := view{
		SID: s.SID, V: s.Version, Status: s.State, Hint: login.Hint(s), Mode: s.Mode,
		ServerTime: now, ExpiresAt: login.EndsAt(s).Seconds(), PollAfterMS: login.PollAfter(s, now).Milliseconds(),
		Frames: frames,
		App:    app{Name: s.Context.App.Name, Host: s.Context.App.Host, Logo: "/login/logo/" + web.Initial(s.Context.App.Name)},
		Extend: s.State == idp.StateCreated && login.MayExtend(s),
	}
	if s.State == idp.StateCreated {
		v.CodesLeft = login.MaxCodes - s.Codes
	}
	if s.State == idp.StateScanned || s.State == idp.StateApproved {
		v.Device = &device{Kind: s.PhoneKind}
	}
	if s.State == idp.StateScanned && s.Number != "" {
		v.Match = &s.Number
	}
	if n := len(s.Known); n > 0 {
		v.Remembered = &person{Display: s.Known[n-1].Shown}
	}
	if s.State == idp.StateApproved {
		masked := (&idp.User{DisplayName: s.UserDisplay}).Masked()
		v.ContinueAs = &masked
	}
	v.Return = s.State == idp.StateDenied || s.State == idp.StateCancelled && s.Why == idp.WhyBrowser
	return web.JSON(w, status, v)
}

func (h *Handlers) frames(s idp.QRSession, now idp.Millis) ([]frame, error) {
	timed, err := h.Masters.Frames(s, h.Config.PublicURL, now)
	if err != nil {
		return nil, err
	}
	out := make([]frame, len(timed))
	for i, t := range timed {
		code, err := qr.Encode(t.URL)
		if err != nil {
			return nil, err
		}
		out[i] = frame{TimedFrame: t, Size: code.Size, Bits: code.Bitmap()}
	}
	return out, nil
}
