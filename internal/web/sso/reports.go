package sso

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/ratelimit"
	"github.com/latchkey-idp/latchkey/internal/web"
)

const (
	maxReports = 16 << 10
)

// report notes that a browser saw something which our Content-Security-Policy
// forbids: an injection, or an extension. Only the directive is kept; anybody
// can send a report.
func (h *Handlers) report(w http.ResponseWriter, r *http.Request) error {
	if wait, ok := h.reports.Take(ratelimit.Address(idp.ClientFrom(r.Context()).IP)); !ok {
		return ratelimit.Slow(wait)
	}
	body, err := web.ReadBody(r, maxReports)
	if err != nil {
		return err
	}
	var reports []struct {
		Type string `json:"type"`
		Body struct {
			EffectiveDirective string `json:"effectiveDirective"`
		} `json:"body"`
	}
	if err := json.Unmarshal(body, &reports); err != nil {
		return &idp.Error{Code: idp.BadRequest, Detail: "reports are not JSON"}
	}
	var directives []string
	for _, report := range reports {
		if d := report.Body.EffectiveDirective; report.Type == "csp-violation" && directive(d) && !slices.Contains(directives, d) {
			directives = append(directives, d)
		}
	}
	if len(directives) > 0 {
		web.RecordFrom(r.Context()).Reason = "csp.violation"
		web.RecordFrom(r.Context()).Detail = strings.Join(directives, " ")
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// directive reports whether d is one of those that our pages set.
func directive(d string) bool {
	return slices.Contains([]string{
		"default-src", "script-src", "script-src-elem", "script-src-attr", "style-src", "style-src-elem", "style-src-attr",
		"img-src", "connect-src", "font-src", "form-action", "frame-ancestors", "base-uri", "require-trusted-types-for", "trusted-types",
	}, d)
}
