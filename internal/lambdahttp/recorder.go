package lambdahttp

import (
	"bytes"
	"fmt"
	"net/http"
)

// recorder is an http.ResponseWriter that keeps a whole response and follows
// net/http's rules: the first status counts, headers are fixed by it, and a
// handler that writes nothing answers 200.
type recorder struct {
	header http.Header // the handler's
	status int         // 0: not written yet
	sent   http.Header // copy of header made at the status
	body   bytes.Buffer
}

func newRecorder() *recorder { return &recorder{header: http.Header{}} }

func (rec *recorder) Header() http.Header { return rec.header }

func (rec *recorder) WriteHeader(status int) {
	if status < 100 || status > 999 {
		panic(fmt.Errorf("invalid status %d", status))
	}
	if rec.status != 0 || status < 200 { // informational responses cannot be sent
		return
	}
	rec.status = status
	rec.sent = rec.header.Clone()
}

func (rec *recorder) Write(b []byte) (int, error) {
	rec.WriteHeader(http.StatusOK)
	if rec.status == http.StatusNoContent || rec.status == http.StatusNotModified {
		return 0, http.ErrBodyNotAllowed
	}
	return rec.body.Write(b)
}

// copyTo hands the response to the adapter.
func (rec *recorder) copyTo(w http.ResponseWriter, method string) {
	rec.WriteHeader(http.StatusOK)
	for name, values := range rec.sent {
		w.Header()[http.CanonicalHeaderKey(name)] = values
	}
	w.WriteHeader(rec.status)
	if rec.body.Len() > 0 && method != http.MethodHead {
		_, _ = w.Write(rec.body.Bytes()) // the adapter's buffer cannot fail
	}
}
