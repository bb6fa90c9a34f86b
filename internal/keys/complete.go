package keys

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// Complete makes the certificates that are missing: those of requested keys,
// and that of the key that others encrypt for us with. It is called where
// metadata is published, by programs that may sign.
//
// It tries once for each time that the records are read, that is once a minute
// at most, and returns at once for everybody else. What fails stays as it is;
// the log has the cause. Of several instances that do so at once one wins: the
// records that this one has completed are returned.
func (r *Ring) Complete(ctx context.Context) (made []Record) {
	if r.opt.NoSign {
		return nil
	}
	v, err := r.current(ctx)
	if err != nil || r.complete.Swap(v) == v {
		return nil // whoever needs the records will hear of the failure
	}
	keep := func(key string, rec Record, err error) {
		if err == nil {
			made = append(made, rec)
			return
		}
		r.opt.Log.WarnContext(ctx, "no certificate made for a key", "event", "key.certificate", "key", key, "err", err)
	}
	for _, rec := range v.records {
		if rec.State == Requested {
			certified, err := r.certified(ctx, rec)
			if err == nil {
				certified, err = r.save(ctx, certified)
			}
			keep(rec.ID, certified, err)
		}
	}
	if refs := r.opt.DecryptRefs; len(refs) > 0 && v.encryption(refs[0]) == nil {
		rec, err := r.certifyDecrypter(ctx, refs[0])
		keep(refs[0], rec, err)
	}
	return made
}

// certifyDecrypter has the active key certify the key that ref names, which
// cannot do it itself: a KMS key for encryption signs nothing.
func (r *Ring) certifyDecrypter(ctx context.Context, ref string) (Record, error) {
	key, err := r.decrypter(ctx, ref)
	if err != nil {
		return Record{}, err
	}
	pair, err := r.Active(ctx)
	if err != nil {
		return Record{}, err
	}
	t := template{issuer: r.opt.Issuer, years: r.opt.Years, now: r.opt.Clock(), usage: x509.KeyUsageKeyEncipherment}
	der, err := signedBy(ctx, pair, key.Public(), t, r.opt.Random)
	if err != nil {
		return Record{}, err
	}
	hash := sha256.Sum256([]byte(ref)) // the same in each instance, so that one of them wins
	return r.save(ctx, Record{
		ID: "enc-" + hex.EncodeToString(hash[:8]), Ref: ref, Certificate: der, State: Decrypts, CreatedAt: idp.At(t.now),
	})
}

// openable opens a key to see that it is one that can sign.
func (r *Ring) openable(ctx context.Context, rec Record) error {
	key, err := r.opt.Open(ctx, rec.Ref)
	if err != nil {
		return err
	}
	_, err = PublicRSA(key.Public())
	return err
}

// certified is rec with a certificate that its key has made for itself.
func (r *Ring) certified(ctx context.Context, rec Record) (Record, error) {
	key, err := r.opt.Open(ctx, rec.Ref)
	if err != nil {
		return Record{}, fmt.Errorf("open signing key: %w", err)
	}
	t := template{issuer: r.opt.Issuer, years: r.opt.Years, now: r.opt.Clock(), usage: x509.KeyUsageDigitalSignature}
	if rec.Certificate, err = selfSigned(ctx, key, t, r.opt.Random); err != nil {
		return Record{}, err
	}
	return r.announced(rec), nil
}

// announced is rec as it is from now on in the metadata.
func (r *Ring) announced(rec Record) Record {
	rec.State, rec.AnnouncedAt = Next, r.opt.Clock.Now()
	if rec.Wanted == Dedicated {
		rec.State = Dedicated
	}
	rec.Wanted = ""
	return rec
}
