package app_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-webauthn/webauthn/protocol/webauthncbor"

	"github.com/latchkey-idp/latchkey/internal/config"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/testkit/idptest"
)

const keyModel = "00112233-4455-6677-8899-aabbccddeeff"

// keyMaker is a maker of security keys, with its own root.
type keyMaker struct {
	rootPEM string
	leaf    []byte
	key     *ecdsa.PrivateKey
}

func newKeyMaker(t *testing.T) keyMaker {
	t.Helper()
	rootKey, leafKey := newP256(t), newP256(t)
	now := time.Now() // certificates are judged by the system's clock
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Maker"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	model, err := asn1.Marshal(modelBytes(t))
	if err != nil {
		t.Fatal(err)
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), NotBefore: root.NotBefore, NotAfter: root.NotAfter, BasicConstraintsValid: true,
		Subject:         pkix.Name{Country: []string{"SI"}, Organization: []string{"Maker"}, CommonName: "Batch 1", OrganizationalUnit: []string{"Authenticator Attestation"}},
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 45724, 1, 1, 4}, Value: model}},
	}
	rootDER, err := x509.CreateCertificate(rand.Reader, root, root, rootKey.Public(), rootKey)
	if err != nil {
		t.Fatal(err)
	}
	leafDER, err := x509.CreateCertificate(rand.Reader, leaf, root, leafKey.Public(), rootKey)
	if err != nil {
		t.Fatal(err)
	}
	return keyMaker{string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: rootDER})), leafDER, leafKey}
}

func newP256(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func modelBytes(t *testing.T) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(keyModel, "-", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// attested is the registration of a key that does not leave its device (or may,
// if synced), for which the maker vouches; without a maker nobody does.
func attested(t *testing.T, challenge string, maker *keyMaker, synced bool) json.RawMessage {
	t.Helper()
	encode := func(v any) []byte {
		b, err := webauthncbor.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	point, err := newP256(t).PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	id := make([]byte, 32)
	_, _ = rand.Read(id)
	flags := byte(1 | 4 | 64)
	if synced {
		flags |= 8
	}
	rpHash := sha256.Sum256([]byte("idp.test"))
	data := slices.Concat(rpHash[:], []byte{flags, 0, 0, 0, 1}, modelBytes(t), binary.BigEndian.AppendUint16(nil, uint16(len(id))), id,
		encode(map[int]any{1: 2, 3: -7, -1: 1, -2: point[1:33], -3: point[33:]}))
	client := fmt.Appendf(nil, `{"type":"webauthn.create","challenge":%q,"origin":%q,"crossOrigin":false}`, challenge, idptest.Base)
	object := map[string]any{"fmt": "none", "attStmt": map[string]any{}, "authData": data}
	if maker != nil {
		hash := sha256.Sum256(client)
		digest := sha256.Sum256(slices.Concat(data, hash[:]))
		sig, err := maker.key.Sign(rand.Reader, digest[:], crypto.SHA256)
		if err != nil {
			t.Fatal(err)
		}
		object["fmt"], object["attStmt"] = "packed", map[string]any{"alg": -7, "sig": sig, "x5c": []any{maker.leaf}}
	}
	b64 := idp.Base64.EncodeToString
	raw, err := json.Marshal(map[string]any{
		"id": b64(id), "rawId": b64(id), "type": "public-key",
		"response": map[string]any{"clientDataJSON": b64(client), "attestationObject": b64(encode(object))},
	})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// creation is what options ask of the browser.
type creation struct {
	Challenge, Attestation string
	AuthenticatorSelection struct{ AuthenticatorAttachment string }
}

func TestAttestationPolicies(t *testing.T) {
	ours, stranger := newKeyMaker(t), newKeyMaker(t)
	for _, c := range []struct {
		name, deployment, invite string
		maker                    *keyMaker
		synced, taken, attested  bool
	}{
		{name: "no policy takes any key", taken: true},
		{name: "no policy asks for no word of the maker", maker: &ours, taken: true},
		{name: "device_bound takes an attested key", deployment: "device_bound", maker: &ours, taken: true, attested: true},
		{name: "device_bound refuses a synced key", deployment: "device_bound", maker: &ours, synced: true},
		{name: "device_bound refuses a key that nobody vouches for", deployment: "device_bound"},
		{name: "device_bound refuses a stranger's word", deployment: "device_bound", maker: &stranger},
		{name: "known takes a model of the list", deployment: "known", maker: &ours, synced: true, taken: true, attested: true},
		{name: "known refuses a key that nobody vouches for", deployment: "known"},
		{name: "an invite may ask for more", invite: "device_bound", maker: &ours, synced: true},
		{name: "an invite that asks for more is met", invite: "device_bound", maker: &ours, taken: true, attested: true},
		{name: "an invite may ask for less", deployment: "device_bound", invite: "none", taken: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			i := idptest.New(t, idptest.Options{Config: func(cfg *config.Config) {
				cfg.Attestation, cfg.AttestationModels, cfg.AttestationRoots = c.deployment, []string{keyModel}, ours.rootPEM
			}})
			link := i.Invite(i.Alice)
			setPolicy(t, i, c.invite)
			p := newWebPhone(t, i, phoneIP, i.Alice)
			type redeemed struct {
				Policy struct {
					Types       []string
					Attestation string
				}
			}
			told := want[redeemed](p, "POST", "/v1/enroll/redeem", tokenOf(t, link), http.StatusOK)
			options := want[creation](p, "POST", "/v1/enroll/options", map[string]string{"type": "webauthn"}, http.StatusOK)
			if strict := told.Policy.Attestation != "none"; strict != (options.Attestation == "direct") {
				t.Errorf("told %+v, asked for %+v", told, options)
			}
			if bound := told.Policy.Attestation == "device_bound"; bound == (options.AuthenticatorSelection.AuthenticatorAttachment == "platform") {
				t.Errorf("told %+v, asked for %+v", told, options)
			}
			body := map[string]any{"type": "webauthn", "name": "Key", "attestation": attested(t, options.Challenge, c.maker, c.synced)}
			if !c.taken {
				p.refused("POST", "/v1/enroll/finish", body, idp.AttestationRefused)
				return
			}
			done := want[struct {
				DeviceID string `json:"device_id"`
			}](p, "POST", "/v1/enroll/finish", body, http.StatusCreated)
			if d, err := i.Store.Device(t.Context(), done.DeviceID); err != nil || d.Attested != c.attested || d.BackupEligible != c.synced || d.AAGUID != keyModel {
				t.Errorf("%+v, %v", d, err)
			}
		})
	}
	t.Run("a native key, which nobody vouches for yet", func(t *testing.T) {
		i := idptest.New(t)
		link := i.Invite(i.Alice)
		setPolicy(t, i, "device_bound")
		h := i.Handset(phoneIP)
		accepted(t, h.Redeem(link), http.StatusOK)
		refused(t, h.Call(optionsPath, map[string]string{"type": "device-key"}), http.StatusUnprocessableEntity, idp.AttestationRefused)
	})
}

// setPolicy lets the invites ask for a policy.
func setPolicy(t *testing.T, i *idptest.IdP, policy string) {
	t.Helper()
	invites, _, err := i.Store.Invites(t.Context(), "", 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, inv := range invites {
		inv.Policy = policy
		if err := i.Store.SaveInvite(t.Context(), &inv); err != nil {
			t.Fatal(err)
		}
	}
}
