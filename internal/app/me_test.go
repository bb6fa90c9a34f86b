package app_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/descope/virtualwebauthn"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/login"
	"github.com/latchkey-idp/latchkey/internal/passkey"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

type ownDevice struct {
	ID, Name, State, Binding string
	Synced, This             bool
	LastUsedApp              string `json:"last_used_app"`
}

type items[T any] struct {
	Items  []T
	Cursor string
}

type ownProfile struct {
	User          struct{ Display, Email string }
	VerifiedUntil int64 `json:"verified_until"`
	CodesLeft     int   `json:"codes_left"`
	Notices       []struct{ Code, Device string }
}

func TestStepUp(t *testing.T) {
	i := idptest.New(t)
	p := newWebPhone(t, i, phoneIP, i.Alice)
	p.enroll(i.Invite(i.Alice))
	t.Run("nobody is signed in by setting up a phone", func(t *testing.T) {
		p.refused("GET", "/v1/me", nil, idp.StepupRequired)
	})
	p.stepUp()
	me := want[ownProfile](p, "GET", "/v1/me", nil, http.StatusOK)
	if me.User.Display != "Alice Adams" || me.VerifiedUntil != idp.At(i.Clock.Now()).Add(5*time.Minute).Seconds() {
		t.Errorf("%+v", me)
	}
	t.Run("W4 the secret is new each time", func(t *testing.T) {
		before := p.cookie("__Host-ss")
		p.stepUp()
		if p.cookie("__Host-ss") == before {
			t.Error("same session secret")
		}
		p.with("__Host-ss", before).refused("GET", "/v1/me", nil, idp.StepupRequired)
	})
	t.Run("Q6 an answer counts once", func(t *testing.T) {
		_, options := p.send("POST", "/v1/me/stepup/options", map[string]any{})
		body := map[string]any{"assertion": p.answer(options)}
		challenge := p.cookie("__Host-su")
		want[any](p, "POST", "/v1/me/stepup", body, http.StatusOK)
		p.with("__Host-su", challenge).refused("POST", "/v1/me/stepup", body, idp.BadChallenge)
	})
	t.Run("Q3 an answer for another browser", func(t *testing.T) {
		_, options := p.send("POST", "/v1/me/stepup/options", map[string]any{})
		thief := newWebPhone(t, i, "192.0.2.9", i.Alice)
		thief.send("POST", "/v1/me/stepup/options", map[string]any{})
		thief.refused("POST", "/v1/me/stepup", map[string]any{"assertion": p.answer(options)}, idp.BadChallenge)
	})
	t.Run("an answer that is too late", func(t *testing.T) {
		_, options := p.send("POST", "/v1/me/stepup/options", map[string]any{})
		i.Clock.Add(5 * time.Minute)
		p.refused("POST", "/v1/me/stepup", map[string]any{"assertion": p.answer(options)}, idp.BadChallenge)
	})
	t.Run("somebody else's passkey begins their own session", func(t *testing.T) {
		bob := newWebPhone(t, i, phoneIP, i.Bob)
		bob.enroll(i.Invite(i.Bob))
		bob.http.Jar = p.http.Jar
		bob.stepUp()
		if me := want[ownProfile](bob, "GET", "/v1/me", nil, http.StatusOK); me.User.Display != i.Bob.Display() {
			t.Errorf("%+v", me)
		}
	})
	t.Run("P28 a person who was switched off", func(t *testing.T) {
		q := atHome(t, i, i.Alice, phoneIP)
		i.UpdateUser(i.Alice.ID, func(u *idp.User) { u.Disabled = true })
		q.refused("GET", "/v1/me", nil, idp.UserInactive)
		_, options := q.send("POST", "/v1/me/stepup/options", map[string]any{})
		q.refused("POST", "/v1/me/stepup", map[string]any{"assertion": q.answer(options)}, idp.UserInactive)
		i.UpdateUser(i.Alice.ID, func(u *idp.User) { u.Disabled = false })
	})
	t.Run("W4 idle and absolute life", func(t *testing.T) {
		i := idptest.New(t)
		q := atHome(t, i, i.Alice, phoneIP)
		for range 3 { // used, it lasts
			i.Clock.Add(7 * time.Hour)
			want[any](q, "GET", "/v1/me", nil, http.StatusOK)
		}
		i.Clock.Add(4 * time.Hour)
		q.refused("GET", "/v1/me", nil, idp.StepupRequired)
		q.stepUp()
		i.Clock.Add(8 * time.Hour)
		q.refused("GET", "/v1/me", nil, idp.StepupRequired)
	})
}

func TestOwnDevices(t *testing.T) {
	i := idptest.New(t)
	first := atHome(t, i, i.Alice, phoneIP)
	list := func(p *webPhone) []ownDevice {
		t.Helper()
		return want[items[ownDevice]](p, "GET", "/v1/me/devices", nil, http.StatusOK).Items
	}
	if l := list(first); len(l) != 1 || !l[0].This || !l[0].Synced || l[0].Binding != "invite" || l[0].LastUsedApp != "Latchkey" {
		t.Errorf("%+v", l)
	}
	t.Run("rename", func(t *testing.T) {
		want[any](first, "PATCH", "/v1/me/devices/"+first.device, map[string]string{"name": " Work\u202e phone \n"}, http.StatusOK)
		if l := list(first); l[0].Name != "Work phone" {
			t.Errorf("%q", l[0].Name)
		}
		first.refused("PATCH", "/v1/me/devices/"+first.device, map[string]string{"name": " "}, idp.Invalid)
	})
	t.Run("AD7 what is somebody else's does not exist", func(t *testing.T) {
		bob := atHome(t, i, i.Bob, "203.0.113.99")
		for _, id := range []string{first.device, "nothing"} {
			bob.refused("PATCH", "/v1/me/devices/"+id, map[string]string{"name": "mine"}, idp.NotFound)
			bob.refused("DELETE", "/v1/me/devices/"+id, map[string]string{}, idp.NotFound)
		}
		bob.refused("PATCH", "/v1/me/devices/"+bob.device, map[string]string{"name": "x", "user_id": i.Alice.ID}, idp.BadRequest)
		if l := list(first); len(l) != 1 || l[0].Name != "Work phone" {
			t.Errorf("%+v", l)
		}
	})
	t.Run("Q15 removing wants a fresh user check", func(t *testing.T) {
		i.Clock.Add(5 * time.Minute)
		first.refused("DELETE", "/v1/me/devices/"+first.device, map[string]string{"confirm": "Work phone"}, idp.StepupRequired)
		first.stepUp()
	})
	t.Run("the last one wants its name", func(t *testing.T) {
		first.refused("DELETE", "/v1/me/devices/"+first.device, map[string]string{"confirm": ""}, idp.LastDevice)
		first.refused("DELETE", "/v1/me/devices/"+first.device, map[string]string{"confirm": "Phone"}, idp.LastDevice)
	})
	t.Run("Q17 a removed phone is out at once", func(t *testing.T) {
		second := newWebPhone(t, i, phoneIP, i.Alice)
		second.enroll(i.Invite(i.Alice)) // on probation
		second.stepUp()
		second.refused("DELETE", "/v1/me/devices/"+first.device, map[string]string{}, idp.Probation)
		stillOfUse(t, first, first.device, second.device)
		if me := want[ownProfile](first, "GET", "/v1/me", nil, http.StatusOK); len(me.Notices) != 2 || me.Notices[0].Code != "device_added" || me.Notices[0].Device != second.device {
			t.Errorf("Q15 the old phone is told: %+v", me.Notices)
		}
		b := i.Browser("203.0.113.40")
		view := b.Login(b.StartLogin(nil))
		sid, assertion := second.sign(view.Frames[0].URL)
		second.post("/v1/approvals/"+sid+"/approve", map[string]any{"type": "webauthn", "assertion": assertion}, http.StatusOK)
		first.stepUp()
		want[any](first, "DELETE", "/v1/me/devices/"+second.device, map[string]string{}, http.StatusNoContent)
		if resp := b.Finish(sid, idptest.RandomKey()); resp.StatusCode != http.StatusForbidden {
			t.Errorf("an approval of it is finished: %d", resp.StatusCode)
		}
		second.refused("GET", "/v1/me", nil, idp.StepupRequired)
		if l := list(first); len(l) != 1 {
			t.Errorf("%+v", l)
		}
		stillOfUse(t, first, first.device)
	})
	t.Run("the last one, with its name", func(t *testing.T) {
		want[any](first, "DELETE", "/v1/me/devices/"+first.device, map[string]string{"confirm": "work PHONE"}, http.StatusNoContent)
		first.refused("GET", "/v1/me", nil, idp.StepupRequired)
	})
}

// stillOfUse checks what phones are told of the person's passkeys: these are
// accepted, and the user handle is the one that the passkeys were made with.
func stillOfUse(t *testing.T, p *webPhone, devices ...string) {
	t.Helper()
	list := want[struct {
		Accepted struct {
			RPID, UserID string
			IDs          []string `json:"allAcceptedCredentialIds"`
		}
	}](p, "GET", "/v1/me/devices", nil, http.StatusOK)
	slices.Sort(list.Accepted.IDs)
	slices.Sort(devices)
	a := list.Accepted
	if a.RPID != p.rp.ID || a.UserID != base64.RawURLEncoding.EncodeToString(p.auth.Options.UserHandle) || !slices.Equal(a.IDs, devices) {
		t.Errorf("%+v, want %q of user %x at %q", a, devices, p.auth.Options.UserHandle, p.rp.ID)
	}
}

func TestW1OwnPagesAreNotForOtherSites(t *testing.T) {
	i := idptest.New(t)
	p := atHome(t, i, i.Alice, phoneIP)
	for _, c := range []struct{ method, path string }{
		{"POST", "/v1/me/stepup"}, {"POST", "/v1/me/stepup/options"}, {"PATCH", "/v1/me/devices/x"}, {"DELETE", "/v1/me/devices/x"},
		{"POST", "/v1/me/devices/add"}, {"POST", "/v1/me/devices/add/x/approve"}, {"DELETE", "/v1/me/devices/add/x"},
		{"POST", "/v1/me/activity/x/report"}, {"DELETE", "/v1/me/sessions/x"}, {"POST", "/v1/me/recovery-codes"},
		{"POST", "/v1/enroll/recovery"}, {"GET", "/v1/me"}, {"GET", "/v1/me/devices"},
	} {
		for name, header := range map[string][]string{
			"evil origin": {"Origin", "https://evil.test"}, "null origin": {"Origin", "null"}, "cross-site": {"Sec-Fetch-Site", "cross-site"},
		} {
			t.Run("W1 W9 A48 "+name+" "+c.method+" "+c.path, func(t *testing.T) {
				status, text := p.send(c.method, c.path, map[string]any{}, header...)
				if status != http.StatusForbidden || !strings.Contains(text, `"cross_site"`) {
					t.Errorf("%d %s", status, text)
				}
			})
		}
	}
	t.Run("W9 no permission for other origins", func(t *testing.T) {
		for _, path := range []string{"/v1/me", "/me", "/m", "/e", "/v1/config/public"} {
			r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, idptest.Base+path, nil)
			r.Header.Set("Origin", "https://evil.test")
			if resp := i.Serve(r, phoneIP); resp.Header.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%s allows another origin", path)
			}
		}
	})
	t.Run("W8 no address leads elsewhere", func(t *testing.T) {
		for _, next := range []string{"//evil.test", "/\\evil.test", "%2f%2fevil.test", "https:evil.test"} {
			for _, path := range []string{"/me?next=" + next, "/m?next=" + next, "/e?lang=" + next, "/m?theme=" + next} {
				r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, idptest.Base+path, nil)
				resp := i.Serve(r, phoneIP)
				if resp.Header.Get("Location") != "" || strings.Contains(idptest.Body(t, resp), "evil") {
					t.Errorf("%s shows or follows it", path)
				}
			}
		}
	})
}

type adding struct {
	ID, URL string
	Size    int
	Bits    string
}

type addProgress struct {
	Status, Name string
	Context      idp.AddContext
	Text         login.Text
}

// vouch signs the text about a new device, as the page does.
func (p *webPhone) vouch(id string, s addProgress) json.RawMessage {
	p.t.Helper()
	raw, err := login.TextOfAdding(id, s.Text, s.Context)
	if err != nil {
		p.t.Fatal(err)
	}
	return json.RawMessage(virtualwebauthn.CreateAssertionResponse(p.rp, p.auth, p.cred, virtualwebauthn.AssertionOptions{
		Challenge: passkey.Challenge(raw), RelyingPartyID: p.rp.ID,
	}))
}

func TestAddDevice(t *testing.T) {
	i := idptest.New(t)
	old := atHome(t, i, i.Alice, phoneIP)
	begin := func() (adding, *webPhone) {
		t.Helper()
		old.stepUp()
		a := want[adding](old, "POST", "/v1/me/devices/add", map[string]any{}, http.StatusCreated)
		fresh := newWebPhone(t, i, "198.51.100.77", i.Alice)
		want[any](fresh, "POST", "/v1/enroll/redeem", tokenOf(t, a.URL), http.StatusOK)
		return a, fresh
	}
	progress := func(a adding) addProgress {
		t.Helper()
		return want[addProgress](old, "GET", "/v1/me/devices/add/"+a.ID, nil, http.StatusOK)
	}
	approve := func(a adding) string { return "/v1/me/devices/add/" + a.ID + "/approve" }

	t.Run("Q15 the old phone vouches for the new key", func(t *testing.T) {
		a, fresh := begin()
		if s := progress(a); s.Status != "waiting" || a.Size == 0 || a.Bits == "" {
			t.Errorf("%+v", s)
		}
		old.refused("POST", approve(a), map[string]any{"type": "webauthn", "assertion": map[string]any{}}, idp.WrongState)
		_, state, _ := fresh.register("New phone", http.StatusCreated)
		if state != idp.DevicePending {
			t.Fatalf("the new phone starts as %s", state)
		}
		s := progress(a)
		if s.Status != "key_ready" || s.Name != "New phone" || s.Context.IP != "198.51.100.0/24" || !strings.HasPrefix(s.Text.Request, "key:") {
			t.Errorf("%+v", s)
		}
		b := i.Browser("203.0.113.50")
		v := b.Login(b.StartLogin(nil))
		sid, assertion := fresh.sign(v.Frames[0].URL)
		fresh.refused("POST", "/v1/me/stepup", map[string]any{}, idp.BadChallenge)
		if answer := string(fresh.post("/v1/approvals/"+sid+"/approve", map[string]any{"type": "webauthn", "assertion": assertion}, http.StatusNotFound)); !strings.Contains(answer, string(idp.CredentialUnknown)) {
			t.Errorf("a pending phone approves: %s", answer)
		}
		body := map[string]any{"type": "webauthn", "assertion": old.vouch(a.ID, s)}
		if got := want[ownDevice](old, "POST", approve(a), body, http.StatusOK); got.State != idp.DeviceActive || got.Binding != idp.BindingDevice {
			t.Errorf("%+v", got)
		}
		want[any](old, "POST", approve(a), body, http.StatusOK) // a lost answer
		if again := want[ownDevice](fresh, "POST", "/v1/enroll/finish", fresh.finish, http.StatusCreated); again.State != idp.DeviceActive {
			t.Errorf("the new phone is told %+v", again)
		}
		if progress(a).Status != "done" {
			t.Error("not done")
		}
		fresh.stepUp()
		if me := want[ownProfile](fresh, "GET", "/v1/me", nil, http.StatusOK); me.User.Display != "Alice Adams" {
			t.Errorf("%+v", me)
		}
	})
	t.Run("Q15 a link is used once", func(t *testing.T) {
		a, fresh := begin()
		fresh.register("One", http.StatusCreated)
		thief := newWebPhone(t, i, "192.0.2.5", i.Alice)
		thief.refused("POST", "/v1/enroll/redeem", tokenOf(t, a.URL), idp.InviteUsed)
	})
	t.Run("Q15 a stale user check", func(t *testing.T) {
		old.stepUp()
		i.Clock.Add(20 * time.Minute)
		old.refused("POST", "/v1/me/devices/add", map[string]any{}, idp.StepupRequired)
	})
	t.Run("Q15 the signature of another text, or of somebody else", func(t *testing.T) {
		a, fresh := begin()
		fresh.register("Evil", http.StatusCreated)
		s := progress(a)
		other := s
		other.Text.Request = "key:" + strings.Repeat("A", 43)
		old.refused("POST", approve(a), map[string]any{"type": "webauthn", "assertion": old.vouch(a.ID, other)}, idp.BadChallenge)
		other = s
		other.Context.Device = "Other phone"
		old.refused("POST", approve(a), map[string]any{"type": "webauthn", "assertion": old.vouch(a.ID, other)}, idp.BadChallenge)
		old.refused("POST", approve(a), map[string]any{"type": "webauthn", "assertion": fresh.vouch(a.ID, s)}, idp.CredentialUnknown)
		bob := atHome(t, i, i.Bob, "203.0.113.99")
		bob.refused("GET", "/v1/me/devices/add/"+a.ID, nil, idp.NotFound)
		bob.refused("POST", approve(a), map[string]any{"type": "webauthn", "assertion": bob.vouch(a.ID, s)}, idp.NotFound)
		old.refused("POST", approve(a), map[string]any{"type": "webauthn", "assertion": bob.vouch(a.ID, s)}, idp.UserMismatch)
		if d, err := i.Store.Device(context.Background(), fresh.device); err != nil || d.State != idp.DevicePending {
			t.Errorf("%+v, %v", d, err)
		}
	})
	t.Run("Q15 called off", func(t *testing.T) {
		a, fresh := begin()
		fresh.register("Evil", http.StatusCreated)
		s := progress(a)
		want[any](old, "DELETE", "/v1/me/devices/add/"+a.ID, map[string]any{}, http.StatusNoContent)
		old.refused("POST", approve(a), map[string]any{"type": "webauthn", "assertion": old.vouch(a.ID, s)}, idp.WrongState)
		if again := want[ownDevice](fresh, "POST", "/v1/enroll/finish", fresh.finish, http.StatusCreated); again.State != idp.DeviceRevoked {
			t.Errorf("the new phone is told %+v", again)
		}
		i.Clock.Add(10 * time.Minute)
		fresh.refused("POST", "/v1/enroll/finish", fresh.finish, idp.EnrollExpired)
		if d, err := i.Store.Device(context.Background(), fresh.device); err != nil || d.State != idp.DeviceRevoked {
			t.Errorf("%+v, %v", d, err)
		}
	})
	t.Run("over after ten minutes", func(t *testing.T) {
		a, fresh := begin()
		fresh.register("Late", http.StatusCreated)
		s := progress(a)
		i.Clock.Add(10 * time.Minute)
		old.refused("POST", approve(a), map[string]any{"type": "webauthn", "assertion": old.vouch(a.ID, s)}, idp.EnrollExpired)
	})
	t.Run("Q15 a phone on probation lets nobody in", func(t *testing.T) {
		young := newWebPhone(t, i, phoneIP, i.Alice)
		young.enroll(i.Invite(i.Alice))
		young.stepUp()
		young.refused("POST", "/v1/me/devices/add", map[string]any{}, idp.Probation)
		young.refused("POST", "/v1/me/recovery-codes", map[string]any{}, idp.Probation)
		a, fresh := begin()
		fresh.register("Evil", http.StatusCreated)
		s := progress(a)
		old.refused("POST", approve(a), map[string]any{"type": "webauthn", "assertion": young.vouch(a.ID, s)}, idp.Probation)
	})
}

func TestRecoveryCodes(t *testing.T) {
	i := idptest.New(t)
	p := atHome(t, i, i.Alice, phoneIP)
	renew := func() []string {
		t.Helper()
		p.stepUp()
		return want[struct{ Codes []string }](p, "POST", "/v1/me/recovery-codes", map[string]any{}, http.StatusCreated).Codes
	}
	codes := renew()
	if me := want[ownProfile](p, "GET", "/v1/me", nil, http.StatusOK); len(codes) != 8 || me.CodesLeft != 8 {
		t.Fatalf("%v, %+v", codes, me)
	}
	lost := func(ip string) *webPhone { return newWebPhone(t, i, ip, i.Alice) }
	use := func(code string) map[string]string {
		return map[string]string{"login": "ALICE@example.com", "code": code}
	}

	t.Run("Q18 a code lets one phone in, on probation, and signs nobody in", func(t *testing.T) {
		q := lost("198.51.100.1")
		typed := strings.ToLower(strings.ReplaceAll(strings.ReplaceAll(codes[0], "-", " "), "0", "o"))
		want[any](q, "POST", "/v1/enroll/recovery", use(typed), http.StatusOK)
		q.refused("GET", "/v1/me", nil, idp.StepupRequired)
		if _, state, _ := q.register("New", http.StatusCreated); state != idp.DeviceProbation {
			t.Errorf("starts as %s", state)
		}
		if d, err := i.Store.Device(context.Background(), q.device); err != nil || d.Binding != idp.BindingRecovery {
			t.Errorf("%+v, %v", d, err)
		}
		me := want[ownProfile](p, "GET", "/v1/me", nil, http.StatusOK)
		if me.CodesLeft != 7 || len(me.Notices) == 0 || me.Notices[0].Code != "device_added" {
			t.Errorf("%+v", me)
		}
		p.stepUp()
		want[any](p, "DELETE", "/v1/me/devices/"+q.device, map[string]string{}, http.StatusNoContent) // the veto
		// One enrollment is one phone.
		other := newWebPhone(t, i, "198.51.100.1", i.Alice)
		other.http.Jar = q.http.Jar
		other.register("Another", http.StatusGone)
	})
	t.Run("Q18 a used code is worth nothing", func(t *testing.T) {
		lost("198.51.100.2").refused("POST", "/v1/enroll/recovery", use(codes[0]), idp.CodeWrong)
	})
	t.Run("Q18 used twice at once, it works once", func(t *testing.T) {
		results := make(chan int, 8)
		for n := range 8 {
			q := lost("198.51.100." + string(rune('3'+n%7)))
			go func() {
				status, _ := q.send("POST", "/v1/enroll/recovery", use(codes[1]))
				results <- status
			}()
		}
		opened := 0
		for range 8 {
			if <-results == http.StatusOK {
				opened++
			}
		}
		if opened != 1 {
			t.Errorf("opened %d times", opened)
		}
	})
	t.Run("Q18 W11 a wrong code and an unknown person are answered alike", func(t *testing.T) {
		answers := map[string]string{}
		for name, body := range map[string]map[string]string{
			"wrong": use("0000-0000-0000-0000"), "unknown": {"login": "nobody@example.com", "code": codes[2]},
			"bob has none": {"login": "bob@example.com", "code": codes[2]}, "no code": use("x"),
		} {
			q := lost("192.0.2." + string(rune('1'+len(answers))))
			status, text := q.send("POST", "/v1/enroll/recovery", body)
			answers[name] = string(rune(status)) + text[:strings.Index(text, `"trace"`)]
		}
		for name, a := range answers {
			if a != answers["wrong"] {
				t.Errorf("%s: %s, not %s", name, a, answers["wrong"])
			}
		}
	})
	t.Run("Q16 Q18 guesses are limited by address and lock nobody out", func(t *testing.T) {
		q := lost("192.0.2.200")
		limited := false
		for range 12 {
			status, text := q.send("POST", "/v1/enroll/recovery", use("0000-0000-0000-0000"))
			limited = limited || status == http.StatusTooManyRequests && strings.Contains(text, "slow_down")
		}
		if !limited {
			t.Error("twelve guesses were all judged")
		}
		want[any](lost("192.0.2.201"), "POST", "/v1/enroll/recovery", use(codes[3]), http.StatusOK)
	})
	t.Run("Q18 new codes void the old ones", func(t *testing.T) {
		renew()
		lost("192.0.2.202").refused("POST", "/v1/enroll/recovery", use(codes[4]), idp.CodeWrong)
	})
	t.Run("only keyed hashes are kept and nothing is logged", func(t *testing.T) {
		stored, err := i.Store.RecoveryCodes(context.Background(), i.Alice.ID)
		if err != nil {
			t.Fatal(err)
		}
		raw, _ := json.Marshal(stored)
		for _, c := range codes {
			if strings.Contains(string(raw)+i.Log.String(), c) || strings.Contains(i.Log.String(), strings.ReplaceAll(c, "-", "")) {
				t.Error("a code in clear")
			}
		}
	})
}

func TestTwoInvitesAtOnce(t *testing.T) {
	for range 20 {
		i := idptest.New(t)
		phones := [2]*webPhone{newWebPhone(t, i, phoneIP, i.Alice), newWebPhone(t, i, phoneIP, i.Alice)}
		states := make(chan string, 2)
		bodies := [2]map[string]any{}
		for n, p := range phones {
			want[any](p, "POST", "/v1/enroll/redeem", tokenOf(t, i.Invite(i.Alice)), http.StatusOK)
			_, options := p.send("POST", "/v1/enroll/options", map[string]string{"type": "webauthn"})
			parsed, err := virtualwebauthn.ParseAttestationOptions(options)
			if err != nil {
				t.Fatal(err)
			}
			bodies[n] = map[string]any{"type": "webauthn", "name": "x", "attestation": json.RawMessage(virtualwebauthn.CreateAttestationResponse(p.rp, p.auth, p.cred, *parsed))}
		}
		for n, p := range phones {
			go func() {
				for {
					status, text := p.send("POST", "/v1/enroll/finish", bodies[n])
					if status != http.StatusServiceUnavailable {
						var done struct{ State string }
						_ = json.Unmarshal([]byte(text), &done)
						states <- done.State
						return
					}
				}
			}()
		}
		if a, b := <-states, <-states; (a == idp.DeviceActive) == (b == idp.DeviceActive) {
			t.Fatalf("Q15: %s and %s", a, b)
		}
	}
}

func TestActivityAndSessions(t *testing.T) {
	i := idptest.New(t)
	p := atHome(t, i, i.Alice, phoneIP)
	b := i.Browser("203.0.113.60")
	var sids []string
	for range 3 {
		b.DropSession()
		v := b.Login(b.StartLogin(nil))
		sid, assertion := p.sign(v.Frames[0].URL)
		p.post("/v1/approvals/"+sid+"/approve", map[string]any{"type": "webauthn", "assertion": assertion}, http.StatusOK)
		assertionID(t, b.Finish(sid, idptest.RandomKey()))
		sids = append(sids, sid)
		p.claim = idptest.RandomKey32()
		i.Clock.Add(time.Minute)
	}
	type signIn struct {
		ID, App, Device string
		NewBrowser      bool `json:"new_browser"`
		Reported        bool
	}
	list := want[items[signIn]](p, "GET", "/v1/me/activity", nil, http.StatusOK)
	if len(list.Items) != 3 || !list.Items[2].NewBrowser || list.Items[0].App != "SP b" {
		t.Fatalf("%+v", list)
	}
	type session struct {
		ID   string
		This bool
	}
	sessions := func() []session {
		t.Helper()
		return want[items[session]](p, "GET", "/v1/me/sessions", nil, http.StatusOK).Items
	}
	if got := sessions(); len(got) != 4 {
		t.Errorf("%d sessions", len(got))
	}
	t.Run("that wasn't me", func(t *testing.T) {
		i.Log.Reset()
		answer := want[map[string]string](p, "POST", "/v1/me/activity/"+list.Items[0].ID+"/report", map[string]any{}, http.StatusOK)
		if answer["device_id"] != p.device || !strings.Contains(i.Log.String(), `"event":"alert"`) {
			t.Errorf("%v", answer)
		}
		if got := sessions(); len(got) != 3 {
			t.Errorf("%d sessions", len(got))
		}
		if again := want[items[signIn]](p, "GET", "/v1/me/activity", nil, http.StatusOK); !again.Items[0].Reported {
			t.Errorf("%+v", again)
		}
	})
	t.Run("AD7 of somebody else", func(t *testing.T) {
		bob := atHome(t, i, i.Bob, "203.0.113.99")
		bob.refused("POST", "/v1/me/activity/"+list.Items[1].ID+"/report", map[string]any{}, idp.NotFound)
		want[any](bob, "DELETE", "/v1/me/sessions/"+sids[0], map[string]any{}, http.StatusNoContent) // nothing of that name
		if got := sessions(); len(got) != 3 {
			t.Errorf("bob ended a session of alice")
		}
	})
	t.Run("sign a browser out", func(t *testing.T) {
		want[any](p, "DELETE", "/v1/me/sessions/"+sids[0], map[string]any{}, http.StatusNoContent)
		if got := sessions(); len(got) != 2 {
			t.Errorf("%d sessions", len(got))
		}
	})
}
