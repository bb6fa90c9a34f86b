package localdeps

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/latchkey-idp/latchkey/internal/app"
	"github.com/latchkey-idp/latchkey/internal/config"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/keys"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/table/embedded"
	"github.com/latchkey-idp/latchkey/internal/web/admin"
)

// Names of what is in a data directory.
const (
	dbDir       = "latchkey.db"
	keyFile     = "signing-key.pem"
	decryptFile = "encryption-key.pem"
	secretsFile = "secrets.json"
	tokenFile   = "admin-token"
	urlFile     = "url"
)

// DefaultDir is the data directory of `latchkey serve` and of the commands
// that talk to it.
const DefaultDir = "latchkey-data"

// Options are what Open needs; all are required.
type Options struct {
	Dir    string
	Config config.Config // complete
	Clock  idp.Clock
	Random io.Reader
	Log    *slog.Logger
}

// Local is an open data directory. Only one process can have it open.
type Local struct {
	Deps  app.Deps
	Fresh bool // it was made by this Open

	dir string
	db  *embedded.DB
	log *slog.Logger
}

// Open opens a data directory, making what is missing. Its errors say what to
// do about them.
func Open(ctx context.Context, o Options) (*Local, error) {
	if err := openDir(o.Dir); err != nil {
		return nil, err
	}
	fresh := !exists(filepath.Join(o.Dir, dbDir))
	db, err := embedded.Open(filepath.Join(o.Dir, dbDir), o.Clock, embedded.LogTo(o.Log))
	if errors.Is(err, embedded.ErrInUse) {
		return nil, fmt.Errorf("%s: %w; stop that one, or choose another directory", o.Dir, embedded.ErrInUse)
	}
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", o.Dir, err)
	}
	l := &Local{Fresh: fresh, dir: o.Dir, db: db, log: o.Log}
	if err := l.open(ctx, o); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return l, nil
}

// open is what follows once the store is ours alone.
func (l *Local) open(ctx context.Context, o Options) error {
	records := store.SigningKeys{Store: store.New(l.db, o.Clock)}
	known, err := records.List(ctx)
	if err != nil {
		return fmt.Errorf("read signing keys: %w", err)
	}
	// The first key's record is written after the secrets, so a store that has
	// one has had them.
	secrets, err := openSecrets(filepath.Join(o.Dir, secretsFile), len(known) == 0, o.Random)
	if err != nil {
		return err
	}
	token, err := openToken(filepath.Join(o.Dir, tokenFile), o.Random)
	if err != nil {
		return err
	}
	ring, err := keys.NewRing(keys.Options{
		Records: records, Open: keyOpener(o.Dir, records, o.Random), DefaultRef: keyFile,
		Issuer: o.Config.EntityID, Clock: o.Clock, Random: o.Random, Log: o.Log,
		DecryptRefs: decryptRefs(o.Config), OpenDecrypter: decrypterOpener(o.Dir, records, o.Random),
	})
	if err != nil {
		return err
	}
	if err := ring.Ensure(ctx); err != nil {
		return err
	}
	if _, err := ring.Active(ctx); err != nil {
		return err
	}
	ring.Complete(ctx) // of the encryption key; the log tells what fails
	l.Deps = app.Deps{
		Config: o.Config, Table: l.db, Keys: ring, Secrets: secrets,
		Admins: admin.Bearer(tokenHash(token)),
		Log:    o.Log, Clock: o.Clock, Random: o.Random,
	}
	return nil
}

// Announce records where the server answers, so that commands find it.
func (l *Local) Announce(url string) error {
	return replace(filepath.Join(l.dir, urlFile), []byte(url+"\n"))
}

// TokenFile is the path of the admin token.
func (l *Local) TokenFile() string { return filepath.Join(l.dir, tokenFile) }

// Sweep frees the space of expired items now and then, until ctx ends.
func (l *Local) Sweep(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if n, err := l.db.Sweep(ctx); err != nil && ctx.Err() == nil {
			l.log.ErrorContext(ctx, "expired items could not be removed", "event", "store.sweep", "error", err.Error())
		} else if n > 0 {
			l.log.DebugContext(ctx, "expired items were removed", "event", "store.sweep", "count", n)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Close closes the store. Nothing may use the Deps afterwards.
func (l *Local) Close() error { return l.db.Close() }
