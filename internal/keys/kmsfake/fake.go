package kmsfake

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
)

// The operations, as Inject and Calls name them.
const (
	Sign           = "Sign"
	GetPublicKey   = "GetPublicKey"
	DescribeKey    = "DescribeKey"
	Encrypt        = "Encrypt"
	Decrypt        = "Decrypt"
	GenerateRandom = "GenerateRandom"
	Any            = "" // every operation
)

const (
	target  = "TrentService."
	maxBody = 64 << 10
)

// Call is one request that the fake received.
type Call struct {
	Op        string
	KeyID     string // as the request named the key
	RequestID string // as answered in x-amzn-RequestId
	Status    int    // HTTP status; 0 if the connection was dropped
}

// Fake is a KMS with keys of its own. It is safe for concurrent use.
type Fake struct {
	mu      sync.Mutex
	keys    map[string]*key   // by ARN
	aliases map[string]string // alias/name -> ARN
	faults  []*injected
	calls   []Call
}

// New makes a Fake without keys.
func New() *Fake {
	return &Fake{keys: map[string]*key{}, aliases: map[string]string{}}
}

// Calls returns the requests so far of an operation, or of Any.
func (f *Fake) Calls(op string) []Call {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(f.calls), func(c Call) bool { return op != Any && c.Op != op })
}

// Signatures counts the Sign requests that were answered with a signature.
func (f *Fake) Signatures() int {
	n := 0
	for _, c := range f.Calls(Sign) {
		if c.Status == http.StatusOK {
			n++
		}
	}
	return n
}

// apiError is an error as KMS answers it.
type apiError struct {
	status int
	kind   string // e.g. NotFoundException
	text   string
}

func (e *apiError) Error() string { return e.kind + ": " + e.text }

func refuse(kind, format string, args ...any) error {
	return &apiError{http.StatusBadRequest, kind, fmt.Sprintf(format, args...)}
}

// ServeHTTP answers one request of the KMS API at Home.
func (f *Fake) ServeHTTP(w http.ResponseWriter, r *http.Request) { f.serve(Home, w, r) }

// In is the KMS API of a region: it has the keys that were replicated there.
func (f *Fake) In(region string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { f.serve(region, w, r) })
}

func (f *Fake) serve(region string, w http.ResponseWriter, r *http.Request) {
	c := Call{RequestID: requestID()}
	defer func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.calls = append(f.calls, c)
	}()
	var out any
	op, in, err := decode(r)
	in.region = region
	if err == nil {
		c.Op, c.KeyID = op, in.KeyId
		fault := f.nextFault(op)
		fault.delay(r.Context())
		if fault.drop {
			panic(http.ErrAbortHandler)
		}
		if err = fault.err(); err == nil {
			out, err = f.perform(op, in)
		}
	}
	c.Status = answer(w, c.RequestID, out, err)
}

// RoundTrip answers a request without a network, so that the Fake can be the
// Transport of an http.Client.
func (f *Fake) RoundTrip(r *http.Request) (res *http.Response, err error) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			res, err = nil, io.ErrUnexpectedEOF
		default:
			panic(p)
		}
	}()
	if r.Body == nil {
		r.Body = http.NoBody
	}
	defer r.Body.Close()
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return w.Result(), nil
}

func decode(r *http.Request) (op string, in request, err error) {
	op, ok := strings.CutPrefix(r.Header.Get("X-Amz-Target"), target)
	if !ok || r.Method != http.MethodPost {
		return "", in, refuse("UnknownOperationException", "no operation of KMS")
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxBody))
	if err != nil {
		return op, in, refuse("SerializationException", "body: %v", err)
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return op, in, refuse("SerializationException", "body: %v", err)
	}
	return op, in, nil
}

func answer(w http.ResponseWriter, id string, out any, err error) int {
	status := http.StatusOK
	if err != nil {
		var e *apiError
		if !errors.As(err, &e) {
			e = &apiError{http.StatusInternalServerError, "KMSInternalException", err.Error()}
		}
		status, out = e.status, map[string]string{"__type": e.kind, "message": e.text}
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.Header().Set("x-amzn-RequestId", id)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(out) // the client is gone: nothing to do
	return status
}

// requestID is a random UUID (RFC 9562, version 4).
func requestID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b[:])
	return strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-")
}
