package admin

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/web"
)

// maxMistakes is how many mistakes of an import are told at once.
const maxMistakes = 20

// importUsers judges every row before it stores the first. If the store fails
// midway, the rows before are stored; sending the same import again goes on
// from there, because what is there already is unchanged.
func (h *Handlers) importUsers(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	var req adminapi.Import
	if err := read(r, maxFile, &req); err != nil {
		return err
	}
	switch {
	case len(req.Users) == 0:
		return invalid("there are no users to import")
	case len(req.Users) > adminapi.MaxImport:
		return invalid("there are %d users; send at most %d at once", len(req.Users), adminapi.MaxImport)
	}
	users, result, err := h.judgeRows(ctx, &req)
	if err != nil {
		return err
	}
	if req.DryRun || len(users) == 0 {
		return web.JSON(w, http.StatusOK, result)
	}
	event := idp.AuditEvent{Event: idp.AuditUserChanged, Detail: map[string]string{
		"action": "user.imported", "created": strconv.Itoa(result.Created), "updated": strconv.Itoa(result.Updated),
	}}
	if err := h.change(ctx, event, func() error { return h.saveRows(ctx, users) }); err != nil {
		return err
	}
	return web.JSON(w, http.StatusOK, result)
}

// judgeRows makes the users to store; or names the rows with mistakes.
func (h *Handlers) judgeRows(ctx context.Context, req *adminapi.Import) ([]*idp.User, adminapi.ImportAnswer, error) {
	var (
		users    []*idp.User
		result   adminapi.ImportAnswer
		mistakes []string
	)
	rows := map[string]int{} // by address, to find those that come twice
	for i := range req.Users {
		u, err := h.judgeRow(ctx, &req.Users[i], req.Update)
		address := strings.ToLower(strings.TrimSpace(req.Users[i].Email))
		if first, twice := rows[address]; err == nil && twice {
			err = invalid("the same e-mail address as in row %d", first)
		}
		rows[address] = i + 1
		switch {
		case idp.CodeOf(err) == idp.Invalid || idp.CodeOf(err) == idp.Conflict:
			mistakes = append(mistakes, fmt.Sprintf("row %d: %s", i+1, idp.AsError(err).Detail))
			continue
		case err != nil:
			return nil, result, err
		case u == nil:
			result.Unchanged++
			continue
		case u.Version == 0:
			result.Created++
		default:
			result.Updated++
		}
		users = append(users, u)
	}
	if n := len(mistakes); n > 0 {
		if n > maxMistakes {
			mistakes = append(mistakes[:maxMistakes], fmt.Sprintf("and %d more", n-maxMistakes))
		}
		return nil, result, invalid("nothing was imported: %s", strings.Join(mistakes, "; "))
	}
	return users, result, nil
}

// judgeRow is the user that a row makes; nil if that user exists already, with
// the same values.
func (h *Handlers) judgeRow(ctx context.Context, row *adminapi.NewUser, update bool) (*idp.User, error) {
	u, err := h.newUser(row)
	if err != nil {
		return nil, err
	}
	known, err := h.Store.UserByEmail(ctx, u.Email)
	if errors.Is(err, store.ErrNotFound) {
		return u, nil
	}
	if err != nil {
		return nil, err
	}
	before := *known
	merge(known, row)
	switch {
	case reflect.DeepEqual(before, *known):
		return nil, nil
	case !update:
		return nil, idp.E(idp.Conflict, "%s exists already, with other values", u.Email)
	}
	return known, checkUser(known)
}

// merge sets what the row gives. What it leaves empty stays, and a row never
// enables a user who was disabled.
func merge(u *idp.User, row *adminapi.NewUser) {
	for _, f := range []struct {
		field *string
		value string
	}{
		{&u.UPN, row.UPN}, {&u.GivenName, row.GivenName}, {&u.FamilyName, row.FamilyName}, {&u.DisplayName, row.DisplayName},
	} {
		if v := strings.TrimSpace(f.value); v != "" {
			*f.field = v
		}
	}
	u.Attributes = maps.Clone(u.Attributes)
	for name, values := range row.Attributes {
		if len(values) > 0 {
			setAttribute(u, name, values)
		}
	}
	u.Disabled = u.Disabled || row.Disabled
}

func (h *Handlers) saveRows(ctx context.Context, users []*idp.User) error {
	for _, u := range users {
		if err := h.Store.SaveUser(ctx, u); err != nil {
			return err
		}
		if u.Disabled {
			if _, err := h.Store.EndSSOSessions(ctx, u.ID, ""); err != nil {
				return err
			}
		}
	}
	return nil
}
