package admin

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/keys"
	"github.com/latchkey-idp/latchkey/internal/saml/metadata"
	"github.com/latchkey-idp/latchkey/internal/web"
)

// announceFor is how long a key is announced before it may sign: service
// providers ask for our metadata that often, and what they get may be as old as
// an instance and a cache on the way keep it.
const announceFor = metadata.CacheFor + 10*time.Minute

var (
	keyID   = regexp.MustCompile(`^key-[0-9]{1,9}$`)
	keyFile = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,60}\.pem$`)
)

func (h *Handlers) listKeys(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	records, err := h.Keys.List(ctx)
	if err != nil {
		return err
	}
	page := adminapi.Page[adminapi.Key]{Items: []adminapi.Key{}}
	for _, rec := range records {
		answer, err := h.keyAnswer(ctx, records, rec)
		if err != nil {
			return err
		}
		page.Items = append(page.Items, answer.Key)
	}
	return web.JSON(w, http.StatusOK, page)
}

// announceKey publishes the certificate of the key that will sign next, or
// makes a key for single service providers.
func (h *Handlers) announceKey(w http.ResponseWriter, r *http.Request) error {
	var req adminapi.NewKey
	if err := read(r, web.MaxAdminJSON, &req); err != nil {
		return err
	}
	ref, err := h.keyRef(r.Context(), req.Ref)
	if err != nil {
		return err
	}
	wanted := keys.Next
	if req.Dedicated {
		wanted = keys.Dedicated
	}
	return h.changeKey(w, r, keyChange{"announced", ref, http.StatusCreated}, func(ctx context.Context) (keys.Record, error) {
		return h.Keys.Announce(ctx, ref, wanted)
	})
}

// keyRef judges the name of a key. It is one of those that the deployment may
// use, or the name of a file in the data directory, never a path.
func (h *Handlers) keyRef(ctx context.Context, ref string) (string, error) {
	switch known := h.Config.SigningKeys; {
	case len(known) > 0 && ref == "":
		return h.unusedKey(ctx)
	case len(known) > 0 && !slices.Contains(known, ref):
		return "", invalid("ref is not a signing key of this deployment (LATCHKEY_SIGNING_KEY): %s", strings.Join(known, ", "))
	case len(known) > 0:
		return ref, nil
	case ref == "":
		id, err := idp.NewID(h.Random)
		return "signing-" + h.Clock().UTC().Format(time.DateOnly) + "-" + strings.ToLower(id[:min(len(id), 6)]) + ".pem", err
	case !keyFile.MatchString(ref):
		return "", invalid("ref %q is not the name of a key file: give one such as signing-key-2.pem, without a folder", ref)
	}
	return ref, nil
}

// unusedKey is the first of the deployment's keys that has no record.
func (h *Handlers) unusedKey(ctx context.Context) (string, error) {
	records, err := h.Keys.List(ctx)
	if err != nil {
		return "", err
	}
	for _, ref := range h.Config.SigningKeys {
		if !slices.ContainsFunc(records, func(rec keys.Record) bool { return rec.Ref == ref }) {
			return ref, nil
		}
	}
	return "", invalid("every signing key of this deployment (LATCHKEY_SIGNING_KEY) is known already: add one to the stack first, see docs/operations.md")
}

func (h *Handlers) activateKey(w http.ResponseWriter, r *http.Request) error {
	var req adminapi.KeyActivation
	if r.ContentLength != 0 {
		if err := read(r, web.MaxAdminJSON, &req); err != nil {
			return err
		}
	}
	id, action, wait := r.PathValue("id"), "activated", announceFor
	if req.Force {
		action, wait = "activated by force", 0
	}
	return h.changeKey(w, r, keyChange{action, id, http.StatusOK}, func(ctx context.Context) (keys.Record, error) {
		return h.Keys.Activate(ctx, id, wait)
	})
}

func (h *Handlers) retireKey(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	return h.changeKey(w, r, keyChange{"retired", id, http.StatusOK}, func(ctx context.Context) (keys.Record, error) {
		if users, err := h.usersOf(ctx, id); err != nil || len(users) > 0 {
			return keys.Record{}, cmp.Or(err, invalid("signing key %s signs for %s; give them another one first", id, strings.Join(users, ", ")))
		}
		return h.Keys.Retire(ctx, id)
	})
}

func (h *Handlers) restoreKey(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	return h.changeKey(w, r, keyChange{"restored", id, http.StatusOK}, func(ctx context.Context) (keys.Record, error) {
		return h.Keys.Restore(ctx, id)
	})
}

type keyChange struct {
	action, key string // key: its id, or what is to become one
	status      int    // of the answer
}

func (h *Handlers) changeKey(w http.ResponseWriter, r *http.Request, c keyChange, do func(context.Context) (keys.Record, error)) error {
	ctx := r.Context()
	if r.PathValue("id") != "" && !keyID.MatchString(c.key) {
		return notFound("not a key id")
	}
	var rec keys.Record
	event := idp.AuditEvent{Event: idp.AuditKeyChanged, Detail: map[string]string{"action": "key." + c.action, "key": c.key}}
	err := h.change(ctx, event, func() (err error) {
		rec, err = do(ctx)
		return keyError(err)
	})
	if err != nil {
		return err
	}
	records, err := h.Keys.List(ctx)
	if err != nil {
		return err
	}
	answer, err := h.keyAnswer(ctx, records, rec)
	if err != nil {
		return err
	}
	return web.JSON(w, c.status, answer)
}

// keyError tells a key that cannot be used from one that cannot be reached.
func keyError(err error) error {
	var known *idp.Error
	switch err = web.KeyError(err); {
	case err == nil, errors.As(err, &known):
		return err
	case idp.CodeOf(told(err)) != idp.Internal:
		return told(err)
	case errors.Is(err, keys.ErrUnsupported):
		return &idp.Error{Code: idp.Invalid, Detail: "this key cannot sign: it must be RSA of 2048 bits or more, for signing", Err: err}
	}
	return &idp.Error{Code: idp.Invalid, Detail: "this key cannot be opened; the log has the cause", Err: err}
}

// keyOf makes the wire form. A certificate that cannot be parsed is shown
// without its dates: the list is where one would look for the cause.
func keyOf(rec keys.Record) adminapi.Key {
	k := adminapi.Key{
		ID: rec.ID, Ref: rec.Ref, State: string(rec.State), CreatedAt: rec.CreatedAt.Seconds(),
		AnnouncedAt: rec.AnnouncedAt.Seconds(), ActivatedAt: rec.ActivatedAt.Seconds(),
	}
	if len(rec.Certificate) > 0 {
		k.Certificate, k.SHA256 = certificatePEM(rec.Certificate), fingerprint(rec.Certificate)
	}
	if cert, err := x509.ParseCertificate(rec.Certificate); err == nil {
		k.NotBefore, k.NotAfter = cert.NotBefore.Unix(), cert.NotAfter.Unix()
	}
	return k
}

func certificatePEM(der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func fingerprint(der []byte) string {
	hash := sha256.Sum256(der)
	return strings.ReplaceAll(fmt.Sprintf("% X", hash[:]), " ", ":")
}
