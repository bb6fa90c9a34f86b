package acr_test

import (
	"testing"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/acr"
)

func TestResolvePassword(t *testing.T) {
	const unspecified = "urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified"
	plain := &idp.ServiceProvider{}
	mapped := &idp.ServiceProvider{DefaultACR: microsoft, ACRMap: map[string]string{refeds: idp.ACRQR, password: idp.ACRPHR}}
	for _, tt := range []struct {
		name       string
		sp         *idp.ServiceProvider
		requested  []string
		comparison string
		class      string // empty: not met
	}{
		{"nothing asked", plain, nil, "", password},
		{"nothing asked, the default is not claimed", mapped, nil, "", password},
		{"exact", plain, []string{password}, acr.Exact, password},
		{"exact by absence, first that is met", plain, []string{idp.ACRQR, unspecified, password}, "", unspecified},
		{"exact own", plain, []string{idp.ACRQR}, acr.Exact, ""},
		{"exact unknown", plain, []string{kerberos}, acr.Exact, ""},
		{"a second factor", plain, []string{"urn:oasis:names:tc:SAML:2.0:ac:classes:MobileTwoFactorContract"}, acr.Exact, ""},
		{"mapped to a level of ours", mapped, []string{refeds}, acr.Exact, ""},
		{"E3 a password that the map makes a passkey", mapped, []string{password}, acr.Exact, ""},
		{"minimum", plain, []string{idp.ACRPHR, password}, acr.Minimum, password},
		{"minimum too strong", plain, []string{idp.ACRQR}, acr.Minimum, ""},
		{"maximum", plain, []string{idp.ACRQR}, acr.Maximum, password},
		{"maximum of a password", plain, []string{password}, acr.Maximum, password},
		{"maximum of what nobody knows", plain, []string{kerberos}, acr.Maximum, ""},
		{"E3 better than a password", plain, []string{password}, acr.Better, ""},
		{"E3 min-acr qr", &idp.ServiceProvider{MinACR: idp.ACRQR}, nil, "", ""},
		{"E3 passkeys only", &idp.ServiceProvider{QRPolicy: idp.QRPolicyOff}, []string{password}, acr.Exact, ""},
		{"codes are enough", &idp.ServiceProvider{QRPolicy: idp.QRPolicyAny}, nil, "", password},
	} {
		t.Run(tt.name, func(t *testing.T) {
			class, ok := acr.ResolvePassword(tt.sp, tt.requested, tt.comparison)
			if class != tt.class || ok != (tt.class != "") {
				t.Errorf("%q, %v, want %q", class, ok, tt.class)
			}
			if ok && len(tt.requested) > 0 && !acr.Satisfiable(tt.sp, tt.requested, tt.comparison, acr.LevelQR) {
				t.Error("a password meets what request.Judge refuses")
			}
		})
	}
}
