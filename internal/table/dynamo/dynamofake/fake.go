package dynamofake

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
)

const (
	target  = "DynamoDB_20120810."
	maxBody = 16 << 20 // of a BatchGetItem's answer; a request is smaller
)

// item is what is stored: attributes as they came.
type item map[string]value

// value is an attribute value of the types that package dynamo writes.
type value struct {
	S *string `json:",omitempty"`
	N *string `json:",omitempty"`
	B []byte  `json:",omitempty"`
}

// MarshalJSON keeps an empty B, which is not the same as none.
func (v value) MarshalJSON() ([]byte, error) {
	switch {
	case v.S != nil:
		return json.Marshal(map[string]string{"S": *v.S})
	case v.N != nil:
		return json.Marshal(map[string]string{"N": *v.N})
	}
	return json.Marshal(map[string][]byte{"B": append([]byte{}, v.B...)})
}

// Fake is a DynamoDB. It is safe for concurrent use.
type Fake struct {
	mu     sync.Mutex
	items  map[string]map[string]item // by table and pk, then by sk
	tokens map[string][32]byte        // hashes of the transactions that were carried out, by token
}

// New makes an empty Fake, in which every table exists.
func New() *Fake {
	return &Fake{items: map[string]map[string]item{}, tokens: map[string][32]byte{}}
}

// failure is an error of the API.
type failure struct {
	kind, text string
	more       map[string]any
}

func (f *failure) Error() string { return f.kind + ": " + f.text }

func invalid(format string, args ...any) error {
	return &failure{kind: "ValidationException", text: fmt.Sprintf(format, args...)}
}

// ServeHTTP answers one request of the DynamoDB API.
func (f *Fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	out, err := f.perform(r)
	status := http.StatusOK
	if err != nil {
		var refused *failure
		if !errors.As(err, &refused) {
			refused = &failure{kind: "ValidationException", text: err.Error()}
		}
		body := map[string]any{"__type": "com.amazonaws.dynamodb.v20120810#" + refused.kind, "message": refused.text, "Message": refused.text}
		for name, v := range refused.more {
			body[name] = v
		}
		status, out = http.StatusBadRequest, body
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(out) // the client is gone: nothing to do
}

func (f *Fake) perform(r *http.Request) (any, error) {
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxBody))
	if err != nil {
		return nil, fmt.Errorf("read body: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	switch op := strings.TrimPrefix(r.Header.Get("X-Amz-Target"), target); op {
	case "GetItem":
		return decoded(body, f.getItem)
	case "BatchGetItem":
		return decoded(body, f.batchGetItem)
	case "Query":
		return decoded(body, f.query)
	case "PutItem":
		return decoded(body, f.putItem)
	case "TransactWriteItems":
		return decoded(body, func(in transactWriteItems) (any, error) { return f.transactWriteItems(in, sha256.Sum256(body)) })
	default:
		return nil, &failure{kind: "UnknownOperationException", text: op}
	}
}

func decoded[T any](body []byte, do func(T) (any, error)) (any, error) {
	var in T
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, &failure{kind: "SerializationException", text: err.Error()}
	}
	return do(in)
}

// key reads the attributes of a primary key.
func (i item) key() (pk, sk string, err error) {
	if i["pk"].S == nil || i["sk"].S == nil || *i["pk"].S == "" || *i["sk"].S == "" {
		return "", "", invalid("no key: pk and sk are strings with at least one character")
	}
	return *i["pk"].S, *i["sk"].S, nil
}

func partition(table, pk string) string { return table + "\x00" + pk }

func (f *Fake) find(table string, key item) (item, error) {
	pk, sk, err := key.key()
	if err != nil {
		return nil, err
	}
	return f.items[partition(table, pk)][sk], nil
}

func (f *Fake) store(table string, i item) {
	p := partition(table, *i["pk"].S)
	if f.items[p] == nil {
		f.items[p] = map[string]item{}
	}
	f.items[p][*i["sk"].S] = i
}

func (f *Fake) remove(table string, key item) {
	delete(f.items[partition(table, *key["pk"].S)], *key["sk"].S)
}
