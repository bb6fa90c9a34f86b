package samltest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"encoding/base64"
	"math/big"
	"net/url"
	"strings"

	"github.com/beevik/etree"
	goxmldsig "github.com/russellhaering/goxmldsig"
)

// URIs of algorithms.
const (
	RSASHA1     = "http://www.w3.org/2000/09/xmldsig#rsa-sha1"
	RSASHA256   = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
	RSASHA384   = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384"
	RSASHA512   = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512"
	ECDSASHA256 = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"
	ECDSASHA384 = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384"
	ECDSASHA512 = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512"

	SHA1   = "http://www.w3.org/2000/09/xmldsig#sha1"
	SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
	SHA384 = "http://www.w3.org/2001/04/xmldsig-more#sha384"
	SHA512 = "http://www.w3.org/2001/04/xmlenc#sha512"

	ExcC14N   = "http://www.w3.org/2001/10/xml-exc-c14n#"
	Enveloped = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
)

var hashes = map[string]crypto.Hash{
	RSASHA1: crypto.SHA1, RSASHA256: crypto.SHA256, RSASHA384: crypto.SHA384, RSASHA512: crypto.SHA512,
	ECDSASHA256: crypto.SHA256, ECDSASHA384: crypto.SHA384, ECDSASHA512: crypto.SHA512,
	SHA1: crypto.SHA1, SHA256: crypto.SHA256, SHA384: crypto.SHA384, SHA512: crypto.SHA512,
}

// Signing says how to sign. The zero value signs as service providers should:
// RSA-SHA256, SHA-256, enveloped and exclusive C14N, no KeyInfo.
type Signing struct {
	Method     string // URI
	Digest     string // URI
	Prefixes   string // InclusiveNamespaces of the transform
	URI        string // of the Reference; empty: # and the root's ID
	Transforms string // raw XML of the ds:Transform elements
	KeyInfo    string // raw XML of ds:KeyInfo's content
}

func (s Signing) withDefaults(id string) Signing {
	if s.Method == "" {
		s.Method = RSASHA256
	}
	if s.Digest == "" {
		s.Digest = SHA256
	}
	if s.URI == "" {
		s.URI = "#" + id
	}
	if s.Transforms == "" {
		inclusive := ""
		if s.Prefixes != "" {
			inclusive = `<ec:InclusiveNamespaces xmlns:ec="` + ExcC14N + `" PrefixList="` + s.Prefixes + `"/>`
		}
		s.Transforms = `<ds:Transform Algorithm="` + Enveloped + `"/><ds:Transform Algorithm="` + ExcC14N + `">` + inclusive + `</ds:Transform>`
	}
	return s
}

// SignXML puts an enveloped signature into a message, after its Issuer (or as the
// first child, where there is none).
func (id Identity) SignXML(message string, s Signing) string {
	root := parse(message)
	s = s.withDefaults(root.SelectAttrValue("ID", ""))
	digest := base64.StdEncoding.EncodeToString(sum(hashes[s.Digest], Canonical(root, s.Prefixes)))
	info := `<ds:SignedInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#">` +
		`<ds:CanonicalizationMethod Algorithm="` + ExcC14N + `"/><ds:SignatureMethod Algorithm="` + s.Method + `"/>` +
		`<ds:Reference URI="` + s.URI + `"><ds:Transforms>` + s.Transforms + `</ds:Transforms>` +
		`<ds:DigestMethod Algorithm="` + s.Digest + `"/><ds:DigestValue>` + digest + `</ds:DigestValue></ds:Reference></ds:SignedInfo>`
	value := id.SignBytes(Canonical(parse(info), ""), s.Method)
	signature := `<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#">` + info +
		`<ds:SignatureValue>` + base64.StdEncoding.EncodeToString(value) + `</ds:SignatureValue>`
	if s.KeyInfo != "" {
		signature += `<ds:KeyInfo>` + s.KeyInfo + `</ds:KeyInfo>`
	}
	return Insert(message, signature+`</ds:Signature>`)
}

// Insert puts raw XML into a message, after its Issuer or as the first child.
func Insert(message, raw string) string {
	const issuer = "</saml:Issuer>"
	at := strings.Index(message, issuer)
	if at < 0 {
		at = strings.Index(message, ">") + 1
	} else {
		at += len(issuer)
	}
	return message[:at] + raw + message[at:]
}

// X509 is the KeyInfo content that carries the certificate.
func (id Identity) X509() string {
	return `<ds:X509Data><ds:X509Certificate>` + base64.StdEncoding.EncodeToString(id.Cert.Raw) + `</ds:X509Certificate></ds:X509Data>`
}

// SignQuery adds SigAlg and Signature to a redirect query.
func (id Identity) SignQuery(query, method string) string {
	query += "&SigAlg=" + url.QueryEscape(method)
	return query + "&Signature=" + url.QueryEscape(base64.StdEncoding.EncodeToString(id.SignBytes([]byte(query), method)))
}

// SignBytes signs data; ECDSA signatures come as r||s.
func (id Identity) SignBytes(data []byte, method string) []byte {
	hash := hashes[method]
	digest := sum(hash, data)
	if key, ok := id.Key.(*ecdsa.PrivateKey); ok {
		r, s, err := ecdsa.Sign(rand.Reader, key, digest)
		if err != nil {
			panic(err)
		}
		n := (key.Params().N.BitLen() + 7) / 8
		return append(fill(r, n), fill(s, n)...)
	}
	out, err := id.Key.Sign(rand.Reader, digest, hash)
	if err != nil {
		panic(err)
	}
	return out
}

// Canonical is the exclusive canonical form of an element, which it changes.
func Canonical(e *etree.Element, prefixes string) []byte {
	out, err := goxmldsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList(prefixes).Canonicalize(e)
	if err != nil {
		panic(err)
	}
	return out
}

func parse(s string) *etree.Element {
	doc := etree.NewDocument()
	if err := doc.ReadFromString(s); err != nil {
		panic(err)
	}
	return doc.Root()
}

func fill(n *big.Int, size int) []byte { return n.FillBytes(make([]byte, size)) }

func sum(h crypto.Hash, data []byte) []byte {
	w := h.New()
	w.Write(data)
	return w.Sum(nil)
}
