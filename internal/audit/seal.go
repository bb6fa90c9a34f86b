package audit

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"slices"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/login"
)

// sealer makes and checks MACs. Without master keys it makes plain hashes and
// can check nothing else.
type sealer struct{ masters *login.MasterKeys }

// newest is the version of the key that seals; 0: none.
func (s sealer) newest() int {
	if s.masters == nil {
		return 0
	}
	return s.masters.Newest()
}

func (s sealer) mac(version int, message []byte) ([]byte, error) {
	if version == 0 {
		sum := sha256.Sum256(message)
		return sum[:], nil
	}
	return s.masters.AuditMAC(version, message)
}

// event is the MAC of an event: of its place in the table and in the chain, and
// of the bytes that are stored.
func (s sealer) event(day, id string, value []byte, seal *idp.AuditSeal) ([]byte, error) {
	return s.mac(seal.Key, message("event", day, id, seal.Chain, seal.N, seal.Key, seal.Prev, value))
}

func (s sealer) checkpoint(c *idp.AuditCheckpoint) ([]byte, error) {
	return s.mac(c.Key, message("checkpoint", c.Hour, c.N, int(c.At), c.Events, c.Digest, c.Prev, c.Key))
}

// genuine reports whether a checkpoint is as this deployment made it.
func (s sealer) genuine(c *idp.AuditCheckpoint) bool {
	if c.Key < 1 {
		return false
	}
	want, err := s.checkpoint(c)
	return err == nil && hmac.Equal(want, c.MAC)
}

// message joins parts in one way only: each has its length in front.
func message(parts ...any) []byte {
	var out []byte
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			out = append(binary.AppendUvarint(out, uint64(len(p))), p...)
		case []byte:
			out = append(binary.AppendUvarint(out, uint64(len(p))), p...)
		case int:
			out = binary.AppendVarint(append(out, 'i'), int64(p))
		}
	}
	return out
}

// digest is what a checkpoint holds of the items of an hour, as they are stored.
type digest struct{ hash.Hash }

func newDigest() digest { return digest{sha256.New()} }

func (d digest) add(id string, data []byte) { _, _ = d.Write(message(id, data)) }

// keylessEvents are those that the function without a key writes
// (functions/refresh).
var keylessEvents = []string{idp.AuditMetadataApplied, idp.AuditMetadataPending, idp.AuditMetadataFailed, idp.AuditMetadataExpired}

// keyless reports whether the function that has no key may have written this.
func keyless(e *idp.AuditEvent) bool {
	return e.Actor == idp.ActorRefresh && slices.Contains(keylessEvents, e.Event)
}
