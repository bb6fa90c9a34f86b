package phone_test

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/phone"
)

func deps() phone.Deps {
	return phone.Deps{HTTP: http.DefaultClient, Random: rand.Reader, Clock: now.Time}
}

// enrolled is a server and a phone enrolled there, kept in a file in between.
func enrolled(t *testing.T) (*fakeServer, *phone.Phone) {
	t.Helper()
	f := newServer(t)
	made, err := phone.Enroll(context.Background(), deps(), f.url+"/e#"+token, "Test phone")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "phone.json")
	if err := made.Save(path); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("file mode %v", info.Mode())
	}
	p, err := phone.Load(deps(), path)
	if err != nil {
		t.Fatal(err)
	}
	want := phone.Info{URL: f.url, User: "Ana Kovač", DeviceID: f.device.ID, Name: "Test phone", State: "active"}
	if diff := cmp.Diff(want, p.Info()); diff != "" {
		t.Error(diff)
	}
	return f, p
}

// code of a problem, or "".
func problemCode(err error) idp.Code {
	var p *phone.Problem
	if errors.As(err, &p) {
		return p.Code
	}
	return ""
}

func TestApprove(t *testing.T) {
	for name, see := range map[string]func(*fakeServer) string{
		"picture":        (*fakeServer).frame,
		"with app flag":  func(f *fakeServer) string { return f.frame() + "&r=1" },
		"bare frame":     func(f *fakeServer) string { _, frame, _ := strings.Cut(f.frame(), "#"); return frame },
		"typed code":     func(*fakeServer) string { return "bcdf-ghjk" },
		"code in spaces": func(*fakeServer) string { return " BCDF GHJK \n" },
	} {
		t.Run(name, func(t *testing.T) {
			ctx := context.Background()
			f, p := enrolled(t)
			r, err := p.Claim(ctx, see(f))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(f.session.Context, r.Context); diff != "" || r.Context.App.Name != "Payroll & Co" {
				t.Errorf("the phone shows something else:\n%s", diff)
			}
			done, err := p.Approve(ctx, r)
			if err != nil {
				t.Fatal(err)
			}
			if done.Status != "approved" || done.User.Display != "Ana Kovač" || f.session.State != idp.StateApproved {
				t.Errorf("approval %+v, session %s", done, f.session.State)
			}
		})
	}
}

func TestExtendThenApprove(t *testing.T) {
	ctx := context.Background()
	f, p := enrolled(t)
	r, err := p.Claim(ctx, f.frame())
	if err != nil {
		t.Fatal(err)
	}
	longer, err := p.Extend(ctx, r)
	if err != nil {
		t.Fatal(err)
	}
	if longer.ExpiresAt != r.ExpiresAt+60 {
		t.Errorf("ends %d, before %d", longer.ExpiresAt, r.ExpiresAt)
	}
	if _, err := p.Approve(ctx, r); problemCode(err) != idp.BadChallenge {
		t.Errorf("approval with the former end: %v", err)
	}
	if _, err := p.Approve(ctx, longer); err != nil {
		t.Error(err)
	}
}

func TestDeny(t *testing.T) {
	ctx := context.Background()
	f, p := enrolled(t)
	r, err := p.Claim(ctx, f.frame())
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Deny(ctx, r, idp.WhyNotMe); err != nil {
		t.Fatal(err)
	}
	if f.session.State != idp.StateDenied || f.session.Why != "not_me" {
		t.Errorf("session %s %s", f.session.State, f.session.Why)
	}
	_, err = p.Approve(ctx, r)
	var problem *phone.Problem
	if !errors.As(err, &problem) || problem.Code != idp.WrongState || problem.Status != 409 || problem.State != idp.StateDenied || problem.Retry != idp.RetryNone {
		t.Errorf("A40 approve after deny: %v", err)
	}
}

func TestSecondPhone(t *testing.T) {
	ctx := context.Background()
	f, p := enrolled(t)
	first, err := p.Claim(ctx, f.frame())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Claim(ctx, f.frame()); problemCode(err) != idp.AlreadyScanned {
		t.Errorf("second claim: %v", err)
	}
	second, err := p.TakeOver(ctx, f.frame())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Approve(ctx, first); problemCode(err) != idp.SessionUnknown {
		t.Errorf("the former phone: %v", err)
	}
	if _, err := p.Approve(ctx, second); err != nil {
		t.Error(err)
	}
}

func TestNothingIsSentForForeignCodes(t *testing.T) {
	f, p := enrolled(t)
	f.calls = nil
	_, frame, _ := strings.Cut(f.frame(), "#")
	for name, text := range map[string]string{
		"Q20 look-alike host": "https://id.example.com.evil.test/m#" + frame,
		"Q20 other port":      strings.Replace(f.frame(), "/m#", "1/m#", 1),
		"Q20 with user":       strings.Replace(f.frame(), "http://", "http://x@", 1),
		"Q20 other path":      strings.Replace(f.frame(), "/m#", "/x#", 1),
		"Q20 with query":      strings.Replace(f.frame(), "/m#", "/m?x#", 1),
		"Q20 script":          "javascript://" + f.frame(),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := p.Claim(context.Background(), text); !errors.Is(err, phone.ErrForeign) {
				t.Errorf("claim of %s: %v", text, err)
			}
		})
	}
	for _, text := range []string{"", "hello", "1.2.3.4", f.url + "/m#", "BCDF-GHJ"} {
		if _, err := p.Claim(context.Background(), text); idp.CodeOf(err) != idp.QRInvalid {
			t.Errorf("claim of %q: %v", text, err)
		}
	}
	if len(f.calls) > 0 {
		t.Errorf("calls %v", f.calls)
	}
}

// TestSignsWhatItShows: a server, or who sits between, cannot show one sign-in
// and have another signed.
func TestSignsWhatItShows(t *testing.T) {
	for _, c := range []struct {
		name   string
		tamper func(map[string]any)
		claim  error
	}{
		{"other app is shown", func(a map[string]any) { a["context"].(map[string]any)["app"].(map[string]any)["name"] = "Lunch" }, nil},
		{"other place is shown", func(a map[string]any) { a["context"].(map[string]any)["place"] = "Here" }, nil},
		{"other app is to be signed", func(a map[string]any) { a["text"].(map[string]any)["sp"] = "https://evil.test" }, phone.ErrMismatch},
		{"other session", func(a map[string]any) { a["sid"] = "GAYTEMZUGU3DOOBZHI5TYPJ6H4" }, phone.ErrMismatch},
		{"unknown kind of context", func(a map[string]any) { a["context"].(map[string]any)["v"] = 2 }, phone.ErrMismatch},
		{"a face check is asked", func(a map[string]any) { a["requires"].(map[string]any)["liveness"] = true }, phone.ErrUnsupported},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx := context.Background()
			f, p := enrolled(t)
			f.tamper = c.tamper
			r, err := p.Claim(ctx, f.frame())
			if !errors.Is(err, c.claim) {
				t.Fatalf("claim: %v, want %v", err, c.claim)
			}
			if c.claim != nil {
				return
			}
			if _, err := p.Approve(ctx, r); problemCode(err) != idp.BadChallenge {
				t.Errorf("approve: %v, want bad_challenge", err)
			}
		})
	}
	t.Run("extend swaps the context", func(t *testing.T) {
		ctx := context.Background()
		f, p := enrolled(t)
		r, err := p.Claim(ctx, f.frame())
		if err != nil {
			t.Fatal(err)
		}
		f.tamper = func(a map[string]any) { a["context"].(map[string]any)["place"] = "Elsewhere" }
		if _, err := p.Extend(ctx, r); !errors.Is(err, phone.ErrMismatch) {
			t.Errorf("extend: %v", err)
		}
	})
}

func TestEnrollRefusals(t *testing.T) {
	ctx := context.Background()
	f := newServer(t)
	if _, err := phone.Enroll(ctx, deps(), f.url+"/e#wrong", "Test phone"); problemCode(err) != idp.InviteUnknown {
		t.Errorf("unknown invite: %v", err)
	}
	f.calls = nil
	for _, link := range []string{"", "http://id.example.com/e#" + token, f.url + "/e", f.url + "/x#" + token, f.url + "/e?x#" + token, "ftp://localhost/e#x"} {
		if _, err := phone.Enroll(ctx, deps(), link, "Test phone"); err == nil || problemCode(err) != "" {
			t.Errorf("link %q: %v", link, err)
		}
	}
	if len(f.calls) > 0 {
		t.Errorf("calls %v", f.calls)
	}
}
