// Package awsauth authenticates calls of the admin API behind API Gateway,
// whose IAM authorizer verifies AWS Signature Version 4.
package awsauth

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"

	"github.com/latchkey-idp/latchkey/internal/adminclient"
	"github.com/latchkey-idp/latchkey/internal/idp"
)

const service = "execute-api"

// New reads the credentials and the region as the AWS command line does:
// environment, profiles, SSO, roles.
func New(ctx context.Context, clock idp.Clock) (adminclient.Authorizer, error) {
	cfg, err := awsconfig.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("read AWS settings: %w", err)
	}
	if cfg.Region == "" {
		return nil, errors.New("no AWS region is set: set AWS_REGION to that of the deployment")
	}
	return Sign(cfg.Credentials, cfg.Region, clock), nil
}

// Sign signs each request for a region.
func Sign(credentials aws.CredentialsProvider, region string, clock idp.Clock) adminclient.Authorizer {
	signer := v4.NewSigner()
	return func(req *http.Request, body []byte) error {
		c, err := credentials.Retrieve(req.Context())
		if err != nil {
			return fmt.Errorf("find AWS credentials (or set LATCHKEY_ADMIN_TOKEN): %w", err)
		}
		hash := sha256.Sum256(body)
		if err := signer.SignHTTP(req.Context(), c, req, hex.EncodeToString(hash[:]), service, region, clock()); err != nil {
			return fmt.Errorf("sign request: %w", err)
		}
		return nil
	}
}
