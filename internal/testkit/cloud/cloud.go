package cloud

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/latchkey-idp/latchkey/internal/keys/kmsfake"
	"github.com/latchkey-idp/latchkey/internal/store"
	"github.com/latchkey-idp/latchkey/internal/table"
	"github.com/latchkey-idp/latchkey/internal/table/dynamo"
	"github.com/latchkey-idp/latchkey/internal/table/dynamo/dynamotest"
	"github.com/latchkey-idp/latchkey/internal/testkit/lambdaruntime"
	"github.com/latchkey-idp/latchkey/internal/testkit/sam"
)

// Host is the deployment's public address, a custom domain of the HTTP API.
const (
	Host = "idp.test"
	URL  = "https://" + Host
)

// Caller signs the requests to routes with AWS_IAM.
const Caller = "arn:aws:iam::" + sam.Account + ":user/ops"

// Options change a deployment.
type Options struct {
	Parameters map[string]string // of template.yaml
	Key        *rsa.PrivateKey   // the signing key; nil: a new one
	Instances  int               // of one function at once; 0: 4
	LogLevel   string            // empty: debug

	// Between, if set, stands between a function and AWS: for faults.
	Between func(function string, aws http.Handler) http.Handler
	// Environ, if set, changes a function's environment ("NAME=value").
	Environ func(function string, env []string) []string
}

// Cloud is a deployment.
type Cloud struct {
	T     testing.TB
	Stack *sam.Stack
	KMS   *kmsfake.Fake
	Keys  Keys

	Secrets *Secrets // read if the parameter OriginSecret is set: then CloudFront is before the API

	TableName string
	Table     table.Table // as an administrator of the account sees it
	Store     *store.Store

	region   string
	rollouts rollouts
	guard    *guard
	pools    map[string]*pool
	aws      map[string]*httptest.Server // by function, AWS as it sees it
	gateway  *gateway
	public   http.Handler // the gateway, or CloudFront before it
	server   *httptest.Server
	theirs   *x509.Certificate // of httptest's servers
}

// Keys are the ARNs of the keys in KMS.
type Keys struct {
	Signing, Next, Encryption, Wrapping string
}

// Start deploys template.yaml. It skips or fails without DynamoDB Local, as
// package dynamotest does.
func Start(t testing.TB, o Options) *Cloud {
	t.Helper()
	client := dynamotest.Client(t)
	c := &Cloud{T: t, KMS: kmsfake.New(), Secrets: &Secrets{}, region: sam.Region}
	c.makeKeys(o.Key)
	c.TableName = dynamotest.Create(t, dynamotest.Client(t, dynamotest.Patient))
	c.Table = dynamo.New(client, c.TableName, time.Now)
	c.Store = store.New(c.Table, time.Now)
	c.Stack = c.read(o)
	c.launch(o)
	return c
}

// launch starts the functions and the HTTP API.
func (c *Cloud) launch(o Options) {
	t := c.T
	t.Helper()
	c.pools, c.aws = map[string]*pool{}, map[string]*httptest.Server{}
	bin := Build(t)
	var err error
	if c.guard, err = newGuard(c); err != nil {
		t.Fatal(err)
	}
	for _, name := range c.Stack.Names() {
		c.deploy(bin, c.Stack.Functions[name], o)
	}
	c.gateway = &gateway{routes: c.Stack.Routes, caller: Caller, invoke: func(function string, event []byte) ([]byte, error) {
		return c.pools[function].invoke(event)
	}}
	c.public = c.gateway
	if o.Parameters["OriginSecret"] != "" {
		c.Secrets.Replace("TEST-ONLY-" + rand.Text())
		c.public = cloudFront(c.Secrets.value, c.gateway)
	}
	c.server = httptest.NewUnstartedServer(c.public)
	c.server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate(t)}, MinVersion: tls.VersionTLS12}
	c.server.EnableHTTP2 = true
	c.server.StartTLS()
	another := httptest.NewTLSServer(http.NotFoundHandler())
	c.theirs = another.Certificate()
	another.Close()
	t.Cleanup(func() {
		c.server.CloseClientConnections()
		c.server.Close()
		for _, p := range c.pools {
			p.stop()
		}
	})
}

func (c *Cloud) makeKeys(signing *rsa.PrivateKey) {
	c.T.Helper()
	private := func() *rsa.PrivateKey {
		k, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			c.T.Fatal(err)
		}
		return k
	}
	if signing == nil {
		signing = private()
	}
	c.Keys = Keys{c.KMS.AddRSA(signing), c.KMS.AddRSA(private()), c.KMS.AddDecrypter(private()), c.KMS.CreateSymmetric()}
}

// read is template.yaml with the values of this deployment: a further signing
// key, made by infra/signing-key.yaml, and one for encrypted identifiers are
// there.
func (c *Cloud) read(o Options) *sam.Stack {
	c.T.Helper()
	level := o.LogLevel
	if level == "" {
		level = "debug"
	}
	parameters := map[string]string{
		"PublicURL": URL, "LogLevel": level, "MoreSigningKeys": c.Keys.Next, "EncryptIdentifiers": "true",
	}
	for name, value := range o.Parameters {
		parameters[name] = value
	}
	stack, err := sam.Read(Template(), sam.Values{
		Parameters: parameters,
		Names:      map[string]string{"Table": c.TableName},
		Attributes: map[string]string{
			"Table.Arn":      "arn:aws:dynamodb:" + sam.Region + ":" + sam.Account + ":table/" + c.TableName,
			"SigningKey.Arn": c.Keys.Signing, "EncryptionKey.Arn": c.Keys.Encryption, "WrappingKey.Arn": c.Keys.Wrapping,
		},
	})
	if err != nil {
		c.T.Fatal(err)
	}
	further, err := sam.Read(filepath.Join(root(), "infra", "signing-key.yaml"), sam.Values{
		Parameters: map[string]string{"Deployment": "latchkey"}, Attributes: map[string]string{"SigningKey.Arn": c.Keys.Next},
	})
	if err != nil {
		c.T.Fatal(err)
	}
	maps.Copy(stack.KeyPolicies, further.KeyPolicies)
	return stack
}

// deploy prepares a function; its first event starts the first instance.
func (c *Cloud) deploy(bin string, f sam.Function, o Options) {
	c.T.Helper()
	aws := c.guard.of(f.Name)
	if o.Between != nil {
		aws = o.Between(f.Name, aws)
	}
	server := httptest.NewServer(aws)
	c.T.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	var env []string
	for name, value := range f.Env {
		env = append(env, name+"="+value)
	}
	slices.Sort(env)
	if o.Environ != nil {
		env = o.Environ(f.Name, env)
	}
	c.aws[f.Name] = server
	for _, service := range []string{"DYNAMODB", "KMS", "SECRETS_MANAGER", "LAMBDA", "CODEDEPLOY"} {
		env = append(env, "AWS_ENDPOINT_URL_"+service+"="+server.URL)
	}
	env = append(env, "AWS_REGION="+c.region)
	limit := o.Instances
	if limit == 0 {
		limit = 4
	}
	c.pools[f.Name] = newPool(bin, lambdaruntime.Options{Name: f.Name, Env: env, Timeout: f.Timeout}, limit)
}

// Handler is the public address, for requests without a network: they come from
// their RemoteAddr.
func (c *Cloud) Handler() http.Handler { return c.public }

// Origin is the HTTP API, for who goes around CloudFront.
func (c *Cloud) Origin() http.Handler { return c.gateway }

// Address is where the HTTP API listens, for who asks for Host.
func (c *Cloud) Address() string { return c.server.Listener.Addr().String() }

// Transport reaches the HTTP API by its public address, and this machine's
// other servers, also those of httptest with TLS, from an address of this
// machine such as 127.0.0.2.
func (c *Cloud) Transport(ip string) *http.Transport {
	roots := x509.NewCertPool()
	roots.AddCert(c.server.Certificate())
	roots.AddCert(c.theirs)
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}}
	return &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		DialContext: func(ctx context.Context, _, addr string) (net.Conn, error) {
			if addr == Host+":443" {
				addr = c.Address()
			}
			return dialer.DialContext(ctx, "tcp4", addr)
		},
	}
}

// Invoke hands a function an event without the HTTP API.
func (c *Cloud) Invoke(function string, event []byte) ([]byte, error) {
	p, ok := c.pools[function]
	if !ok {
		return nil, fmt.Errorf("no function %s", function)
	}
	return p.invoke(event)
}

// AWS is the address of AWS's services with the rights of a function.
func (c *Cloud) AWS(function string) string { return c.aws[function].URL }

// Env is a function's environment.
func (c *Cloud) Env(function string) []string { return c.pools[function].options.Env }

// Recycle ends the instances of functions, as Lambda may at any time: the next
// event starts fresh ones. Without names it ends all.
func (c *Cloud) Recycle(functions ...string) {
	if len(functions) == 0 {
		functions = c.Stack.Names()
	}
	for _, name := range functions {
		c.pools[name].recycle()
	}
}

// Wake thaws all processes, although there is no event for them.
func (c *Cloud) Wake() {
	for _, p := range c.pools {
		p.wake()
	}
}

// Disconnect cuts the functions' connections to AWS.
func (c *Cloud) Disconnect() {
	for _, server := range c.aws {
		server.CloseClientConnections()
	}
}

// Instances is how many of a function run.
func (c *Cloud) Instances(function string) int { return len(c.Processes(function)) }

// Processes are those of a function's instances.
func (c *Cloud) Processes(function string) []int { return c.pools[function].processes() }

// Output is what all functions have written, or one of them.
func (c *Cloud) Output(functions ...string) string {
	if len(functions) == 0 {
		functions = c.Stack.Names()
	}
	var out string
	for _, name := range functions {
		out += c.pools[name].output()
	}
	return out
}

// Calls are the rights that the functions asked for so far, each once.
func (c *Cloud) Calls() []Call {
	c.guard.mu.Lock()
	defer c.guard.mu.Unlock()
	return slices.Clone(c.guard.calls)
}
