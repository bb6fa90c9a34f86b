package request_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml"
	"github.com/latchkey-idp/latchkey/internal/saml/binding"
	"github.com/latchkey-idp/latchkey/internal/saml/request"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

var env = request.Env{SSOURL: samltest.SSO, Now: now}

// post sends a message of sp by HTTP-POST through decoding, Parse and Judge.
func post(sp *samltest.SP, message string) (*idp.Login, error) {
	return judge(sp, func() (*binding.Inbound, error) {
		return binding.POST(samltest.FormType, samltest.POSTBody(message, nil))
	})
}

// redirect sends a query of sp by HTTP-Redirect.
func redirect(sp *samltest.SP, query string) (*idp.Login, error) {
	return judge(sp, func() (*binding.Inbound, error) { return binding.Redirect(query) })
}

func judge(sp *samltest.SP, receive func() (*binding.Inbound, error)) (*idp.Login, error) {
	in, err := receive()
	if err != nil {
		return nil, err
	}
	req, err := request.Parse(in)
	if err != nil {
		return nil, err
	}
	return request.Judge(req, in, &sp.ServiceProvider, env)
}

// refused asserts LOCAL-400 with a reason.
func refused(t *testing.T, login *idp.Login, err error, reason idp.Reason) {
	t.Helper()
	if !errors.Is(err, &idp.Error{Code: idp.SAMLRefused, Reason: reason}) {
		t.Errorf("got %v, want %s", err, reason)
	}
	if login != nil {
		t.Error("a login was returned")
	}
}

// answered asserts SAML-ERR(top, second) to an address.
func answered(t *testing.T, login *idp.Login, err error, top, second, acs string) {
	t.Helper()
	var a *request.Answer
	var status *saml.StatusError
	if !errors.As(err, &a) || !errors.As(err, &status) {
		t.Fatalf("got %v, want an answer", err)
	}
	if status.Top != top || status.Second != second || a.ACS != acs {
		t.Errorf("got %s %s to %s", status.Top, status.Second, a.ACS)
	}
	if login == nil || login.ACS != acs || login.RequestID == "" {
		t.Errorf("login = %+v", login)
	}
}

func accepted(t *testing.T, login *idp.Login, err error) *idp.Login {
	t.Helper()
	if err != nil {
		t.Fatalf("refused: %v", err)
	}
	return login
}

// edit replaces a part of a message that must be there.
func edit(t *testing.T, s, old, new string) string {
	t.Helper()
	if !strings.Contains(s, old) {
		t.Fatalf("no %q in the message", old)
	}
	return strings.Replace(s, old, new, 1)
}
