package admin

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/keys"
	"github.com/latchkey-idp/latchkey/internal/web"
)

var (
	keyID   = regexp.MustCompile(`^key-[0-9]{1,9}$`)
	keyFile = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,60}\.pem$`)
)

func (h *Handlers) listKeys(w http.ResponseWriter, r *http.Request) error {
	records, err := h.Keys.List(r.Context())
	if err != nil {
		return err
	}
	page := adminapi.Page[adminapi.Key]{Items: []adminapi.Key{}}
	for _, rec := range records {
		page.Items = append(page.Items, keyOf(rec))
	}
	return web.JSON(w, http.StatusOK, page)
}

// announceKey publishes the certificate of the key that will sign next.
func (h *Handlers) announceKey(w http.ResponseWriter, r *http.Request) error {
	var req adminapi.NewKey
	if err := read(r, web.MaxAdminJSON, &req); err != nil {
		return err
	}
	ref, err := h.keyRef(req.Ref)
	if err != nil {
		return err
	}
	return h.changeKey(w, r, http.StatusCreated, "announced", ref, func(ctx context.Context) (keys.Record, error) {
		return h.Keys.Announce(ctx, ref)
	})
}

// keyRef judges the name of a key; in local mode it is a file in the data
// directory, never a path.
func (h *Handlers) keyRef(ref string) (string, error) {
	switch local := h.Config.Local(); {
	case local && ref == "":
		id, err := idp.NewID(h.Random)
		return "signing-" + h.Clock().UTC().Format(time.DateOnly) + "-" + strings.ToLower(id[:min(len(id), 6)]) + ".pem", err
	case local && !keyFile.MatchString(ref):
		return "", invalid("ref %q is not the name of a key file: give one such as signing-key-2.pem, without a folder", ref)
	case ref == "":
		return "", invalid("ref is missing: give the ARN of the KMS key that is to sign next")
	case len(ref) > 2048:
		return "", invalid("ref is too long")
	}
	return ref, nil
}

func (h *Handlers) activateKey(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	return h.changeKey(w, r, http.StatusOK, "activated", id, func(ctx context.Context) (keys.Record, error) {
		return h.Keys.Activate(ctx, id)
	})
}

func (h *Handlers) retireKey(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	return h.changeKey(w, r, http.StatusOK, "retired", id, func(ctx context.Context) (keys.Record, error) {
		return h.Keys.Retire(ctx, id)
	})
}

func (h *Handlers) changeKey(w http.ResponseWriter, r *http.Request, status int, action, key string, do func(context.Context) (keys.Record, error)) error {
	ctx := r.Context()
	if action != "announced" && !keyID.MatchString(key) {
		return notFound("not a key id")
	}
	var rec keys.Record
	event := idp.AuditEvent{Event: idp.AuditKeyChanged, Detail: map[string]string{"action": "key." + action, "key": key}}
	err := h.change(ctx, event, func() (err error) {
		rec, err = do(ctx)
		return keyError(err)
	})
	if err != nil {
		return err
	}
	return web.JSON(w, status, keyOf(rec))
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
		ID: rec.ID, Ref: rec.Ref, State: string(rec.State),
		Certificate: certificatePEM(rec.Certificate), SHA256: fingerprint(rec.Certificate),
		CreatedAt: rec.CreatedAt.Seconds(), ActivatedAt: rec.ActivatedAt.Seconds(),
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
