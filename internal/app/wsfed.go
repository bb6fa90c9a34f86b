package app

import (
	"net/http"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/acr"
	"github.com/latchkey-idp/latchkey/internal/web/metadata"
	"github.com/latchkey-idp/latchkey/internal/web/sso"
	web "github.com/latchkey-idp/latchkey/internal/web/wsfed"
	"github.com/latchkey-idp/latchkey/internal/wsfed"
)

// WSFed is the handler of functions/wsfed.
func (a *App) WSFed() http.Handler { return a.serve(a.wsfed()) }

func (a *App) wsfed() mounter {
	h := &web.Handlers{Site: a.site, Start: a.start, Level: acr.LevelQR}
	if a.rp != nil {
		h.Level = acr.LevelPHRHW
	}
	return h
}

// protocols are those besides SAML 2.0 in which sign-ins are answered.
func protocols() map[string]sso.Protocol {
	return map[string]sso.Protocol{
		idp.ProtocolWSFed: {Assert: wsfed.Assert, Fields: web.Fields},
	}
}

// visits are the addresses at which they sign a browser out.
func visits() map[string]func(*idp.ServiceProvider) string {
	return map[string]func(*idp.ServiceProvider) string{idp.ProtocolWSFed: wsfed.CleanupURL}
}

// extras are documents about us in their terms.
func (a *App) extras() []metadata.Extra {
	return []metadata.Extra{
		{Path: "/wsfed/FederationMetadata.xml", Endpoint: a.deps.Config.WSFedURL(), Form: wsfed.SignMetadata},
	}
}
