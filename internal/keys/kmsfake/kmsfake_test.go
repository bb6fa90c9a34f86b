package kmsfake_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/json"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/keys/kmsfake"
)

type answer struct {
	Type      string `json:"__type"`
	Signature []byte
	PublicKey []byte
	Plaintext []byte

	CiphertextBlob []byte
	KeyMetadata    struct{ Arn, KeySpec, KeyUsage string }
}

// ask sends one request and returns the HTTP status and the answer.
func ask(t *testing.T, fake *kmsfake.Fake, op string, in map[string]any) (int, answer) {
	t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(string(body)))
	r.Header.Set("X-Amz-Target", "TrentService."+op)
	w := httptest.NewRecorder()
	fake.ServeHTTP(w, r)
	var out answer
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
		t.Fatalf("%v: %s", err, w.Body)
	}
	if w.Header().Get("x-amzn-RequestId") == "" {
		t.Error("no request ID")
	}
	return w.Code, out
}

func TestSignIsHonestAboutDigests(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	fake := kmsfake.New()
	arn := fake.AddRSA(key)
	message := []byte("message")
	digest := sha256.Sum256(message)
	sign := func(message []byte, kind, algorithm string) (int, answer) {
		return ask(t, fake, kmsfake.Sign, map[string]any{
			"KeyId": arn, "Message": message, "MessageType": kind, "SigningAlgorithm": algorithm,
		})
	}
	for kind, input := range map[string][]byte{"DIGEST": digest[:], "RAW": message, "": message} {
		_, out := sign(input, kind, "RSASSA_PKCS1_V1_5_SHA_256")
		if err := rsa.VerifyPKCS1v15(&key.PublicKey, crypto.SHA256, digest[:], out.Signature); err != nil {
			t.Errorf("%q: %v", kind, err)
		}
	}
	for name, refused := range map[string]func() (int, answer){
		"digest of the wrong length": func() (int, answer) { return sign(message, "DIGEST", "RSASSA_PKCS1_V1_5_SHA_256") },
		"SHA-1":                      func() (int, answer) { return sign(digest[:20], "DIGEST", "RSASSA_PKCS1_V1_5_SHA_1") },
		"ECDSA with an RSA key":      func() (int, answer) { return sign(digest[:], "DIGEST", "ECDSA_SHA_256") },
	} {
		if status, out := refused(); status != http.StatusBadRequest || out.Type == "" || out.Signature != nil {
			t.Errorf("%s: %d %+v", name, status, out)
		}
	}
	if got := fake.Signatures(); got != 3 {
		t.Errorf("%d signatures counted, want 3", got)
	}
}

// TestECDSAIsDER documents why signing keys are RSA: XML signatures want r||s
// (XML Signature 1.1 section 6.4.3), KMS gives ASN.1 DER.
func TestECDSAIsDER(t *testing.T) {
	t.Run("F8", func(t *testing.T) {
		fake := kmsfake.New()
		arn, err := fake.CreateECDSA()
		if err != nil {
			t.Fatal(err)
		}
		digest := sha256.Sum256([]byte("message"))
		_, out := ask(t, fake, kmsfake.Sign, map[string]any{
			"KeyId": arn, "Message": digest[:], "MessageType": "DIGEST", "SigningAlgorithm": "ECDSA_SHA_256",
		})
		var der struct{ R, S *big.Int }
		if rest, err := asn1.Unmarshal(out.Signature, &der); err != nil || len(rest) != 0 {
			t.Fatalf("not ASN.1 DER: %x", out.Signature)
		}
		_, public := ask(t, fake, kmsfake.GetPublicKey, map[string]any{"KeyId": arn})
		pub, err := x509.ParsePKIXPublicKey(public.PublicKey)
		if err != nil {
			t.Fatal(err)
		}
		if !ecdsa.VerifyASN1(pub.(*ecdsa.PublicKey), digest[:], out.Signature) {
			t.Error("does not verify")
		}
	})
}

func TestOtherOperations(t *testing.T) {
	fake := kmsfake.New()
	arn := fake.CreateSymmetric()
	fake.Alias("master", arn)
	if _, out := ask(t, fake, kmsfake.DescribeKey, map[string]any{"KeyId": "alias/master"}); out.KeyMetadata.Arn != arn {
		t.Errorf("DescribeKey: %+v", out)
	}
	if _, out := ask(t, fake, kmsfake.GenerateRandom, map[string]any{"NumberOfBytes": 32}); len(out.Plaintext) != 32 {
		t.Errorf("GenerateRandom: %d bytes", len(out.Plaintext))
	}
	if status, out := ask(t, fake, "ScheduleKeyDeletion", nil); status != http.StatusBadRequest || out.Type != "UnknownOperationException" {
		t.Errorf("unknown operation: %d %+v", status, out)
	}
	if status, out := ask(t, fake, kmsfake.Sign, map[string]any{"KeyId": arn}); status != http.StatusBadRequest || out.Type != "InvalidKeyUsageException" {
		t.Errorf("signing with an encryption key: %d %+v", status, out)
	}
}

func TestInject(t *testing.T) {
	fake := kmsfake.New()
	fake.Inject(kmsfake.GenerateRandom, 2, kmsfake.Throttled())
	fake.Inject(kmsfake.Any, 1, kmsfake.AccessDenied())
	var got []string
	for range 4 {
		_, out := ask(t, fake, kmsfake.GenerateRandom, map[string]any{"NumberOfBytes": 1})
		got = append(got, out.Type)
	}
	if want := "ThrottlingException ThrottlingException AccessDeniedException "; strings.Join(got, " ") != want {
		t.Errorf("got %q", got)
	}
	if n := len(fake.Calls(kmsfake.GenerateRandom)); n != 4 {
		t.Errorf("%d calls recorded", n)
	}
}

// TestReplicas: a replica has the id and the material of the first key, is there in
// its own region only, and opens what was encrypted with the first.
func TestReplicas(t *testing.T) {
	fake := kmsfake.New()
	first := fake.CreateSymmetric()
	_, sealed := ask(t, fake, "Encrypt", map[string]any{"KeyId": first, "Plaintext": []byte("x")})
	decrypt := func(region, key string) (int, answer) {
		body, err := json.Marshal(map[string]any{"KeyId": key, "CiphertextBlob": sealed.CiphertextBlob})
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(string(body)))
		r.Header.Set("X-Amz-Target", "TrentService.Decrypt")
		w := httptest.NewRecorder()
		fake.In(region).ServeHTTP(w, r)
		var out answer
		if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
			t.Fatal(err)
		}
		return w.Code, out
	}
	_, id, _ := strings.Cut(first, ":key/")
	if status, _ := decrypt("eu-west-1", id); status == http.StatusOK {
		t.Error("a key is there before it was replicated")
	}
	replica := fake.Replicate(first, "eu-west-1")
	if want := strings.Replace(first, kmsfake.Home, "eu-west-1", 1); replica != want || !strings.HasPrefix(id, "mrk-") {
		t.Errorf("the replica of %s is %s", first, replica)
	}
	for key, regions := range map[string]map[string]bool{
		first: {kmsfake.Home: true, "eu-west-1": false}, replica: {kmsfake.Home: false, "eu-west-1": true}, id: {kmsfake.Home: true, "eu-west-1": true, "us-east-1": false},
	} {
		for region, works := range regions {
			if status, out := decrypt(region, key); (status == http.StatusOK && string(out.Plaintext) == "x") != works {
				t.Errorf("%s in %s: %d %s", key, region, status, out.Type)
			}
		}
	}
}
