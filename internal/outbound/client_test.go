package outbound

import (
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// world is a net with names of its own: example.com and its like are public
// addresses that lead to a server of the test, and every connection is noted.
type world struct {
	t       *testing.T
	server  *httptest.Server
	names   map[string][][]string // per lookup; the last one stays
	mu      sync.Mutex
	looked  map[string]int
	dialled []string
	hits    []string
}

const publicIP = "93.184.215.14"

func newWorld(t *testing.T, h http.Handler) *world {
	w := &world{t: t, looked: map[string]int{}, names: map[string][][]string{"example.com": {{publicIP}}}}
	w.server = httptest.NewTLSServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		w.hits = append(w.hits, r.Method+" "+r.Host+r.URL.Path)
		w.mu.Unlock()
		h.ServeHTTP(rw, r)
	}))
	w.server.Config.ErrorLog = nil
	t.Cleanup(w.server.Close)
	return w
}

func (w *world) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	answers, ok := w.names[host]
	if !ok {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	n := min(w.looked[host], len(answers)-1)
	w.looked[host]++
	var out []netip.Addr
	for _, s := range answers[n] {
		out = append(out, netip.MustParseAddr(s))
	}
	return out, nil
}

func (w *world) client(o Options) *Client {
	o.Resolver = w
	o.Roots = x509.NewCertPool()
	o.Roots.AddCert(w.server.Certificate())
	o.dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		w.mu.Lock()
		w.dialled = append(w.dialled, address)
		w.mu.Unlock()
		return (&net.Dialer{}).DialContext(ctx, network, w.server.Listener.Addr().String())
	}
	return New(o)
}

func call(t *testing.T, c *Client, method, url string) (*Response, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatalf("not even a URL for net/http: %v", err)
	}
	return c.Do(t.Context(), r)
}

func wantReason(t *testing.T, err error, reason idp.Reason) {
	t.Helper()
	var e *idp.Error
	if !errors.As(err, &e) || e.Reason != reason || e.Code.Info().Status != http.StatusUnprocessableEntity {
		t.Errorf("error %v, want 422 %s", err, reason)
	}
}

func ok(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "secret of the inside") } //nolint:errcheck // a test

// hostile are the URLs of rows AD1 and A52; those with a name are resolved by
// the world above.
var hostile = []string{
	"http://169.254.169.254/", "https://169.254.169.254/", "https://169.254.169.254/latest/meta-data/iam/", "https://169.254.170.2/v2/credentials",
	"https://localhost/", "https://localhost./", "https://127.0.0.1/", "https://127.8.9.10/", "https://[::1]/", "https://0.0.0.0/", "https://[::]/",
	"https://[::ffff:a9fe:a9fe]/", "https://[::ffff:169.254.169.254]/", "https://[::ffff:93.184.215.14]/", "https://[0:0:0:0:0:ffff:7f00:1]/", "https://[::127.0.0.1]/",
	"https://0x7f.1/", "https://0x7f000001/", "https://127.1/", "https://0177.0.0.1/", "https://2130706433/", "https://017700000001/", "https://127.0.0.1./", "https://0xA9FEA9FE/", "https://example.com.0x1/",
	"https://10.0.0.1/", "https://172.16.0.1/", "https://172.31.255.255/", "https://192.168.1.1/", "https://100.64.0.1/", "https://100.100.100.200/", "https://192.0.0.192/", "https://198.18.0.1/", "https://168.63.129.16/",
	"https://224.0.0.1/", "https://255.255.255.255/", "https://240.0.0.1/",
	"https://[fe80::1]/", "https://[fe80::1%25eth0]/", "https://[fd00:ec2::254]/", "https://[fc00::1]/", "https://[fec0::1]/", "https://[ff02::1]/",
	"https://[64:ff9b::a9fe:a9fe]/", "https://[64:ff9b:1::a9fe:a9fe]/", "https://[2002:a9fe:a9fe::1]/", "https://[2001:0:53aa:64c:0:0:5601:5601]/", "https://[2606:4700::5efe:a9fe:a9fe]/", "https://[2001:db8::1]/", "https://[100::1]/",
	"https://inside.example/", "https://metadata.example/", "https://ten.example/", "https://mixed.example/", "https://mapped.example/", "https://nat64.example/", "https://six.example/",
	"https://user@example.com/", "https://user:secret@example.com/", "https://example.com@127.0.0.1/", "https://:secret@example.com/",
	"http://example.com/", "HTTP://example.com/", "ftp://example.com/", "file:///etc/passwd", "gopher://example.com/", "https:///x", "https:example.com", "//example.com/", "/relative",
	"https://example.com:8443/", "https://example.com:22/", "https://example.com:80/", "https://example.com:6379/",
	"https://１２７.0.0.1/", "https://127。0。0。1/", "https://ⓔxample.com/", "https://exa%00mple.com/", "https://example.com%2f@127.0.0.1/",
}

// TestHostileURLs is rows AD1 and A52: refused with 422 ssrf.blocked, and
// nothing is called. Each is tried as it is and as the target of a redirect.
func TestHostileURLs(t *testing.T) {
	traps := map[string][][]string{
		"example.com": {{publicIP}}, "localhost": {{"127.0.0.1", "::1"}}, "localhost.": {{"127.0.0.1"}},
		"inside.example": {{"127.0.0.1"}}, "metadata.example": {{"169.254.169.254"}}, "ten.example": {{"10.1.2.3"}},
		"mixed.example": {{publicIP, "192.168.0.1"}}, "mapped.example": {{"::ffff:127.0.0.1"}},
		"nat64.example": {{"64:ff9b::7f00:1"}}, "six.example": {{"::1"}},
	}
	for _, url := range hostile {
		direct := func(t *testing.T) {
			w := newWorld(t, http.HandlerFunc(ok))
			w.names = traps
			_, err := call(t, w.client(Options{}), http.MethodGet, url)
			wantReason(t, err, idp.SSRFBlocked)
			if len(w.hits)+len(w.dialled) > 0 {
				t.Errorf("called %v %v", w.dialled, w.hits)
			}
		}
		if !strings.Contains(url, "%00") { // for net/http this is no URL
			t.Run("AD1 A52 "+url, direct)
		}
		if strings.HasPrefix(url, "/") || strings.HasPrefix(url, "https:/") && !strings.HasPrefix(url, "https://") {
			continue // as the target of a redirect it stays on its host
		}
		t.Run("AD1 A52 redirect to "+url, func(t *testing.T) {
			w := newWorld(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/start" {
					ok(rw, r)
					return
				}
				rw.Header().Set("Location", url)
				rw.WriteHeader(http.StatusFound)
			}))
			w.names = traps
			_, err := call(t, w.client(Options{}), http.MethodGet, "https://example.com/start")
			if e := idp.AsError(err); e.Reason != idp.SSRFBlocked && e.Reason != idp.OutboundFailed {
				t.Errorf("error %v", err)
			}
			if len(w.hits) != 1 || len(w.dialled) != 1 {
				t.Errorf("called %v %v, want the first address only", w.dialled, w.hits)
			}
		})
	}
}

func TestGoodAddresses(t *testing.T) {
	for _, url := range []string{"https://example.com/x?y=z", "https://EXAMPLE.com", "https://example.com:443/", "https://93.184.215.14/", "https://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]/", "https://xn--bcher-kva.example/"} {
		w := newWorld(t, http.HandlerFunc(ok))
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.client(Options{}).Check(r.URL); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
}

// TestRebinding: the name is looked up once per hop, and the connection goes to
// the address that was judged, whatever the name says a moment later.
func TestRebinding(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(ok))
	w.names["example.com"] = [][]string{{publicIP}, {"127.0.0.1"}}
	c := w.client(Options{})
	if _, err := call(t, c, http.MethodGet, "https://example.com/"); err != nil {
		t.Fatal(err)
	}
	if w.looked["example.com"] != 1 || len(w.dialled) != 1 || w.dialled[0] != publicIP+":443" {
		t.Errorf("looked up %v, dialled %v", w.looked, w.dialled)
	}
	_, err := call(t, c, http.MethodGet, "https://example.com/")
	wantReason(t, err, idp.SSRFBlocked)
	if len(w.hits) != 1 {
		t.Errorf("called %v", w.hits)
	}
}

// TestLastLook: even if everything before it failed, the socket refuses.
func TestLastLook(t *testing.T) {
	hit := make(chan struct{}, 1)
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // a test
	go func() {
		if conn, err := l.Accept(); err == nil {
			hit <- struct{}{}
			conn.Close() //nolint:errcheck,gosec // a test
		}
	}()
	_, err = New(Options{}).opts.dial(t.Context(), "tcp", l.Addr().String())
	wantReason(t, err, idp.SSRFBlocked)
	select {
	case <-hit:
		t.Error("connected")
	case <-time.After(50 * time.Millisecond):
	}
}

func TestRedirects(t *testing.T) {
	chain := func(rw http.ResponseWriter, r *http.Request) {
		var n int
		fmt.Sscanf(r.URL.Path, "/%d", &n) //nolint:errcheck,gosec // 0 then
		if r.Header.Get("Referer") != "" || r.Header.Get("Cookie") != "" {
			rw.WriteHeader(http.StatusTeapot)
			return
		}
		http.SetCookie(rw, &http.Cookie{Name: "a", Value: "b", Path: "/"})
		if n > 0 {
			http.Redirect(rw, r, fmt.Sprintf("/%d", n-1), http.StatusFound)
			return
		}
		ok(rw, r)
	}
	w := newWorld(t, http.HandlerFunc(chain))
	c := w.client(Options{})
	resp, err := call(t, c, http.MethodGet, "https://example.com/3")
	if err != nil || resp.Status != http.StatusOK || resp.URL != "https://example.com/0" {
		t.Errorf("three redirects: %+v, %v", resp, err)
	}
	_, err = call(t, c, http.MethodGet, "https://example.com/4")
	wantReason(t, err, idp.SSRFBlocked)

	w.hits = nil
	resp, err = call(t, c, http.MethodPost, "https://example.com/3")
	if err != nil || resp.Status != http.StatusFound || len(w.hits) != 1 {
		t.Errorf("POST followed: %+v, %v, %v", resp, err, w.hits)
	}
	if _, err := call(t, c, http.MethodPut, "https://example.com/"); err == nil {
		t.Error("PUT was sent")
	}
}

func TestHeaders(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	var got http.Header
	var host string
	w := newWorld(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got, host = r.Header, r.Host }))
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://example.com/", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "inside"
	r.Header.Set("Cookie", "a=b")
	r.Header.Set("If-None-Match", `"x"`)
	if _, err := w.client(Options{}).Do(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if got.Get("User-Agent") != "Latchkey" || got.Get("Cookie") != "" || got.Get("If-None-Match") != `"x"` || host != "example.com" {
		t.Errorf("host %q, headers %v", host, got)
	}
}

func TestLimits(t *testing.T) {
	t.Run("body", func(t *testing.T) {
		w := newWorld(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			out := io.Writer(rw)
			if r.URL.Path == "/gzip" {
				rw.Header().Set("Content-Encoding", "gzip")
				z := gzip.NewWriter(rw)
				defer z.Close() //nolint:errcheck // a test
				out = z
			}
			n := 1000
			if r.URL.Path != "/fits" {
				n = 1 << 20
			}
			out.Write([]byte(strings.Repeat("s", n))) //nolint:errcheck,gosec // a test
		}))
		c := w.client(Options{MaxBody: 1000})
		if resp, err := call(t, c, http.MethodGet, "https://example.com/fits"); err != nil || len(resp.Body) != 1000 {
			t.Errorf("%+v, %v", resp, err)
		}
		for _, path := range []string{"/more", "/gzip"} {
			_, err := call(t, c, http.MethodGet, "https://example.com"+path)
			wantReason(t, err, idp.OutboundFailed)
			if err != nil && strings.Contains(err.Error(), "sss") {
				t.Error("the error holds the body")
			}
		}
	})
	slow := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/body" {
			ok(rw, r)
			rw.(http.Flusher).Flush() //nolint:errcheck,forcetypeassert // a test
		}
		<-r.Context().Done()
	})
	for _, path := range []string{"/head", "/body"} {
		t.Run("time "+path, func(t *testing.T) {
			w := newWorld(t, slow)
			begin := time.Now()
			_, err := call(t, w.client(Options{Timeout: 50 * time.Millisecond}), http.MethodGet, "https://example.com"+path)
			wantReason(t, err, idp.OutboundFailed)
			if time.Since(begin) > 3*time.Second {
				t.Error("took too long")
			}
		})
	}
	t.Run("the shorter context wins", func(t *testing.T) {
		w := newWorld(t, slow)
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://example.com/", nil)
		if err != nil {
			t.Fatal(err)
		}
		_, err = w.client(Options{}).Do(ctx, r)
		wantReason(t, err, idp.OutboundFailed)
	})
}

// TestErrorsHoldNothingOfTheAnswer: an address is not a way to read what
// speaks another protocol.
func TestErrorsHoldNothingOfTheAnswer(t *testing.T) {
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // a test
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			io.WriteString(conn, "SSH-2.0-secret\r\n") //nolint:errcheck,gosec // a test
			conn.Close()                               //nolint:errcheck,gosec // a test
		}
	}()
	for _, scheme := range []string{"http", "https"} {
		_, err = call(t, New(Options{Local: true}), http.MethodGet, scheme+"://"+l.Addr().String()+"/")
		wantReason(t, err, idp.OutboundFailed)
		if err != nil && (strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "SSH")) {
			t.Errorf("the error holds the answer: %v", err)
		}
	}
}

func TestTLS(t *testing.T) {
	t.Run("another certificate", func(t *testing.T) {
		w := newWorld(t, http.HandlerFunc(ok))
		w.names["other.test"] = [][]string{{publicIP}}
		_, err := call(t, w.client(Options{}), http.MethodGet, "https://other.test/")
		wantReason(t, err, idp.OutboundFailed)
		if len(w.hits) > 0 {
			t.Error("called")
		}
	})
	t.Run("an old version", func(t *testing.T) {
		w := newWorld(t, http.HandlerFunc(ok))
		w.server.TLS.MaxVersion = tls.VersionTLS11
		_, err := call(t, w.client(Options{}), http.MethodGet, "https://example.com/")
		wantReason(t, err, idp.OutboundFailed)
	})
}

// TestLocal: on a laptop, http and the loopback addresses may be called; the
// network around may not.
func TestLocal(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(ok))
	defer s.Close()
	c := New(Options{Local: true})
	if resp, err := call(t, c, http.MethodGet, s.URL); err != nil || resp.Status != http.StatusOK {
		t.Errorf("%+v, %v", resp, err)
	}
	for _, url := range []string{"http://169.254.169.254/", "http://10.0.0.1/", "http://example.com/", "https://192.168.0.1:8443/", "http://[::ffff:127.0.0.1]/", "http://0x7f.1/", "http://a:b@127.0.0.1/", "http://0.0.0.0/", "file:///etc/passwd"} {
		_, err := call(t, c, http.MethodGet, url)
		wantReason(t, err, idp.SSRFBlocked)
	}
	w := newWorld(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		http.Redirect(rw, r, s.URL, http.StatusFound)
	}))
	_, err := call(t, w.client(Options{Local: true}), http.MethodGet, "https://example.com/")
	wantReason(t, err, idp.SSRFBlocked)
}
