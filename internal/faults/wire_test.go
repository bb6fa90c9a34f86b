package faults_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"

	"github.com/latchkey-idp/latchkey/internal/keys/kmsfake"
)

// wire is the network between the program and AWS. The SDK dials it with its own
// HTTP client, so that its time limits, its repetitions and its reading of what
// comes back are the real ones; the other end of each connection is in this
// process, and does what a fault says.
type wire struct {
	dynamo backend
	kms    *kmsfake.Fake

	mu     sync.Mutex
	step   string // what the client does at the moment
	calls  []call // since the last take
	plans  []*plan
	faults int // that were met
	chaos  *chaos
	paused bool // nothing is counted, and no fault met

	stop  context.CancelFunc // ends the request that is served
	dead  bool               // the program that serves it is no more
	rival func()             // what somebody else does at the same moment
}

// latency is that of the network.
const latency = time.Millisecond

var errDead = errors.New("the program is dead")

// config is what an SDK client needs to call through the wire; quietly: no fault
// is met, and nothing counted.
func (w *wire) config(quietly bool) aws.Config {
	endpoint := "http://aws.test"
	dial := func(context.Context, string, string) (net.Conn, error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.dead && !quietly {
			return nil, errDead
		}
		ours, theirs := net.Pipe()
		go w.serve(theirs, quietly)
		return ours, nil
	}
	return aws.Config{
		Region: "eu-central-1", BaseEndpoint: &endpoint,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "TEST", SecretAccessKey: "ONLY"}, nil
		}),
		HTTPClient: awshttp.NewBuildableClient().WithTransportOptions(func(tr *http.Transport) {
			tr.Proxy, tr.DialContext = nil, dial
			tr.DisableKeepAlives = true // a connection outlives no test
		}),
	}
}

// serve answers the one request of a connection.
func (w *wire) serve(conn net.Conn, quietly bool) {
	defer conn.Close() //nolint:errcheck // the other end may have gone
	r, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil {
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	time.Sleep(latency) // until the client has done with the request, as nearly always outside
	x := &exchange{wire: w, conn: conn, request: r, body: body, call: readCall(r, body)}
	if f := w.meets(x.call, quietly); f != nil {
		f.do(x)
		return
	}
	x.answer(x.apply())
}

// exchange is one request to AWS and its connection.
type exchange struct {
	wire    *wire
	conn    net.Conn
	request *http.Request
	body    []byte
	call    call
}

// answered is what AWS says.
type answered struct {
	status int
	header http.Header
	body   []byte
}

// apply lets AWS carry the request out.
func (x *exchange) apply() answered {
	if x.call.kms() {
		return handled{x.wire.kms}.do(x.request.Header, x.body)
	}
	return x.wire.dynamo.do(x.request.Header, x.body)
}

// answer sends a and leaves it to the client, which may have gone already, to
// close the connection.
func (x *exchange) answer(a answered) {
	var b bytes.Buffer
	b.WriteString("HTTP/1.1 " + strconv.Itoa(a.status) + " " + http.StatusText(a.status) + "\r\n")
	for name, values := range a.header {
		switch name {
		case "Content-Length", "Connection", "X-Amz-Crc32", "Date":
		default:
			b.WriteString(name + ": " + values[0] + "\r\n")
		}
	}
	b.WriteString("Connection: close\r\nContent-Length: " + strconv.Itoa(len(a.body)) + "\r\n\r\n")
	b.Write(a.body)
	if _, err := x.conn.Write(b.Bytes()); err == nil {
		x.hang()
	}
}

// hang says nothing until the client has gone.
func (x *exchange) hang() { _, _ = io.Copy(io.Discard, x.conn) }

// backend is what carries calls of DynamoDB out.
type backend interface {
	do(header http.Header, body []byte) answered
}

// handled is a backend in this process: a fake of AWS.
type handled struct{ http.Handler }

func (h handled) do(header http.Header, body []byte) answered {
	r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
	r.Header = header
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	return answered{rec.Code, rec.Header(), rec.Body.Bytes()}
}

// remote is DynamoDB Local. It is called by a goroutine outside of every bubble,
// so that the clock of a bubble stands still meanwhile.
type remote struct {
	mu  sync.Mutex
	in  chan remoteCall
	out chan answered
}

type remoteCall struct {
	header http.Header
	body   []byte
}

// newRemote is called outside of bubbles.
func newRemote(t testing.TB) *remote {
	t.Helper()
	endpoint := os.Getenv("DYNAMODB_ENDPOINT") // dynamotest has seen to it
	d := &remote{in: make(chan remoteCall), out: make(chan answered)}
	go func() {
		for c := range d.in {
			d.out <- forward(endpoint, c)
		}
	}()
	t.Cleanup(func() { close(d.in) })
	return d
}

func (d *remote) do(header http.Header, body []byte) answered {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.in <- remoteCall{header, body}
	return <-d.out
}

func forward(endpoint string, c remoteCall) answered {
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, endpoint, bytes.NewReader(c.body))
	if err != nil {
		return broken(err)
	}
	r.Header = c.header.Clone()
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return broken(err)
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return broken(err)
	}
	return answered{resp.StatusCode, resp.Header, body}
}

// broken tells that the test's own means have failed.
func broken(err error) answered {
	return answered{http.StatusNotImplemented, http.Header{}, []byte("DynamoDB Local: " + err.Error())}
}

func operation(r *http.Request) string {
	_, op, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	return op
}
