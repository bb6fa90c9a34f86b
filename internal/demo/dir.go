package demo

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/table/embedded"
)

// marker is a file that says that a directory is a demo's and may be removed.
const marker = "THIS-IS-A-DEMO"

// prepareDir makes an empty directory for a demo, or with keep leaves that of
// the demo before. It removes nothing but a directory that a demo made.
func prepareDir(dir string, keep bool, clock idp.Clock) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("open %s: %w", dir, err)
	}
	if len(entries) > 0 {
		if _, err := os.Stat(filepath.Join(dir, marker)); err != nil {
			return fmt.Errorf("%s holds something else than a demo; choose another directory with --dir", dir)
		}
		if keep {
			return nil
		}
		if err := removeDemo(dir, clock); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make directory of the demo: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, marker), []byte("latchkey demo removes this directory when it starts.\n"), 0o600); err != nil {
		return fmt.Errorf("make directory of the demo: %w", err)
	}
	return os.Chmod(dir, 0o700) //nolint:gosec // a directory needs its x bit
}

// removeDemo removes the directory of a demo that does not run any more.
func removeDemo(dir string, clock idp.Clock) error {
	db, err := embedded.Open(filepath.Join(dir, "latchkey.db"), clock)
	if errors.Is(err, embedded.ErrInUse) {
		return fmt.Errorf("a demo is running with %s; stop it, or choose another directory with --dir", dir)
	}
	if err == nil { // else it is damaged or of another version, and goes all the same
		_ = db.Close()
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("remove the data of the demo before: %w", err)
	}
	return nil
}

// listen takes n ports from addr on, or free ones where they are taken. It
// listens on this machine only.
func listen(addr string, n int) ([]net.Listener, error) {
	host, portName, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("address %q: give one such as localhost:8080", addr)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("address %q: a demo is for this machine only; give localhost:PORT", addr)
	}
	port, err := strconv.ParseUint(portName, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("address %q: give a port from 0 to 65535", addr)
	}
	var out []net.Listener
	for i := range n {
		wanted := 0
		if port > 0 {
			wanted = (int(port) + i) % 65536
		}
		ln, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(wanted)))
		if err != nil {
			ln, err = net.Listen("tcp", net.JoinHostPort(host, "0"))
		}
		if err != nil {
			for _, taken := range out {
				_ = taken.Close()
			}
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		out = append(out, ln)
	}
	return out, nil
}

// address is where a browser finds a listener. All go by the name localhost:
// cookies and WebAuthn know no addresses.
func address(ln net.Listener) string {
	return "http://localhost:" + strconv.Itoa(ln.Addr().(*net.TCPAddr).Port)
}
