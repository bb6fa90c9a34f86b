package login_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/login"
)

const goodFrame = "1." + vectorSID + ".0.4ZJEXN7EWUKY7KLD"

func TestOpenFrame(t *testing.T) {
	keys := vectorKeys(t)
	if f, err := keys.OpenFrame(goodFrame); err != nil || f.SID != vectorSID || f.N != 0 {
		t.Fatalf("OpenFrame = %v, %v", f, err)
	}
	bad := map[string]string{
		"empty":              "",
		"push frame":         "2" + goodFrame[1:],
		"lower case":         strings.ToLower(goodFrame),
		"leading zero":       "1." + vectorSID + ".00.4ZJEXN7EWUKY7KLD",
		"sign":               "1." + vectorSID + ".+0.4ZJEXN7EWUKY7KLD",
		"negative":           "1." + vectorSID + ".-1.4ZJEXN7EWUKY7KLD",
		"too high":           "1." + vectorSID + ".10000.4ZJEXN7EWUKY7KLD",
		"tag of another n":   "1." + vectorSID + ".1.4ZJEXN7EWUKY7KLD",
		"tag changed":        "1." + vectorSID + ".0.4ZJEXN7EWUKY7KLA",
		"tag cut":            "1." + vectorSID + ".0.4ZJEXN7EWUKY7KL",
		"tag padded":         goodFrame + "=",
		"tag with line feed": goodFrame + "\n",
		"fifth part":         goodFrame + ".",
		"sid changed":        "1.AAIREEYUCULBOGAZDINRYHI6D4.0.4ZJEXN7EWUKY7KLD",
		"sid spare bits":     "1.CAIREEYUCULBOGAZDINRYHI6D5.0.4ZJEXN7EWUKY7KLD",
		"whole URL":          "https://id.example.com/m#" + goodFrame,
	}
	for name, text := range bad {
		t.Run("Q1 "+name, func(t *testing.T) {
			if _, err := keys.OpenFrame(text); idp.CodeOf(err) != idp.QRInvalid {
				t.Errorf("OpenFrame(%q): %v, want qr_invalid", text, err)
			}
		})
	}
}

func TestFramesOutliveAKeyChange(t *testing.T) {
	old, next := sequence(0, 32), sequence(100, 32)
	both, err := login.NewMasterKeys(map[int][]byte{1: old, 2: next})
	if err != nil {
		t.Fatal(err)
	}
	if both.Newest() != 2 {
		t.Errorf("newest is %d", both.Newest())
	}
	if _, err := both.OpenFrame(goodFrame); err != nil {
		t.Errorf("frame of the old key: %v", err)
	}
	only, err := login.NewMasterKeys(map[int][]byte{2: next})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := only.OpenFrame(goodFrame); idp.CodeOf(err) != idp.QRInvalid {
		t.Errorf("frame of a removed key: %v", err)
	}
}

func TestFrames(t *testing.T) {
	keys := vectorKeys(t)
	s := session(t)
	s.SID, s.KeyVer = vectorSID, 1
	frames, err := keys.Frames(s, "https://id.example.com", s.CreatedAt+3999)
	if err != nil {
		t.Fatal(err)
	}
	want := login.TimedFrame{N: 0, ValidFrom: s.CreatedAt, URL: "https://id.example.com/m#" + goodFrame}
	if len(frames) != 4 || frames[0] != want {
		t.Errorf("frames %+v, want four, the first %+v", frames, want)
	}
	for i, f := range frames {
		if f.N != i || f.ValidFrom != s.CreatedAt+idp.Millis(4000*i) {
			t.Errorf("frame %d is %+v", i, f)
		}
	}
	if frames, _ = keys.Frames(s, "", s.CreatedAt+4000); frames[0].N != 1 {
		t.Errorf("after one step the first frame is %d", frames[0].N)
	}
	if frames, _ = keys.Frames(s, "", s.QRExpiresAt); len(frames) != 0 {
		t.Errorf("expired session shows %d frames", len(frames))
	}
	s.State = idp.StateScanned
	if frames, _ = keys.Frames(s, "", s.CreatedAt); len(frames) != 0 {
		t.Errorf("scanned session shows %d frames", len(frames))
	}
}

func TestFresh(t *testing.T) {
	const cat, now = idp.Millis(1_000_000), idp.Millis(1_000_000 + 10*4000)
	accepted := func(now idp.Millis, window int) (ns []int) {
		for n := range 30 {
			if login.Fresh(cat, now, n, window) {
				ns = append(ns, n)
			}
		}
		return ns
	}
	for _, c := range []struct {
		name   string
		now    idp.Millis
		window int
		want   []int
	}{
		{"default window", now, 0, []int{4, 5, 6, 7, 8, 9, 10, 11}},
		{"a millisecond before the step", now - 1, 0, []int{3, 4, 5, 6, 7, 8, 9, 10}},
		{"narrow window", now, 2, []int{8, 9, 10, 11}},
		{"window below the least", now, 1, []int{8, 9, 10, 11}},
		{"wide window", now, 10, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}},
		{"window above the most", now, 99, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}},
		{"clock behind", cat - 5000, 0, []int{0, 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, accepted(c.now, c.window)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func FuzzFrame(f *testing.F) {
	f.Add(goodFrame)
	f.Add("1." + vectorSID + ".9999.AAAAAAAAAAAAAAAA")
	f.Add("1...")
	keys, err := login.NewMasterKeys(map[int][]byte{1: sequence(0, 32), 2: sequence(7, 32)})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		frame, err := login.ParseFrame(text)
		if err != nil {
			if idp.CodeOf(err) != idp.QRInvalid {
				t.Fatalf("error %v", err)
			}
			return
		}
		if frame.String() != text {
			t.Fatalf("%q is read as %q: two texts, one frame", text, frame)
		}
		if _, err := keys.OpenFrame(text); err == nil {
			made, err := keys.NewFrame(1, frame.SID, frame.N)
			if err != nil || made.String() != text {
				if made, _ = keys.NewFrame(2, frame.SID, frame.N); made.String() != text {
					t.Fatalf("accepted a frame we did not make: %q", text)
				}
			}
		}
	})
}
