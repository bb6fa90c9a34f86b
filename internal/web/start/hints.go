package start

import (
	"github.com/latchkey-idp/latchkey/internal/idp"
)

// hint tells an administrator what to do about a refused request. It is built
// from registered values only, because it is shown on the error page.
func hint(reason idp.Reason, sp *idp.ServiceProvider) string {
	if sp == nil {
		return ""
	}
	switch reason {
	case idp.ACSUnregistered, idp.ACSScheme:
		if sp.Protocol == idp.ProtocolWSFed {
			return sp.Name + " asks for an answer at an address that is not registered for it. If it is right, add it: latchkey sp update --reply"
		}
		return sp.Name + " asks for an answer at an address that is not registered for it. Import its current metadata."
	case idp.SigUntrustedKey:
		return "No registered key of " + sp.Name + " verifies the signature. If its key has changed, import its current metadata."
	case idp.SigRequired:
		return sp.Name + " must sign its requests (its metadata or a setting says so), and this one is not signed."
	case idp.ReasonDestination:
		return sp.Name + " sent the request to another address than this one. Give it our current metadata."
	case idp.TimeWindow:
		return "The request of " + sp.Name + " is too old or from the future. Check the clocks of both sides."
	case idp.Unsupported:
		return sp.Name + " asks for a kind of authentication that its settings do not know, or that cannot be reached here."
	case idp.SPProtocol:
		return sp.Name + " is registered for another protocol than the one it used. Remove it and add it again with the other --protocol."
	case idp.SPDisabled:
		return sp.Name + " is switched off, or a draft that is not complete."
	case idp.ReasonReplay:
		return "This request of " + sp.Name + " was answered before. People see this when they go back in the browser after signing in."
	}
	return ""
}
