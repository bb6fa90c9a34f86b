package awsdeps

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/keys/kmsfake"
	"github.com/latchkey-idp/latchkey/internal/keys/kmssigner"
	"github.com/latchkey-idp/latchkey/internal/table"
	"github.com/latchkey-idp/latchkey/internal/table/embedded"
)

func newVault(t *testing.T) (vault, *kmsfake.Fake) {
	t.Helper()
	fake := kmsfake.New()
	client := kms.New(kms.Options{
		Region: "eu-central-1", HTTPClient: &http.Client{Transport: fake},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
		}),
	})
	return vault{
		table: newTable(t), name: "t", random: rand.Reader,
		keys: kmssigner.NewWrapper(client, fake.CreateSymmetric(), nil),
	}, fake
}

func TestSecretsAreMadeOnce(t *testing.T) {
	v, _ := newVault(t)
	const instances = 8
	got := make([]secrets, instances)
	var wg sync.WaitGroup
	for i := range instances {
		wg.Go(func() {
			s, err := v.open(t.Context())
			if err != nil {
				t.Errorf("instance %d: %v", i, err)
			}
			got[i] = s
		})
	}
	wg.Wait()
	for i, s := range got {
		if t.Failed() {
			break
		}
		if s.pairwise.Reveal() != got[0].pairwise.Reveal() || s.masters.Newest() != 1 {
			t.Errorf("instance %d has other secrets than instance 0", i)
		}
		a, err1 := s.masters.LoginID(1, "https://sp.test", "_1")
		b, err2 := got[0].masters.LoginID(1, "https://sp.test", "_1")
		if a != b || err1 != nil || err2 != nil {
			t.Errorf("instance %d derives %q, instance 0 %q (%v, %v)", i, a, b, err1, err2)
		}
	}
}

func TestSecretsAreStoredWrapped(t *testing.T) {
	v, _ := newVault(t)
	s, err := v.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	item, err := v.table.Get(t.Context(), table.Key{PK: "SECRET", SK: "master#1"})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(item.Data), string(s.pairwise)) {
		t.Error("the table holds a secret in the clear")
	}
	other := v
	other.name = "another deployment's table"
	if _, err := other.open(t.Context()); err == nil {
		t.Error("a ciphertext moved to another table was unwrapped")
	}
}

func TestSecretsSurviveFaults(t *testing.T) {
	t.Run("KMS back after a failed start", func(t *testing.T) {
		v, fake := newVault(t)
		fake.Inject("Encrypt", 1, kmsfake.AccessDenied())
		if _, err := v.open(t.Context()); err == nil {
			t.Fatal("opened without KMS")
		}
		if _, err := v.open(t.Context()); err != nil {
			t.Errorf("second try: %v", err)
		}
	})
	t.Run("L17 newer schema", func(t *testing.T) {
		v, _ := newVault(t)
		data, _ := json.Marshal(masterItem{Schema: 2, KV: 1})
		if _, err := v.table.Put(t.Context(), table.Item{Key: table.Key{PK: "SECRET", SK: "master#1"}, Data: data}); err != nil {
			t.Fatal(err)
		}
		if _, err := v.open(t.Context()); !errors.Is(err, &idp.Error{Code: idp.Busy, Reason: idp.SchemaVersion}) {
			t.Errorf("got %v, want busy", err)
		}
	})
}

func newTable(t *testing.T) table.Table {
	t.Helper()
	tbl, err := embedded.Open(t.TempDir()+"/t.db", time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tbl.Close() })
	return tbl
}
