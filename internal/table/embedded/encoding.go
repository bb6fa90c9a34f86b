package embedded

import (
	"encoding/binary"
	"slices"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/table"
)

const header = 16 // bytes of a value before Data

// partition is the prefix of the keys of all items with this PK.
func partition(pk string) []byte {
	b := binary.BigEndian.AppendUint16(make([]byte, 0, 64), uint16(len(pk))) // Key.Check: <= 2,048
	return append(b, pk...)
}

func encodeKey(k table.Key) []byte { return append(partition(k.PK), k.SK...) }

func decodeKey(b []byte) (table.Key, error) {
	if len(b) < 2 {
		return table.Key{}, table.ErrCorrupt
	}
	n, rest := int(binary.BigEndian.Uint16(b)), b[2:]
	if len(rest) < n {
		return table.Key{}, table.ErrCorrupt
	}
	return table.Key{PK: string(rest[:n]), SK: string(rest[n:])}, nil
}

func encodeValue(version int64, item table.Item) []byte {
	b := make([]byte, 0, header+len(item.Data))
	b = binary.BigEndian.AppendUint64(b, uint64(version))
	b = binary.BigEndian.AppendUint64(b, uint64(item.ExpiresMillis()))
	return append(b, item.Data...)
}

// value is a stored value as it lies in the file: valid, and not to be changed,
// until the end of the transaction. A nil value is that of an absent item.
type value []byte

func (v value) check() error {
	if v != nil && len(v) < header {
		return table.ErrCorrupt
	}
	return nil
}

func (v value) expires() idp.Millis { return idp.Millis(binary.BigEndian.Uint64(v[8:])) }

func (v value) expired(now idp.Millis) bool {
	return v.expires() != 0 && v.expires().Over(now)
}

// version is 0 if the item is absent or has expired.
func (v value) version(now idp.Millis) int64 {
	if v == nil || v.expired(now) {
		return 0
	}
	return int64(binary.BigEndian.Uint64(v))
}

// item copies the value out of the transaction; Version is 0, and nothing else
// set, if the item is absent or has expired.
func (v value) item(key table.Key, now idp.Millis) table.Item {
	version := v.version(now)
	if version == 0 {
		return table.Item{Key: key}
	}
	return table.Item{
		Key:     key,
		Version: version,
		Expires: table.ExpiresAt(int64(v.expires())),
		Data:    slices.Clone([]byte(v[header:])),
	}
}
