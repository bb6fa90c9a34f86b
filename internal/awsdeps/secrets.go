package awsdeps

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/login"
	"github.com/latchkey-idp/latchkey/internal/table"
)

// The item SECRET / master#<kv>.
const (
	secretPK     = "SECRET"
	masterPrefix = "master#"
	secretSchema = 1
)

// masterItem is one version of the master key (approval-protocol.md 3.2). The
// key of pairwise identifiers is in version 1 only: it never changes.
type masterItem struct {
	Schema   int    `json:"s"`
	KV       int    `json:"kv"`
	Wrapped  []byte `json:"wrapped"`
	Pairwise []byte `json:"pairwise,omitempty"` // wrapped, too
}

// wrapper encrypts small secrets with a KMS key.
type wrapper interface {
	Wrap(ctx context.Context, plaintext idp.Secret, encryptionContext map[string]string) ([]byte, error)
	Unwrap(ctx context.Context, wrapped []byte, encryptionContext map[string]string) (idp.Secret, error)
}

// vault keeps the deployment's secrets in its table, wrapped by KMS.
type vault struct {
	table  table.Table
	name   string // of the table that they were made in; part of the encryption context
	keys   wrapper
	random io.Reader
}

// secrets are the unwrapped secrets of a deployment.
type secrets struct {
	masters  *login.MasterKeys
	pairwise idp.Secret
}

// open returns the secrets and makes them if there are none.
func (v vault) open(ctx context.Context) (secrets, error) {
	items, err := v.read(ctx)
	if err != nil {
		return secrets{}, err
	}
	if len(items) == 0 {
		if err := v.create(ctx); err != nil {
			return secrets{}, err
		}
		if items, err = v.read(ctx); err != nil { // ours, or that of the instance that was first
			return secrets{}, err
		}
		if len(items) == 0 {
			return secrets{}, fmt.Errorf("read master key: there is none after somebody made it: %w", table.ErrConflict)
		}
	}
	return v.unwrap(ctx, items)
}

func (v vault) read(ctx context.Context) ([]masterItem, error) {
	page, err := v.table.Query(ctx, table.Query{PK: secretPK, Prefix: masterPrefix})
	if err != nil {
		return nil, fmt.Errorf("read master key: %w", err)
	}
	items := make([]masterItem, len(page.Items))
	for i, item := range page.Items {
		if err := json.Unmarshal(item.Data, &items[i]); err != nil {
			return nil, fmt.Errorf("decode master key %s: %w: %w", item.SK, table.ErrCorrupt, err)
		}
		if items[i].Schema != secretSchema {
			return nil, &idp.Error{Code: idp.Busy, Reason: idp.SchemaVersion,
				Detail: fmt.Sprintf("%s has schema %d, this program knows %d", item.SK, items[i].Schema, secretSchema)}
		}
	}
	return items, nil
}

func (v vault) create(ctx context.Context) error {
	item := masterItem{Schema: secretSchema, KV: 1}
	for _, s := range []struct {
		purpose string
		wrapped *[]byte
	}{{masterPurpose(1), &item.Wrapped}, {pairwisePurpose, &item.Pairwise}} {
		plain, err := idp.NewSecret(v.random, login.MasterKeySize)
		if err != nil {
			return err
		}
		if *s.wrapped, err = v.keys.Wrap(ctx, plain, v.context(s.purpose)); err != nil {
			return fmt.Errorf("wrap %s: %w", s.purpose, err)
		}
	}
	data, err := json.Marshal(item)
	if err != nil {
		return fmt.Errorf("encode master key: %w", err)
	}
	_, err = v.table.Put(ctx, table.Item{Key: table.Key{PK: secretPK, SK: masterPurpose(1)}, Data: data})
	if err != nil && !errors.Is(err, table.ErrConflict) {
		return fmt.Errorf("store master key: %w", err)
	}
	return nil
}

func (v vault) unwrap(ctx context.Context, items []masterItem) (s secrets, err error) {
	if s.masters, err = v.masters(ctx, items); err != nil {
		return secrets{}, err
	}
	for _, item := range items {
		if item.Pairwise == nil {
			continue
		}
		if s.pairwise, err = v.keys.Unwrap(ctx, item.Pairwise, v.context(pairwisePurpose)); err != nil {
			return secrets{}, fmt.Errorf("unwrap key of pairwise identifiers: %w", err)
		}
	}
	if len(s.pairwise) != login.MasterKeySize {
		return secrets{}, errors.New("unwrap key of pairwise identifiers: there is none")
	}
	return s, nil
}

// masters unwraps the master keys only.
func (v vault) masters(ctx context.Context, items []masterItem) (*login.MasterKeys, error) {
	masters := make(map[int][]byte, len(items))
	for _, item := range items {
		key, err := v.keys.Unwrap(ctx, item.Wrapped, v.context(masterPurpose(item.KV)))
		if err != nil {
			return nil, fmt.Errorf("unwrap master key %d: %w", item.KV, err)
		}
		masters[item.KV] = key
	}
	return login.NewMasterKeys(masters)
}

const pairwisePurpose = "pairwise"

func masterPurpose(kv int) string { return fmt.Sprintf("%s%d", masterPrefix, kv) }

// context binds a ciphertext to its table and purpose. The functions' IAM
// policies demand the first.
func (v vault) context(purpose string) map[string]string {
	return map[string]string{"latchkey:table": v.name, "latchkey:purpose": purpose}
}
