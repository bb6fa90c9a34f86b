package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"latchkey": func() {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		os.Exit(run(ctx, os.Args, &env{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, program: os.Args[0]}))
	}})
}

// TestScripts runs the command line against real servers. Each script has a
// free port in $ADDR and https-free addresses of its own machine only.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			ln, err := net.Listen("tcp", "localhost:0")
			if err != nil {
				return err
			}
			addr := fmt.Sprintf("localhost:%d", ln.Addr().(*net.TCPAddr).Port)
			e.Setenv("ADDR", addr)
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("SPMETADATA", serveMetadata(e))
			return ln.Close()
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"wait-for":  waitFor,
			"mode":      mode,
			"exit-code": exitCode,
		},
	})
}

// serveMetadata is a service provider that has metadata at /sp.xml and at
// /large too much of it.
func serveMetadata(e *testscript.Env) string {
	mux := http.NewServeMux()
	mux.HandleFunc("/sp.xml", func(w http.ResponseWriter, _ *http.Request) {
		data, err := os.ReadFile(filepath.Join(e.WorkDir, "sp.xml"))
		if err != nil {
			w.WriteHeader(http.StatusNotFound)
		}
		_, _ = w.Write(data) // without Last-Modified, which is too coarse for a script that changes the file
	})
	mux.HandleFunc("/large", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 1<<20+1)) })
	mux.Handle("/away", http.RedirectHandler("http://sp.example.org/sp.xml", http.StatusFound))
	ln, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		return ""
	}
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: time.Second}
	go func() { _ = srv.Serve(ln) }()
	e.Defer(func() { _ = srv.Close() })
	return fmt.Sprintf("http://localhost:%d", ln.Addr().(*net.TCPAddr).Port)
}

// waitFor waits until an address answers.
func waitFor(ts *testscript.TestScript, _ bool, args []string) {
	for range 100 {
		resp, err := http.Get(args[0]) //nolint:noctx // of a test
		if err == nil {
			_ = resp.Body.Close()
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	ts.Fatalf("%s does not answer", args[0])
}

// mode checks the mode of a file: mode 0600 FILE.
func mode(ts *testscript.TestScript, _ bool, args []string) {
	info, err := os.Stat(ts.MkAbs(args[1]))
	ts.Check(err)
	if got := fmt.Sprintf("%04o", info.Mode().Perm()); got != args[0] {
		ts.Fatalf("%s has mode %s, want %s", args[1], got, args[0])
	}
}

// exitCode runs a command that must exit with a code: exit-code 2 latchkey ...
func exitCode(ts *testscript.TestScript, _ bool, args []string) {
	want := args[0]
	err := ts.Exec(args[1], args[2:]...)
	got := "0"
	if e, ok := err.(interface{ ExitCode() int }); ok {
		got = fmt.Sprint(e.ExitCode())
	}
	if got != want {
		ts.Fatalf("exit code %s, want %s", got, want)
	}
}
