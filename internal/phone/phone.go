package phone

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
)

// Phone is an enrolled software phone.
type Phone struct {
	deps   Deps
	server server
	info   Info
	uv     *ecdsa.PrivateKey
	pop    *ecdsa.PrivateKey
}

// Info is what may be shown of a phone.
type Info struct {
	URL      string `json:"url"`  // of the server, without path
	User     string `json:"user"` // display name
	DeviceID string `json:"device_id"`
	Name     string `json:"name"`
	State    string `json:"state"` // active, probation, pending: at enrollment
}

// file is the JSON form on disk. Keys are PKCS #8 DER.
type file struct {
	Info
	UV  []byte `json:"uv_key"`
	Pop []byte `json:"pop_key"`
}

// Info tells who and where the phone is enrolled.
func (p *Phone) Info() Info { return p.info }

// Load reads a phone from the file that Save wrote.
func Load(deps Deps, path string) (*Phone, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read phone: %w", err)
	}
	var f file
	if err := json.Unmarshal(b, &f); err != nil {
		return nil, fmt.Errorf("read phone: %w", err)
	}
	u, err := url.Parse(f.URL)
	if err != nil {
		return nil, fmt.Errorf("read phone: %w", err)
	}
	base, err := origin(u)
	if err != nil {
		return nil, fmt.Errorf("read phone: %w", err)
	}
	uv, err := parseKey(f.UV)
	if err != nil {
		return nil, fmt.Errorf("read phone's uv key: %w", err)
	}
	pop, err := parseKey(f.Pop)
	if err != nil {
		return nil, fmt.Errorf("read phone's pop key: %w", err)
	}
	return &Phone{deps: deps, server: newServer(base, deps.HTTP, nil), info: f.Info, uv: uv, pop: pop}, nil
}

func parseKey(der []byte) (*ecdsa.PrivateKey, error) {
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, err
	}
	k, ok := key.(*ecdsa.PrivateKey)
	if !ok || k.Curve != elliptic.P256() {
		return nil, errors.New("not a P-256 key")
	}
	return k, nil
}

// Save writes the phone with its keys to a file of mode 0600, at once or not
// at all.
func (p *Phone) Save(path string) error {
	uv, err := x509.MarshalPKCS8PrivateKey(p.uv)
	if err != nil {
		return fmt.Errorf("encode phone's uv key: %w", err)
	}
	pop, err := x509.MarshalPKCS8PrivateKey(p.pop)
	if err != nil {
		return fmt.Errorf("encode phone's pop key: %w", err)
	}
	b, err := json.MarshalIndent(file{p.info, uv, pop}, "", "  ")
	if err != nil {
		return fmt.Errorf("encode phone: %w", err)
	}
	return writeFile(path, append(b, '\n'))
}

func writeFile(path string, b []byte) (err error) {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".phone-*") // mode 0600
	if err != nil {
		return fmt.Errorf("save phone: %w", err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(tmp.Name())
			err = fmt.Errorf("save phone: %w", err)
		}
	}()
	if _, err = tmp.Write(b); err != nil {
		_ = tmp.Close()
		return err
	}
	if err = tmp.Close(); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}
