package metadata

import (
	"bytes"
	"errors"
	"io"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/saml/xmlsafe"
)

const (
	// wholeFile is what is read into one tree, as Read does it.
	wholeFile = 1 << 20
	// verifiedFile is the largest file whose signature as a whole is verified:
	// for that it must be in memory, three times over and as a tree.
	verifiedFile = 8 << 20
)

// Result is what an aggregate holds of one entity: Imported, or why it cannot
// be used.
type Result struct {
	*Imported
	Err error
}

// ReadEntities reads the wanted entities of a file of any size; with none
// wanted, the only service provider of a small one. opts.EntityID is not used.
//
// A file of up to 1 MiB is read as a whole. From a larger one, only the wanted
// entities are ever built (IIP-MD: federations publish tens of megabytes); the
// rest passes by token by token. With a pinned certificate, the signature of
// the file as a whole is verified up to 8 MiB; in a larger file the wanted
// entities must be signed themselves (SAML Metadata 3.1), or they are refused.
//
// The error is for the file as a whole, a Result's for one entity; both are
// *Error, or of in.
func ReadEntities(in io.Reader, opts ReadOptions, wanted ...string) (map[string]Result, error) {
	limit := int64(wholeFile)
	if opts.PinnedCert != nil {
		limit = verifiedFile
	}
	head, err := io.ReadAll(io.LimitReader(in, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(head)) <= limit {
		return readWhole(head, opts, wanted)
	}
	if len(wanted) == 0 {
		return nil, refuse("the file is larger than 1 MiB; say with --entity-id which of its entities is meant").because(idp.XMLSize)
	}
	return readStream(io.MultiReader(bytes.NewReader(head), in), opts, wanted)
}

func readWhole(data []byte, opts ReadOptions, wanted []string) (map[string]Result, error) {
	limits := xmlsafe.Metadata()
	if len(data) > wholeFile {
		const times = verifiedFile / wholeFile
		limits.Bytes, limits.Markup = limits.Bytes*times, limits.Markup*times
		limits.Elements, limits.AllAttributes, limits.Namespaces = limits.Elements*times, limits.AllAttributes*times, limits.Namespaces*times
	}
	opts.EntityID = ""
	doc, err := readWithin(data, opts, limits)
	if err != nil {
		return nil, err
	}
	if len(wanted) == 0 {
		r := doc.result("")
		if r.Err != nil {
			return nil, r.Err
		}
		return map[string]Result{r.SP.EntityID: r}, nil
	}
	out := make(map[string]Result, len(wanted))
	for _, id := range wanted {
		out[id] = doc.result(id)
	}
	return out, nil
}

// result is the entity with this name, or the only service provider.
func (d *Document) result(id string) Result {
	one := *d
	one.opts.EntityID = id
	if err := one.check(); err != nil {
		return Result{Err: err}
	}
	c, err := one.Only()
	if err != nil {
		return Result{Err: err}
	}
	in, err := c.Import()
	return Result{in, err}
}

func readStream(in io.Reader, opts ReadOptions, wanted []string) (map[string]Result, error) {
	found, err := extract(in, wanted)
	if err != nil {
		return nil, err
	}
	out := make(map[string]Result, len(wanted))
	for _, id := range wanted {
		data, ok := found.entities[id]
		switch {
		case !ok:
			out[id] = Result{Err: refuse("the file does not hold the entity %q; it holds %d others", clip(id), found.count)}
		case found.twice[id]:
			out[id] = Result{Err: refuse("the file holds the entity %q more than once", clip(id))}
		default:
			out[id] = found.result(data, id, opts)
		}
	}
	return out, nil
}

func (f *extracted) result(data []byte, id string, opts ReadOptions) Result {
	doc, err := readWithin(data, opts, xmlsafe.Metadata())
	if err != nil {
		return Result{Err: err}
	}
	r := doc.result(id)
	var e *Error
	switch {
	case r.Err == nil && f.signed && opts.PinnedCert == nil && r.SP.MetadataSigned == "":
		r.SP.MetadataSigned = NotVerified
		r.Notes = append(r.Notes, "The metadata is signed as a whole; the signature was not verified, because no certificate was given for it.")
	case errors.As(r.Err, &e) && e.Reason == idp.SigRequired && f.signed:
		r.Err = refuse("the file is signed as a whole and larger than %d MiB, which is too large for its signature to be verified, and the entity has none of its own; "+
			"use a metadata query server (MDQ) or a smaller aggregate, or leave the certificate out", verifiedFile>>20).because(idp.SigRequired)
	}
	return r
}
