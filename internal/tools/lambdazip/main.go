// Command lambdazip puts a bootstrap into a zip for Lambda. The same bootstrap
// gives the same zip, byte for byte: no times, no owner, one file.
//
//	go run ./internal/tools/lambdazip dist/lambda/sso/bootstrap dist/lambda/sso.zip
package main

import (
	"archive/zip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: lambdazip BOOTSTRAP ZIP")
		os.Exit(2)
	}
	sum, size, err := pack(os.Args[1], os.Args[2])
	if err != nil {
		fmt.Fprintln(os.Stderr, "lambdazip:", err)
		os.Exit(1)
	}
	fmt.Printf("%x  %s (%d bytes)\n", sum, os.Args[2], size)
}

func pack(bootstrap, archive string) (sum []byte, size int64, err error) {
	in, err := os.Open(bootstrap) //nolint:gosec // the file that the caller names
	if err != nil {
		return nil, 0, fmt.Errorf("open bootstrap: %w", err)
	}
	defer in.Close()               //nolint:errcheck // read only
	out, err := os.Create(archive) //nolint:gosec // the file that the caller names
	if err != nil {
		return nil, 0, fmt.Errorf("create zip: %w", err)
	}
	defer func() { err = errors.Join(err, out.Close()) }()

	hash := sha256.New()
	counted := &counter{w: io.MultiWriter(out, hash)}
	z := zip.NewWriter(counted)
	header := &zip.FileHeader{Name: "bootstrap", Method: zip.Deflate}
	header.SetMode(0o755)
	entry, err := z.CreateHeader(header)
	if err != nil {
		return nil, 0, fmt.Errorf("add bootstrap: %w", err)
	}
	if _, err := io.Copy(entry, in); err != nil {
		return nil, 0, fmt.Errorf("copy bootstrap: %w", err)
	}
	if err := z.Close(); err != nil {
		return nil, 0, fmt.Errorf("finish zip: %w", err)
	}
	return hash.Sum(nil), counted.n, nil
}

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}
