package app_test

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/adminclient"
	"github.com/latchkey-idp/latchkey/internal/audit"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/keys/kmsfake"
	"github.com/latchkey-idp/latchkey/internal/mdrefresh"
	"github.com/latchkey-idp/latchkey/internal/outbound"
	"github.com/latchkey-idp/latchkey/internal/saml/samltest"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/table"
	"github.com/latchkey-idp/latchkey/internal/table/dynamo"
	"github.com/latchkey-idp/latchkey/internal/table/dynamo/dynamotest"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

// firstEver is the first request of a deployment, to each function in turn:
// whoever is first makes the secrets, and, if it signs, the certificate.
func firstEver(t *testing.T, d *deployment) {
	forget := func(pk string) {
		page, err := d.cloud.Table.Query(t.Context(), table.Query{PK: pk})
		must(t, err)
		for _, item := range page.Items {
			must(t, d.cloud.Table.Delete(t.Context(), item))
		}
	}
	for _, path := range []string{"/assets/none", "/logout", "/saml/metadata", "/v1/login/sessions/none", "/m", "/e"} {
		forget("SECRET")
		forget("KEYS")
		d.cloud.Recycle()
		if resp := d.Browser(address()).Get(path); resp.StatusCode >= 500 {
			t.Errorf("%s: %d", path, resp.StatusCode)
		}
	}
	forget("SECRET")
	d.cloud.Recycle()
	_, err := d.admin.Status(t.Context())
	must(t, err)
	// The function for WS-Federation makes none.
	d.cloud.Recycle()
	if resp := d.Browser(address()).Get(wsfed("urn:nobody", "")); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("wsfed: %d", resp.StatusCode)
	}
	forget("AUDIT#" + time.Now().UTC().Format(time.DateOnly)) // of master keys that are gone
}

// administration goes through the admin API: applications, people, phones,
// invites, rules, and the audit trail.
func administration(t *testing.T, d *deployment) {
	ctx, api := t.Context(), d.admin
	_, err := api.Status(ctx)
	must(t, err)
	name, nameID := "Payroll", "emailAddress = email"
	added, err := api.AddServiceProvider(ctx, adminapi.NewServiceProvider{
		Settings: adminapi.Settings{Name: &name, NameID: &nameID},
		EntityID: "https://payroll.test", ACSURL: "https://payroll.test/acs", Preset: "generic",
	})
	must(t, err)
	slug := added.ServiceProvider.Slug
	other := "Wages"
	_, err = api.UpdateServiceProvider(ctx, slug, adminapi.ServiceProviderPatch{Settings: adminapi.Settings{Name: &other}})
	must(t, err)
	_, err = api.ServiceProviders(ctx)
	must(t, err)
	source := "https://payroll.test/metadata"
	_, err = api.UpdateMetadata(ctx, slug, adminapi.MetadataPatch{URL: &source})
	must(t, err)
	_, err = api.RefreshMetadata(ctx, slug) // it fails, and says so
	must(t, err)
	must(t, api.RemoveServiceProvider(ctx, slug))

	rule, err := api.SaveReleaseRule(ctx, adminapi.NewReleaseRule{Only: idp.ReleaseRequested, Attributes: []string{"sn = familyName"}})
	must(t, err)
	_, err = api.ReleaseRules(ctx)
	must(t, err)
	must(t, api.RemoveReleaseRule(ctx, rule.Rule.ID))

	people(t, d)
	day := time.Now().UTC().Format(time.DateOnly)
	events, err := api.Audit(ctx, adminclient.AuditQuery{})
	if err != nil || len(events) == 0 {
		t.Errorf("%d events, %v", len(events), err)
	}
	hours, err := api.VerifyAudit(ctx, day)
	must(t, err)
	for _, h := range hours {
		if h.Wrong > 0 {
			t.Errorf("%+v", h)
		}
	}
}

func people(t *testing.T, d *deployment) {
	ctx, api := t.Context(), d.admin
	user, err := api.AddUser(ctx, adminapi.NewUser{Email: "carol@example.com", GivenName: "Carol", FamilyName: "Clark"})
	must(t, err)
	_, err = api.Import(ctx, adminapi.Import{Update: true, Users: []adminapi.NewUser{
		{Email: "carol@example.com", GivenName: "Carol", FamilyName: "Stone"}, {Email: "dave@example.com", GivenName: "Dave"},
	}})
	must(t, err)
	email := "carol.stone@example.com"
	_, err = api.UpdateUser(ctx, user.ID, adminapi.UserPatch{Email: &email})
	must(t, err)
	_, err = api.UserByEmail(ctx, email)
	must(t, err)
	_, err = api.Users(ctx)
	must(t, err)

	revoked, err := api.Invite(ctx, adminapi.NewInvite{User: email})
	must(t, err)
	must(t, api.RevokeInvite(ctx, revoked.ID))
	invite, err := api.Invite(ctx, adminapi.NewInvite{User: email})
	must(t, err)
	h := d.Handset(address())
	h.Enroll(invite.URL)
	b := d.Browser(address())
	v := b.ShowCode()
	c := h.MustScan(v.Frames[0].URL)
	accepted(t, h.Approve(c.SID, h.Sign(c)), http.StatusOK)
	assertionID(t, b.Finish(v.SID, idptest.RandomKey()))
	_, err = api.Invites(ctx)
	must(t, err)
	devices, err := api.Devices(ctx, user.ID)
	if err != nil || len(devices) != 1 {
		t.Fatalf("%+v, %v", devices, err)
	}
	_, err = api.RenameDevice(ctx, user.ID, devices[0].ID, "Old phone")
	must(t, err)
	for _, look := range []func() error{
		func() error { _, err := api.Sessions(ctx, user.ID); return err },
		func() error { _, err := api.SignIns(ctx, user.ID, 10); return err },
		func() error { _, err := api.RecoveryCodes(ctx, user.ID); return err },
		func() error { return api.VoidRecoveryCodes(ctx, user.ID) },
	} {
		must(t, look())
	}
	made, err := api.AddAppPassword(ctx, user.ID, adminapi.NewAppPassword{SP: d.programs(), Name: "mail"})
	must(t, err)
	_, err = api.AppPasswords(ctx, user.ID)
	must(t, err)
	must(t, api.RevokeAppPassword(ctx, user.ID, made.ID))
	must(t, api.RevokeDevice(ctx, user.ID, devices[0].ID))
	off := true
	_, err = api.UpdateUser(ctx, user.ID, adminapi.UserPatch{Disabled: &off})
	must(t, err)
	must(t, api.RemoveUser(ctx, user.ID))
}

// programs lets programs sign in to B.
func (d *deployment) programs() (entityID string) {
	d.UpdateSP(samltest.B().EntityID, samltest.Programs)
	return samltest.B().EntityID
}

// keyFlows rolls the signing key over: the metadata and sso functions complete
// what the admin function asks for.
func keyFlows(t *testing.T, d *deployment) {
	ctx, api := t.Context(), d.admin
	published := func(slug string, want int) {
		t.Helper()
		// A fresh instance each time: those that run see a change within a minute.
		d.cloud.Recycle()
		doc := idptest.Body(t, d.Browser(address()).Get("/saml/metadata"+slug))
		if n := strings.Count(doc, `use="signing"`); n != want || strings.Count(doc, `use="encryption"`) != 1 {
			t.Errorf("%d signing keys in metadata%s, want %d\n%s", n, slug, want, doc)
		}
	}
	signedWith := func(want string) {
		t.Helper()
		calls := d.cloud.KMS.Calls(kmsfake.Sign)
		if got := calls[len(calls)-1].KeyID; got != want {
			t.Errorf("signed with %s, want %s", got, want)
		}
	}
	published("", 1)
	signedWith(d.cloud.Keys.Signing)
	next, err := api.AnnounceKey(ctx, adminapi.NewKey{})
	must(t, err)
	if next.Key.State != "requested" || next.Key.Ref != d.cloud.Keys.Next {
		t.Errorf("requested %+v", next.Key)
	}
	published("/sp-b", 2) // seen by B
	signedWith(d.cloud.Keys.Signing)
	_, err = api.ConfirmKey(ctx, next.Key.ID, adminapi.KeyConfirmation{ServiceProvider: "sp-b"})
	must(t, err)
	_, err = api.ConfirmKey(ctx, next.Key.ID, adminapi.KeyConfirmation{ServiceProvider: "sp-b", Withdraw: true})
	must(t, err)
	_, err = api.Key(ctx, next.Key.ID)
	must(t, err)
	signs := d.cloud.KMS.Signatures()
	_, err = api.ActivateKey(ctx, next.Key.ID, true)
	must(t, err)
	keys, err := api.Keys(ctx)
	if err != nil || len(keys) != 2 {
		t.Errorf("%+v, %v", keys, err)
	}
	if n := d.cloud.KMS.Signatures() - signs; n != 0 {
		t.Errorf("L6 the admin function made %d signatures", n)
	}
	published("", 2)
	signedWith(d.cloud.Keys.Next)
	sp := samltest.B()
	sp.SLO = []idp.Endpoint{{Binding: idp.BindingRedirect, Location: sp.EntityID + "/slo"}}
	v := visitTo(t, d.IdP, sp) // the other functions sign with it, too
	accepted(t, v.frame(logoutOf(v.PostForm("/logout/start", nil).Header.Get("Location")), "0"), http.StatusSeeOther)
	old := "key-1"
	_, err = api.RetireKey(ctx, old)
	must(t, err)
	published("", 1)
	_, err = api.RestoreKey(ctx, old)
	must(t, err)
}

// metadataFlows: what anybody may fetch, and the hourly look at others' metadata.
func metadataFlows(t *testing.T, d *deployment) {
	b := d.Browser(address())
	for _, path := range []string{
		"/saml/metadata", "/saml/metadata/sp-b", "/wsfed/FederationMetadata.xml", "/v1/config/public", "/v1/openapi.json", "/v1/healthz",
	} {
		accepted(t, b.Get(path), http.StatusOK)
	}
	must(t, d.Store.SaveMetadataSource(t.Context(), &idp.MetadataSource{EntityID: samltest.B().EntityID, URL: "https://sp-b.test/metadata"}))
	// One that is left over from a service provider that was removed.
	must(t, d.Store.SaveMetadataSource(t.Context(), &idp.MetadataSource{EntityID: "https://gone.test", URL: "https://gone.test/metadata"}))
	event, err := os.ReadFile("../../events/refresh/schedule.json")
	must(t, err)
	raw, err := d.cloud.Invoke("refresh", event)
	if err != nil || !json.Valid(raw) {
		t.Errorf("%s, %v\n%s", raw, err, d.cloud.Output("refresh"))
	}
	appliesMetadata(t, d)
}

// auditFlows: what all the others wrote is genuine, by the function that closes
// the hours.
func auditFlows(t *testing.T, d *deployment) {
	event, err := os.ReadFile("../../events/audit/schedule.json")
	must(t, err)
	_, err = d.cloud.Invoke("audit", event)
	must(t, err)
	if out := d.cloud.Output("audit"); !strings.Contains(out, `"event":"audit.checkpoint"`) ||
		!strings.Contains(out, `"event":"audit.verified"`) || strings.Contains(out, "AuditBroken") {
		t.Error(out)
	}
}

// updates: CodeDeploy has the new versions asked before anybody gets one.
func updates(t *testing.T, d *deployment) {
	if status, err := d.cloud.Rollout(); err != nil || status != "Succeeded" {
		t.Errorf("%q, %v\n%s", status, err, d.cloud.Output("precheck"))
	}
}

// appliesMetadata: a deployed function calls no address of this machine, so that
// what it does with an answer is done here, with its rights.
func appliesMetadata(t *testing.T, d *deployment) {
	const entityID = "https://fresh.test"
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="`+entityID+`">`+
			`<SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">`+
			`<NameIDFormat>`+idp.NameIDEmail+`</NameIDFormat>`+
			`<AssertionConsumerService index="0" Binding="`+idp.BindingPOST+`" Location="`+entityID+`/acs"/></SPSSODescriptor></EntityDescriptor>`)
	}))
	t.Cleanup(server.Close)
	acs := []idp.Endpoint{{Binding: idp.BindingPOST, Location: entityID + "/acs"}}
	must(t, d.Store.AddImported(t.Context(), &idp.ServiceProvider{
		EntityID: entityID, Slug: "fresh", Name: "Fresh", NameID: "emailAddress = email", ACS: acs,
	}, &idp.MetadataSource{EntityID: entityID, URL: server.URL, TrustURL: true, Facts: idp.MetadataFacts{EntityID: entityID, ACS: acs}}))
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	now := d.Clock.Now
	st := store.New(dynamo.New(dynamotest.ClientAt(d.cloud.AWS("refresh")), d.cloud.TableName, now), now)
	r := mdrefresh.Runner{
		Store: st, Audit: audit.NewTrail(st, nil, now, rand.Reader), Clock: now, Log: slog.New(slog.DiscardHandler),
		Fetcher: mdrefresh.NewFetcher(outbound.Options{Local: true, Roots: roots}, 0, now),
	}
	_, err := r.Run(t.Context())
	must(t, err)
	if sp, err := d.Store.ServiceProvider(t.Context(), entityID); err != nil || len(sp.NameIDFormats) != 1 {
		t.Errorf("not refreshed: %+v, %v", sp, err)
	}
}
