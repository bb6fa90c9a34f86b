package demo

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/login"
)

const sessionsPath = "/v1/login/sessions"

// screen knows the picture that the sign-in page shows, from what the browser
// was last sent. It is what a camera in front of the browser would see.
type screen struct {
	clock idp.Clock

	mu   sync.Mutex
	view shown
}

// shown is the part of a session's view (approval-protocol.md 15.1) that makes
// the picture.
type shown struct {
	SID       string             `json:"sid"`
	ExpiresAt int64              `json:"expires_at"`
	Frames    []login.TimedFrame `json:"frames"`
}

// watch looks at what next answers to a sign-in page.
func (s *screen) watch(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, sessionsPath) {
			next.ServeHTTP(w, r)
			return
		}
		copied := &tee{ResponseWriter: w}
		next.ServeHTTP(copied, r)
		var v shown
		if json.Unmarshal(copied.body, &v) == nil && v.SID != "" {
			s.show(v)
		}
	})
}

func (s *screen) show(v shown) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(v.Frames) > 0 || v.SID == s.view.SID {
		s.view = v
	}
}

// text is what the code on the screen says; ok is false if there is none. A
// page in a hidden tab stops asking for frames and goes on showing its last.
func (s *screen) text() (text string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock.Now()
	if now.Seconds() >= s.view.ExpiresAt {
		return "", false
	}
	for _, f := range s.view.Frames {
		if text == "" || f.ValidFrom <= now {
			text = f.URL
		}
	}
	return text, text != ""
}

// tee keeps a copy of what is written.
type tee struct {
	http.ResponseWriter
	body []byte
}

func (t *tee) Write(b []byte) (int, error) {
	t.body = append(t.body, b...)
	return t.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the writer below.
func (t *tee) Unwrap() http.ResponseWriter { return t.ResponseWriter }
