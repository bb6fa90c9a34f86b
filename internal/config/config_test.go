package config_test

import (
	"strings"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/config"
)

func TestDefaults(t *testing.T) {
	c, err := config.Load(map[string]string{"LATCHKEY_PUBLIC_URL": "https://ID.Example.com/"})
	if err != nil {
		t.Fatal(err)
	}
	if c.PublicURL != "https://id.example.com" || c.EntityID != "https://id.example.com/saml/metadata" || c.SSOURL() != "https://id.example.com/saml/sso" {
		t.Errorf("%+v", c)
	}
	if c.Local() || c.Host() != "id.example.com" || c.Hostname() != "id.example.com" {
		t.Errorf("local %v, host %s", c.Local(), c.Host())
	}
	if c.QRWindow != 6 || c.RequestMaxAge != 5*time.Minute || c.RequestMaxSkew != time.Minute || c.InviteLife != 24*time.Hour ||
		c.SessionLife != 24*time.Hour || c.SessionIdle != 8*time.Hour || c.Attestation != "none" || c.Probation != 24*time.Hour {
		t.Errorf("%+v", c)
	}
}

func TestLocal(t *testing.T) {
	for url, local := range map[string]bool{
		"http://localhost:8080": true, "http://127.0.0.1:8080": true, "http://[::1]:8080": true, "http://a.localhost": true, "https://localhost": false,
	} {
		c, err := config.Config{PublicURL: url}.Complete()
		if err != nil || c.Local() != local {
			t.Errorf("%s: local %v, %v", url, c.Local(), err)
		}
	}
}

func TestRefused(t *testing.T) {
	for name, c := range map[string]struct{ key, value, says string }{
		"no scheme":        {"LATCHKEY_PUBLIC_URL", "id.example.com", "LATCHKEY_PUBLIC_URL"},
		"plain http":       {"LATCHKEY_PUBLIC_URL", "http://id.example.com", "https://"},
		"localhost in it":  {"LATCHKEY_PUBLIC_URL", "http://localhost.example.com", "https://"},
		"path":             {"LATCHKEY_PUBLIC_URL", "https://id.example.com/idp", "LATCHKEY_PUBLIC_URL"},
		"query":            {"LATCHKEY_PUBLIC_URL", "https://id.example.com?x", "LATCHKEY_PUBLIC_URL"},
		"user":             {"LATCHKEY_PUBLIC_URL", "https://a:b@id.example.com", "LATCHKEY_PUBLIC_URL"},
		"another scheme":   {"LATCHKEY_PUBLIC_URL", "javascript://id.example.com", "https://"},
		"window too small": {"LATCHKEY_QR_WINDOW", "1", "LATCHKEY_QR_WINDOW"},
		"window too large": {"LATCHKEY_QR_WINDOW", "11", "LATCHKEY_QR_WINDOW"},
		"no number":        {"LATCHKEY_QR_WINDOW", "six", "settings"},
		"invite life":      {"LATCHKEY_INVITE_LIFE", "8m", "LATCHKEY_INVITE_LIFE"},
		"invite too long":  {"LATCHKEY_INVITE_LIFE", "169h", "LATCHKEY_INVITE_LIFE"},
		"request age":      {"LATCHKEY_REQUEST_MAX_AGE", "16m", "LATCHKEY_REQUEST_MAX_AGE"},
		"validity":         {"LATCHKEY_METADATA_MAX_VALIDITY", "1m", "LATCHKEY_METADATA_MAX_VALIDITY"},
		"skew":             {"LATCHKEY_REQUEST_MAX_SKEW", "-1s", "LATCHKEY_REQUEST_MAX_SKEW"},
		"session life":     {"LATCHKEY_SESSION_LIFE", "1m", "LATCHKEY_SESSION_LIFE"},
		"probation":        {"LATCHKEY_PROBATION", "73h", "LATCHKEY_PROBATION"},
		"session idle":     {"LATCHKEY_SESSION_IDLE", "1m", "LATCHKEY_SESSION_IDLE"},
		"attestation":      {"LATCHKEY_ATTESTATION", "some", "LATCHKEY_ATTESTATION"},
		"known, but which": {"LATCHKEY_ATTESTATION", "known", "LATCHKEY_ATTESTATION_MODELS"},
		"no AAGUID":        {"LATCHKEY_ATTESTATION_MODELS", "YubiKey 5", "AAGUID"},
		"origin secret":    {"LATCHKEY_ORIGIN_SECRET", "the secret itself", "LATCHKEY_ORIGIN_SECRET"},
		"issuer":           {"LATCHKEY_ISSUERS", "https://a.example,a b", "entityID"},
	} {
		t.Run(name, func(t *testing.T) {
			env := map[string]string{"LATCHKEY_PUBLIC_URL": "https://id.example.com"}
			env[c.key] = c.value
			if _, err := config.Load(env); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error %v, want one that names %s", err, c.says)
			}
		})
	}
}

func TestEverythingWrongAtOnce(t *testing.T) {
	_, err := config.Load(map[string]string{"LATCHKEY_QR_WINDOW": "99", "LATCHKEY_ORIGIN_SECRET": "0123456789abcdef", "LATCHKEY_PROBATION": "999h"})
	for _, want := range []string{"LATCHKEY_PUBLIC_URL", "LATCHKEY_QR_WINDOW", "LATCHKEY_ORIGIN_SECRET", "LATCHKEY_PROBATION"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no %s in %v", want, err)
		}
	}
}

func TestAllIssuers(t *testing.T) {
	c, err := config.Load(map[string]string{"LATCHKEY_PUBLIC_URL": "https://id.example.com", "LATCHKEY_ISSUERS": "https://one.example,urn:two"})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(c.AllIssuers(), " "); got != "https://id.example.com/saml/metadata https://one.example urn:two" {
		t.Error(got)
	}
}
