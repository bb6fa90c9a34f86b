package faults_test

import "testing"

// TestOnDynamoDBLocal: AWS's own engine in place of the fake, for one of 47
// faults of a sign-in, with -soak one of 5.
func TestOnDynamoDBLocal(t *testing.T) {
	w := newWorld(t, dynamoDBLocal)
	f := flows[0]
	var calls []call
	for range 2 {
		t.Run("no fault", func(t *testing.T) { calls, _ = w.run(t, f, nil) })
	}
	every := 47
	if *soak {
		every = 5
	}
	n := 0
	for at, call := range calls {
		for k, kind := range faults() {
			if !kind.hits(call) || (at*5+k)%every != 0 {
				continue
			}
			n++
			s := spot{at, call, kind}
			t.Run("L11 L12 L13 "+s.name(), func(t *testing.T) {
				if _, met := w.run(t, f, kind, &plan{fault: kind, at: at}); met == 0 {
					t.Error("no fault was met")
				}
			})
		}
	}
	t.Logf("%d single faults on DynamoDB Local", n)
}
