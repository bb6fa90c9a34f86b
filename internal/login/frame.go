package login

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// Frame is what one picture of the rotating QR code says (3.3):
// 1.<sid>.<n>.<tag>.
type Frame struct {
	SID string // 16 bytes, base32
	N   int    // 0 to MaxFrame
	tag []byte
}

const (
	// MaxFrame is the highest number of a frame.
	MaxFrame = 9999

	frameVersion = "1"
	tagSize      = 10
	maxFrameText = 64 // 1 + 26 + 4 + 16 characters and three dots are 50
)

// TimedFrame is a frame as the login page gets it: n, the time in milliseconds
// from which it is to be shown, and the URL in the picture.
type TimedFrame struct {
	N         int        `json:"n"`
	ValidFrom idp.Millis `json:"valid_from"`
	URL       string     `json:"url"`
}

// ParseFrame reads a frame strictly; it does not verify the tag. Error:
// qr_invalid.
func ParseFrame(text string) (Frame, error) {
	parts := strings.Split(text, ".")
	if len(text) > maxFrameText || len(parts) != 4 || parts[0] != frameVersion {
		return Frame{}, idp.E(idp.QRInvalid, "not a frame")
	}
	if _, err := idp.DecodeBase32(parts[1], 16); err != nil {
		return Frame{}, idp.E(idp.QRInvalid, "frame: sid")
	}
	n, err := strconv.Atoi(parts[2])
	if err != nil || n < 0 || n > MaxFrame || strconv.Itoa(n) != parts[2] {
		return Frame{}, idp.E(idp.QRInvalid, "frame: number")
	}
	tag, err := idp.DecodeBase32(parts[3], tagSize)
	if err != nil {
		return Frame{}, idp.E(idp.QRInvalid, "frame: tag")
	}
	return Frame{SID: parts[1], N: n, tag: tag}, nil
}

// String is the frame's text.
func (f Frame) String() string {
	return fmt.Sprintf("%s.%s.%d.%s", frameVersion, f.SID, f.N, idp.Base32.EncodeToString(f.tag))
}

// URL is the text of the picture. The fragment keeps the frame out of logs,
// Referer and link previews.
func (f Frame) URL(base string) string { return strings.TrimSuffix(base, "/") + "/m#" + f.String() }

// NewFrame makes frame n of a session.
func (m *MasterKeys) NewFrame(version int, sid string, n int) (Frame, error) {
	if n < 0 || n > MaxFrame {
		return Frame{}, fmt.Errorf("frame number %d", n)
	}
	tag, err := m.tag(version, sid, n)
	if err != nil {
		return Frame{}, err
	}
	return Frame{SID: sid, N: n, tag: tag}, nil
}

// OpenFrame parses a frame and verifies its tag, in constant time and with
// each live master key; to be called before anything is read. Whether the
// frame is fresh is decided by Apply. Error: qr_invalid.
func (m *MasterKeys) OpenFrame(text string) (Frame, error) {
	f, err := ParseFrame(text)
	if err != nil {
		return Frame{}, err
	}
	valid := false
	for _, v := range m.versions {
		tag, err := m.tag(v, f.SID, f.N)
		if err != nil {
			return Frame{}, err
		}
		if idp.Equal(tag, f.tag) {
			valid = true // no early exit: which key it was is not told
		}
	}
	if !valid {
		return Frame{}, idp.E(idp.QRInvalid, "frame: tag is not ours")
	}
	return f, nil
}

func (m *MasterKeys) tag(version int, sid string, n int) ([]byte, error) {
	raw, err := idp.DecodeBase32(sid, 16)
	if err != nil {
		return nil, fmt.Errorf("decode sid: %w", err)
	}
	number := binary.BigEndian.AppendUint32(nil, uint32(n))
	mac, err := m.mac(version, raw, infoQR, []byte("qr/1"), raw, number)
	if err != nil {
		return nil, err
	}
	return mac[:tagSize], nil
}

// Frames are the current frame of a session and those ahead of it; none but in
// created, while its time lasts (3.4).
func (m *MasterKeys) Frames(s idp.QRSession, base string, now idp.Millis) ([]TimedFrame, error) {
	frames := []TimedFrame{}
	if Observe(s, now).State != created || s.Mode != ModeQR {
		return frames, nil
	}
	first := Step(s.CreatedAt, now)
	for n := first; n < first+FramesAhead && n <= MaxFrame; n++ {
		f, err := m.NewFrame(s.KeyVer, s.SID, n)
		if err != nil {
			return nil, fmt.Errorf("make frame: %w", err)
		}
		from := s.CreatedAt + idp.Millis(n)*idp.Millis(FrameStep.Milliseconds())
		frames = append(frames, TimedFrame{N: n, ValidFrom: from, URL: f.URL(base)})
	}
	return frames, nil
}

// Step is the number of the frame that a session created at created shows now.
func Step(created, now idp.Millis) int {
	if now < created { // clocks of two instances differ
		return 0
	}
	return int(now.Sub(created) / FrameStep)
}

// Fresh reports whether frame n is accepted now: at most window steps old (0
// means DefaultWindow), at most one ahead.
func Fresh(created, now idp.Millis, n, window int) bool {
	if window == 0 {
		window = DefaultWindow
	}
	window = min(max(window, MinWindow), MaxWindow)
	current := Step(created, now)
	return n >= current-window && n <= current+1
}
