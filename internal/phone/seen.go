package phone

import (
	"errors"
	"net/url"
	"strings"

	"github.com/latchkey-idp/latchkey/internal/login"
)

// ErrForeign means that a code is not of the server where the phone is
// enrolled. Nothing was sent.
var ErrForeign = errors.New("this is not a code of the server where this phone is enrolled; do not use it")

// seen is what a person gave to the phone: a frame or a user code.
type seen struct {
	frame, sid string
	code       string // as shown
	via        string
}

// look reads the text of a picture (https://host/m#frame), a bare frame, or a
// user code. A text that is none of them is refused here, before any call.
func (p *Phone) look(text string) (seen, error) {
	text = strings.TrimSpace(text)
	if strings.Contains(text, "://") {
		u, err := url.Parse(text)
		if err != nil {
			return seen{}, ErrForeign
		}
		if base, err := origin(u); err != nil || base != p.server.base || u.Path != "/m" || u.RawQuery != "" {
			return seen{}, ErrForeign
		}
		// What follows & is for the app on the phone itself (5.5).
		text, _, _ = strings.Cut(u.Fragment, "&")
		return lookAtFrame(text, "camera")
	}
	if strings.Contains(text, ".") {
		return lookAtFrame(text, "scanner")
	}
	code, err := login.ParseUserCode(text)
	if err != nil {
		return seen{}, err
	}
	return seen{code: login.DisplayUserCode(code), via: "code"}, nil
}

func lookAtFrame(text, via string) (seen, error) {
	f, err := login.ParseFrame(text)
	if err != nil {
		return seen{}, err
	}
	return seen{frame: text, sid: f.SID, via: via}, nil
}
