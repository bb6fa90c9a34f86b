package app_test

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/login"
	"github.com/latchkey-idp/latchkey/internal/phone/scan"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// seen is a page as somebody without script sees it.
type seen struct {
	t       *testing.T
	body    string
	refresh string
	texts   map[string]string // of the elements, by class or, without one, by name
	links   map[string]string // by what they say
	forms   map[string]form   // by what their button says
	path    string            // of the picture
	side    int
}

type form struct {
	action string
	fields url.Values
}

func see(t *testing.T, resp *http.Response) *seen {
	t.Helper()
	s := &seen{t: t, body: idptest.Body(t, resp), texts: map[string]string{}, links: map[string]string{}, forms: map[string]form{}}
	doc, err := html.Parse(strings.NewReader(s.body))
	if err != nil {
		t.Fatal(err)
	}
	for n := range doc.Descendants() {
		if n.Type == html.ElementNode {
			s.element(n)
		}
	}
	if strings.Contains(s.body, "<script") || strings.Contains(resp.Header.Get("Content-Security-Policy"), "script-src") {
		t.Error("the page has a script")
	}
	return s
}

func (s *seen) element(n *html.Node) {
	attr := attributes(n)
	switch n.Data {
	case "meta":
		if attr["http-equiv"] == "refresh" {
			s.refresh = attr["content"]
		}
	case "a":
		s.links[text(n)] = attr["href"]
	case "svg":
		if strings.HasPrefix(attr["shape-rendering"], "crisp") {
			_, _ = fmt.Sscanf(attr["viewbox"]+attr["viewBox"], "0 0 %d", &s.side)
		}
	case "path":
		if strings.HasSuffix(attr["d"], "z") && s.path == "" && s.side > 0 {
			s.path = attr["d"]
		}
	case "form":
		f, button := form{attr["action"], url.Values{}}, ""
		for inner := range n.Descendants() {
			if inner.Data == "button" {
				button = text(inner)
			}
			if inner.Data == "input" {
				a := attributes(inner)
				f.fields.Add(a["name"], a["value"])
			}
		}
		s.forms[button] = f
	}
	if n.Data == "div" {
		return
	}
	name := attr["class"]
	if name == "" {
		name = n.Data
	}
	s.texts[name] = text(n)
}

func attributes(n *html.Node) map[string]string {
	attr := map[string]string{}
	for _, a := range n.Attr {
		attr[a.Key] = a.Val
	}
	return attr
}

func text(n *html.Node) string {
	var b strings.Builder
	for inner := range n.Descendants() {
		if inner.Type == html.TextNode {
			b.WriteString(inner.Data)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// scanned is what the page's picture says to a camera.
func (s *seen) scanned() string {
	s.t.Helper()
	const scale = 8
	img := image.NewPaletted(image.Rect(0, 0, s.side*scale, s.side*scale), color.Palette{color.White, color.Black})
	for run := range strings.SplitSeq(strings.TrimSuffix(s.path, "z"), "z") {
		var x, y, n, back int
		if _, err := fmt.Sscanf(run, "M%d %dh%dv1h-%d", &x, &y, &n, &back); err != nil {
			s.t.Fatalf("path %q: %v", run, err)
		}
		for py := y * scale; py < (y+1)*scale; py++ {
			for px := x * scale; px < (x+n)*scale; px++ {
				img.SetColorIndex(px, py, 1)
			}
		}
	}
	var picture bytes.Buffer
	if err := png.Encode(&picture, img); err != nil {
		s.t.Fatal(err)
	}
	read, err := scan.Image(&picture)
	if err != nil {
		s.t.Fatalf("scan: %v", err)
	}
	return read
}

// press posts the form of a button.
func (s *seen) press(b *idptest.Browser, button string) *http.Response {
	s.t.Helper()
	f, ok := s.forms[button]
	if !ok {
		s.t.Fatalf("no button %q in %s", button, s.body)
	}
	return b.PostForm(f.action, f.fields)
}

// plainLogin opens the login page of a fresh request of SP B without script, and
// posts its form. location is that of the login page.
func plainLogin(t *testing.T, b *idptest.Browser, location string) (address string) {
	t.Helper()
	page := idptest.Body(t, b.Get(location))
	_, noscript, ok := strings.Cut(page, "<noscript>")
	if !ok || !strings.Contains(noscript, `action="/login/plain"`) {
		t.Fatalf("no form for browsers without script in %s", page)
	}
	u, err := url.Parse(location)
	if err != nil {
		t.Fatal(err)
	}
	resp := b.PostForm("/login/plain", url.Values{"l": {u.Query().Get("l")}})
	accepted(t, resp, http.StatusSeeOther)
	return resp.Header.Get("Location")
}

func sidOf(address string) string {
	_, sid, _ := strings.Cut(address, "sid=")
	return sid
}

func TestSignInWithoutScript(t *testing.T) {
	i := idptest.New(t)
	b, h := i.Browser(screenIP), i.EnrolledHandset(i.Alice, phoneIP)
	address := plainLogin(t, b, b.StartLogin(nil))
	page := see(t, b.Get(address))
	if page.refresh != "5" || page.texts["title"] != "Sign in to SP b" {
		t.Errorf("reload after %q, title %q", page.refresh, page.texts["title"])
	}
	t.Run("the picture moves on with the clock", func(t *testing.T) {
		first := page.scanned()
		i.Clock.Add(login.FrameStep)
		if second := see(t, b.Get(address)).scanned(); second == first || !strings.HasPrefix(second, idptest.Base+"/m#1."+sidOf(address)+".") {
			t.Errorf("first %s, then %s", first, second)
		}
	})
	t.Run("it can stay as it is", func(t *testing.T) {
		still := see(t, b.Get(page.links["Keep it still"]))
		if still.refresh != "" || still.links["Look again"] == "" || still.texts["code"] != page.texts["code"] {
			t.Errorf("refresh %q, links %v, code %q", still.refresh, still.links, still.texts["code"])
		}
	})
	c := h.MustScan(see(t, b.Get(address)).scanned())
	connected := see(t, b.Get(address))
	if connected.texts["h2"] != "Phone connected" || connected.path != "" || connected.texts["code"] != "" || connected.refresh != "5" {
		t.Errorf("after the scan: %q, code %q", connected.texts["h2"], connected.texts["code"])
	}
	accepted(t, h.Approve(c.SID, h.Sign(c)), http.StatusOK)
	approved := see(t, b.Get(address))
	if approved.texts["h2"] != "Continue as A...e A...?" || approved.refresh != "61" {
		t.Errorf("after the approval: %q, reload after %q", approved.texts["h2"], approved.refresh)
	}
	t.Run("T19 the finish key is the same on each load", func(t *testing.T) {
		again := see(t, b.Get(address))
		if got, want := again.forms["Continue"].fields.Encode(), approved.forms["Continue"].fields.Encode(); got != want {
			t.Errorf("%s, before %s", got, want)
		}
		first := assertion(t, approved.press(b, "Continue"))
		if second := assertion(t, again.press(b, "Continue")); second != first {
			t.Errorf("posted twice: %s and %s", first, second)
		}
		i.Clock.Add(login.FinishRepeat)
		pageRefused(t, i, again.press(b, "Continue"), http.StatusConflict, idp.WrongState)
	})
	if done := see(t, b.Get(address)); done.texts["h2"] != "You are signed in" || len(done.forms) != 0 {
		t.Errorf("afterwards: %q, forms %v", done.texts["h2"], done.forms)
	}
	t.Run("a known browser is not asked who", func(t *testing.T) {
		b.DropSession()
		address := plainLogin(t, b, b.StartLogin(nil))
		h.NewClaim()
		c := h.MustScan(see(t, b.Get(address)).scanned())
		accepted(t, h.Approve(c.SID, h.Sign(c)), http.StatusOK)
		page := see(t, b.Get(address))
		if page.texts["h2"] != "Signed in" || page.forms["Not me"].action != "" {
			t.Errorf("%q, forms %v", page.texts["h2"], page.forms)
		}
		assertion(t, page.press(b, "Continue"))
	})
}

func TestPlainTypedCode(t *testing.T) {
	i := idptest.New(t)
	b, h := i.Browser(screenIP), i.EnrolledHandset(i.Alice, phoneIP)
	location := b.StartLogin(nil)
	address := plainLogin(t, b, location)
	code := see(t, b.Get(address)).texts["code"]
	if again := plainLogin(t, b, location); again != address {
		t.Errorf("posted twice: %s and %s", address, again)
	}
	if s := i.Session(sidOf(address)); s.Codes != 1 {
		t.Errorf("%d user codes", s.Codes)
	}
	if shown := see(t, b.Get(address)).texts["code"]; shown != code || len(code) != 9 {
		t.Errorf("code %q, then %q", code, shown)
	}
	resp := h.TypeCode(code)
	accepted(t, resp, http.StatusOK)
	c := idptest.Decode[idptest.Claimed](t, resp)
	accepted(t, h.Approve(c.SID, h.Sign(c)), http.StatusOK)
	assertion(t, see(t, b.Get(address)).press(b, "Continue"))
}

func TestPlainEnds(t *testing.T) {
	i := idptest.New(t)
	h := i.EnrolledHandset(i.Alice, phoneIP)
	begin := func() (*idptest.Browser, samltest.Request, string) {
		b, r := i.Browser(address()), i.Good()
		return b, r, plainLogin(t, b, b.Start(query(r)))
	}
	claim := func(b *idptest.Browser, address string) idptest.Claimed {
		h.NewClaim()
		return h.MustScan(see(t, b.Get(address)).scanned())
	}
	t.Run("cancel", func(t *testing.T) {
		b, r, address := begin()
		told(t, see(t, b.Get(address)).press(b, "Cancel and go back"), r, "Responder", "RequestDenied")
	})
	t.Run("denied", func(t *testing.T) {
		b, r, address := begin()
		accepted(t, h.Deny(claim(b, address).SID, idp.WhyOther), http.StatusOK)
		page := see(t, b.Get(address))
		if page.texts["h2"] != "You said no on your phone" || page.refresh != "" {
			t.Errorf("%q", page.texts["h2"])
		}
		told(t, page.press(b, "Go back to SP b"), r, "Responder", "AuthnFailed")
	})
	t.Run("W12 Not me", func(t *testing.T) {
		b, r, address := begin()
		c := claim(b, address)
		accepted(t, h.Approve(c.SID, h.Sign(c)), http.StatusOK)
		told(t, see(t, b.Get(address)).press(b, "Not me"), r, "Responder", "RequestDenied")
	})
	t.Run("expired, then a new code", func(t *testing.T) {
		b, _, address := begin()
		i.Clock.Add(login.QRLife)
		page := see(t, b.Get(address))
		if page.texts["h2"] != "This took too long" || page.path != "" {
			t.Errorf("%q", page.texts["h2"])
		}
		resp := page.press(b, "Show a new code")
		accepted(t, resp, http.StatusSeeOther)
		next := resp.Header.Get("Location")
		if next == address || page.press(b, "Show a new code").Header.Get("Location") != next {
			t.Errorf("new session %s, before %s", next, address)
		}
		c := claim(b, next)
		accepted(t, h.Approve(c.SID, h.Sign(c)), http.StatusOK)
		assertion(t, see(t, b.Get(next)).press(b, "Continue"))
	})
	t.Run("Q8 two phones", func(t *testing.T) {
		b, _, address := begin()
		frame := see(t, b.Get(address)).scanned()
		h.NewClaim()
		h.MustScan(frame)
		refused(t, i.Handset(otherIP).Scan(frame), http.StatusConflict, idp.Contested)
		if page := see(t, b.Get(address)); page.texts["h2"] != "We stopped this sign-in to be safe" {
			t.Errorf("%q", page.texts["h2"])
		}
	})
	t.Run("the number is shown once the phone asks for it", func(t *testing.T) {
		i.UpdateSP("https://sp-b.test", func(sp *idp.ServiceProvider) { sp.QRNumber = true })
		i.Clock.Add(time.Minute)
		b, _, address := begin()
		if page := see(t, b.Get(address)); page.texts["number"] != "" {
			t.Error("shown before the scan")
		}
		c := claim(b, address)
		shown := see(t, b.Get(address)).texts["number"]
		if len(shown) != 7 {
			t.Fatalf("number %q", shown)
		}
		accepted(t, h.ApproveNumber(c, strings.ReplaceAll(shown, " ", "")), http.StatusOK)
		if page := see(t, b.Get(address)); page.texts["number"] != "" {
			t.Error("shown after the approval")
		}
	})
}

func TestPlainNeedsAPasskey(t *testing.T) {
	i := idptest.New(t)
	i.UpdateSP("https://sp-b.test", func(sp *idp.ServiceProvider) { sp.QRPolicy = idp.QRPolicyOff })
	b := i.Browser(screenIP)
	location := b.StartLogin(nil)
	page := idptest.Body(t, b.Get(location))
	if !strings.Contains(page, `data-mode="passkey"`) || strings.Contains(page, "/login/plain") || !strings.Contains(page, "passkeys need JavaScript") {
		t.Errorf("login page %s", page)
	}
	_, id, _ := strings.Cut(location, "l=")
	resp := b.PostForm("/login/plain", url.Values{"l": {id}})
	accepted(t, resp, http.StatusForbidden)
	if told := see(t, resp); told.texts["h2"] != "A passkey is needed" || told.links["Try again"] != location {
		t.Errorf("%q, links %v", told.texts["h2"], told.links)
	}
}

func TestPlainIsForItsBrowser(t *testing.T) {
	i := idptest.New(t)
	b, h := i.Browser(screenIP), i.EnrolledHandset(i.Alice, phoneIP)
	location := b.StartLogin(nil)
	address := plainLogin(t, b, location)
	_, id, _ := strings.Cut(location, "l=")
	stranger, bare := i.Browser(otherIP), i.Browser(otherIP)
	stranger.Get(stranger.StartLogin(nil)) // has a browser secret of its own

	t.Run("Q2 the page of another browser's session", func(t *testing.T) {
		for name, other := range map[string]*idptest.Browser{"another cookie": stranger, "no cookie": bare} {
			foreign := pageRefused(t, i, other.Get(address), http.StatusNotFound, idp.SessionUnknown)
			unknown := pageRefused(t, i, other.Get("/login/plain?sid=AAAAAAAAAAAAAAAAAAAAAAAAAA"), http.StatusNotFound, idp.SessionUnknown)
			if cutReference(foreign) != cutReference(unknown) {
				t.Errorf("%s: foreign and unknown sessions differ:\n%s\n%s", name, foreign, unknown)
			}
		}
	})
	t.Run("Q2 start for a login of another browser", func(t *testing.T) {
		pageRefused(t, i, stranger.PostForm("/login/plain", url.Values{"l": {id}}), http.StatusForbidden, idp.NotYourBrowser)
		pageRefused(t, i, bare.PostForm("/login/plain", url.Values{"l": {id}}), http.StatusBadRequest, idp.CookiesNeeded)
	})
	t.Run("Q2 the finish key is of no use elsewhere", func(t *testing.T) {
		h.NewClaim()
		c := h.MustScan(see(t, b.Get(address)).scanned())
		accepted(t, h.Approve(c.SID, h.Sign(c)), http.StatusOK)
		form := see(t, b.Get(address)).forms["Continue"]
		pageRefused(t, i, stranger.PostForm(form.action, form.fields), http.StatusForbidden, idp.NotYourBrowser)
		secret, err := idp.DecodeBase64(stranger.Cookies["__Host-bs"], 32)
		if err != nil {
			t.Fatal(err)
		}
		other, err := login.FinishKey(secret, c.SID)
		if err != nil || other.Reveal() == form.fields.Get("finish_key") {
			t.Errorf("the finish key does not depend on the browser: %v", err)
		}
	})
	t.Run("W1 a form of another site", func(t *testing.T) {
		for _, origin := range []string{"https://evil.test", "null", ""} {
			call := callFrom{"/login/plain", "l=" + id, formType, map[string]string{"Origin": origin}}
			pageRefused(t, i, call.send(t, b, true), http.StatusForbidden, idp.CrossSite)
		}
	})
	t.Run("malformed forms", func(t *testing.T) {
		for _, body := range []url.Values{{}, {"l": {id, id}}, {"l": {id}, "after": {"x"}}, {"l": {id}, "after": {id, id}}, {"l": {strings.Repeat("A", 2000)}}} {
			if resp := b.PostForm("/login/plain", body); resp.StatusCode < 400 || resp.StatusCode >= 500 {
				t.Errorf("%v: %d", body, resp.StatusCode)
			}
		}
	})
}

// cutReference drops what differs on each error page.
func cutReference(page string) string {
	before, rest, _ := strings.Cut(page, `class="reference">`)
	_, after, _ := strings.Cut(rest, "<")
	return before + after
}

func TestPlainStartsAreLimited(t *testing.T) {
	i := idptest.New(t)
	last := 0
	for range 40 {
		b := i.Browser(screenIP)
		location := b.StartLogin(nil)
		b.Get(location)
		_, id, _ := strings.Cut(location, "l=")
		last = b.PostForm("/login/plain", url.Values{"l": {id}}).StatusCode
	}
	if last != http.StatusTooManyRequests {
		t.Errorf("Q16 the 40th start of an address is answered %d", last)
	}
}
