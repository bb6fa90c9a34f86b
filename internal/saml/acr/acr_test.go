package acr_test

import (
	"testing"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/acr"
)

const (
	password  = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"
	kerberos  = "urn:oasis:names:tc:SAML:2.0:ac:classes:Kerberos"
	refeds    = "https://refeds.org/profile/mfa"
	microsoft = "http://schemas.microsoft.com/claims/multipleauthn"
)

func TestResolve(t *testing.T) {
	plain := &idp.ServiceProvider{}
	mapped := &idp.ServiceProvider{DefaultACR: microsoft, ACRMap: map[string]string{refeds: idp.ACRQR, password: idp.ACRPHR}}
	for _, tt := range []struct {
		name       string
		sp         *idp.ServiceProvider
		requested  []string
		comparison string
		level      int
		class      string // empty: not met
	}{
		{"nothing asked", plain, nil, "", acr.LevelQR, idp.ACRQR},
		{"nothing asked, stronger", plain, nil, "", acr.LevelPHRHW, idp.ACRPHRHW},
		{"nothing asked, default", mapped, nil, "", acr.LevelQR, microsoft},
		{"exact own", plain, []string{idp.ACRQR}, acr.Exact, acr.LevelQR, idp.ACRQR},
		{"exact by absence", plain, []string{password}, "", acr.LevelQR, password},
		{"exact, a stronger sign-in meets it", plain, []string{password}, acr.Exact, acr.LevelPHR, password},
		{"exact, first that is met", plain, []string{kerberos, idp.ACRPHR, password, idp.ACRQR}, acr.Exact, acr.LevelQR, password},
		{"A34 exact unknown", plain, []string{kerberos}, acr.Exact, acr.LevelQR, ""},
		{"exact too strong", plain, []string{idp.ACRPHR}, acr.Exact, acr.LevelQR, ""},
		{"mapped by the SP", mapped, []string{refeds}, acr.Exact, acr.LevelQR, refeds},
		{"not mapped", plain, []string{refeds}, acr.Exact, acr.LevelQR, ""},
		{"map overrides", mapped, []string{password}, acr.Exact, acr.LevelQR, ""},
		{"map overrides, met", mapped, []string{password}, acr.Exact, acr.LevelPHR, password},
		{"minimum", plain, []string{idp.ACRPHR, idp.ACRQR}, acr.Minimum, acr.LevelQR, idp.ACRQR},
		{"P11 minimum too strong", plain, []string{idp.ACRPHR, idp.ACRPHRHW}, acr.Minimum, acr.LevelQR, ""},
		{"better", plain, []string{password}, acr.Better, acr.LevelPHR, idp.ACRPHR},
		{"better than itself", plain, []string{password}, acr.Better, acr.LevelQR, ""},
		{"better than the unknown", plain, []string{password, kerberos}, acr.Better, acr.LevelPHR, ""},
		{"maximum", plain, []string{password}, acr.Maximum, acr.LevelQR, password},
		{"maximum, below", plain, []string{idp.ACRPHR}, acr.Maximum, acr.LevelQR, idp.ACRQR},
		{"maximum, above", plain, []string{password}, acr.Maximum, acr.LevelPHR, ""},
		{"unknown comparison", plain, []string{password}, "x", acr.LevelQR, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			class, ok := acr.Resolve(tt.sp, tt.requested, tt.comparison, tt.level)
			if ok != (tt.class != "") || ok && class != tt.class {
				t.Errorf("got %q, %v; want %q", class, ok, tt.class)
			}
		})
	}
}

func TestSatisfiable(t *testing.T) {
	sp := &idp.ServiceProvider{}
	if acr.Satisfiable(sp, []string{idp.ACRPHR}, acr.Exact, acr.LevelQR) {
		t.Error("a level that this deployment cannot reach is promised")
	}
	if !acr.Satisfiable(sp, []string{idp.ACRPHR}, acr.Exact, acr.LevelPHR) || !acr.Satisfiable(sp, nil, "", acr.LevelQR) {
		t.Error("refused what can be met")
	}
	// A stronger sign-in does not meet it, a weaker one does.
	if !acr.Satisfiable(sp, []string{password}, acr.Maximum, acr.LevelPHRHW) {
		t.Error("maximum judged at the strongest level only")
	}
}
