package kmssigner_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha1"
	"crypto/sha256"
	_ "crypto/sha512"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/keys"
	"github.com/latchkey-idp/latchkey/internal/keys/kmsfake"
	"github.com/latchkey-idp/latchkey/internal/keys/kmssigner"
)

const maxTotal = 2 * time.Second // security-requirements.md L12

var testKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// newClient is an SDK client with its default retries that talks to the fake
// without a network, so that synctest's clock governs every wait.
func newClient(fake *kmsfake.Fake) *kms.Client {
	return kms.New(options(func(o *kms.Options) { o.HTTPClient = &http.Client{Transport: fake} }))
}

func options(set func(*kms.Options)) kms.Options {
	o := kms.Options{
		Region: "eu-central-1",
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "TEST", SecretAccessKey: "ONLY"}, nil
		}),
	}
	set(&o)
	return o
}

func open(t *testing.T, fake *kmsfake.Fake, log *slog.Logger) *kmssigner.Signer {
	t.Helper()
	signer, err := kmssigner.Open(t.Context(), newClient(fake), fake.AddRSA(testKey()), log)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

func digest(hash crypto.Hash) []byte {
	h := hash.New()
	h.Write([]byte("message"))
	return h.Sum(nil)
}

func TestSign(t *testing.T) {
	fake := kmsfake.New()
	signer := open(t, fake, nil)
	for _, hash := range []crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512} {
		signature, err := signer.Sign(t.Context(), digest(hash), hash)
		if err != nil {
			t.Fatalf("%v: %v", hash, err)
		}
		if err := rsa.VerifyPKCS1v15(&testKey().PublicKey, hash, digest(hash), signature); err != nil {
			t.Errorf("%v: the digest was hashed again, or: %v", hash, err)
		}
	}
	if n := len(fake.Calls(kmsfake.GetPublicKey)); n != 1 {
		t.Errorf("the public key was fetched %d times, want once", n)
	}
	t.Run("KMS signs no SHA-1", func(t *testing.T) {
		before := len(fake.Calls(kmsfake.Any))
		if _, err := signer.Sign(t.Context(), digest(crypto.SHA1), crypto.SHA1); !errors.Is(err, keys.ErrUnsupported) {
			t.Errorf("got %v, want ErrUnsupported", err)
		}
		if after := len(fake.Calls(kmsfake.Any)); after != before {
			t.Error("KMS was asked")
		}
	})
}

func TestOpenRefuses(t *testing.T) {
	fake := kmsfake.New()
	ec, err := fake.CreateECDSA()
	if err != nil {
		t.Fatal(err)
	}
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		key  string
		want error // nil: any
	}{
		"F8 ECDSA, whose output is DER": {ec, keys.ErrUnsupported},
		"RSA-1024":                      {fake.AddRSA(small), keys.ErrUnsupported},
		"symmetric":                     {fake.CreateSymmetric(), nil},
		"unknown":                       {"alias/none", nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := kmssigner.Open(t.Context(), newClient(fake), test.key, nil)
			if err == nil || test.want != nil && !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			if errors.Is(err, keys.ErrUnavailable) {
				t.Errorf("%v: waiting would not help", err)
			}
		})
	}
}

func TestOpenResolvesAnAliasOnce(t *testing.T) {
	fake := kmsfake.New()
	first := fake.AddRSA(testKey())
	fake.Alias("signing", first)
	signer, err := kmssigner.Open(t.Context(), newClient(fake), "alias/signing", nil)
	if err != nil {
		t.Fatal(err)
	}
	second, err := fake.CreateRSA(2048)
	if err != nil {
		t.Fatal(err)
	}
	fake.Alias("signing", second)
	if _, err := signer.Sign(t.Context(), digest(crypto.SHA256), crypto.SHA256); err != nil {
		t.Fatal(err)
	}
	if got := fake.Calls(kmsfake.Sign)[0].KeyID; got != first || signer.ID() != first {
		t.Errorf("signed with %s, ID %s, want %s", got, signer.ID(), first)
	}
}

func TestFaults(t *testing.T) {
	tests := map[string]struct {
		times       int
		fault       kmsfake.Fault
		unavailable bool // else success
	}{
		"A55 throttled 3 times":     {3, kmsfake.Throttled(), false},
		"A55 always throttled":      {kmsfake.Always, kmsfake.Throttled(), true},
		"L12 failing once":          {1, kmsfake.Unavailable(), false},
		"L12 always failing":        {kmsfake.Always, kmsfake.Unavailable(), true},
		"L12 503 twice":             {2, kmsfake.Status(http.StatusServiceUnavailable), false},
		"L12 connection lost":       {2, kmsfake.Dropped(), false},
		"L12 connection lost again": {kmsfake.Always, kmsfake.Dropped(), true},
		"L12 hanging once":          {1, kmsfake.Slow(time.Minute), false},
		"L12 always hanging":        {kmsfake.Always, kmsfake.Slow(time.Minute), true},
		"L12 slow":                  {kmsfake.Always, kmsfake.Slow(500 * time.Millisecond), false},
	}
	testKey() // outside of the bubbles
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := kmsfake.New()
				signer := open(t, fake, nil)
				fake.Inject(kmsfake.Sign, test.times, test.fault)
				start := time.Now()
				_, err := signer.Sign(t.Context(), digest(crypto.SHA256), crypto.SHA256)
				if errors.Is(err, keys.ErrUnavailable) != test.unavailable || err != nil && !test.unavailable {
					t.Errorf("got %v", err)
				}
				if took := time.Since(start); took > maxTotal {
					t.Errorf("took %v, more than %v", took, maxTotal)
				}
				if calls := len(fake.Calls(kmsfake.Sign)); calls > 20 {
					t.Errorf("%d requests: no backoff", calls)
				}
				fake.Heal()
				if _, err := signer.Sign(t.Context(), digest(crypto.SHA256), crypto.SHA256); err != nil {
					t.Errorf("A55 after KMS is back: %v", err)
				}
			})
		})
	}
}

func TestRefusalsAreNotRetried(t *testing.T) {
	for name, fault := range map[string]kmsfake.Fault{"no access": kmsfake.AccessDenied(), "disabled": kmsfake.Disabled()} {
		t.Run(name, func(t *testing.T) {
			fake := kmsfake.New()
			signer := open(t, fake, nil)
			fake.Inject(kmsfake.Sign, kmsfake.Always, fault)
			_, err := signer.Sign(t.Context(), digest(crypto.SHA256), crypto.SHA256)
			if !errors.Is(err, keys.ErrDenied) || errors.Is(err, keys.ErrUnavailable) {
				t.Errorf("got %v, want ErrDenied", err)
			}
			if n := len(fake.Calls(kmsfake.Sign)); n != 1 {
				t.Errorf("%d requests, want 1", n)
			}
		})
	}
}

func TestDeadlineOfTheRequestIsHonoured(t *testing.T) {
	testKey()
	for name, fault := range map[string]kmsfake.Fault{"throttled": kmsfake.Throttled(), "hanging": kmsfake.Slow(time.Minute)} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := kmsfake.New()
				signer := open(t, fake, nil)
				fake.Inject(kmsfake.Sign, kmsfake.Always, fault)
				ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
				defer cancel()
				start := time.Now()
				_, err := signer.Sign(ctx, digest(crypto.SHA256), crypto.SHA256)
				if !errors.Is(err, keys.ErrUnavailable) {
					t.Errorf("got %v, want ErrUnavailable", err)
				}
				if took := time.Since(start); took > 300*time.Millisecond {
					t.Errorf("took %v", took)
				}
			})
		})
	}
	t.Run("cancelled", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			fake := kmsfake.New()
			signer := open(t, fake, nil)
			fake.Inject(kmsfake.Sign, kmsfake.Always, kmsfake.Slow(time.Minute))
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(100*time.Millisecond, cancel)
			_, err := signer.Sign(ctx, digest(crypto.SHA256), crypto.SHA256)
			if !errors.Is(err, context.Canceled) || errors.Is(err, keys.ErrUnavailable) {
				t.Errorf("got %v, want Canceled alone", err)
			}
			if n := len(fake.Calls(kmsfake.Sign)); n != 1 {
				t.Errorf("%d requests after the caller left", n)
			}
		})
	})
}

func TestS18EveryAnsweredRequestIsLogged(t *testing.T) {
	testKey()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		fake := kmsfake.New()
		signer := open(t, fake, slog.New(slog.NewTextHandler(&out, nil)))
		fake.Inject(kmsfake.Sign, 2, kmsfake.Throttled())
		if _, err := signer.Sign(t.Context(), digest(crypto.SHA256), crypto.SHA256); err != nil {
			t.Fatal(err)
		}
		for _, c := range fake.Calls(kmsfake.Any) {
			if n := strings.Count(out.String(), "request_id="+c.RequestID); n != 1 {
				t.Errorf("%s %s is in %d log lines, want 1:\n%s", c.Op, c.RequestID, n, &out)
			}
		}
	})
}

func TestOverHTTP(t *testing.T) {
	fake := kmsfake.New()
	server := httptest.NewServer(fake)
	defer server.Close()
	client := kms.New(options(func(o *kms.Options) { o.BaseEndpoint = &server.URL }))
	signer, err := kmssigner.Open(t.Context(), client, fake.AddRSA(testKey()), nil)
	if err != nil {
		t.Fatal(err)
	}
	fake.Inject(kmsfake.Sign, 1, kmsfake.Dropped())
	fake.Inject(kmsfake.Sign, 1, kmsfake.Throttled())
	if _, err := signer.Sign(t.Context(), digest(crypto.SHA256), crypto.SHA256); err != nil {
		t.Error(err)
	}
	if got := fake.Signatures(); got != 1 {
		t.Errorf("%d signatures, want 1", got)
	}
}

func TestWrap(t *testing.T) {
	fake := kmsfake.New()
	arn := fake.CreateSymmetric()
	wrapper := kmssigner.NewWrapper(newClient(fake), arn, nil)
	secret := idp.Secret(bytes.Repeat([]byte{7}, 32))
	purpose := map[string]string{"purpose": "master-key", "kv": "1"}
	wrapped, err := wrapper.Wrap(t.Context(), secret, purpose)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(wrapped, secret) {
		t.Error("the secret is visible")
	}
	got, err := wrapper.Unwrap(t.Context(), wrapped, purpose)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]byte(secret), []byte(got)); diff != "" {
		t.Error(diff)
	}

	broken := bytes.Clone(wrapped)
	broken[len(broken)-1] ^= 1
	other := kmssigner.NewWrapper(newClient(fake), fake.CreateSymmetric(), nil)
	for name, unwrap := range map[string]func() (idp.Secret, error){
		"another context": func() (idp.Secret, error) {
			return wrapper.Unwrap(t.Context(), wrapped, map[string]string{"purpose": "other"})
		},
		"another key":   func() (idp.Secret, error) { return other.Unwrap(t.Context(), wrapped, purpose) },
		"changed bytes": func() (idp.Secret, error) { return wrapper.Unwrap(t.Context(), broken, purpose) },
		"empty":         func() (idp.Secret, error) { return wrapper.Unwrap(t.Context(), nil, purpose) },
	} {
		if _, err := unwrap(); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	for _, size := range []int{0, kmssigner.MaxPlaintext + 1} {
		if _, err := wrapper.Wrap(t.Context(), make(idp.Secret, size), nil); err == nil {
			t.Errorf("%d bytes were wrapped", size)
		}
	}
}

func TestWrapIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := kmsfake.New()
		wrapper := kmssigner.NewWrapper(newClient(fake), fake.CreateSymmetric(), nil)
		fake.Inject(kmsfake.Encrypt, kmsfake.Always, kmsfake.Throttled())
		start := time.Now()
		_, err := wrapper.Wrap(t.Context(), make(idp.Secret, 32), nil)
		if !errors.Is(err, keys.ErrUnavailable) {
			t.Errorf("got %v, want ErrUnavailable", err)
		}
		if took := time.Since(start); took > maxTotal {
			t.Errorf("took %v", took)
		}
	})
}

// ExampleOpen shows how a key of KMS signs within a request.
func ExampleOpen() {
	fake := kmsfake.New() // in production: kms.NewFromConfig(cfg)
	ctx := context.Background()
	signer, err := kmssigner.Open(ctx, newClient(fake), fake.AddRSA(testKey()), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	digest := sha256.Sum256([]byte("message"))
	signature, err := keys.Bind(ctx, signer).Sign(nil, digest[:], crypto.SHA256)
	fmt.Println(len(signature), err)
	// Output: 256 <nil>
}
