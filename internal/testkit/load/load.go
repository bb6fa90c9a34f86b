// Package load drives complete sign-ins of many people at once against a running
// deployment, as service providers, browsers and phones do it: request, page,
// code, polls at the server's pace, claim, approval, finish. It knows only a base
// URL, how administrators are recognized and how to connect, so that it drives
// `latchkey serve` and functions behind a gateway alike.
//
// Every sign-in comes from addresses of its own, as it does in the world: limits
// per address stay in force and are met by nobody who behaves.
package load

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/latchkey-idp/latchkey/internal/adminapi"
	"github.com/latchkey-idp/latchkey/internal/adminclient"
	"github.com/latchkey-idp/latchkey/internal/phone"
)

// Target is what is driven.
type Target struct {
	Base      string // public URL, without a path
	Authorize adminclient.Authorizer

	// Transport makes the connections of the n-th address.
	Transport func(n int) http.RoundTripper
}

// Options bound a drive: it ends after For or SignIns, whichever comes first;
// sign-ins under way are finished.
type Options struct {
	People  int           // at once
	Apps    int           // service providers
	Think   time.Duration // from the code on the screen to the scan, and from there to the yes
	For     time.Duration
	SignIns int
}

// Crowd are the people and applications that a drive has made.
type Crowd struct {
	target  Target
	options Options
	people  []*person
	apps    []string // entityIDs
	address atomic.Int64
}

// person has a phone, and is in one sign-in at a time.
type person struct {
	phone *phone.Phone
	from  *moving
}

// moving lets a phone call from another address each time.
type moving struct{ now http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (m *moving) RoundTrip(r *http.Request) (*http.Response, error) { return m.now.RoundTrip(r) }

const callTimeout = 30 * time.Second

// Gather registers the applications, adds the people and enrolls their phones.
func Gather(ctx context.Context, target Target, o Options) (*Crowd, error) {
	c := &Crowd{target: target, options: o}
	admin, err := adminclient.New(target.Base, &http.Client{Transport: c.connect(), Timeout: callTimeout}, target.Authorize)
	if err != nil {
		return nil, err
	}
	run := rand.Text()[:8] // so that a second drive finds its own names
	for n := range o.Apps {
		id := fmt.Sprintf("https://app%d.%s.example.com/saml", n, run)
		name, nameID := fmt.Sprintf("App %d", n), "emailAddress = email"
		_, err := admin.AddServiceProvider(ctx, adminapi.NewServiceProvider{
			Settings: adminapi.Settings{Name: &name, NameID: &nameID}, EntityID: id, ACSURL: acs(id), Preset: "generic",
		})
		if err != nil {
			return nil, fmt.Errorf("add application: %w", err)
		}
		c.apps = append(c.apps, id)
	}
	for n := range o.People {
		p, err := c.enroll(ctx, admin, fmt.Sprintf("person%d.%s@example.com", n, run))
		if err != nil {
			return nil, fmt.Errorf("enroll person %d: %w", n, err)
		}
		c.people = append(c.people, p)
	}
	return c, nil
}

func acs(entityID string) string { return entityID + "/acs" }

func (c *Crowd) enroll(ctx context.Context, admin *adminclient.Client, email string) (*person, error) {
	if _, err := admin.AddUser(ctx, adminapi.NewUser{Email: email, GivenName: "Given", FamilyName: "Family"}); err != nil {
		return nil, err
	}
	invite, err := admin.Invite(ctx, adminapi.NewInvite{User: email})
	if err != nil {
		return nil, err
	}
	p := &person{from: &moving{c.connect()}}
	p.phone, err = phone.Enroll(ctx, phone.Deps{
		HTTP: &http.Client{Transport: p.from, Timeout: callTimeout}, Random: rand.Reader, Clock: time.Now,
	}, invite.URL, "Phone")
	return p, err
}

// connect is a connection from an address that nobody had before.
func (c *Crowd) connect() http.RoundTripper { return c.target.Transport(int(c.address.Add(1))) }

// Drive lets everybody sign in again and again and reports how it went.
func (c *Crowd) Drive(ctx context.Context) *Report {
	r := newReport()
	begun := time.Now()
	var left atomic.Int64
	left.Store(int64(c.options.SignIns))
	var all sync.WaitGroup
	for n, p := range c.people {
		all.Go(func() {
			// Not all in the same moment: spread over one sign-in.
			pause(ctx, time.Duration(n)*(2*c.options.Think+time.Second)/time.Duration(len(c.people)))
			for round := 0; ctx.Err() == nil && time.Since(begun) < c.options.For && left.Add(-1) >= 0; round++ {
				r.signIn(c.signIn(ctx, r, p, c.apps[(n+round)%len(c.apps)]))
			}
		})
	}
	all.Wait()
	r.Took = time.Since(begun)
	return r
}

// kindOf names an error for the report: a refusal by its code, anything else by
// its text.
func kindOf(err error) string {
	var p *phone.Problem
	if errors.As(err, &p) {
		return fmt.Sprintf("%d %s", p.Status, p.Code)
	}
	return err.Error()
}
