// Package build says which program this is: the version of its source, and the
// hash of its file, which the list of a release names too.
package build

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"
)

// version is that of the source: "-dev" comes off in the commit that is tagged.
// It stands here and is not stamped in by the linker, so that whoever builds the
// same source, by whichever command, gets the same program.
const version = "0.1.0-dev"

// Version is the version of the source, with the commit where the build knows it
// and no release has the version yet.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || !strings.HasSuffix(version, "-dev") {
		return version
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return version + "+" + s.Value[:12]
		}
	}
	return version
}

// Hash is the SHA-256 of the running program's file, in hexadecimal. It reads
// the whole file: callers keep what they got.
func Hash() (string, error) {
	f, err := open()
	if err != nil {
		return "", fmt.Errorf("open the program's file: %w", err)
	}
	defer f.Close() //nolint:errcheck // read only
	hash := sha256.New()
	if _, err := io.Copy(hash, f); err != nil {
		return "", fmt.Errorf("read the program's file: %w", err)
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// open opens the file that runs, even if another one has taken its name since;
// where the system does not show that, the one of its name.
func open() (*os.File, error) {
	if f, err := os.Open("/proc/self/exe"); err == nil {
		return f, nil
	}
	path, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return os.Open(path)
}
