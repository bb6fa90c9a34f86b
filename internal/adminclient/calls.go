package adminclient

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/idp"
)

// Names of routes' parts.
const (
	serviceProviders = "/service-providers"
	releaseRules     = "/release-rules"
	users            = "/users"
	invites          = "/invites"
	keysPath         = "/keys"
)

// Status describes the deployment.
func (c *Client) Status(ctx context.Context) (adminapi.Status, error) {
	return get[adminapi.Status](ctx, c, "/status")
}

// ServiceProviders lists them.
func (c *Client) ServiceProviders(ctx context.Context) ([]adminapi.ServiceProviderSummary, error) {
	page, err := get[adminapi.Page[adminapi.ServiceProviderSummary]](ctx, c, serviceProviders)
	return page.Items, err
}

// Find gives the short name of a service provider that was named by its
// entityID or its short name. A *Problem not_found: there is none.
func (c *Client) Find(ctx context.Context, name string) (slug string, err error) {
	items, err := c.ServiceProviders(ctx)
	if err != nil {
		return "", err
	}
	for _, sp := range items {
		if sp.EntityID == name || sp.Slug == name {
			return sp.Slug, nil
		}
	}
	return "", &Problem{Status: idp.NotFound.Info().Status, Code: idp.NotFound,
		Detail: "there is no service provider " + strconv.Quote(name) + "; latchkey sp list shows those that there are"}
}

// ServiceProvider reads one by its short name.
func (c *Client) ServiceProvider(ctx context.Context, slug string) (adminapi.ServiceProviderAnswer, error) {
	return get[adminapi.ServiceProviderAnswer](ctx, c, at(serviceProviders, slug))
}

// AddServiceProvider adds one.
func (c *Client) AddServiceProvider(ctx context.Context, sp adminapi.NewServiceProvider) (adminapi.ServiceProviderAnswer, error) {
	return post[adminapi.ServiceProviderAnswer](ctx, c, serviceProviders, sp)
}

// UpdateServiceProvider changes some settings of one.
func (c *Client) UpdateServiceProvider(ctx context.Context, slug string, p adminapi.ServiceProviderPatch) (adminapi.ServiceProviderAnswer, error) {
	return patch[adminapi.ServiceProviderAnswer](ctx, c, at(serviceProviders, slug), p)
}

// RemoveServiceProvider removes one.
func (c *Client) RemoveServiceProvider(ctx context.Context, slug string) error {
	return remove(ctx, c, at(serviceProviders, slug))
}

// Metadata tells where a service provider's metadata comes from, and what of
// it waits for approval.
func (c *Client) Metadata(ctx context.Context, slug string) (adminapi.MetadataStatus, error) {
	return get[adminapi.MetadataStatus](ctx, c, at(serviceProviders, slug, "metadata"))
}

// UpdateMetadata changes where a service provider's metadata comes from.
func (c *Client) UpdateMetadata(ctx context.Context, slug string, p adminapi.MetadataPatch) (adminapi.MetadataStatus, error) {
	return patch[adminapi.MetadataStatus](ctx, c, at(serviceProviders, slug, "metadata"), p)
}

// RefreshMetadata fetches it now.
func (c *Client) RefreshMetadata(ctx context.Context, slug string) (adminapi.RefreshAnswer, error) {
	return post[adminapi.RefreshAnswer](ctx, c, at(serviceProviders, slug, "metadata", "refresh"), struct{}{})
}

// ApproveMetadata brings the pending change with this ID into force.
func (c *Client) ApproveMetadata(ctx context.Context, slug, change string) (adminapi.RefreshAnswer, error) {
	return post[adminapi.RefreshAnswer](ctx, c, at(serviceProviders, slug, "metadata", "approve"), adminapi.Approval{Change: change})
}

// ReleaseRules lists the rules of attribute release.
func (c *Client) ReleaseRules(ctx context.Context) ([]idp.ReleaseRule, error) {
	page, err := get[adminapi.Page[idp.ReleaseRule]](ctx, c, releaseRules)
	return page.Items, err
}

// SaveReleaseRule adds a rule or replaces the one about the same entity attribute.
func (c *Client) SaveReleaseRule(ctx context.Context, r adminapi.NewReleaseRule) (adminapi.ReleaseRuleAnswer, error) {
	return post[adminapi.ReleaseRuleAnswer](ctx, c, releaseRules, r)
}

// RemoveReleaseRule removes one.
func (c *Client) RemoveReleaseRule(ctx context.Context, id string) error {
	return remove(ctx, c, at(releaseRules, id))
}

// Users lists all users, in the order of their e-mail addresses.
func (c *Client) Users(ctx context.Context) ([]adminapi.User, error) {
	return all[adminapi.User](ctx, c, users, url.Values{"limit": {"100"}})
}

// UserByEmail finds a user.
func (c *Client) UserByEmail(ctx context.Context, email string) (adminapi.User, error) {
	page, err := get[adminapi.Page[adminapi.User]](ctx, c, users+"?"+url.Values{"email": {email}}.Encode())
	if err != nil {
		return adminapi.User{}, err
	}
	if len(page.Items) == 0 {
		return adminapi.User{}, &Problem{Status: idp.NotFound.Info().Status, Code: idp.NotFound,
			Detail: "there is no user " + strconv.Quote(email) + "; latchkey user list shows those that there are"}
	}
	return page.Items[0], nil
}

// AddUser adds one.
func (c *Client) AddUser(ctx context.Context, u adminapi.NewUser) (adminapi.User, error) {
	return post[adminapi.User](ctx, c, users, u)
}

// Import adds many, all or none.
func (c *Client) Import(ctx context.Context, i adminapi.Import) (adminapi.ImportAnswer, error) {
	return post[adminapi.ImportAnswer](ctx, c, users+"/import", i)
}

// UpdateUser changes a user.
func (c *Client) UpdateUser(ctx context.Context, id string, p adminapi.UserPatch) (adminapi.User, error) {
	return patch[adminapi.User](ctx, c, at(users, id), p)
}

// RemoveUser removes a user with the devices.
func (c *Client) RemoveUser(ctx context.Context, id string) error {
	return remove(ctx, c, at(users, id))
}

// SignOut ends the SSO sessions of a user, all or those that one device approved
// (device empty: all), and tells the applications.
func (c *Client) SignOut(ctx context.Context, id, device string) (adminapi.SignedOut, error) {
	return post[adminapi.SignedOut](ctx, c, at(users, id, "signout"), adminapi.SignOut{Device: device})
}

// SignOutEverybody ends all SSO sessions, a page of people at a time; after is
// empty, then what the answer before said.
func (c *Client) SignOutEverybody(ctx context.Context, after string) (adminapi.SignedOut, error) {
	return post[adminapi.SignedOut](ctx, c, "/signout", adminapi.SignOutAll{Everybody: true, After: after})
}

// Devices lists a user's devices.
func (c *Client) Devices(ctx context.Context, id string) ([]adminapi.Device, error) {
	page, err := get[adminapi.Page[adminapi.Device]](ctx, c, at(users, id, "devices"))
	return page.Items, err
}

// RenameDevice gives a device another name.
func (c *Client) RenameDevice(ctx context.Context, user, device, name string) (adminapi.Device, error) {
	return patch[adminapi.Device](ctx, c, at(users, user, "devices", device), adminapi.DevicePatch{Name: name})
}

// Sessions lists the browsers in which a user is signed in.
func (c *Client) Sessions(ctx context.Context, id string) ([]adminapi.Session, error) {
	page, err := get[adminapi.Page[adminapi.Session]](ctx, c, at(users, id, "sessions"))
	return page.Items, err
}

// SignIns lists a user's sign-ins, the newest first, up to limit (0: all).
func (c *Client) SignIns(ctx context.Context, id string, limit int) ([]adminapi.SignIn, error) {
	return upTo[adminapi.SignIn](ctx, c, at(users, id, "activity"), url.Values{"limit": {"100"}}, limit)
}

// RecoveryCodes tells how many recovery codes a user has left.
func (c *Client) RecoveryCodes(ctx context.Context, id string) (adminapi.RecoveryCodes, error) {
	return get[adminapi.RecoveryCodes](ctx, c, at(users, id, "recovery-codes"))
}

// VoidRecoveryCodes makes a user's recovery codes worthless.
func (c *Client) VoidRecoveryCodes(ctx context.Context, id string) error {
	return remove(ctx, c, at(users, id, "recovery-codes"))
}

// AppPasswords lists a user's app passwords, without secrets.
func (c *Client) AppPasswords(ctx context.Context, id string) ([]adminapi.AppPassword, error) {
	page, err := get[adminapi.Page[adminapi.AppPassword]](ctx, c, at(users, id, "app-passwords"))
	return page.Items, err
}

// AddAppPassword makes one. It is told only now.
func (c *Client) AddAppPassword(ctx context.Context, id string, p adminapi.NewAppPassword) (adminapi.NewAppPasswordAnswer, error) {
	return post[adminapi.NewAppPasswordAnswer](ctx, c, at(users, id, "app-passwords"), p)
}

// RevokeAppPassword revokes one of a user's app passwords.
func (c *Client) RevokeAppPassword(ctx context.Context, id, password string) error {
	return remove(ctx, c, at(users, id, "app-passwords", password))
}

// RevokeDevice revokes a device and ends the sessions that it approved.
func (c *Client) RevokeDevice(ctx context.Context, user, device string) error {
	_, err := post[struct{}](ctx, c, at(users, user, "devices", device, "revoke"), struct{}{})
	return err
}

// Invite makes an invite. Its link is told only now.
func (c *Client) Invite(ctx context.Context, i adminapi.NewInvite) (adminapi.NewInviteAnswer, error) {
	return post[adminapi.NewInviteAnswer](ctx, c, invites, i)
}

// Invites lists the invites.
func (c *Client) Invites(ctx context.Context) ([]adminapi.Invite, error) {
	return all[adminapi.Invite](ctx, c, invites, url.Values{"limit": {"100"}})
}

// RevokeInvite revokes an invite that was not used.
func (c *Client) RevokeInvite(ctx context.Context, id string) error {
	return remove(ctx, c, at(invites, id))
}

// Keys lists the signing keys, the one that signs first.
func (c *Client) Keys(ctx context.Context) ([]adminapi.Key, error) {
	page, err := get[adminapi.Page[adminapi.Key]](ctx, c, keysPath)
	return page.Items, err
}

// Key reads one, with who knows it.
func (c *Client) Key(ctx context.Context, id string) (adminapi.KeyAnswer, error) {
	return get[adminapi.KeyAnswer](ctx, c, at(keysPath, id))
}

// AnnounceKey publishes the certificate of a further key, or requests it.
func (c *Client) AnnounceKey(ctx context.Context, k adminapi.NewKey) (adminapi.KeyAnswer, error) {
	return post[adminapi.KeyAnswer](ctx, c, keysPath, k)
}

// ConfirmKey says that a service provider has a key.
func (c *Client) ConfirmKey(ctx context.Context, id string, confirmation adminapi.KeyConfirmation) (adminapi.KeyAnswer, error) {
	return post[adminapi.KeyAnswer](ctx, c, at(keysPath, id, "confirm"), confirmation)
}

// ActivateKey lets a published key sign; force is for one that was announced a
// moment ago.
func (c *Client) ActivateKey(ctx context.Context, id string, force bool) (adminapi.KeyAnswer, error) {
	return post[adminapi.KeyAnswer](ctx, c, at(keysPath, id, "activate"), adminapi.KeyActivation{Force: force})
}

// RetireKey stops publishing a key that does not sign.
func (c *Client) RetireKey(ctx context.Context, id string) (adminapi.KeyAnswer, error) {
	return post[adminapi.KeyAnswer](ctx, c, at(keysPath, id, "retire"), struct{}{})
}

// RestoreKey publishes a retired key again.
func (c *Client) RestoreKey(ctx context.Context, id string) (adminapi.KeyAnswer, error) {
	return post[adminapi.KeyAnswer](ctx, c, at(keysPath, id, "restore"), struct{}{})
}

// FetchMetadata asks for our metadata, as anybody may, and drops it: the
// function that answers it makes the certificates of requested keys.
func (c *Client) FetchMetadata(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+"/saml/metadata", http.NoBody)
	if err != nil {
		return fmt.Errorf("make request: %w", err)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return c.unreachable(err)
	}
	return resp.Body.Close()
}

// AuditQuery chooses audit events; empty members choose all.
type AuditQuery struct {
	Day   string // YYYY-MM-DD; empty: today
	Event string
	User  string // id
	Limit int    // 0: all of the day
}

// Audit lists the events of a day, the newest first.
func (c *Client) Audit(ctx context.Context, q AuditQuery) ([]idp.AuditEvent, error) {
	values := url.Values{"limit": {"100"}}
	for name, value := range map[string]string{"day": q.Day, "event": q.Event, "user": q.User} {
		if value != "" {
			values.Set(name, value)
		}
	}
	return upTo[idp.AuditEvent](ctx, c, "/audit", values, q.Limit)
}

// VerifyAudit asks whether the hours of a day (YYYY-MM-DD) are as they were
// written.
func (c *Client) VerifyAudit(ctx context.Context, day string) ([]adminapi.AuditHour, error) {
	return all[adminapi.AuditHour](ctx, c, "/audit/verify", url.Values{"day": {day}})
}

// at joins a path of segments from outside.
func at(first string, segments ...string) string {
	for _, s := range segments {
		first += "/" + url.PathEscape(s)
	}
	return first
}

func all[T any](ctx context.Context, c *Client, path string, q url.Values) ([]T, error) {
	return upTo[T](ctx, c, path, q, 0)
}

// upTo reads a list page by page, up to limit items (0: all).
func upTo[T any](ctx context.Context, c *Client, path string, q url.Values, limit int) ([]T, error) {
	items := []T{}
	for {
		page, err := get[adminapi.Page[T]](ctx, c, path+"?"+q.Encode())
		if err != nil {
			return nil, err
		}
		items = append(items, page.Items...)
		if limit > 0 && len(items) >= limit {
			return items[:limit], nil
		}
		if page.After == "" {
			return items, nil
		}
		q.Set("after", page.After)
	}
}
