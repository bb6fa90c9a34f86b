package lambdaruntime

import (
	"io"
	"net/http"
	"strconv"
	"time"
)

func (f *Function) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", f.next)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/response", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		f.answers <- answer{body: body}
		w.WriteHeader(http.StatusAccepted)
	})
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/error", f.failed)
	mux.HandleFunc("POST /2018-06-01/runtime/init/error", f.failed)
	return mux
}

// next answers the process with the next event. Until that comes, it is frozen.
func (f *Function) next(w http.ResponseWriter, r *http.Request) {
	f.asks()
	select {
	case e := <-f.events:
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Lambda-Runtime-Aws-Request-Id", e.id)
		h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(time.Now().Add(f.options.Timeout).UnixMilli(), 10))
		h.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-central-1:111122223333:function:"+f.options.Name)
		_, _ = w.Write(e.body)
	case <-r.Context().Done():
	}
}

func (f *Function) asks() {
	f.mu.Lock()
	if f.ready == 0 {
		f.ready = time.Since(f.started)
		close(f.begun)
	}
	f.mu.Unlock()
	f.freeze()
	f.idle <- struct{}{}
}

func (f *Function) failed(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	w.WriteHeader(http.StatusAccepted)
	select {
	case f.answers <- answer{err: string(body)}:
	default: // an error at init that nobody waits for; it is in the output, too
	}
}
