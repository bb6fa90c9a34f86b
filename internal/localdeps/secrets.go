package localdeps

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/latchkey-idp/latchkey/internal/app"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/login"
)

// secretsJSON is secrets.json. To replace the master key, add one with the next
// version and restart; remove the old one a day later.
type secretsJSON struct {
	MasterKeys  map[int][]byte `json:"master_keys"`  // by version; 32 bytes, base64
	PairwiseKey []byte         `json:"pairwise_key"` // 32 bytes, base64; never changes
}

// openSecrets reads the secrets, or makes them if mayCreate.
func openSecrets(path string, mayCreate bool, random io.Reader) (app.Secrets, error) {
	data, err := readPrivate(path)
	if errors.Is(err, fs.ErrNotExist) {
		if !mayCreate {
			return app.Secrets{}, fmt.Errorf("%s is missing but its store was in use: put it back from a backup "+
				"(new secrets would give everybody new identifiers), or begin anew with another directory", path)
		}
		if data, err = createSecrets(path, random); err != nil {
			return app.Secrets{}, err
		}
	}
	if err != nil {
		return app.Secrets{}, fmt.Errorf("read secrets: %w", err)
	}
	var s secretsJSON
	if err := json.Unmarshal(data, &s); err != nil {
		return app.Secrets{}, fmt.Errorf("read secrets: %s is damaged, put it back from a backup: %w", path, err)
	}
	masters, err := login.NewMasterKeys(s.MasterKeys)
	if err == nil && len(s.PairwiseKey) != login.MasterKeySize {
		err = errors.New("pairwise_key is not 32 bytes")
	}
	if err != nil {
		return app.Secrets{}, fmt.Errorf("read secrets: %s: %w", path, err)
	}
	return app.Secrets{Masters: masters, Pairwise: s.PairwiseKey}, nil
}

func createSecrets(path string, random io.Reader) ([]byte, error) {
	master, err := idp.NewSecret(random, login.MasterKeySize)
	if err != nil {
		return nil, err
	}
	pairwise, err := idp.NewSecret(random, login.MasterKeySize)
	if err != nil {
		return nil, err
	}
	data, err := json.MarshalIndent(secretsJSON{map[int][]byte{1: master}, pairwise}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode secrets: %w", err)
	}
	return data, replace(path, append(data, '\n'))
}

// openToken reads the admin token, or makes one. It may be replaced at any
// time: remove the file and restart.
func openToken(path string, random io.Reader) (string, error) {
	data, err := readPrivate(path)
	if errors.Is(err, fs.ErrNotExist) {
		secret, err := idp.NewSecret(random, 32)
		if err != nil {
			return "", err
		}
		return secret.Reveal(), replace(path, []byte(secret.Reveal()+"\n"))
	}
	if err != nil {
		return "", fmt.Errorf("read admin token: %w", err)
	}
	token := strings.TrimSpace(string(data))
	if len(token) < 32 {
		return "", fmt.Errorf("read admin token: %s is too short to be safe; remove it to get a new one", path)
	}
	return token, nil
}

func tokenHash(token string) [32]byte { return sha256.Sum256([]byte(token)) }
