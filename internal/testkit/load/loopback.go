package load

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// Loopback connects to a server of this machine from addresses of 127.0.0.0/8,
// all of which are this machine's (on Linux).
func Loopback(server string) func(n int) http.RoundTripper {
	return func(n int) http.RoundTripper {
		dialer := &net.Dialer{Timeout: 10 * time.Second, LocalAddr: &net.TCPAddr{IP: net.IPv4(127, byte(1+n>>16), byte(n>>8), byte(n))}}
		return &http.Transport{
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return dialer.DialContext(ctx, "tcp4", server)
			},
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // of a stand-in on this machine
		}
	}
}

// Process is what /proc tells of a process.
type Process struct {
	Peak, Resident int64         // memory, in bytes
	CPU            time.Duration // user and system
}

// Look reads what a process has used so far.
func Look(pid int) (p Process, err error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return p, fmt.Errorf("look at process: %w", err)
	}
	for line := range strings.Lines(string(status)) {
		name, value, _ := strings.Cut(line, ":")
		kB, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64) // the lines that matter have one
		switch name {
		case "VmHWM":
			p.Peak = kB << 10
		case "VmRSS":
			p.Resident = kB << 10
		}
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return p, fmt.Errorf("look at process: %w", err)
	}
	_, rest, _ := strings.Cut(string(stat), ") ") // the name may have spaces
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return p, fmt.Errorf("look at process: %q", stat)
	}
	for _, ticks := range fields[11:13] { // utime, stime
		n, err := strconv.ParseInt(ticks, 10, 64)
		if err != nil {
			return p, fmt.Errorf("look at process: %w", err)
		}
		p.CPU += time.Duration(n) * time.Second / 100 // USER_HZ
	}
	return p, nil
}
