package dynamofake

import "strconv"

// The conditions of package dynamo. An absent attribute fails a comparison.
const (
	condAbsent = "attribute_not_exists(pk) OR xms <= :now"
	condAlive  = "(attribute_not_exists(xms) OR xms > :now)"
	condSame   = "v = :v AND " + condAlive
)

// holds judges a condition on what is stored; a nil item is absent.
func (i item) holds(condition string, values item) (bool, error) {
	now, xms := values[":now"].number(), i["xms"].number()
	timeless := i["xms"].N == nil
	switch condition {
	case condAbsent:
		return i == nil || !timeless && xms <= now, nil
	case condAlive:
		return timeless || xms > now, nil
	case condSame:
		return i != nil && i["v"].number() == values[":v"].number() && (timeless || xms > now), nil
	}
	return false, invalid("condition %q", condition)
}

func (v value) number() int64 {
	if v.N == nil {
		return 0
	}
	n, _ := strconv.ParseInt(*v.N, 10, 64)
	return n
}

// conditional is a write, or a check, of one item.
type conditional struct {
	TableName                           string
	Item, Key                           item
	ConditionExpression                 string
	ExpressionAttributeValues           item
	ReturnValuesOnConditionCheckFailure string
}

func (f *Fake) putItem(in conditional) (any, error) {
	found, err := f.find(in.TableName, in.Item)
	if err != nil {
		return nil, err
	}
	ok, err := found.holds(in.ConditionExpression, in.ExpressionAttributeValues)
	if err != nil {
		return nil, err
	}
	if !ok {
		refused := &failure{kind: "ConditionalCheckFailedException", text: "The conditional request failed"}
		if in.ReturnValuesOnConditionCheckFailure == "ALL_OLD" && found != nil {
			refused.more = map[string]any{"Item": found}
		}
		return nil, refused
	}
	f.store(in.TableName, in.Item)
	return struct{}{}, nil
}

type transactWriteItems struct {
	TransactItems      []struct{ Put, Delete, ConditionCheck *conditional }
	ClientRequestToken string
}

// transactWriteItems carries out all or nothing. The same token with the same
// request has been carried out already; with another one it is a mistake.
func (f *Fake) transactWriteItems(in transactWriteItems, hash [32]byte) (any, error) {
	if before, ok := f.tokens[in.ClientRequestToken]; ok && in.ClientRequestToken != "" {
		if before != hash {
			return nil, &failure{kind: "IdempotentParameterMismatchException", text: in.ClientRequestToken}
		}
		return struct{}{}, nil
	}
	reasons, failed := make([]map[string]string, len(in.TransactItems)), false
	for n, op := range in.TransactItems {
		c, key := op.ConditionCheck, item(nil)
		switch {
		case op.Put != nil:
			c, key = op.Put, op.Put.Item
		case op.Delete != nil:
			c, key = op.Delete, op.Delete.Key
		case c != nil:
			key = c.Key
		default:
			return nil, invalid("operation %d of a transaction is not known here", n)
		}
		found, err := f.find(c.TableName, key)
		if err != nil {
			return nil, err
		}
		ok, err := found.holds(c.ConditionExpression, c.ExpressionAttributeValues)
		if err != nil {
			return nil, err
		}
		reasons[n] = map[string]string{"Code": "None"}
		if !ok {
			reasons[n], failed = map[string]string{"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"}, true
		}
	}
	if failed {
		return nil, &failure{kind: "TransactionCanceledException", text: "Transaction cancelled", more: map[string]any{"CancellationReasons": reasons}}
	}
	for _, op := range in.TransactItems {
		switch {
		case op.Put != nil:
			f.store(op.Put.TableName, op.Put.Item)
		case op.Delete != nil:
			f.remove(op.Delete.TableName, op.Delete.Key)
		}
	}
	f.tokens[in.ClientRequestToken] = hash
	return struct{}{}, nil
}
