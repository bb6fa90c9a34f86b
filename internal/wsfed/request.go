package wsfed

import (
	"strconv"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/binding"
)

// Actions: values of wa (WS-Federation 1.2, 13.2.1).
const (
	SignIn  = "wsignin1.0"
	SignOut = "wsignout1.0"        // somebody wants to sign out everywhere
	Cleanup = "wsignoutcleanup1.0" // an identity provider tells an application that this has happened
)

// Request is what the parameters say. Nothing is verified.
type Request struct {
	Action string

	// Of SignIn only.
	Realm      string    // wtrealm; who asks
	Reply      string    // wreply; empty: not said
	Context    string    // wctx, to be echoed unchanged; at most 1,024 bytes
	HasContext bool      // an empty wctx is not an absent one
	Made       time.Time // wct; zero: not said
	Fresh      int       // wfresh in minutes; notSaid: not said
	Auth       string    // wauth, a URI; empty: not said
}

// notSaid is a wfresh that is absent.
const notSaid = -1

// maxFresh is a year of minutes, longer than any session.
const maxFresh = 365 * 24 * 60

// known are the parameters that mean something to us. Others are ignored: those
// of WS-Federation that only help to find an identity provider or a policy (whr,
// wp, wres, wfed, wencoding), and what applications add (username, mkt).
var known = []string{"wa", "wtrealm", "wreply", "wctx", "wct", "wfresh", "wauth", "wreq", "wreqptr", "wresult", "wresultptr"}

// Parse reads a query string as the browser sent it. Errors are refusals.
func Parse(rawQuery string) (*Request, error) {
	p, err := binding.Split(rawQuery, known)
	if err != nil {
		return nil, err
	}
	r := &Request{Fresh: notSaid}
	if r.Action, err = p.Value("wa"); err != nil {
		return nil, err
	}
	switch r.Action {
	case SignIn:
		return r, r.signIn(p)
	case SignOut, Cleanup:
		return r, nil
	}
	return nil, idp.Refuse(idp.Unsupported, "wa is none that is offered")
}

func (r *Request) signIn(p binding.Parameters) (err error) {
	for _, name := range []string{"wreq", "wreqptr", "wresult", "wresultptr"} {
		if p.Has(name) {
			return idp.Refuse(idp.Unsupported, "%s is not offered", name)
		}
	}
	var made, fresh string
	for name, value := range map[string]*string{
		"wtrealm": &r.Realm, "wreply": &r.Reply, "wct": &made, "wfresh": &fresh, "wauth": &r.Auth,
	} {
		if *value, err = p.Value(name); err != nil {
			return err
		}
	}
	if r.Context, r.HasContext, err = p.Echo("wctx"); err != nil {
		return err
	}
	if r.Realm == "" {
		return idp.Refuse(idp.BindingParams, "no wtrealm")
	}
	if made != "" {
		if r.Made, err = time.Parse(time.RFC3339, made); err != nil {
			return idp.Refuse(idp.TimeWindow, "wct is not a time")
		}
	}
	if fresh != "" {
		minutes, err := strconv.ParseUint(fresh, 10, 31)
		if err != nil {
			return idp.Refuse(idp.BindingParams, "wfresh is not a number of minutes")
		}
		r.Fresh = int(min(minutes, maxFresh))
	}
	return nil
}
