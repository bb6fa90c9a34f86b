package passkey_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/passkey"
)

func TestVerifyRegistration(t *testing.T) {
	key := newKey(t, p256(t))
	set := func(member string, value any) func(*facts) {
		return func(f *facts) { f.response[member] = value }
	}
	flags := func(b byte) func(*facts) { return func(f *facts) { f.flags = b | at } }
	withID := func(id []byte) func(*facts) {
		return func(f *facts) {
			k := softKey{key.signer, key.cose, id}
			f.tail = k.attestedData(t)
			f.outer["id"], f.outer["rawId"] = b64(id), b64(id)
		}
	}
	withKey := func(cose []byte) func(*facts) {
		return func(f *facts) { f.tail = softKey{key.signer, cose, key.id}.attestedData(t) }
	}
	rsaOf := func(bits int, exponent ...byte) []byte {
		n := slices.Repeat([]byte{0xff}, bits/8)
		return encode(t, map[int]any{1: 3, 3: -257, -1: n, -2: exponent})
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	edPublic, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}

	for _, c := range []struct {
		name   string
		change func(*facts)
		want   idp.Code
	}{
		{"A45 good", func(*facts) {}, ""},
		{"A45 type webauthn.get", func(f *facts) { f.typ = "webauthn.get" }, idp.BadSignature},
		{"A45 challenge", func(f *facts) { f.challenge = b64(make([]byte, 32)) }, idp.BadChallenge},
		{"A45 origin", func(f *facts) { f.origin = "https://evil.example" }, idp.BadOrigin},
		{"A45 origin subdomain", func(f *facts) { f.origin = "https://a.id.example.com" }, idp.BadOrigin},
		{"A45 origin port", func(f *facts) { f.origin += ":8443" }, idp.BadOrigin},
		{"A45 crossOrigin true", func(f *facts) { f.more = `,"crossOrigin":true` }, idp.BadOrigin},
		{"A45 rpId hash", func(f *facts) { f.rpID = "example.com" }, idp.BadSignature},
		{"A45 UP=0", flags(uv), idp.BadSignature},
		{"A45 UV=0", flags(up), idp.UVRequired},
		{"A45 BE=0 BS=1", flags(up | uv | bs), idp.BadSignature},
		{"A45 BE=1 BS=1", flags(up | uv | be | bs), ""},
		{"A45 AT=0", func(f *facts) { f.flags, f.tail = up|uv, nil }, idp.BadRequest},
		{"A45 with extensions", func(f *facts) {
			f.flags |= ed
			f.tail = append(f.tail, encode(t, map[string]any{"credProtect": 2})...)
		}, ""},
		{"A45 bytes after authenticator data", func(f *facts) { f.tail = append(f.tail, 0) }, idp.BadRequest},

		{"A45 alg ES384", withKey(coseOf(t, p384)), idp.AttestationRefused},
		{"A45 alg none", withKey(encode(t, map[int]any{1: 2})), idp.AttestationRefused},
		{"A45 alg RS1", withKey(encode(t, map[int]any{1: 3, 3: -65535, -1: slices.Repeat([]byte{255}, 256), -2: []byte{1, 0, 1}})), idp.AttestationRefused},
		{"A45 alg of another kind of key", withKey(encode(t, map[int]any{1: 1, 3: -7, -1: 6, -2: []byte(edPublic)})), idp.AttestationRefused},
		{"A45 point not on the curve", withKey(encode(t, map[int]any{1: 2, 3: -7, -1: 1, -2: make([]byte, 32), -3: make([]byte, 32)})), idp.AttestationRefused},
		{"A45 RSA 1024 bit", withKey(rsaOf(1024, 1, 0, 1)), idp.AttestationRefused},
		{"A45 RSA 2048 bit", withKey(rsaOf(2048, 1, 0, 1)), ""},
		{"A45 RSA 8192 bit", withKey(rsaOf(8192, 1, 0, 1)), idp.AttestationRefused},
		{"A45 RSA exponent 1", withKey(rsaOf(2048, 1)), idp.AttestationRefused},
		{"A45 RSA exponent 3", withKey(rsaOf(2048, 3)), idp.AttestationRefused},
		{"A45 RSA exponent even", withKey(rsaOf(2048, 1, 0, 2)), idp.AttestationRefused},

		{"A45 id of another credential", func(f *facts) { f.outer["id"], f.outer["rawId"] = b64(make([]byte, 32)), b64(make([]byte, 32)) }, idp.BadRequest},
		{"A45 id too short", withID(make([]byte, 15)), idp.BadRequest},
		{"A45 id shortest", withID(make([]byte, 16)), ""},
		{"A45 id longest", withID(make([]byte, 512)), ""},
		{"A45 id too long", withID(make([]byte, 513)), idp.BadRequest},
		{"A45 attestation missing", set("attestationObject", nil), idp.BadRequest},
		{"A45 attestation no CBOR", set("attestationObject", "____"), idp.BadRequest},
		{"A45 attestation too large", set("attestationObject", strings.Repeat("A", 22<<10)), idp.BadRequest},
		{"A45 transports no list", set("transports", "internal"), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			dev, err := rp.VerifyRegistration(key.register(t, nil, c.change), challenge, passkey.Attestation{})
			wantCode(t, err, c.want)
			if err != nil && dev.ID != "" {
				t.Error("a device together with an error")
			}
		})
	}

	t.Run("Q14 device", func(t *testing.T) {
		body := key.register(t, nil, flags(up|uv|be|bs), func(f *facts) { f.counter = 7 })
		got, err := rp.VerifyRegistration(body, challenge, passkey.Attestation{})
		if err != nil {
			t.Fatal(err)
		}
		want := idp.Device{
			ID: b64(key.id), Type: "webauthn", PublicKey: key.cose, SignCount: 7, BackupEligible: true, BackupState: true,
			AAGUID: aaguid, Transports: []string{"internal", "hybrid"},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if th := passkey.Thumbprint(&got); len(th) != 43 || th == passkey.Thumbprint(&idp.Device{}) {
			t.Errorf("thumbprint %s", th)
		}
	})
}

// maker is a maker of authenticators, with a root and one certificate.
type maker struct {
	roots *x509.CertPool
	key   *ecdsa.PrivateKey
	chain []any
}

func newMaker(t *testing.T, model []byte) maker {
	t.Helper()
	rootKey, leafKey := p256(t), p256(t)
	now := time.Now()
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Maker"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	extension, err := asn1.Marshal(model)
	if err != nil {
		t.Fatal(err)
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), NotBefore: root.NotBefore, NotAfter: root.NotAfter, BasicConstraintsValid: true,
		Subject: pkix.Name{
			Country: []string{"SI"}, Organization: []string{"Maker"}, CommonName: "Batch 1",
			OrganizationalUnit: []string{"Authenticator Attestation"},
		},
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 45724, 1, 1, 4}, Value: extension}},
	}
	rootDER, err := x509.CreateCertificate(rand.Reader, root, root, rootKey.Public(), rootKey)
	if err != nil {
		t.Fatal(err)
	}
	leafDER, err := x509.CreateCertificate(rand.Reader, leaf, root, leafKey.Public(), rootKey)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(rootDER)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return maker{pool, leafKey, []any{leafDER}}
}

func (m maker) attest(t *testing.T) attest {
	return func(signed []byte) (string, map[string]any) {
		sig := softKey{signer: m.key}.sign(t, signed)
		return "packed", map[string]any{"alg": -7, "sig": sig, "x5c": m.chain}
	}
}

func TestAttestation(t *testing.T) {
	key := newKey(t, p256(t))
	ours, stranger := newMaker(t, aaguidBytes(t)), newMaker(t, aaguidBytes(t))
	otherModel := newMaker(t, make([]byte, 16))
	self := func(signed []byte) (string, map[string]any) {
		return "packed", map[string]any{"alg": -7, "sig": key.sign(t, signed)}
	}
	wrong := func([]byte) (string, map[string]any) { return ours.attest(t)([]byte("something else")) }
	other := func(signed []byte) (string, map[string]any) {
		_, stmt := ours.attest(t)(signed)
		return "fido-u2f", stmt
	}
	upper := passkey.Attestation{Policy: passkey.Known, AAGUIDs: []string{strings.ToUpper(aaguid)}, Roots: ours.roots}
	known := passkey.Attestation{Policy: passkey.Known, AAGUIDs: []string{aaguid}, Roots: ours.roots}
	bound := passkey.Attestation{Policy: passkey.DeviceBound, Roots: ours.roots}
	const synced = up | uv | be | at
	const fixed = up | uv | at

	for _, c := range []struct {
		name      string
		policy    passkey.Attestation
		statement attest
		flags     byte
		attested  bool
		want      idp.Code
	}{
		{"none takes none", passkey.Attestation{}, nil, synced, false, ""},
		{"none takes any, trusts none", passkey.Attestation{Policy: passkey.None, Roots: ours.roots}, ours.attest(t), fixed, false, ""},
		{"none does not read statements", passkey.Attestation{}, wrong, fixed, false, ""},

		{"known", known, ours.attest(t), synced, true, ""},
		{"known in upper case", upper, ours.attest(t), synced, true, ""},
		{"known without a statement", known, nil, fixed, false, idp.AttestationRefused},
		{"known of another model", passkey.Attestation{Policy: passkey.Known, AAGUIDs: []string{"x"}, Roots: ours.roots}, ours.attest(t), fixed, false, idp.AttestationRefused},
		{"known by self attestation", known, self, fixed, false, idp.AttestationRefused},
		{"known by a stranger", known, stranger.attest(t), fixed, false, idp.AttestationRefused},
		{"known by another model's certificate", passkey.Attestation{Policy: passkey.Known, AAGUIDs: []string{aaguid}, Roots: otherModel.roots}, otherModel.attest(t), fixed, false, idp.AttestationRefused},
		{"known with no roots", passkey.Attestation{Policy: passkey.Known, AAGUIDs: []string{aaguid}}, ours.attest(t), fixed, false, idp.AttestationRefused},
		{"known, statement of something else", known, wrong, fixed, false, idp.AttestationRefused},
		{"known in an unfit format", known, other, fixed, false, idp.AttestationRefused},

		{"device_bound", bound, ours.attest(t), fixed, true, ""},
		{"device_bound, synced", bound, ours.attest(t), synced, false, idp.AttestationRefused},
		{"device_bound without a statement", bound, nil, fixed, false, idp.AttestationRefused},
		{"device_bound by self attestation", bound, self, fixed, false, idp.AttestationRefused},
		{"device_bound by a stranger", bound, stranger.attest(t), fixed, false, idp.AttestationRefused},

		{"misspelt policy", passkey.Attestation{Policy: "device-bound"}, ours.attest(t), fixed, false, idp.Internal},
	} {
		t.Run(c.name, func(t *testing.T) {
			body := key.register(t, c.statement, func(f *facts) { f.flags = c.flags })
			dev, err := rp.VerifyRegistration(body, challenge, c.policy)
			wantCode(t, err, c.want)
			if dev.Attested != c.attested {
				t.Errorf("attested %v", dev.Attested)
			}
		})
	}
}

// TestForgedLengths: lengths inside authenticator data that promise more.
func TestForgedLengths(t *testing.T) {
	t.Run("A45", func(t *testing.T) {
		key := newKey(t, p256(t))
		for n := range 1 << 16 {
			if n%257 != 0 {
				continue
			}
			body := key.register(t, nil, func(f *facts) {
				f.tail = slices.Concat(aaguidBytes(t), binary.BigEndian.AppendUint16(nil, uint16(n)), key.id, key.cose)
			})
			if _, err := rp.VerifyRegistration(body, challenge, passkey.Attestation{}); idp.CodeOf(err) != idp.BadRequest {
				t.Errorf("id of %d bytes: %v", n, err)
			}
		}
	})
}
