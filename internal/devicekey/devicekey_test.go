package devicekey_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/latchkey-idp/latchkey/internal/devicekey"
	"github.com/latchkey-idp/latchkey/internal/idp"
)

// vectorText is A.2 of the approval protocol.
const vectorText = `latchkey-approval/1
sid:CAIREEYUCULBOGAZDINRYHI6D4
idp:https://id.example.com/idp
sp:https://sp.example.org/saml
req:_a1b2c3
decision:approve
acr:urn:latchkey:acr:qr
match:482915
live:-
browser:4Od6UHQSsSD27eYfYilbGg
ctx:K5fGyZH3t8lyNtfVFLqlDvV_fzwnGnOrNKoiED-blZw
nonce:u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7s
exp:1795370180
`

const vectorKid = "6UoWwDCkLjV0J-pQG8c0THxbVhBcpR0AZDift1Yl5DM"

// vectorKey is TEST ONLY: d = 01...20.
func vectorKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	d := make([]byte, 32)
	for i := range d {
		d[i] = byte(i + 1)
	}
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), d)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func device(t testing.TB, uv, pop *ecdsa.PrivateKey) *idp.Device {
	t.Helper()
	d := &idp.Device{}
	for _, k := range []struct {
		key *ecdsa.PrivateKey
		der *[]byte
		kid *string
	}{{uv, &d.UVKey, &d.ID}, {pop, &d.PopKey, &d.PopKeyID}} {
		der, err := x509.MarshalPKIXPublicKey(&k.key.PublicKey)
		if err != nil {
			t.Fatal(err)
		}
		kid, err := devicekey.Thumbprint(&k.key.PublicKey)
		if err != nil {
			t.Fatal(err)
		}
		*k.der, *k.kid = der, kid
	}
	return d
}

func TestAnnexA3(t *testing.T) {
	key := vectorKey(t)
	jwk, err := devicekey.NewJWK(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	want := devicekey.JWK{Kty: "EC", Crv: "P-256", X: "UVw9brnjlrkE0_7Kf1T9zQzB6Ze_N13KUVrQpsO0A18", Y: "RTa-OlDzGPv5pUdZAqIhUCvvDVfgjFOyzApW8X2fk1Q"}
	if jwk != want || jwk.Thumbprint() != vectorKid {
		t.Errorf("JWK %+v, thumbprint %s", jwk, jwk.Thumbprint())
	}
	head := fmt.Sprintf(`{"alg":"ES256","typ":"latchkey-approval+jws","kid":"%s"}`, vectorKid)
	const signature = "p6jAp25MCkaEjk2gZyRceNqHQ5hye7VXxfSxR7v0F1lZwlJc9hdPw-DXiS2zEVB309qJGv9nlQV0SNaEOaOtrg"
	jws := idp.Base64.EncodeToString([]byte(head)) + "." + idp.Base64.EncodeToString([]byte(vectorText)) + "." + signature

	made, err := devicekey.SignApproval(nil, key, []byte(vectorText)) // nil: RFC 6979
	if err != nil || made != jws {
		t.Errorf("signed %s, %v\nwant %s", made, err, jws)
	}
	if kid, err := devicekey.KeyID(jws); err != nil || kid != vectorKid {
		t.Errorf("kid %s, %v", kid, err)
	}
	ah, err := devicekey.VerifyApproval(jws, []byte(vectorText), device(t, key, newKey(t)))
	if err != nil || idp.Base64.EncodeToString(ah) != "Ybz62zMIF2OT1HuV8zBlYk2X1yYQOalE7N0v4XwWGIA" {
		t.Errorf("ah %s, %v", idp.Base64.EncodeToString(ah), err)
	}
}

// resign signs any header and payload with a key, and encodes them.
func resign(t testing.TB, key *ecdsa.PrivateKey, head, payload string) string {
	t.Helper()
	signed := idp.Base64.EncodeToString([]byte(head)) + "." + idp.Base64.EncodeToString([]byte(payload))
	digest := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	raw := make([]byte, 64)
	r.FillBytes(raw[:32])
	s.FillBytes(raw[32:])
	return signed + "." + idp.Base64.EncodeToString(raw)
}

func TestVerifyApproval(t *testing.T) {
	uv, pop := newKey(t), newKey(t)
	dev := device(t, uv, pop)
	good, err := devicekey.SignApproval(rand.Reader, uv, []byte(vectorText))
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(good, ".")
	byPop, err := devicekey.SignApproval(rand.Reader, pop, []byte(vectorText))
	if err != nil {
		t.Fatal(err)
	}
	asProof, err := devicekey.Sign(rand.Reader, uv, devicekey.TypeProof, []byte(vectorText))
	if err != nil {
		t.Fatal(err)
	}
	head := func(members string) string { return resign(t, uv, members, vectorText) }
	kid := `"kid":"` + dev.ID + `"`
	const alg, typ = `"alg":"ES256"`, `"typ":"latchkey-approval+jws"`
	der, err := ecdsa.SignASN1(rand.Reader, uv, make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}

	for _, c := range []struct {
		name, jws string
		want      idp.Code
	}{
		{"A45 good", good, ""},
		{"A45 members in another order", head(`{` + kid + `,` + typ + `,` + alg + `}`), ""},
		{"A45 alg none", head(`{"alg":"none",` + typ + `,` + kid + `}`), idp.BadSignature},
		{"A45 alg none without signature", parts[0] + "." + parts[1] + ".", idp.BadSignature},
		{"A45 alg HS256", head(`{"alg":"HS256",` + typ + `,` + kid + `}`), idp.BadSignature},
		{"A45 alg in lower case", head(`{"alg":"es256",` + typ + `,` + kid + `}`), idp.BadSignature},
		{"A45 extra header member", head(`{` + alg + `,` + typ + `,` + kid + `,"crit":"x"}`), idp.BadSignature},
		{"A45 embedded key", head(`{` + alg + `,` + typ + `,` + kid + `,"jwk":{}}`), idp.BadSignature},
		{"A45 member twice", head(`{"alg":"none",` + alg + `,` + typ + `,` + kid + `}`), idp.BadSignature},
		{"A45 member in other case", head(`{"ALG":"ES256",` + typ + `,` + kid + `}`), idp.BadSignature},
		{"A45 missing typ", head(`{` + alg + `,` + kid + `}`), idp.BadSignature},
		{"A45 other typ", asProof, idp.BadSignature},
		{"A45 after the header", head(`{` + alg + `,` + typ + `,` + kid + `}{}`), idp.BadSignature},
		{"A45 header no object", head(`[]`), idp.BadSignature},
		{"A45 pop key", byPop, idp.UVRequired},
		{"A45 signed by pop in the name of uv", resign(t, pop, `{`+alg+`,`+typ+`,`+kid+`}`, vectorText), idp.BadSignature},
		{"A45 unknown kid", resign(t, newKey(t), `{`+alg+`,`+typ+`,"kid":"x"}`, vectorText), idp.BadSignature},
		{"Q3 other text", resign(t, uv, `{`+alg+`,`+typ+`,`+kid+`}`, vectorText+"\n"), idp.BadChallenge},
		{"Q14 DER signature", parts[0] + "." + parts[1] + "." + idp.Base64.EncodeToString(der), idp.BadSignature},
		{"Q14 zero signature", parts[0] + "." + parts[1] + "." + idp.Base64.EncodeToString(make([]byte, 64)), idp.BadSignature},
		{"Q14 padding", good + "=", idp.BadSignature},
		{"Q14 line break", good + "\n", idp.BadSignature},
		{"Q14 four parts", good + ".", idp.BadSignature},
		{"Q14 empty", "", idp.BadSignature},
		{"Q14 too long", parts[0] + "." + strings.Repeat("A", 20<<10) + "." + parts[2], idp.BadSignature},
	} {
		t.Run(c.name, func(t *testing.T) {
			ah, err := devicekey.VerifyApproval(c.jws, []byte(vectorText), dev)
			if idp.CodeOf(err) != c.want {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if want := sha256.Sum256([]byte(c.jws)); err == nil && !bytes.Equal(ah, want[:]) {
				t.Error("wrong approval hash")
			}
		})
	}
}

// TestSignatureIsForOneSession: of all pairs of 20 sessions only the diagonal.
func TestSignatureIsForOneSession(t *testing.T) {
	t.Run("Q3", func(t *testing.T) {
		uv := newKey(t)
		dev := device(t, uv, newKey(t))
		text := func(i int) []byte {
			return []byte(strings.Replace(vectorText, "CAIREEYU", fmt.Sprintf("SID%05d", i), 1))
		}
		for i := range 20 {
			jws, err := devicekey.SignApproval(rand.Reader, uv, text(i))
			if err != nil {
				t.Fatal(err)
			}
			for j := range 20 {
				want := idp.BadChallenge
				if i == j {
					want = ""
				}
				if _, err := devicekey.VerifyApproval(jws, text(j), dev); idp.CodeOf(err) != want {
					t.Errorf("signature of %d on %d: %v", i, j, err)
				}
			}
		}
	})
}

func TestJWK(t *testing.T) {
	key := newKey(t)
	good, err := devicekey.NewJWK(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	if pub, err := good.PublicKey(); err != nil || !pub.Equal(&key.PublicKey) {
		t.Errorf("round trip: %v", err)
	}
	for name, change := range map[string]func(*devicekey.JWK){
		"other type":     func(k *devicekey.JWK) { k.Kty = "OKP" },
		"other curve":    func(k *devicekey.JWK) { k.Crv = "P-384" },
		"off the curve":  func(k *devicekey.JWK) { k.X = k.Y },
		"infinity":       func(k *devicekey.JWK) { k.X, k.Y = strings.Repeat("A", 43), strings.Repeat("A", 43) },
		"short x":        func(k *devicekey.JWK) { k.X = k.X[:42] },
		"padded":         func(k *devicekey.JWK) { k.X += "=" },
		"with line feed": func(k *devicekey.JWK) { k.X = k.X[:20] + "\n" + k.X[20:] },
	} {
		bad := good
		change(&bad)
		if _, err := bad.PublicKey(); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := devicekey.Thumbprint(&p384.PublicKey); err == nil {
		t.Error("P-384 key accepted")
	}
}

func TestVerifyProof(t *testing.T) {
	uv, pop := newKey(t), newKey(t)
	dev := device(t, uv, pop)
	const now = idp.Millis(1_795_370_000_999)
	const url = "https://id.example.com/v1/approvals/claim"
	good := devicekey.Proof{Method: "POST", URL: url, SID: "-", At: now.Seconds(), ID: "1"}
	with := func(change func(*devicekey.Proof)) devicekey.Proof {
		p := good
		change(&p)
		return p
	}
	for _, c := range []struct {
		name  string
		proof devicekey.Proof
		ok    bool
	}{
		{"good", good, true},
		{"60 s old", with(func(p *devicekey.Proof) { p.At -= 60 }), true},
		{"61 s old", with(func(p *devicekey.Proof) { p.At -= 61 }), false},
		{"60 s ahead", with(func(p *devicekey.Proof) { p.At += 60 }), true},
		{"61 s ahead", with(func(p *devicekey.Proof) { p.At += 61 }), false},
		{"end of time", with(func(p *devicekey.Proof) { p.At = -1 << 63 }), false},
		{"other method", with(func(p *devicekey.Proof) { p.Method = "GET" }), false},
		{"other URL", with(func(p *devicekey.Proof) { p.URL += "?" }), false},
		{"other session", with(func(p *devicekey.Proof) { p.SID = "x" }), false},
		{"no id", with(func(p *devicekey.Proof) { p.ID = "" }), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			jws, err := devicekey.SignProof(rand.Reader, pop, c.proof)
			if err != nil {
				t.Fatal(err)
			}
			if err := devicekey.VerifyProof(jws, dev, "POST", url, "-", now); (err == nil) != c.ok {
				t.Errorf("got %v", err)
			}
		})
	}
	payload, err := json.Marshal(good)
	if err != nil {
		t.Fatal(err)
	}
	byUV, err := devicekey.Sign(rand.Reader, uv, devicekey.TypeProof, payload)
	if err != nil {
		t.Fatal(err)
	}
	further := strings.Replace(string(payload), "{", `{"x":"y",`, 1)
	extra, err := devicekey.Sign(rand.Reader, pop, devicekey.TypeProof, []byte(further))
	if err != nil {
		t.Fatal(err)
	}
	for name, jws := range map[string]string{"signed by uv": byUV, "further member": extra} {
		if err := devicekey.VerifyProof(jws, dev, "POST", url, "-", now); idp.CodeOf(err) != idp.BadSignature {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRegister(t *testing.T) {
	uv, pop := newKey(t), newKey(t)
	challenge := bytes.Repeat([]byte{7}, 32)
	keys, proofs, err := devicekey.SignEnroll(rand.Reader, uv, pop, challenge)
	if err != nil {
		t.Fatal(err)
	}
	dev, err := devicekey.Register(challenge, keys, proofs)
	if err != nil {
		t.Fatal(err)
	}
	jws, err := devicekey.SignApproval(rand.Reader, uv, []byte(vectorText))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := devicekey.VerifyApproval(jws, []byte(vectorText), &dev); err != nil {
		t.Errorf("registered device cannot approve: %v", err)
	}
	if dev.Type != "device-key" || dev.ID != keys.UV.Thumbprint() || dev.PopKeyID != keys.Pop.Thumbprint() {
		t.Errorf("device %+v", dev)
	}

	_, strange, err := devicekey.SignEnroll(rand.Reader, newKey(t), pop, challenge)
	if err != nil {
		t.Fatal(err)
	}
	oneKeys, oneProofs, err := devicekey.SignEnroll(rand.Reader, uv, uv, challenge)
	if err != nil {
		t.Fatal(err)
	}
	offCurve := keys
	offCurve.UV.X = offCurve.UV.Y
	for _, c := range []struct {
		name      string
		challenge []byte
		keys      devicekey.KeySet
		proofs    devicekey.Proofs
		want      idp.Code
	}{
		{"another challenge", bytes.Repeat([]byte{8}, 32), keys, proofs, idp.BadChallenge},
		{"proofs swapped", challenge, keys, devicekey.Proofs{UV: proofs.Pop, Pop: proofs.UV}, idp.BadSignature},
		{"uv proof for both", challenge, keys, devicekey.Proofs{UV: proofs.UV, Pop: proofs.UV}, idp.BadSignature},
		{"pop enrolled beside another uv", challenge, keys, devicekey.Proofs{UV: proofs.UV, Pop: strange.Pop}, idp.BadChallenge},
		{"no proofs", challenge, keys, devicekey.Proofs{}, idp.BadSignature},
		{"one key for both", challenge, oneKeys, oneProofs, idp.BadRequest},
		{"key off the curve", challenge, offCurve, proofs, idp.BadRequest},
		{"no keys", challenge, devicekey.KeySet{}, proofs, idp.BadRequest},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := devicekey.Register(c.challenge, c.keys, c.proofs); idp.CodeOf(err) != c.want {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func FuzzJWS(f *testing.F) {
	uv := vectorKey(f)
	pop := newKey(f)
	dev := device(f, uv, pop)
	good, err := devicekey.SignApproval(nil, uv, []byte(vectorText))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add("..")
	f.Add(idp.Base64.EncodeToString([]byte(`{"alg":"none","typ":"x","kid":"y"}`)) + ".AA.")
	f.Add(idp.Base64.EncodeToString([]byte(`{"alg":{"alg":[]}}`)) + ".." + strings.Repeat("A", 86))
	f.Fuzz(func(t *testing.T, jws string) {
		if _, err := devicekey.VerifyApproval(jws, []byte(vectorText), dev); err == nil && jws != good {
			t.Fatalf("accepted another form of the approval: %q", jws)
		}
		if err := devicekey.VerifyProof(jws, dev, "POST", "u", "-", 0); err == nil {
			t.Fatalf("accepted a proof: %q", jws)
		}
	})
}
