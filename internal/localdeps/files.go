package localdeps

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

const maxFile = 64 << 10

// openDir makes the directory or checks that nobody else can look into it.
func openDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make data directory: %w; choose another one with --data", err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("open data directory: %w", err)
	}
	if private(info) {
		return nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("open data directory: %w", err)
	}
	if len(entries) > 0 {
		return fmt.Errorf("data directory %s has mode %04o and others can use it; run: chmod 700 %q",
			dir, info.Mode().Perm(), dir)
	}
	if err := os.Chmod(dir, 0o700); err != nil { //nolint:gosec // a directory needs its x bit
		return fmt.Errorf("close data directory to others: %w", err)
	}
	return nil
}

// private reports whether only the owner can use a file. Windows has no such
// mode bits; its files take the folder's access list.
func private(info fs.FileInfo) bool {
	return runtime.GOOS == "windows" || info.Mode().Perm()&0o077 == 0
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// readPrivate reads a small file that only its owner can use.
func readPrivate(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	switch {
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a file", path)
	case !private(info):
		return nil, fmt.Errorf("%s has mode %04o and can be used by others; run: chmod 600 %q", path, info.Mode().Perm(), path)
	case info.Size() > maxFile:
		return nil, fmt.Errorf("%s is too large", path)
	}
	return os.ReadFile(path)
}

// replace writes a file of mode 0600, all of it or nothing.
func replace(path string, data []byte) (err error) {
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // mode 0600
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("write %s: %w", path, errors.Join(err, os.Remove(tmp.Name())))
		}
	}()
	_, err = tmp.Write(data)
	if err == nil {
		err = tmp.Sync()
	}
	if err = errors.Join(err, tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}
