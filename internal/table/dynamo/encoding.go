package dynamo

import (
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/table"
)

type attributes = map[string]types.AttributeValue

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

func encodeKey(k table.Key) attributes { return attributes{"pk": text(k.PK), "sk": text(k.SK)} }

// encode makes the next version of the item.
func encode(item table.Item, token string) attributes {
	a := encodeKey(item.Key)
	a["v"] = number(item.Version + 1)
	a["tok"] = text(token)
	a["d"] = &types.AttributeValueMemberB{Value: append([]byte{}, item.Data...)} // never nil
	if ms := item.ExpiresMillis(); ms != 0 {
		a["xms"] = number(ms)
		a["exp"] = number((ms + 999) / 1000) // up: the sweep must not come early
	}
	return a
}

func decode(a attributes) (table.Item, error) {
	pk, ok1 := a["pk"].(*types.AttributeValueMemberS)
	sk, ok2 := a["sk"].(*types.AttributeValueMemberS)
	data, ok3 := a["d"].(*types.AttributeValueMemberB)
	version, err1 := integer(a["v"])
	expires, err2 := integer(a["xms"])
	if !ok1 || !ok2 || !ok3 || err1 != nil || err2 != nil || version < 1 {
		return table.Item{}, table.ErrCorrupt
	}
	return table.Item{
		Key:     table.Key{PK: pk.Value, SK: sk.Value},
		Version: version,
		Expires: table.ExpiresAt(expires),
		Data:    data.Value,
	}, nil
}

// integer reads a number; an absent one is 0.
func integer(v types.AttributeValue) (int64, error) {
	if v == nil {
		return 0, nil
	}
	n, ok := v.(*types.AttributeValueMemberN)
	if !ok {
		return 0, table.ErrCorrupt
	}
	return strconv.ParseInt(n.Value, 10, 64)
}

func expired(item table.Item, now idp.Millis) bool {
	ms := idp.Millis(item.ExpiresMillis())
	return ms != 0 && ms.Over(now)
}
