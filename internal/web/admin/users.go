package admin

import (
	"errors"
	"net/http"
	"strings"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/web"
)

func (h *Handlers) listUsers(w http.ResponseWriter, r *http.Request) error {
	page := adminapi.Page[adminapi.User]{Items: []adminapi.User{}}
	if email := r.URL.Query().Get("email"); email != "" {
		if checkEmail(email) != nil { // nobody has such an address
			return web.JSON(w, http.StatusOK, page)
		}
		u, err := h.Store.UserByEmail(r.Context(), email)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if err == nil {
			page.Items = append(page.Items, adminapi.UserOf(u))
		}
		return web.JSON(w, http.StatusOK, page)
	}
	after, limit, err := paging(r)
	if err != nil {
		return err
	}
	users, next, err := h.Store.Users(r.Context(), after, limit)
	if err != nil {
		return err
	}
	for i := range users {
		page.Items = append(page.Items, adminapi.UserOf(&users[i]))
	}
	page.After = next
	return web.JSON(w, http.StatusOK, page)
}

// user reads the user that the path names.
func (h *gate) user(r *http.Request) (*idp.User, error) {
	id := r.PathValue("id")
	if _, err := idp.DecodeBase32(id, 16); err != nil {
		return nil, notFound("not a user id")
	}
	web.RecordFrom(r.Context()).User = id
	u, err := h.Store.User(r.Context(), id)
	return u, told(err)
}

func (h *Handlers) getUser(w http.ResponseWriter, r *http.Request) error {
	u, err := h.user(r)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, u.Version, adminapi.UserOf(u))
}

func (h *Handlers) createUser(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	var req adminapi.NewUser
	if err := read(r, web.MaxAdminJSON, &req); err != nil {
		return err
	}
	u, err := h.newUser(&req)
	if err != nil {
		return err
	}
	_, err = h.Store.UserByEmail(ctx, u.Email)
	if err == nil {
		return idp.E(idp.Conflict, "a user with the e-mail address %s exists already", u.Email)
	}
	if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	event := idp.AuditEvent{Event: idp.AuditUserChanged, UserID: u.ID, Detail: map[string]string{"action": "user.created"}}
	after := userMembers(u)
	recordValues(&event, nil, after, changedMembers(userMembers(&idp.User{}), after))
	if err := h.change(ctx, event, func() error { return h.Store.SaveUser(ctx, u) }); err != nil {
		return err
	}
	w.Header().Set("Location", adminapi.Prefix+"/users/"+u.ID)
	return answer(w, http.StatusCreated, u.Version, adminapi.UserOf(u))
}

// newUser judges the input and gives it an id.
func (h *Handlers) newUser(req *adminapi.NewUser) (*idp.User, error) {
	id, err := idp.NewID(h.Random)
	if err != nil {
		return nil, err
	}
	u := &idp.User{ID: id, Email: strings.TrimSpace(req.Email), Source: "local"}
	merge(u, req)
	return u, checkUser(u)
}

// setAttribute replaces an attribute; without values it is removed.
func setAttribute(u *idp.User, name string, values []string) {
	if len(values) == 0 {
		delete(u.Attributes, name)
		return
	}
	if u.Attributes == nil {
		u.Attributes = map[string][]string{}
	}
	u.Attributes[name] = values
}

func (h *Handlers) patchUser(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	var req adminapi.UserPatch
	if err := read(r, web.MaxAdminJSON, &req); err != nil {
		return err
	}
	u, err := h.user(r)
	if err != nil {
		return err
	}
	if err := ifMatch(r, u.Version); err != nil {
		return err
	}
	before := userMembers(u)
	for _, f := range []struct{ field, value *string }{
		{&u.Email, req.Email}, {&u.UPN, req.UPN}, {&u.GivenName, req.GivenName},
		{&u.FamilyName, req.FamilyName}, {&u.DisplayName, req.DisplayName},
	} {
		if f.value != nil {
			*f.field = strings.TrimSpace(*f.value)
		}
	}
	for name, values := range req.Attributes {
		setAttribute(u, name, values)
	}
	set(&u.Disabled, req.Disabled)
	if err := checkUser(u); err != nil {
		return err
	}
	event := idp.AuditEvent{Event: idp.AuditUserChanged, UserID: u.ID, Detail: map[string]string{
		"action": "user.changed", "members": strings.Join(req.Members(), " "),
	}}
	after := userMembers(u)
	recordValues(&event, before, after, changedMembers(before, after))
	ends := req.Disabled != nil && *req.Disabled
	if ends {
		event.Detail["sessions"] = "ended"
	}
	err = h.change(ctx, event, func() error {
		err := h.Store.SaveUser(ctx, u)
		if err == nil && ends {
			_, err = h.Store.EndSSOSessions(ctx, u.ID, "")
		}
		return err
	})
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, u.Version, adminapi.UserOf(u))
}

func (h *Handlers) deleteUser(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	u, err := h.user(r)
	if err != nil {
		return err
	}
	if err := ifMatch(r, u.Version); err != nil {
		return err
	}
	event := idp.AuditEvent{Event: idp.AuditUserChanged, UserID: u.ID, Detail: map[string]string{"action": "user.removed"}}
	gone := userMembers(u)
	recordValues(&event, gone, nil, changedMembers(userMembers(&idp.User{}), gone))
	if err := h.change(ctx, event, func() error { return h.Store.DeleteUser(ctx, u.ID) }); err != nil {
		return err
	}
	return noContent(w)
}
