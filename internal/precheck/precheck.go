// Package precheck asks new versions of the functions whether they could answer
// requests, before anybody gets one: it is the hook BeforeAllowTraffic of CodeDeploy
// ("AppSpec 'hooks' section for an AWS Lambda deployment"). A version that reads its
// settings wrongly, or may not use the table or a key, stops its own deployment
// where a canary would have to wait for people whom it fails.
package precheck

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	codedeploytypes "github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/latchkey-idp/latchkey/internal/idp"
	"github.com/latchkey-idp/latchkey/internal/lambdahttp"
	"github.com/latchkey-idp/latchkey/internal/obs"
)

// reportTime is kept of the hook's time to say what came out: CodeDeploy waits an
// hour for a hook that says nothing.
const reportTime = 30 * time.Second

// ErrEvent is what the invoker of another event gets.
var ErrEvent = fmt.Errorf("%s: this function serves CodeDeploy only", idp.EventUnknown)

// Event is what CodeDeploy sends to a hook.
type Event struct {
	Deployment string `json:"DeploymentId"`
	Hook       string `json:"LifecycleEventHookExecutionId"`
}

// Checker is the hook.
type Checker struct {
	Versions   []string // ARNs of the functions' new versions
	Lambda     *lambda.Client
	CodeDeploy *codedeploy.Client
	Log        *slog.Logger
}

// New makes the hook for versions, ARNs separated by commas (LATCHKEY_VERSIONS). Log
// lines go to w.
func New(ctx context.Context, versions string, w io.Writer) (*Checker, error) {
	if versions == "" {
		return nil, errors.New("LATCHKEY_VERSIONS is not set")
	}
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("read AWS settings: %w", err)
	}
	return &Checker{
		Versions: strings.Split(versions, ","), Lambda: lambda.NewFromConfig(cfg), CodeDeploy: codedeploy.NewFromConfig(cfg),
		Log: obs.NewLogger(w, slog.LevelInfo, true),
	}, nil
}

// Run asks each version and tells CodeDeploy Succeeded, or Failed if one of them
// could not answer; the log says which, and why. An error means that CodeDeploy
// could not be told.
func (c *Checker) Run(ctx context.Context, e Event) error {
	if e.Deployment == "" || e.Hook == "" {
		c.Log.ErrorContext(ctx, "event refused", "event", "lambda.event.rejected", "reason", idp.EventUnknown)
		return ErrEvent
	}
	status := codedeploytypes.LifecycleEventStatusSucceeded
	if !c.ready(ctx) {
		status = codedeploytypes.LifecycleEventStatusFailed
	}
	_, err := c.CodeDeploy.PutLifecycleEventHookExecutionStatus(ctx, &codedeploy.PutLifecycleEventHookExecutionStatusInput{
		DeploymentId: &e.Deployment, LifecycleEventHookExecutionId: &e.Hook, Status: status,
	})
	if err != nil {
		c.Log.ErrorContext(ctx, "CodeDeploy could not be told", "event", "precheck.failed", "deployment", e.Deployment, "err", err)
		return errors.New("CodeDeploy could not be told: see the log")
	}
	c.Log.InfoContext(ctx, "the new versions were asked", "event", "precheck.done", "deployment", e.Deployment, "status", status)
	return nil
}

// ready reports whether all versions are. They are asked one after the other: each
// may start an instance, and a new account admits only ten at once.
func (c *Checker) ready(ctx context.Context) bool {
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-reportTime))
		defer cancel()
	}
	all := len(c.Versions) > 0 // who asks nobody has shown nothing
	for _, version := range c.Versions {
		if err := c.ask(ctx, version); err != nil {
			c.Log.ErrorContext(ctx, "a new version is not ready", "event", "precheck.failed", "function", version, "err", err)
			all = false
		}
	}
	return all
}

func (c *Checker) ask(ctx context.Context, version string) error {
	out, err := c.Lambda.Invoke(ctx, &lambda.InvokeInput{FunctionName: &version, Payload: []byte(lambdahttp.ReadyEvent)})
	if err != nil {
		return fmt.Errorf("invoke: %w", err)
	}
	if out.FunctionError != nil { // it ended, ran out of time, or does not know the event
		return fmt.Errorf("%s: %.300s", aws.ToString(out.FunctionError), out.Payload)
	}
	var answer struct {
		StatusCode int    `json:"statusCode"`
		Body       string `json:"body"`
	}
	if err := json.Unmarshal(out.Payload, &answer); err != nil {
		return fmt.Errorf("read its answer: %w", err)
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("it answers %d: %.100s", answer.StatusCode, answer.Body)
	}
	return nil
}
