package phone

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"errors"
	"fmt"
	"net/http/cookiejar"
	"net/url"

	"github.com/latchkey-idp/latchkey/internal/devicekey"
	"github.com/latchkey-idp/latchkey/internal/idp"
)

const kind = "Software phone"

// Enroll uses an invite link (https://host/e#token) to make a phone of this
// name. Save it, or its keys are lost. A refusal is a *Problem.
func Enroll(ctx context.Context, deps Deps, link, name string) (*Phone, error) {
	base, token, err := parseInvite(link)
	if err != nil {
		return nil, err
	}
	jar, err := cookiejar.New(nil) // the enrollment is held by a cookie
	if err != nil {
		return nil, fmt.Errorf("make cookie jar: %w", err)
	}
	s := newServer(base, deps.HTTP, jar)

	var redeemed struct {
		User struct {
			Display string `json:"display"`
		} `json:"user"`
	}
	if err := s.post(ctx, "/v1/enroll/redeem", nil, map[string]string{"token": token}, &redeemed); err != nil {
		return nil, fmt.Errorf("redeem invite: %w", err)
	}
	challenge, err := enrollChallenge(ctx, s)
	if err != nil {
		return nil, err
	}
	p := &Phone{deps: deps, server: newServer(base, deps.HTTP, nil)}
	if p.uv, err = ecdsa.GenerateKey(elliptic.P256(), deps.Random); err != nil {
		return nil, fmt.Errorf("make uv key: %w", err)
	}
	if p.pop, err = ecdsa.GenerateKey(elliptic.P256(), deps.Random); err != nil {
		return nil, fmt.Errorf("make pop key: %w", err)
	}
	p.info = Info{URL: base, User: redeemed.User.Display, Name: name}
	if err := p.register(ctx, s, challenge); err != nil {
		return nil, err
	}
	return p, nil
}

func parseInvite(link string) (base, token string, err error) {
	u, err := url.Parse(link)
	if err != nil {
		return "", "", errors.New("parse invite: not a link")
	}
	base, err = origin(u)
	if err != nil {
		return "", "", fmt.Errorf("parse invite: %w", err)
	}
	if u.Path != "/e" || u.RawQuery != "" || u.Fragment == "" {
		return "", "", errors.New("parse invite: not an invite link")
	}
	return base, u.Fragment, nil
}

func enrollChallenge(ctx context.Context, s server) ([]byte, error) {
	var options struct {
		Challenge string `json:"challenge"`
	}
	if err := s.post(ctx, "/v1/enroll/options", nil, map[string]string{"type": devicekey.Type}, &options); err != nil {
		return nil, fmt.Errorf("start enrollment: %w", err)
	}
	challenge, err := idp.DecodeBase64(options.Challenge, 32)
	if err != nil {
		return nil, fmt.Errorf("decode challenge: %w", err)
	}
	return challenge, nil
}

// register sends the public keys, each with its signature of the challenge.
func (p *Phone) register(ctx context.Context, s server, challenge []byte) error {
	keys, proofs, err := devicekey.SignEnroll(p.deps.Random, p.uv, p.pop, challenge)
	if err != nil {
		return fmt.Errorf("sign enrollment: %w", err)
	}
	body := struct {
		Type   string           `json:"type"`
		Keys   devicekey.KeySet `json:"jwks"`
		Proofs devicekey.Proofs `json:"proofs"`
		Name   string           `json:"name"`
		Kind   string           `json:"kind"`
	}{devicekey.Type, keys, proofs, p.info.Name, kind}
	var enrolled struct {
		DeviceID string `json:"device_id"`
		State    string `json:"state"`
	}
	if err := s.post(ctx, "/v1/enroll/finish", nil, body, &enrolled); err != nil {
		return fmt.Errorf("finish enrollment: %w", err)
	}
	p.info.DeviceID, p.info.State = enrolled.DeviceID, enrolled.State
	return nil
}
