package cloud

import (
	"path/filepath"
	"strings"

	"github.com/latchkey-idp/latchkey/internal/testkit/sam"
)

// SecondRegion is where Second deploys.
const SecondRegion = "eu-west-1"

// Second deploys template.yaml in the second region, with replicas of the keys. The
// table is the same one: as a global table is when everything has been replicated.
func (c *Cloud) Second(o Options) *Cloud {
	c.T.Helper()
	s := &Cloud{T: c.T, KMS: c.KMS, Secrets: c.Secrets, region: SecondRegion, TableName: c.TableName, Table: c.Table, Store: c.Store}
	s.Keys = Keys{
		c.KMS.Replicate(c.Keys.Signing, SecondRegion), c.KMS.Replicate(c.Keys.Next, SecondRegion),
		c.KMS.Replicate(c.Keys.Encryption, SecondRegion), c.KMS.Replicate(c.Keys.Wrapping, SecondRegion),
	}
	parameters := map[string]string{
		"PublicURL": URL, "LogLevel": "debug", "EncryptIdentifiers": "true",
		"PrimaryRegion": sam.Region, "PrimaryTable": c.TableName, "MoreSigningKeys": c.Keys.Next, "MoreSigningReplicas": s.Keys.Next,
		"Deployment": "latchkey", "PrimaryKey": c.Keys.Next, "SecondRegion": SecondRegion, // of infra/signing-key.yaml
		"PrimarySigningKey": id(c.Keys.Signing), "PrimaryEncryptionKey": id(c.Keys.Encryption), "PrimaryWrappingKey": id(c.Keys.Wrapping),
	}
	for name, value := range o.Parameters {
		parameters[name] = value
	}
	s.Stack = s.template("template.yaml", parameters)
	for _, template := range []string{"second-region.yaml", "signing-key.yaml"} {
		for arn, policy := range s.template(filepath.Join("infra", template), parameters).KeyPolicies {
			s.Stack.KeyPolicies[arn] = policy
		}
	}
	s.launch(o)
	return s
}

// template reads a template of the second region.
func (c *Cloud) template(path string, parameters map[string]string) *sam.Stack {
	c.T.Helper()
	stack, err := sam.Read(filepath.Join(root(), path), sam.Values{Region: c.region, Parameters: parameters, Attributes: map[string]string{
		"SigningKey.Arn": c.Keys.Signing, "EncryptionKey.Arn": c.Keys.Encryption, "WrappingKey.Arn": c.Keys.Wrapping, "Replica.Arn": c.Keys.Next,
	}})
	if err != nil {
		c.T.Fatal(err)
	}
	return stack
}

// id is that of a key's ARN.
func id(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }
