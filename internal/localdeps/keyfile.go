package localdeps

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"regexp"

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
		if !keyName.MatchString(ref) {
			return nil, idp.E(idp.Invalid, "key file %q: give a name such as signing-key-2.pem, without a folder", ref)
		}
		path := filepath.Join(dir, ref)
		if exists(path) {
			return filesigner.Open(path)
		}
		known, err := records.List(ctx)
		if err != nil {
			return nil, fmt.Errorf("read signing keys: %w", err)
		}
		for _, r := range known {
			if r.Ref == ref {
				return nil, fmt.Errorf("%s is missing: put it back from a backup, or begin anew with another directory", path)
			}
		}
		if err := filesigner.Create(path, keyBits, random); err != nil {
			return nil, err
		}
		return filesigner.Open(path)
	}
}
