package cloud

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"

	"github.com/latchkey-idp/latchkey/internal/lambdahttp"
	"github.com/latchkey-idp/latchkey/internal/testkit/iam"
	"github.com/latchkey-idp/latchkey/internal/testkit/sam"
)

// OriginSecret is the ARN of the secret in Secrets, for the template's parameter of this name.
const OriginSecret = "arn:aws:secretsmanager:" + sam.Region + ":" + sam.Account + ":secret:latchkey-origin-AbCdEf"

// Secrets is Secrets Manager with the one secret OriginSecret.
type Secrets struct {
	mu                sync.Mutex
	current, previous string
	down              bool
	reads             int
}

// Replace gives the secret another value: the one before becomes AWSPREVIOUS.
func (s *Secrets) Replace(value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current, s.previous = value, s.current
}

// Down makes every answer a 500, or ends that.
func (s *Secrets) Down(down bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = down
}

// Reads is how many values were asked for.
func (s *Secrets) Reads() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reads
}

func (s *Secrets) value() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current
}

// ServeHTTP answers GetSecretValue.
func (s *Secrets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	var in struct{ SecretId, VersionStage string } //nolint:revive // Secrets Manager spells it so
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || r.Header.Get("X-Amz-Target") != "secretsmanager.GetSecretValue" {
		answer(w, "1.1", http.StatusBadRequest, map[string]string{"__type": "InvalidRequestException"})
		return
	}
	value := map[string]string{"AWSCURRENT": s.current, "AWSPREVIOUS": s.previous}[in.VersionStage]
	switch {
	case s.down:
		answer(w, "1.1", http.StatusInternalServerError, map[string]string{"__type": "InternalServiceError"})
	case in.SecretId != OriginSecret || value == "":
		answer(w, "1.1", http.StatusBadRequest, map[string]string{"__type": "ResourceNotFoundException"})
	default:
		answer(w, "1.1", http.StatusOK, map[string]string{"ARN": OriginSecret, "SecretString": value})
	}
}

// secretsRequests are the rights that a call to Secrets Manager needs.
func (g *guard) secretsRequests(operation string, body []byte) ([]iam.Request, error) {
	var in struct{ SecretId string } //nolint:revive // Secrets Manager spells it so
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, fmt.Errorf("read %s: %w", operation, err)
	}
	return []iam.Request{{Action: "secretsmanager:" + operation, Resource: in.SecretId}}, nil
}

// cloudFront stands before the gateway as infra/edge.yaml does: it says who the
// viewer is, whatever the viewer says, and sends the secret.
func cloudFront(secret func() string, gateway http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name := range r.Header {
			if strings.HasPrefix(name, "Cloudfront-") {
				r.Header.Del(name)
			}
		}
		host, port, err := net.SplitHostPort(r.RemoteAddr)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		r.Header.Set("CloudFront-Viewer-Address", host+":"+port)
		r.Header.Set(lambdahttp.OriginHeader, secret())
		r.RemoteAddr = "127.9.9.9:443" // what the gateway sees
		gateway.ServeHTTP(w, r)
	})
}
