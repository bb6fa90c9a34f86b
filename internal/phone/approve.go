package phone

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/latchkey-idp/latchkey/internal/devicekey"
	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/login"
)

const claimPath = "/v1/approvals/claim"

// ErrMismatch means that the server asks for a signature that does not fit
// what it gave to show.
var ErrMismatch = errors.New("the request to sign is not the one that is shown")

// ErrUnsupported means that the server asks for something that a software
// phone does not do: a face check, a quiz.
var ErrUnsupported = errors.New("this sign-in asks for something that a software phone cannot do")

// Request is a sign-in that waits for this phone: what a phone shows. It holds
// the claim key; only this phone can answer it.
type Request struct {
	SID       string
	Status    idp.State
	ExpiresAt int64 // seconds
	Context   idp.Context
	Warnings  []string
	Digits    int // length of the number that the screen shows and Type wants; 0: none

	text login.Text
	key  idp.Secret
}

// Approval is the answer to an approval.
type Approval struct {
	Status string `json:"status"`
	App    string `json:"app"`
	User   struct {
		Display string `json:"display"`
	} `json:"user"`
	ReturnTo *string  `json:"return_to"`
	Notices  []string `json:"notices"`
}

// claimed is the answer to a claim (15.2).
type claimed struct {
	SID       string      `json:"sid"`
	Status    idp.State   `json:"status"`
	ExpiresAt int64       `json:"expires_at"`
	Context   idp.Context `json:"context"`
	Display   struct {
		Warnings []string `json:"warnings"`
	} `json:"display"`
	Text     login.Text `json:"text"`
	Requires struct {
		Match    *int `json:"match"`
		Liveness bool `json:"liveness"`
		Quiz     any  `json:"quiz"`
	} `json:"requires"`
}

// Claim takes the sign-in whose code was seen: the text of the picture, a bare
// frame, or a typed user code. Errors: ErrForeign, ErrMismatch, ErrUnsupported,
// an *idp.Error qr_invalid for a text that is no code, a *Problem.
func (p *Phone) Claim(ctx context.Context, text string) (*Request, error) {
	return p.claim(ctx, text, false)
}

// TakeOver claims a sign-in that another phone of the same network holds.
func (p *Phone) TakeOver(ctx context.Context, text string) (*Request, error) {
	return p.claim(ctx, text, true)
}

func (p *Phone) claim(ctx context.Context, text string, takeover bool) (*Request, error) {
	saw, err := p.look(text)
	if err != nil {
		return nil, err
	}
	key, err := idp.NewSecret(p.deps.Random, 32)
	if err != nil {
		return nil, fmt.Errorf("make claim key: %w", err)
	}
	proof, err := p.proof(saw.sid)
	if err != nil {
		return nil, err
	}
	header := authorization(key)
	header.Set("X-Device-Proof", proof)
	body := struct {
		Frame    *string           `json:"frame"`
		UserCode *string           `json:"user_code"`
		Via      string            `json:"via"`
		Takeover bool              `json:"takeover"`
		Client   map[string]string `json:"client"`
	}{optional(saw.frame), optional(saw.code), saw.via, takeover, map[string]string{"lang": "en", "app": userAgent}}
	var answer claimed
	if err := p.server.post(ctx, claimPath, header, body, &answer); err != nil {
		return nil, fmt.Errorf("claim sign-in: %w", err)
	}
	if saw.sid != "" && saw.sid != answer.SID {
		return nil, fmt.Errorf("claim sign-in: %w", ErrMismatch)
	}
	return request(answer, key)
}

// proof tells the server which device calls (6.5).
func (p *Phone) proof(sid string) (string, error) {
	if sid == "" {
		sid = devicekey.NoSession
	}
	id, err := idp.NewID(p.deps.Random)
	if err != nil {
		return "", fmt.Errorf("make proof id: %w", err)
	}
	proof, err := devicekey.SignProof(p.deps.Random, p.pop, devicekey.Proof{
		Method: http.MethodPost,
		URL:    p.server.base + claimPath,
		SID:    sid,
		At:     p.deps.Clock.Now().Seconds(),
		ID:     id,
	})
	if err != nil {
		return "", fmt.Errorf("sign device proof: %w", err)
	}
	return proof, nil
}

// request completes what the server sent to what the phone signs: session,
// decision and the hash of the context are the phone's own.
func request(a claimed, key idp.Secret) (*Request, error) {
	if a.Requires.Liveness || a.Requires.Quiz != nil {
		return nil, ErrUnsupported
	}
	if _, err := idp.DecodeBase32(a.SID, 16); err != nil {
		return nil, fmt.Errorf("read session id: %w", err)
	}
	if a.Context.V != login.ContextVersion || a.Text.SP != a.Context.App.EntityID {
		return nil, ErrMismatch
	}
	hash, err := login.ContextHash(a.Context)
	if err != nil {
		return nil, err
	}
	text := a.Text
	text.SID, text.Context = a.SID, hash
	text.Decision, text.Match, text.Live = login.DecisionApprove, login.NoValue, login.NoValue
	return &Request{
		SID:       a.SID,
		Status:    a.Status,
		ExpiresAt: a.ExpiresAt,
		Context:   a.Context,
		Warnings:  a.Display.Warnings,
		Digits:    deref(a.Requires.Match),
		text:      text,
		key:       key,
	}, nil
}

// Type puts in the number that the screen shows; what is signed holds it.
func (r *Request) Type(number string) { r.text.Match = number }

// Approve signs what the request shows. The person's yes comes before.
func (p *Phone) Approve(ctx context.Context, r *Request) (*Approval, error) {
	text, err := r.text.Bytes()
	if err != nil {
		return nil, err
	}
	jws, err := devicekey.SignApproval(p.deps.Random, p.uv, text)
	if err != nil {
		return nil, fmt.Errorf("sign approval: %w", err)
	}
	body := struct {
		Type  string  `json:"type"`
		Match *string `json:"match"`
		Live  *string `json:"live"`
		JWS   string  `json:"jws"`
	}{Type: devicekey.Type, JWS: jws}
	if r.text.Match != login.NoValue {
		body.Match = &r.text.Match
	}
	var done Approval
	if err := p.server.post(ctx, r.path("approve"), authorization(r.key), body, &done); err != nil {
		return nil, fmt.Errorf("approve sign-in: %w", err)
	}
	return &done, nil
}

// Deny says no; reason is one of idp's Why values for it ("not_me", "mistake",
// "wrong_details", "other").
func (p *Phone) Deny(ctx context.Context, r *Request, reason string) error {
	body := map[string]string{"reason": reason}
	if err := p.server.post(ctx, r.path("deny"), authorization(r.key), body, nil); err != nil {
		return fmt.Errorf("deny sign-in: %w", err)
	}
	return nil
}

// Extend asks for more time, once, and returns the request with its new end.
// What it shows must be the same.
func (p *Phone) Extend(ctx context.Context, r *Request) (*Request, error) {
	var answer claimed
	if err := p.server.post(ctx, r.path("extend"), authorization(r.key), struct{}{}, &answer); err != nil {
		return nil, fmt.Errorf("extend sign-in: %w", err)
	}
	if answer.SID != r.SID || answer.Context != r.Context {
		return nil, fmt.Errorf("extend sign-in: %w", ErrMismatch)
	}
	return request(answer, r.key)
}

func (r *Request) path(action string) string { return "/v1/approvals/" + r.SID + "/" + action }

func authorization(key idp.Secret) http.Header {
	return http.Header{"Authorization": {"Claim " + key.Reveal()}}
}

func deref(n *int) int {
	if n == nil {
		return 0
	}
	return *n
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
