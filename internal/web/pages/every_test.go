package pages

import (
	"crypto/rand"
	"html/template"
	"io"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/assets"
	"github.com/latchkey-idp/latchkey/internal/i18n"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/qr"
)

// TestEveryPage renders every page in every language: nobody finds a mistake in
// a template, or a message that is missing, before us.
func TestEveryPage(t *testing.T) {
	catalog, err := i18n.New()
	if err != nil {
		t.Fatal(err)
	}
	files, err := assets.New(catalog)
	if err != nil {
		t.Fatal(err)
	}
	p, err := New(files, catalog, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, lang := range catalog.Languages() {
		locale, _ := catalog.Locale(lang)
		if err := p.try(p.frame(Frame{Locale: locale, Here: "/", Theme: ThemeDark, Links: []Link{{"Help", "/"}}})); err != nil {
			t.Errorf("%s: %v", lang, err)
		}
	}
}

func (p *Pages) try(f Frame) error {
	for _, page := range []struct {
		template *template.Template
		data     any
	}{
		{p.login, loginData{LoginPage: LoginPage{Frame: f, Passkey: true}}},
		{p.login, loginData{LoginPage: LoginPage{Frame: f, PasskeyOnly: true}}},
		{p.plain, plainData{PlainPage{Frame: f, State: "waiting", Code: &qr.Code{}, UserCode: "x", Stay: "/", Refresh: 5, Decline: "login_page.cancel"}, "key"}},
		{p.plain, plainData{PlainPage{Frame: f, State: "confirm", Continue: true, Decline: "login.buttons.notMe", Again: "/"}, "key"}},
		{p.plain, plainData{PlainPage{Frame: f, State: "number", Number: "1"}, "key"}},
		{p.plain, plainData{PlainPage{Frame: f, State: "approved", Continue: true}, "key"}},
		{p.plain, plainData{PlainPage{Frame: f, State: "expired", Renew: true}, "key"}},
		{p.plain, plainData{PlainPage{Frame: f, State: PlainPasskey}, "key"}},
		{p.consent, ConsentPage{Frame: f, AppLogo: "/", Items: []ConsentItem{{"l", true, "n", []string{"v"}}}, Action: "/", Yes: []Field{{"n", "v"}}, No: []Field{{"n", "v"}}}},
		{p.approve, approveData{ApprovePage: ApprovePage{Frame: f}}},
		{p.enroll, enrollData{EnrollPage: EnrollPage{Frame: f, TestSignIn: true}}},
		{p.me, meData{MePage: MePage{Frame: f}}},
		{p.logout, logoutData{LogoutPage: LogoutPage{Frame: f, State: LogoutAsk, Apps: []LogoutApp{{Name: "a"}}}}},
		{p.logout, logoutData{LogoutPage: LogoutPage{Frame: f, State: LogoutConfirm, AppName: "a"}}},
		{p.logout, logoutData{LogoutPage: LogoutPage{
			Frame: f, State: LogoutUnder, AppName: "a", Back: true, Apps: []LogoutApp{{"a", idp.LogoutPending}}, Tell: []string{"/"},
		}}},
		{p.logout, logoutData{LogoutPage: LogoutPage{Frame: f, State: LogoutOver}}},
		{p.logout, logoutData{LogoutPage: LogoutPage{Frame: f, State: LogoutPartial}}},
		{p.apps, AppsPage{Frame: f}},
		{p.apps, AppsPage{Frame: f, Apps: []App{{Name: "a", URL: "https://sp.example"}, {Name: "b", Logo: "/", Path: "/"}}}},
		{p.message, messageData{MessagePage: MessagePage{
			Frame: f, Action: &Action{"Continue", "/"}, Form: &Form{"/", "Go", []Field{{"n", "v"}}}, Detail: "d", Reference: "r",
		}}},
		{p.post, postData{PostPage: PostPage{Frame: f, Fields: Message("SAMLResponse", "AA==", "a\rb", true), AppName: "a"}}},
		{p.post, postData{PostPage: PostPage{Frame: f, Fields: []Field{{"l", "v"}}}}},
	} {
		if err := page.template.Execute(io.Discard, page.data); err != nil {
			return err
		}
	}
	return nil
}
