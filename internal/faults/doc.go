// Package faults holds the fault matrix: every call that the program makes of
// AWS, in everything that people, programs and administrators do, meets every
// bad day that AWS can have (security-requirements.md 10). It has tests only.
//
// A world is a deployment, wired by awsdeps as in Lambda. Its SDK clients dial a
// wire of this process, which numbers the calls and does to each what a plan
// says: it throttles, fails, hangs, resets, answers late, with damaged or
// unprocessed items, refuses, lets somebody else be faster, or lets the program
// die before or after the call. What it lets pass goes to a fake of DynamoDB, or to
// DynamoDB Local, and to a fake of KMS.
//
// A course is one person's way through a flow, as browser, phone, application
// and administrator see it: what is refused honestly is repeated, byte for byte.
// It runs in a bubble of testing/synctest, so that a time limit of 9 seconds
// costs none, and a goroutine that is left behind is noticed.
//
// A scheduled function is run again, an hour later, until a run goes well.
//
// After each: nobody was signed in twice by one approval, nobody after a no,
// nobody lost a sign-in that was told to have succeeded, every refusal was a 503
// with the time to come again and a reason of its own in the log, and the next
// sign-in works.
//
//	go test ./internal/faults                   each kind of call with each fault (of rarer flows a third), 200 pairs
//	go test ./internal/faults -soak -pairs 5000 -logins 100000
package faults
