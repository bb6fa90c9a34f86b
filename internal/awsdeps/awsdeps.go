package awsdeps

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/latchkey-idp/latchkey/internal/app"
	"github.com/latchkey-idp/latchkey/internal/audit"
	"github.com/latchkey-idp/latchkey/internal/config"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/keys"
	"github.com/latchkey-idp/latchkey/internal/keys/kmssigner"
	"github.com/latchkey-idp/latchkey/internal/lambdahttp"
	"github.com/latchkey-idp/latchkey/internal/mdrefresh"
	"github.com/latchkey-idp/latchkey/internal/obs"
	"github.com/latchkey-idp/latchkey/internal/originsecret"
	"github.com/latchkey-idp/latchkey/internal/outbound"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/table"
	"github.com/latchkey-idp/latchkey/internal/table/dynamo"
	"github.com/latchkey-idp/latchkey/internal/web/admin"
)

// Role says what a function's IAM policy lets it do.
type Role int

// Roles. Only Signer may call kms:Sign; it makes the certificates of signing
// keys.
const (
	Reader Role = iota
	Signer
)

// Deps are the dependencies of one function in AWS.
type Deps struct {
	role    Role
	cfg     config.Config
	aws     aws.Config
	clock   idp.Clock
	log     *slog.Logger
	calls   *slog.Logger // of KMS: each is logged at any level, see package signaudit
	metrics obs.Metrics
}

// New reads the environment ("NAME=value" each), ours and that of the SDK. It
// calls nothing, and fails only on settings that no retry can mend. Log lines
// and metrics go to w.
func New(ctx context.Context, environ []string, w io.Writer, role Role) (*Deps, error) {
	awsCfg, err := awsconfig.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("read AWS settings: %w", err)
	}
	return With(awsCfg, time.Now, environ, w, role)
}

// With is New with the settings of AWS and the clock as given.
func With(awsCfg aws.Config, clock idp.Clock, environ []string, w io.Writer, role Role) (*Deps, error) {
	cfg, err := config.Load(variables(environ))
	if err != nil {
		return nil, err
	}
	for name, value := range map[string]string{
		"LATCHKEY_TABLE": cfg.Table, "LATCHKEY_SIGNING_KEY": strings.Join(cfg.SigningKeys, ","), "LATCHKEY_MASTER_KEY": cfg.MasterKey,
	} {
		if value == "" {
			return nil, fmt.Errorf("%s is not set", name)
		}
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(cfg.LogLevel)); err != nil {
		return nil, fmt.Errorf("LATCHKEY_LOG_LEVEL is %q: give debug, info, warn or error", cfg.LogLevel)
	}
	return &Deps{
		role: role, cfg: cfg, aws: awsCfg, clock: clock,
		log: obs.NewLogger(w, level, true), calls: obs.NewLogger(w, min(level, slog.LevelInfo), true), metrics: obs.EMF(w, obs.Namespace, clock),
	}, nil
}

// variables are those of an environment, by their names.
func variables(environ []string) map[string]string {
	env := make(map[string]string, len(environ))
	for _, e := range environ {
		name, value, _ := strings.Cut(e, "=")
		env[name] = value
	}
	return env
}

// Events says which events are this deployment's.
func (d *Deps) Events() lambdahttp.Options {
	// The gateway's name for the domain has no port, the public address may have
	// one: `sam local start-api` listens at localhost:3000.
	o := lambdahttp.Options{Log: d.log, Domains: []string{d.cfg.Host(), d.cfg.Hostname()}, PublicHost: d.cfg.Host(), HealthHost: d.cfg.HealthHost}
	if d.cfg.OriginSecret != "" {
		secrets := originsecret.New(secretsmanager.NewFromConfig(d.aws), d.cfg.OriginSecret, d.clock, d.log)
		o.ViaCloudFront = func(ctx context.Context, secret string) (bool, error) {
			ok, err := secrets.Check(ctx, secret)
			if err != nil { // answered 503, and no handler hears of it
				d.metrics.Count(obs.RequestFailed, map[string]string{obs.Reason: string(idp.OriginUnavailable)})
			}
			return ok, err
		}
	}
	return o
}

// Handler is the routes of one function, ready at the first request.
func (d *Deps) Handler(routes func(*app.App) http.Handler) http.Handler {
	return &lazy{log: d.log, metrics: d.metrics, open: func(ctx context.Context) (http.Handler, error) {
		a, err := d.open(ctx)
		if err != nil {
			return nil, err
		}
		return routes(a), nil
	}}
}

// RefreshMetadata refreshes what is due of the service providers' metadata. It
// needs the table only: no key, no secret. So its audit events are sealed by
// plain hashes.
func (d *Deps) RefreshMetadata(ctx context.Context) error {
	st := store.New(dynamo.New(dynamodb.NewFromConfig(d.aws, dynamo.Options), d.cfg.Table, d.clock), d.clock)
	r := mdrefresh.Runner{
		Store: st, Audit: audit.NewTrail(st, nil, d.clock, rand.Reader), Clock: d.clock, Log: d.log,
		Fetcher: mdrefresh.NewFetcher(outbound.Options{}, d.cfg.MetadataMaxValidity, d.clock),
	}
	_, err := r.Run(ctx)
	return err
}

// VerifyAudit verifies the audit trail and closes its hours. It needs the master
// keys, and makes none: before there are any, there are no events.
func (d *Deps) VerifyAudit(ctx context.Context) error {
	tbl := dynamo.New(dynamodb.NewFromConfig(d.aws, dynamo.Options), d.cfg.Table, d.clock)
	v := d.vault(tbl, kms.NewFromConfig(d.aws))
	items, err := v.read(ctx)
	if err != nil || len(items) == 0 {
		return err
	}
	masters, err := v.masters(ctx, items)
	if err != nil {
		return err
	}
	verifier := audit.Verifier{Store: store.New(tbl, d.clock), Masters: masters, Clock: d.clock, Log: d.log, Metrics: d.metrics}
	return verifier.Run(ctx)
}

// vault has the deployment's secrets. A restored table has those of the table
// that it was restored from.
func (d *Deps) vault(tbl table.Table, kmsClient *kms.Client) vault {
	return vault{
		table: tbl, name: cmp.Or(d.cfg.RestoredFrom, d.cfg.Table), random: rand.Reader,
		keys: kmssigner.NewWrapper(kmsClient, d.key(d.cfg.MasterKey), d.calls),
	}
}

// open makes the app: one read and two decryptions, and for a Signer a look at
// the signing keys.
func (d *Deps) open(ctx context.Context) (*app.App, error) {
	tbl := dynamo.New(dynamodb.NewFromConfig(d.aws, dynamo.Options), d.cfg.Table, d.clock)
	kmsClient := kms.NewFromConfig(d.aws)

	s, err := d.vault(tbl, kmsClient).open(ctx)
	if err != nil {
		return nil, err
	}
	ring, err := keys.NewRing(keys.Options{
		Records: store.SigningKeys{Store: store.New(tbl, d.clock)},
		Open: func(ctx context.Context, ref string) (keys.Key, error) {
			return kmssigner.Open(ctx, kmsClient, d.key(ref), d.calls)
		},
		DefaultRef: d.cfg.SigningKeys[0], Issuer: d.cfg.EntityID,
		Clock: d.clock, Random: rand.Reader, Log: d.log, NoSign: d.role != Signer,
		DecryptRefs: d.cfg.EncryptionKeys,
		OpenDecrypter: func(ctx context.Context, ref string) (keys.Decrypter, error) {
			return kmssigner.OpenDecrypter(ctx, kmsClient, d.key(ref), d.calls)
		},
	})
	if err != nil {
		return nil, err
	}
	if d.role == Signer {
		if err := ring.Ensure(ctx); err != nil {
			return nil, err
		}
	}
	return app.New(app.Deps{
		Config: d.cfg, Table: tbl, Keys: ring,
		Secrets: app.Secrets{Masters: s.masters, Pairwise: s.pairwise},
		Admins:  admin.IAM(),
		Log:     d.log, Metrics: d.metrics, Clock: d.clock, Random: rand.Reader,
	})
}
