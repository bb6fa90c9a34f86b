package metadata

import (
	"bufio"
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// Limits of a file that passes by. An entity that is taken out is judged again
// by those of xmlsafe.
const (
	maxToken = 256 << 10 // bytes of a tag, text or comment
	maxDepth = 64
)

// extracted are the wanted entities of an aggregate: each a document of its
// own, inside the start tags of the EntitiesDescriptors around it, so that
// their namespaces and validUntil still count.
type extracted struct {
	entities map[string][]byte
	twice    map[string]bool
	count    int  // EntityDescriptors in all
	signed   bool // an EntitiesDescriptor has a signature, which covers more than the entity
}

// extractor walks through an aggregate. Nothing of it is trusted yet: it only
// finds where an entity begins and ends. It refuses what makes two readers
// disagree about that (DTD, processing instructions, tags that do not match).
type extractor struct {
	in     *recorder
	dec    *xml.Decoder
	wanted []string
	out    extracted
	open   []opened
	first  bool   // no element was seen so far
	id     string // of the entity that is being copied; empty: none
	depth  int    // at which it began
	buf    bytes.Buffer
}

// opened is an open element.
type opened struct {
	name      xml.Name // as written: prefix and local name
	ns        map[string]string
	start     []byte // its start tag, of an EntitiesDescriptor
	container bool
}

func extract(in io.Reader, wanted []string) (*extracted, error) {
	buffered := bufio.NewReaderSize(in, 64<<10)
	if bom, err := buffered.Peek(3); err == nil && string(bom) == "\xef\xbb\xbf" {
		buffered.Discard(3) //nolint:errcheck,gosec // they were peeked
	}
	x := &extractor{in: &recorder{in: buffered}, wanted: wanted, first: true}
	x.out.entities, x.out.twice = map[string][]byte{}, map[string]bool{}
	x.dec = xml.NewDecoder(x.in)
	for {
		x.in.cut(x.dec.InputOffset())
		token, err := x.dec.RawToken()
		if errors.Is(err, io.EOF) && len(x.open) == 0 && !x.first {
			return &x.out, nil
		}
		if err != nil {
			return nil, x.failed(err)
		}
		if err := x.take(token); err != nil {
			return nil, err
		}
		if x.id != "" {
			if err := x.copy(); err != nil {
				return nil, err
			}
		}
	}
}

// failed tells a refusal from a connection that broke.
func (x *extractor) failed(err error) error {
	var syntax *xml.SyntaxError
	switch {
	case x.in.err != nil && !errors.Is(x.in.err, io.EOF):
		return x.in.err
	case errors.As(err, &syntax):
		return &Error{Msg: "the file is not well-formed XML in UTF-8", Reason: idp.XMLSchema, Line: syntax.Line}
	default:
		return refuse("the file is not well-formed XML in UTF-8, or ends too early").because(idp.XMLSchema)
	}
}

func (x *extractor) take(token xml.Token) error {
	switch t := token.(type) {
	case xml.StartElement:
		if len(x.open) == 0 && !x.first {
			return refuse("the file has two root elements").because(idp.XMLSchema)
		}
		x.first = false
		return x.start(t)
	case xml.EndElement:
		return x.end(t)
	case xml.Directive:
		return refuse("%s", remedies[idp.XMLDoctype]).because(idp.XMLDoctype)
	case xml.ProcInst:
		if t.Target != "xml" || !x.first {
			return refuse("the file holds a processing instruction").because(idp.XMLSchema)
		}
	case xml.CharData:
		if len(x.open) == 0 && len(bytes.TrimSpace(t)) > 0 {
			return refuse("the file holds text outside of its root element").because(idp.XMLSchema)
		}
	}
	return nil
}

func (x *extractor) start(t xml.StartElement) error {
	if len(x.open) >= maxDepth {
		return refuse("%s", remedies[idp.XMLDepth]).because(idp.XMLDepth)
	}
	el := opened{name: t.Name, ns: declared(t)}
	parent := len(x.open) == 0 || x.open[len(x.open)-1].container
	space := x.lookup(el.ns, t.Name.Space)
	x.open = append(x.open, el)
	top := &x.open[len(x.open)-1]
	switch {
	case !parent || x.id != "":
	case space == nsMD && t.Name.Local == "EntitiesDescriptor":
		top.container = true
		top.start = bytes.Clone(x.in.taken(x.dec.InputOffset()))
	case space == nsMD && t.Name.Local == "EntityDescriptor":
		x.out.count++
		x.begin(t)
	case space == nsDS && t.Name.Local == "Signature":
		x.out.signed = true
	case len(x.open) == 1:
		return refuse("the root element is <%s>, not the EntitiesDescriptor of SAML metadata", clip(t.Name.Local))
	}
	return nil
}

// begin starts to copy an entity if it is wanted.
func (x *extractor) begin(t xml.StartElement) {
	i := slices.IndexFunc(t.Attr, func(a xml.Attr) bool { return a.Name.Space == "" && a.Name.Local == "entityID" })
	if i < 0 {
		return
	}
	id := strings.TrimSpace(t.Attr[i].Value)
	if !slices.Contains(x.wanted, id) {
		return
	}
	if _, twice := x.out.entities[id]; twice {
		x.out.twice[id] = true
		return
	}
	x.id, x.depth = id, len(x.open)
	for _, el := range x.open[:len(x.open)-1] {
		x.buf.Write(el.start)
	}
}

// copy adds the present token, and closes the document after the last one.
func (x *extractor) copy() error {
	x.buf.Write(x.in.taken(x.dec.InputOffset()))
	if x.buf.Len() > wholeFile {
		return refuse("the entity %q is larger than 1 MiB", clip(x.id)).because(idp.XMLSize)
	}
	if len(x.open) >= x.depth {
		return nil
	}
	for i := len(x.open) - 1; i >= 0; i-- {
		x.buf.WriteString("</" + qualified(x.open[i].name) + ">")
	}
	x.out.entities[x.id] = bytes.Clone(x.buf.Bytes())
	x.buf.Reset()
	x.id = ""
	return nil
}

func (x *extractor) end(t xml.EndElement) error {
	if len(x.open) == 0 || x.open[len(x.open)-1].name != t.Name {
		return refuse("the tags of the file do not match").because(idp.XMLSchema)
	}
	x.open = x.open[:len(x.open)-1]
	return nil
}

// lookup finds the namespace of a prefix.
func (x *extractor) lookup(own map[string]string, prefix string) string {
	if uri, ok := own[prefix]; ok {
		return uri
	}
	for _, el := range slices.Backward(x.open) {
		if uri, ok := el.ns[prefix]; ok {
			return uri
		}
	}
	return ""
}

func declared(t xml.StartElement) map[string]string {
	var ns map[string]string
	for _, a := range t.Attr {
		prefix := a.Name.Local
		if a.Name.Space == "" && a.Name.Local == "xmlns" {
			prefix = ""
		} else if a.Name.Space != "xmlns" {
			continue
		}
		if ns == nil {
			ns = map[string]string{}
		}
		ns[prefix] = a.Value
	}
	return ns
}

func qualified(n xml.Name) string {
	if n.Space == "" {
		return n.Local
	}
	return n.Space + ":" + n.Local
}

// recorder keeps the bytes of the present token. It is an io.ByteReader, so
// that the decoder reads no further than it says.
type recorder struct {
	in   *bufio.Reader
	kept []byte
	base int64 // offset of kept[0] in the file
	err  error // that in gave
}

// cut forgets what lies before an offset.
func (r *recorder) cut(offset int64) {
	r.kept = append(r.kept[:0], r.kept[offset-r.base:]...)
	r.base = offset
}

// taken are the bytes up to an offset.
func (r *recorder) taken(offset int64) []byte { return r.kept[:offset-r.base] }

// ReadByte implements io.ByteReader.
func (r *recorder) ReadByte() (byte, error) {
	if len(r.kept) >= maxToken {
		r.err = refuse("a tag or a text of the file is larger than 256 KiB").because(idp.XMLSize)
		return 0, r.err
	}
	b, err := r.in.ReadByte()
	if err != nil {
		r.err = err
		return 0, err
	}
	r.kept = append(r.kept, b)
	return b, nil
}

// Read implements io.Reader, which the decoder wants and does not use.
func (r *recorder) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	b, err := r.ReadByte()
	if err != nil {
		return 0, err
	}
	p[0] = b
	return 1, nil
}
