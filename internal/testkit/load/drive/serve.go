package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/latchkey-idp/latchkey/internal/localdeps"
)

// server is a `latchkey serve` in a folder of its own.
type server struct {
	url, token string
	pid        int

	dir string
	cmd *exec.Cmd
	log *os.File
}

const startTimeout = 15 * time.Second

func serve(ctx context.Context, program string) (*server, error) {
	dir, err := os.MkdirTemp("", "latchkey-load-")
	if err != nil {
		return nil, err
	}
	s := &server{dir: dir}
	if s.log, err = os.Create(filepath.Join(dir, "log")); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	addr, err := freeAddress()
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	data := filepath.Join(dir, "data")
	s.cmd = exec.CommandContext(ctx, program, "--data", data, "--json", "serve", "--addr", addr)
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	s.cmd.Cancel = func() error { return s.cmd.Process.Signal(syscall.SIGTERM) }
	if err := s.cmd.Start(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	s.pid = s.cmd.Process.Pid
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		url, token, err := localdeps.Find(data)
		if err == nil {
			s.url, s.token = url, string(token)
			return s, nil
		}
		if time.Since(began) > startTimeout {
			output, _ := os.ReadFile(s.log.Name())
			return nil, errors.Join(fmt.Errorf("%s does not start: %s", program, output), s.stop())
		}
	}
}

func freeAddress() (string, error) {
	ln, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		return "", err
	}
	defer ln.Close()
	return ln.Addr().String(), nil
}

// stop ends the server and removes its folder.
func (s *server) stop() error {
	err := s.cmd.Process.Signal(syscall.SIGTERM)
	if werr := s.cmd.Wait(); err == nil {
		err = werr
	}
	return errors.Join(err, s.log.Close(), os.RemoveAll(s.dir))
}
