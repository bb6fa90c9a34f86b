package localdeps

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// ErrNoServer means that no server was ever started with a data directory.
var ErrNoServer = errors.New("no server has been started here")

// Find tells where the server of a data directory answers, and its admin
// token. ErrNoServer: there is none.
func Find(dir string) (url string, token idp.Secret, err error) {
	u, err := readPrivate(filepath.Join(dir, urlFile))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil, ErrNoServer
	}
	if err != nil {
		return "", nil, fmt.Errorf("find server: %w", err)
	}
	t, err := readPrivate(filepath.Join(dir, tokenFile))
	if err != nil {
		return "", nil, fmt.Errorf("find admin token: %w", err)
	}
	return strings.TrimSpace(string(u)), idp.Secret(strings.TrimSpace(string(t))), nil
}
