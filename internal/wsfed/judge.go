package wsfed

import (
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/acr"
	"github.com/latchkey-idp/latchkey/internal/saml/request"
)

// Judge decides about a SignIn of sp. The Login that it returns has neither ID
// nor RequestID, times nor Issuer. Errors are *idp.Error; none is told to the
// application, for which the protocol has no message.
func Judge(r *Request, sp *idp.ServiceProvider, env request.Env) (*idp.Login, error) {
	switch {
	case sp == nil || r.Realm != sp.EntityID:
		return nil, idp.Refuse(idp.SPUnknown, "wtrealm is not registered")
	case sp.Protocol != idp.ProtocolWSFed:
		return nil, idp.Refuse(idp.SPProtocol, "service provider does not speak WS-Federation")
	case sp.Disabled || sp.Draft:
		return nil, idp.Refuse(idp.SPDisabled, "service provider is switched off or a draft")
	}
	if !r.Made.IsZero() {
		if err := env.Window.Check(r.Made, env.Now); err != nil {
			return nil, err
		}
	}
	reply, err := chooseReply(r, sp)
	if err != nil {
		return nil, err
	}
	if err := request.CheckScheme(reply, env.Local); err != nil {
		return nil, err
	}
	l := &idp.Login{SP: sp.EntityID, ACS: reply, RelayState: r.Context, HasRelayState: r.HasContext}
	switch {
	case r.Fresh == 0:
		l.ForceAuthn = true
	case r.Fresh > 0:
		l.MaxAgeMinutes = r.Fresh
	}
	if r.Auth != "" {
		l.ACRRequest, l.ACRComparison = []string{r.Auth}, acr.Exact
		if !acr.Satisfiable(sp, l.ACRRequest, l.ACRComparison, max(env.Level, acr.LevelQR)) {
			return nil, idp.Refuse(idp.Unsupported, "wauth cannot be met")
		}
	}
	return l, nil
}

// chooseReply is where the answer goes: the registered reply URL that the
// request names, byte for byte, or the default one.
func chooseReply(r *Request, sp *idp.ServiceProvider) (string, error) {
	if r.Reply != "" {
		if !sp.HasACS(r.Reply) {
			return "", idp.Refuse(idp.ACSUnregistered, "wreply is not registered")
		}
		return r.Reply, nil
	}
	fallback := sp.DefaultACS()
	if fallback == nil {
		return "", idp.Refuse(idp.ACSUnregistered, "no reply URL is registered")
	}
	return fallback.Location, nil
}
