package localdeps

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"regexp"

	"github.com/latchkey-idp/latchkey/internal/config"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/keys"
	"github.com/latchkey-idp/latchkey/internal/keys/filesigner"
)

const keyBits = 2048

// keyName is how key files are called: a name, never a path.
var keyName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,60}\.pem$`)

// keyOpener opens key files of a directory by name. It makes the file of a key
// that no record names yet: the first one, and that of a rollover.
func keyOpener(dir string, records keys.Records, random io.Reader) keys.Opener {
	return func(ctx context.Context, ref string) (keys.Key, error) {
		path, err := keyPath(ctx, dir, ref, records, random)
		if err != nil {
			return nil, err
		}
		return filesigner.Open(path)
	}
}

// decrypterOpener does the same with the keys that others encrypt for us with.
func decrypterOpener(dir string, records keys.Records, random io.Reader) keys.DecrypterOpener {
	return func(ctx context.Context, ref string) (keys.Decrypter, error) {
		path, err := keyPath(ctx, dir, ref, records, random)
		if err != nil {
			return nil, err
		}
		return filesigner.OpenDecrypter(path)
	}
}

// decryptRefs names the files of those keys, the one to be published first.
func decryptRefs(cfg config.Config) []string {
	if len(cfg.EncryptionKeys) > 0 {
		return cfg.EncryptionKeys
	}
	return []string{decryptFile}
}

// keyPath is where the file of a key is.
func keyPath(ctx context.Context, dir, ref string, records keys.Records, random io.Reader) (string, error) {
	if !keyName.MatchString(ref) {
		return "", idp.E(idp.Invalid, "key file %q: give a name such as signing-key-2.pem, without a folder", ref)
	}
	path := filepath.Join(dir, ref)
	if exists(path) {
		return path, nil
	}
	known, err := records.List(ctx)
	if err != nil {
		return "", fmt.Errorf("read keys: %w", err)
	}
	for _, r := range known {
		if r.Ref == ref {
			return "", fmt.Errorf("%s is missing: put it back from a backup, or begin anew with another directory", path)
		}
	}
	return path, filesigner.Create(path, keyBits, random)
}
