package faults_test

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/latchkey-idp/latchkey/internal/idp"
)

// fault is one way in which AWS, or the way there, has a bad day.
type fault struct {
	name string
	hits func(call) bool // which calls can meet it
	once bool            // only one attempt meets it, else each until it is healed
	more int             // once: so many more attempts
	all  bool            // from then on every call meets it, not only this one
	do   func(*exchange)

	volume bool       // a variant, for -soak only
	ends   bool       // nobody gets an answer: the client or the program has gone
	reason idp.Reason // what the log says of DynamoDB where the call fails
	kms    idp.Reason // the same of KMS
}

// plan is a fault that waits for its call.
type plan struct {
	*fault
	at   int    // the number of the call, from 0
	site string // once it was met
	left int    // attempts that still meet it; -1: all
	late bool   // the rest of the course is without it
}

// arm lets calls meet faults from now on.
func (w *wire) arm(plans ...*plan) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls, w.plans, w.faults = nil, plans, 0
}

// heal ends what was met.
func (w *wire) heal() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range w.plans {
		if p.site != "" {
			p.late = true
		}
	}
}

// pause keeps what comes from being counted and from meeting faults.
func (w *wire) pause(yes bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.paused = yes
}

// take returns the calls since arm, and ends every fault.
func (w *wire) take() (calls []call, met int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	calls, met = w.calls, w.faults
	w.calls, w.plans = nil, nil
	return calls, met
}

// meets counts a call and returns the fault that it meets; nil: none.
func (w *wire) meets(c call, quietly bool) *fault {
	w.mu.Lock()
	defer w.mu.Unlock()
	if quietly || w.paused {
		return nil
	}
	c.step = w.step
	n := len(w.calls)
	w.calls = append(w.calls, c)
	if w.chaos != nil {
		return w.chaos.next(c)
	}
	for _, p := range w.plans {
		switch {
		case p.late:
			continue
		case p.site == "" && n == p.at:
			if !p.hits(c) {
				p.at++ // the next one that can meet it
				continue
			}
			p.site, p.left = c.site(), -1
			if p.once {
				p.left = 1 + p.more
			}
		case p.site == "" || p.left == 0 || !p.all && p.site != c.site():
			continue
		}
		if p.left > 0 {
			p.left--
		}
		w.faults++
		return p.fault
	}
	return nil
}

func every(call) bool   { return true }
func ofKMS(c call) bool { return c.kms() }
func write(c call) bool { return c.writes() }

// putItem leaves out what nobody else can have written, or has then written to
// the same end: events have IDs of their own, what an application answered to a
// logout is kept once.
func putItem(c call) bool   { return c.op == "PutItem" && c.items != "AUDIT" && c.items != "LOGOUT" }
func transacts(c call) bool { return c.op == "TransactWriteItems" }
func batch(c call) bool     { return c.op == "BatchGetItem" }
func read(c call) bool      { return c.reads() }

// refuse answers with an error of the API.
func refuse(status int, kind string) func(*exchange) {
	return func(x *exchange) { x.answer(failure(status, kind, nil)) }
}

func failure(status int, kind string, more map[string]any) answered {
	out := map[string]any{"__type": "com.amazonaws.test#" + kind, "message": "injected", "Message": "injected"}
	for k, v := range more {
		out[k] = v
	}
	body, _ := json.Marshal(out) // never fails
	return answered{status, http.Header{"Content-Type": {"application/x-amz-json-1.0"}}, body}
}

// canceled is a transaction that was refused for a reason.
func canceled(code string) func(*exchange) {
	return func(x *exchange) {
		x.answer(failure(http.StatusBadRequest, "TransactionCanceledException",
			map[string]any{"CancellationReasons": []map[string]string{{"Code": code, "Message": "injected"}}}))
	}
}

func hang(x *exchange)       { x.hang() }
func commitHang(x *exchange) { x.apply(); x.hang() }
func reset(*exchange)        {} // serve closes the connection
func commitReset(x *exchange) {
	x.apply()
}

// slow carries the call out after d and answers then, if anybody still listens.
func slow(d time.Duration) func(*exchange) {
	return func(x *exchange) {
		time.Sleep(d)
		x.answer(x.apply())
	}
}

// gone is a client that does not wait for the answer.
func gone(x *exchange) {
	x.wire.end(false)
	x.hang()
}

// crash is the end of the program, before or after the call.
func crash(after bool) func(*exchange) {
	return func(x *exchange) {
		if after {
			x.apply()
		}
		x.wire.end(true)
	}
}

func (w *wire) end(dead bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dead = w.dead || dead
	if w.stop != nil {
		w.stop()
	}
}

// overtaken lets somebody else act between the program's read and this write.
func overtaken(x *exchange) {
	x.wire.mu.Lock()
	act := x.wire.rival
	x.wire.rival = nil
	x.wire.mu.Unlock()
	if act != nil {
		x.wire.pause(true) // done at once, long before the program gives this call up
		act()
		x.wire.pause(false)
	}
	x.answer(x.apply())
}

// edit changes what DynamoDB answers.
func edit(change func(map[string]json.RawMessage, *exchange)) func(*exchange) {
	return func(x *exchange) {
		a := x.apply()
		var out map[string]json.RawMessage
		if a.status == http.StatusOK && json.Unmarshal(a.body, &out) == nil {
			change(out, x)
			a.body, _ = json.Marshal(out)
		}
		x.answer(a)
	}
}

// unprocessed leaves all keys of a BatchGetItem to be asked for again.
func unprocessed(out map[string]json.RawMessage, x *exchange) {
	var in map[string]json.RawMessage
	_ = json.Unmarshal(x.body, &in)
	out["UnprocessedKeys"], out["Responses"] = in["RequestItems"], json.RawMessage(`{}`)
}

// damaged spoils the value of each item.
func damaged(out map[string]json.RawMessage, _ *exchange) {
	spoil := func(raw json.RawMessage) json.RawMessage {
		var items []map[string]json.RawMessage
		if json.Unmarshal(raw, &items) != nil {
			return raw
		}
		for _, item := range items {
			item["d"] = json.RawMessage(`{"B":"bm90IEpTT04="}`)
		}
		b, _ := json.Marshal(items)
		return b
	}
	if item, ok := out["Item"]; ok {
		one := spoil(append(append(json.RawMessage("["), item...), ']'))
		out["Item"] = one[1 : len(one)-1]
	}
	if items, ok := out["Items"]; ok {
		out["Items"] = spoil(items)
	}
	var tables map[string]json.RawMessage
	if json.Unmarshal(out["Responses"], &tables) == nil {
		for name, items := range tables {
			tables[name] = spoil(items)
		}
		out["Responses"], _ = json.Marshal(tables)
	}
}

const bad = http.StatusBadRequest

// faults are the kinds of the matrix.
func faults() []*fault {
	store, kms := idp.StoreUnavailable, idp.KeyUnavailable
	return []*fault{
		{name: "throttled once", hits: every, once: true, do: refuse(bad, "ThrottlingException"), reason: store, kms: kms},
		{name: "throttled 3 times", hits: every, once: true, more: 2, do: refuse(bad, "ThrottlingException"), reason: store, kms: kms},
		{name: "throttled always", hits: every, do: refuse(bad, "ThrottlingException"), reason: store, kms: kms},
		{name: "500 once", volume: true, hits: every, once: true, do: refuse(500, "InternalServerError"), reason: store, kms: kms},
		{name: "500 always", hits: every, do: refuse(500, "InternalServerError"), reason: store, kms: kms},
		{name: "timeout before, once", volume: true, hits: every, once: true, do: hang, reason: store, kms: kms},
		{name: "timeout before, always", hits: every, do: hang, reason: store, kms: kms},
		{name: "commit then timeout, once", hits: every, once: true, do: commitHang, reason: store, kms: kms},
		{name: "commit then timeout, always", volume: true, hits: every, do: commitHang, reason: store, kms: kms},
		{name: "reset before, once", volume: true, hits: every, once: true, do: reset, reason: store, kms: kms},
		{name: "reset before, always", volume: true, hits: every, do: reset, reason: store, kms: kms},
		{name: "commit then reset, once", hits: every, once: true, do: commitReset, reason: store, kms: kms},
		{name: "commit then reset, always", volume: true, hits: every, do: commitReset, reason: store, kms: kms},
		{name: "9 s latency, once", hits: every, once: true, do: slow(9 * time.Second), reason: store, kms: kms},
		{name: "9 s latency, always", volume: true, hits: every, do: slow(9 * time.Second), reason: store, kms: kms},
		{name: "conditional failure, once", hits: putItem, once: true, do: refuse(bad, "ConditionalCheckFailedException"), reason: idp.Reason(idp.Busy)},
		{name: "conditional failure, always", hits: putItem, do: refuse(bad, "ConditionalCheckFailedException"), reason: idp.Reason(idp.Busy)},
		{name: "conditional failure in a transaction, once", hits: transacts, once: true, do: canceled("ConditionalCheckFailed"), reason: idp.Reason(idp.Busy)},
		{name: "conditional failure in a transaction, always", volume: true, hits: transacts, do: canceled("ConditionalCheckFailed"), reason: idp.Reason(idp.Busy)},
		{name: "collision of transactions, once", hits: transacts, once: true, do: canceled("TransactionConflict"), reason: idp.Reason(idp.Busy)},
		{name: "collision with a transaction, once", hits: putItem, once: true, do: refuse(bad, "TransactionConflictException"), reason: idp.Reason(idp.Busy)},
		{name: "transaction throttled, once", hits: transacts, once: true, do: canceled("ThrottlingError"), reason: store},
		{name: "transaction throttled, always", volume: true, hits: transacts, do: canceled("ThrottlingError"), reason: store},
		{name: "unprocessed once", hits: batch, once: true, do: edit(unprocessed), reason: store},
		{name: "unprocessed always", hits: batch, do: edit(unprocessed), reason: store},
		{name: "corrupt item", hits: read, do: edit(damaged), reason: idp.StoreCorrupt},
		{name: "access denied", hits: every, do: refuse(bad, "AccessDeniedException"), reason: idp.StoreDenied, kms: idp.KeyDenied},
		{name: "expired credentials", hits: every, do: refuse(bad, "ExpiredTokenException"), reason: idp.StoreDenied, kms: idp.KeyDenied},
		{name: "key disabled", hits: ofKMS, do: refuse(bad, "DisabledException"), kms: idp.KeyDenied},
		{name: "outage from here", hits: every, all: true, do: hang, reason: store, kms: kms},
		{name: "1.5 s latency from here", hits: every, all: true, do: slow(1500 * time.Millisecond), reason: store, kms: kms},
		{name: "cancelled", hits: every, once: true, ends: true, do: gone},
		{name: "crash before", hits: every, once: true, ends: true, do: crash(false)},
		{name: "crash after", hits: every, once: true, ends: true, do: crash(true)},
		{name: "wrong order", hits: write, once: true, do: overtaken, reason: idp.Reason(idp.Busy)},
	}
}
