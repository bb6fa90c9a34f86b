package dynamofake

import (
	"maps"
	"slices"
	"strings"
)

const (
	maxBatch = 100
	maxPage  = 1 << 20
)

type getItem struct {
	TableName string
	Key       item
}

func (f *Fake) getItem(in getItem) (any, error) {
	found, err := f.find(in.TableName, in.Key)
	if err != nil || found == nil {
		return struct{}{}, err
	}
	return map[string]item{"Item": found}, nil
}

type batchGetItem struct {
	RequestItems map[string]struct{ Keys []item }
}

func (f *Fake) batchGetItem(in batchGetItem) (any, error) {
	responses := map[string][]item{}
	for table, wanted := range in.RequestItems {
		if n := len(wanted.Keys); n == 0 || n > maxBatch {
			return nil, invalid("%d keys, 1 to %d are possible", n, maxBatch)
		}
		for _, key := range wanted.Keys {
			found, err := f.find(table, key)
			if err != nil {
				return nil, err
			}
			if found != nil {
				responses[table] = append(responses[table], found)
			}
		}
	}
	return map[string]any{"Responses": responses, "UnprocessedKeys": struct{}{}}, nil
}

type query struct {
	TableName                 string
	KeyConditionExpression    string
	FilterExpression          string
	ExpressionAttributeValues item
	ExclusiveStartKey         item
	ScanIndexForward          *bool
	Limit                     int
}

// query judges Limit and the size of a page before the filter, as DynamoDB does.
func (f *Fake) query(in query) (any, error) {
	v := in.ExpressionAttributeValues
	switch in.KeyConditionExpression {
	case "pk = :pk":
	case "pk = :pk AND begins_with(sk, :prefix)":
	default:
		return nil, invalid("KeyConditionExpression %q", in.KeyConditionExpression)
	}
	if v[":pk"].S == nil {
		return nil, invalid("no value :pk")
	}
	all := f.items[partition(in.TableName, *v[":pk"].S)]
	keys := slices.Sorted(maps.Keys(all))
	backward := in.ScanIndexForward != nil && !*in.ScanIndexForward
	if backward {
		slices.Reverse(keys)
	}
	found, size, seen := []item{}, 0, 0
	var last item
	for _, sk := range keys {
		if p := v[":prefix"].S; p != nil && !strings.HasPrefix(sk, *p) || !after(sk, in.ExclusiveStartKey, backward) {
			continue
		}
		if in.Limit > 0 && seen == in.Limit || size > maxPage {
			return map[string]any{"Items": found, "LastEvaluatedKey": last}, nil
		}
		i := all[sk]
		alive, err := i.holds(in.FilterExpression, v)
		if err != nil {
			return nil, err
		}
		if alive {
			found = append(found, i)
		}
		seen++
		size += len(i["d"].B)
		last = item{"pk": i["pk"], "sk": i["sk"]}
	}
	return map[string]any{"Items": found}, nil
}

// after reports whether a sort key comes after an exclusive start.
func after(sk string, start item, backward bool) bool {
	if start["sk"].S == nil {
		return true
	}
	if backward {
		return sk < *start["sk"].S
	}
	return sk > *start["sk"].S
}
