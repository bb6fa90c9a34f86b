package xmlsafe

// Limits bounds what Parse reads (security-requirements.md 4). Sizes are bytes
// as received, before entities are resolved.
type Limits struct {
	Bytes         int  // the whole document
	Markup        int  // the document without long values
	Depth         int  // nested elements; the root is 1
	Elements      int  // in the document
	Attributes    int  // of one element, namespace declarations included
	AllAttributes int  // of all elements together
	Namespaces    int  // namespace declarations in the document
	Value         int  // one attribute value or text
	LongValue     int  // the text of a certificate, key or signature value
	Comments      bool // comments are dropped; otherwise refused
	Encodings     bool // UTF-16 and ISO-8859-1 are converted; otherwise only UTF-8
}

// Message returns the limits of protocol messages. Certificates and signatures
// aside, real requests stay below 4 KB and the largest known, of eIDAS, near
// 10 KB; the limit on Markup keeps the dearest message to read under 2 ms, as
// encoding/xml takes 20 to 45 ns per byte.
func Message() Limits {
	return Limits{
		Bytes: 64 << 10, Markup: 16 << 10, Depth: 32, Elements: 500,
		Attributes: 64, AllAttributes: 500, Namespaces: 64,
		Value: 4 << 10, LongValue: 16 << 10,
	}
}

// Metadata returns the limits of metadata files, which administrators bring.
func Metadata() Limits {
	return Limits{
		Bytes: 1 << 20, Markup: 1 << 20, Depth: 64, Elements: 20_000,
		Attributes: 64, AllAttributes: 40_000, Namespaces: 20_000,
		Value: 64 << 10, LongValue: 64 << 10,
		Comments: true, Encodings: true,
	}
}
