// Package config reads the settings of a deployment from its environment into
// one struct and judges all of them at once. Every setting works at its zero
// value except the public URL.
package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"
)

// Config is everything a deployment can set. The names in the `env` tags are
// those of the Lambda environment and of `latchkey serve`.
type Config struct {
	// PublicURL is where browsers and phones find us: scheme and host, no path.
	PublicURL string `env:"LATCHKEY_PUBLIC_URL"`
	// EntityID names us to service providers; default PublicURL + /saml/metadata.
	EntityID string `env:"LATCHKEY_ENTITY_ID"`
	// Issuers are more entityIDs that service providers may be given (Entra
	// needs one for each federated domain), comma-separated.
	Issuers []string `env:"LATCHKEY_ISSUERS"`
	// DisplayName is the organization's name on pages and in metadata.
	DisplayName string `env:"LATCHKEY_DISPLAY_NAME" envDefault:"Latchkey"`
	// SupportURL is linked from the pages as help, if set.
	SupportURL string `env:"LATCHKEY_SUPPORT_URL"`
	// LogoURL, InformationURL and PrivacyURL are for people who choose among
	// identity providers; they stand in our metadata (MDUI), if set; https.
	LogoURL        string `env:"LATCHKEY_LOGO_URL"`
	InformationURL string `env:"LATCHKEY_INFORMATION_URL"`
	PrivacyURL     string `env:"LATCHKEY_PRIVACY_URL"`

	// RequestMaxAge and RequestMaxSkew bound IssueInstant: 5 min back, 1 min ahead.
	RequestMaxAge  time.Duration `env:"LATCHKEY_REQUEST_MAX_AGE" envDefault:"5m"`
	RequestMaxSkew time.Duration `env:"LATCHKEY_REQUEST_MAX_SKEW" envDefault:"1m"`
	// RefusedAlgorithms are signature and digest algorithm URIs that are never
	// accepted, on top of those that never are.
	RefusedAlgorithms []string `env:"LATCHKEY_REFUSED_ALGORITHMS"`
	// MetadataMaxValidity is how far ahead the validUntil of metadata may lie,
	// which has to have one then; 0: metadata need not end.
	MetadataMaxValidity time.Duration `env:"LATCHKEY_METADATA_MAX_VALIDITY"`

	// QRWindow is how many 4-second steps a frame stays valid: 2 to 10.
	QRWindow int `env:"LATCHKEY_QR_WINDOW" envDefault:"6"`
	// InviteLife is how long an invite can be used: 10 min to 7 days.
	InviteLife time.Duration `env:"LATCHKEY_INVITE_LIFE" envDefault:"24h"`
	// SessionLife is the absolute life of an SSO session.
	SessionLife time.Duration `env:"LATCHKEY_SESSION_LIFE" envDefault:"24h"`
	// SessionIdle is how long an SSO session lasts without being used.
	SessionIdle time.Duration `env:"LATCHKEY_SESSION_IDLE" envDefault:"8h"`
	// Attestation says which keys may be enrolled: none (any), known (models of
	// a list), device_bound (keys that cannot leave their device).
	Attestation string `env:"LATCHKEY_ATTESTATION" envDefault:"none"`
	// AttestationModels are the AAGUIDs that "known" accepts.
	AttestationModels []string `env:"LATCHKEY_ATTESTATION_MODELS"`
	// AttestationRoots are certificates of makers, PEM or the path of a PEM
	// file; those of Apple and Android are built in.
	AttestationRoots string `env:"LATCHKEY_ATTESTATION_ROOTS"`
	// Probation is how long a further device of a user stays on probation.
	Probation time.Duration `env:"LATCHKEY_PROBATION" envDefault:"24h"`

	// NumberDigits is the length of the number that people type where an
	// application asks for it: 6 or 3.
	NumberDigits int `env:"LATCHKEY_QR_NUMBER_DIGITS" envDefault:"6"`

	LogLevel string `env:"LATCHKEY_LOG_LEVEL" envDefault:"info"`

	// AWS only.
	// HealthHost is a host of its own for health checks from outside.
	HealthHost string `env:"LATCHKEY_HEALTH_HOST"`
	// OriginSecret is the ARN of the secret that CloudFront sends, if the
	// functions are behind it (internal/originsecret).
	OriginSecret string `env:"LATCHKEY_ORIGIN_SECRET"`

	Table string `env:"LATCHKEY_TABLE"`
	// RestoredFrom is the table that Table is a restored copy of, if it is one:
	// its secrets are bound to that name.
	RestoredFrom string `env:"LATCHKEY_RESTORED_FROM"`

	MasterKey string `env:"LATCHKEY_MASTER_KEY"` // KMS key that wraps the master key
	// SigningKeys are the KMS keys that may sign, by ARN; a new deployment
	// begins with the first. EncryptionKeys are those that others encrypt for
	// us with: all decrypt, the first stands in the metadata.
	SigningKeys    []string `env:"LATCHKEY_SIGNING_KEY"`
	EncryptionKeys []string `env:"LATCHKEY_ENCRYPTION_KEY"`

	origin *url.URL
}

var aaguid = regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)

// Load reads the settings from an environment and judges them.
func Load(environ map[string]string) (Config, error) {
	c, err := env.ParseAsWithOptions[Config](env.Options{Environment: environ})
	if err != nil {
		return Config{}, fmt.Errorf("read settings: %w", err)
	}
	return c.Complete()
}

// Complete fills in what follows from other settings and reports everything
// that is wrong at once.
func (c Config) Complete() (Config, error) {
	var wrong []error
	bad := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf(format, args...)) }

	u, err := url.Parse(c.PublicURL)
	switch {
	case c.PublicURL == "":
		bad("LATCHKEY_PUBLIC_URL is not set: give the address that browsers use, such as https://id.example.com")
	case err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil || strings.Trim(u.Path, "/") != "":
		bad("LATCHKEY_PUBLIC_URL %q is not a scheme and a host: give one such as https://id.example.com", c.PublicURL)
	case u.Scheme != "https" && !isLocal(u):
		bad("LATCHKEY_PUBLIC_URL %q must start with https:// (http:// is for localhost only)", c.PublicURL)
	default:
		c.PublicURL = u.Scheme + "://" + strings.ToLower(u.Host)
		c.origin = &url.URL{Scheme: u.Scheme, Host: strings.ToLower(u.Host)}
	}
	if c.EntityID == "" && c.origin != nil {
		c.EntityID = c.PublicURL + "/saml/metadata"
	}
	for _, id := range append([]string{c.EntityID}, c.Issuers...) {
		if len(id) > 1024 || strings.ContainsFunc(id, func(r rune) bool { return r < 0x21 || r == 0x7f }) {
			bad("entityID %q has spaces or control characters, or more than 1,024 characters", id)
		}
	}
	for name, address := range map[string]string{
		"LATCHKEY_LOGO_URL": c.LogoURL, "LATCHKEY_INFORMATION_URL": c.InformationURL, "LATCHKEY_PRIVACY_URL": c.PrivacyURL,
	} {
		if u, err := url.Parse(address); address != "" && (err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil) {
			bad("%s %q is not an https address", name, address)
		}
	}
	c.SigningKeys, c.EncryptionKeys = set(c.SigningKeys), set(c.EncryptionKeys)
	c.zero()
	if c.QRWindow < 2 || c.QRWindow > 10 {
		bad("LATCHKEY_QR_WINDOW is %d: give 2 to 10", c.QRWindow)
	}
	if !slices.Contains([]string{"none", "known", "device_bound"}, c.Attestation) {
		bad("LATCHKEY_ATTESTATION is %q: give none, known or device_bound", c.Attestation)
	}
	for _, model := range c.AttestationModels {
		if !aaguid.MatchString(model) {
			bad("LATCHKEY_ATTESTATION_MODELS has %q: give AAGUIDs such as 00112233-4455-6677-8899-aabbccddeeff", model)
		}
	}
	if c.Attestation == "known" && len(c.AttestationModels) == 0 {
		bad("LATCHKEY_ATTESTATION=known needs LATCHKEY_ATTESTATION_MODELS, the AAGUIDs to accept")
	}
	if c.NumberDigits != 3 && c.NumberDigits != 6 {
		bad("LATCHKEY_QR_NUMBER_DIGITS is %d: give 6 or 3", c.NumberDigits)
	}
	within := func(name string, d, low, high time.Duration) {
		if d < low || d > high {
			bad("%s is %s: give %s to %s", name, d, low, high)
		}
	}
	within("LATCHKEY_INVITE_LIFE", c.InviteLife, 10*time.Minute, 7*24*time.Hour)
	within("LATCHKEY_REQUEST_MAX_AGE", c.RequestMaxAge, time.Minute, 15*time.Minute)
	within("LATCHKEY_REQUEST_MAX_SKEW", c.RequestMaxSkew, time.Second, 10*time.Minute)
	within("LATCHKEY_SESSION_LIFE", c.SessionLife, 5*time.Minute, 30*24*time.Hour)
	within("LATCHKEY_SESSION_IDLE", c.SessionIdle, 5*time.Minute, 30*24*time.Hour)
	within("LATCHKEY_PROBATION", c.Probation, 0, 72*time.Hour)
	if c.MetadataMaxValidity != 0 {
		within("LATCHKEY_METADATA_MAX_VALIDITY", c.MetadataMaxValidity, time.Hour, 10*366*24*time.Hour)
	}
	if c.HealthHost != "" && strings.EqualFold(c.HealthHost, c.Hostname()) {
		bad("LATCHKEY_HEALTH_HOST is the public host: give it one of its own")
	}
	if c.OriginSecret != "" && !strings.Contains(c.OriginSecret, ":secretsmanager:") {
		bad("LATCHKEY_ORIGIN_SECRET is no ARN of a secret in Secrets Manager")
	}
	return c, errors.Join(wrong...)
}

// zero gives the settings that were not set their defaults, for configurations
// that were built in code and not from an environment.
func (c *Config) zero() {
	def(&c.DisplayName, "Latchkey")
	def(&c.RequestMaxAge, 5*time.Minute)
	def(&c.RequestMaxSkew, time.Minute)
	def(&c.QRWindow, 6)
	def(&c.NumberDigits, 6)
	def(&c.Attestation, "none")
	def(&c.InviteLife, 24*time.Hour)
	def(&c.SessionLife, 24*time.Hour)
	def(&c.SessionIdle, 8*time.Hour)
	def(&c.LogLevel, "info")
}

// set are the members of a list that are not empty, once each.
func set(list []string) []string {
	var out []string
	for _, v := range list {
		if v = strings.TrimSpace(v); v != "" && !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

func def[T comparable](p *T, v T) {
	var zero T
	if *p == zero {
		*p = v
	}
}

func isLocal(u *url.URL) bool {
	host := u.Hostname()
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return u.Scheme == "http" || u.Scheme == "https"
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// Local reports whether this is a laptop's deployment on http://localhost:
// cookies have no __Host- prefix there and ACS URLs may be http://localhost.
func (c Config) Local() bool { return c.origin != nil && c.origin.Scheme == "http" }

// Host is the public host with its port, as in the Host header.
func (c Config) Host() string { return c.origin.Host }

// Hostname is the public host without a port.
func (c Config) Hostname() string { return c.origin.Hostname() }

// SSOURL is the address of our SingleSignOnService.
func (c Config) SSOURL() string { return c.PublicURL + "/saml/sso" }

// SLOURL is the address of our SingleLogoutService, by Redirect and POST; by
// SOAP it is at SLOSOAPURL.
func (c Config) SLOURL() string { return c.PublicURL + "/saml/slo" }

// SLOSOAPURL is the address of our SingleLogoutService by SOAP.
func (c Config) SLOSOAPURL() string { return c.SLOURL() + "/soap" }

// WSFedURL is where a request to sign in by WS-Federation arrives.
func (c Config) WSFedURL() string { return c.PublicURL + "/wsfed" }

// ECPURL is where programs send AuthnRequests.
func (c Config) ECPURL() string { return c.PublicURL + "/saml/ecp" }

// MetadataURL is the address of our metadata.
func (c Config) MetadataURL() string { return c.PublicURL + "/saml/metadata" }

// AllIssuers are the deployment's entityIDs, the default first.
func (c Config) AllIssuers() []string { return append([]string{c.EntityID}, c.Issuers...) }
