// Package originsecret knows the secret by which requests show that they came
// through CloudFront.
//
// Invariants:
//   - Without a secret that was read once, nobody is let in: an error is not a yes.
//   - Whatever strangers send, Secrets Manager is asked at most once in Pause,
//     in FirstPause while it has never answered.
//   - A secret that was replaced is accepted until it is replaced again
//     (AWSPREVIOUS), so that CloudFront may send the old one while it is updated.
package originsecret

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

const (
	// Fresh is how long a secret counts without being read again.
	Fresh = 5 * time.Minute
	// Stale is how long it counts if it cannot be read again.
	Stale = time.Hour
	// Pause is the least time between two readings.
	Pause = 10 * time.Second
	// FirstPause is the same while none has succeeded.
	FirstPause = time.Second

	// patience is for one reading with its retries; a request has 15 s.
	patience = 4 * time.Second
	// shortest is the length of a secret that nobody guesses.
	shortest = 16
)

// API is what is used of *secretsmanager.Client.
type API interface {
	GetSecretValue(context.Context, *secretsmanager.GetSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error)
}

// Secret is a secret in Secrets Manager. It is safe for concurrent use.
type Secret struct {
	api   API
	arn   string
	clock idp.Clock
	log   *slog.Logger

	mu          sync.Mutex
	values      []idp.Secret // current, previous
	read, tried time.Time
	failed      error // of the last reading
}

// New makes a Secret that reads nothing yet. log may be nil.
func New(api API, arn string, clock idp.Clock, log *slog.Logger) *Secret {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Secret{api: api, arn: arn, clock: clock, log: log}
}

// Check reports whether presented is the secret, or the one before it. It fails
// if neither is known.
func (s *Secret) Check(ctx context.Context, presented string) (bool, error) {
	if presented == "" {
		return false, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock()
	if now.Sub(s.read) < Fresh && s.matches(presented) {
		return true, nil
	}
	pause := Pause
	if s.values == nil {
		pause = FirstPause
	}
	if now.Sub(s.tried) >= pause {
		s.refresh(ctx, now)
	}
	if s.values == nil || now.Sub(s.read) >= Stale {
		return false, fmt.Errorf("read origin secret: %w", s.failed)
	}
	return s.matches(presented), nil
}

// matches compares with all values, so that time tells nothing.
func (s *Secret) matches(presented string) bool {
	found := false
	for _, v := range s.values {
		found = idp.Equal([]byte(presented), v) || found
	}
	return found
}

// refresh reads the values again; what was known stays if that fails.
func (s *Secret) refresh(ctx context.Context, now time.Time) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	values, err := s.all(ctx)
	s.tried, s.failed = now, err
	if err != nil {
		s.log.ErrorContext(ctx, "origin secret was not read", "event", "edge.secret.unavailable", "err", err)
		return
	}
	s.values, s.read = values, now
}

// all are the values that count: the current one, and the previous one if the
// secret was replaced before.
func (s *Secret) all(ctx context.Context) ([]idp.Secret, error) {
	current, err := s.value(ctx, "AWSCURRENT")
	if err != nil {
		return nil, err
	}
	previous, err := s.value(ctx, "AWSPREVIOUS")
	var none *types.ResourceNotFoundException
	switch {
	case errors.As(err, &none):
		return []idp.Secret{current}, nil
	case err != nil:
		return nil, err
	}
	return []idp.Secret{current, previous}, nil
}

func (s *Secret) value(ctx context.Context, stage string) (idp.Secret, error) {
	out, err := s.api.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &s.arn, VersionStage: &stage})
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", stage, err)
	}
	if out.SecretString == nil || len(*out.SecretString) < shortest {
		return nil, fmt.Errorf("get %s: the secret has less than %d characters", stage, shortest)
	}
	return idp.Secret(*out.SecretString), nil
}
