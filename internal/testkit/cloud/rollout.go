package cloud

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/latchkey-idp/latchkey/internal/testkit/iam"
	"github.com/latchkey-idp/latchkey/internal/testkit/sam"
)

// Rollout is what CodeDeploy does before it lets anybody reach a new version: it asks
// the hook. The status is what the hook has told it; empty: nothing.
func (c *Cloud) Rollout() (status string, err error) {
	deployment := "d-" + rand.Text()[:9]
	event, err := json.Marshal(map[string]string{"DeploymentId": deployment, "LifecycleEventHookExecutionId": rand.Text()})
	if err != nil {
		return "", err
	}
	_, err = c.Invoke("precheck", event)
	return c.rollouts.status(deployment), err
}

// rollouts is CodeDeploy.
type rollouts struct {
	mu   sync.Mutex
	told map[string]string // by deployment
}

func (d *rollouts) status(deployment string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.told[deployment]
}

// ServeHTTP answers PutLifecycleEventHookExecutionStatus.
func (d *rollouts) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var in struct{ DeploymentId, LifecycleEventHookExecutionId, Status string } //nolint:revive // CodeDeploy spells it so
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || in.LifecycleEventHookExecutionId == "" || in.Status != "Succeeded" && in.Status != "Failed" {
		answer(w, "1.1", http.StatusBadRequest, map[string]string{"__type": "InvalidLifecycleEventHookExecutionStatusException"})
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.told == nil {
		d.told = map[string]string{}
	}
	d.told[in.DeploymentId] = in.Status
	answer(w, "1.1", http.StatusOK, map[string]string{"lifecycleEventHookExecutionId": in.LifecycleEventHookExecutionId})
}

// rolloutRequests are the rights that a call to CodeDeploy needs: in one of the
// deployment groups of the stack's application.
func (g *guard) rolloutRequests(operation string, _ []byte) ([]iam.Request, error) {
	return []iam.Request{{
		Action:   "codedeploy:" + operation,
		Resource: "arn:aws:codedeploy:" + g.region + ":" + sam.Account + ":deploymentgroup:ServerlessDeploymentApplication/SSOFunctionDeploymentGroup",
	}}, nil
}

// invokeRequests are the rights that a call to Lambda needs, by its path.
func (g *guard) invokeRequests(path string, _ []byte) ([]iam.Request, error) {
	version, err := invoked(path)
	return []iam.Request{{Action: "lambda:InvokeFunction", Resource: version}}, err
}

// invoked is the version that a call to Lambda is for, as the template names it:
// SSOFunction.Version.
func invoked(path string) (version string, err error) {
	path, invokes := strings.CutSuffix(path, "/invocations")
	version, known := strings.CutPrefix(path, "/2015-03-31/functions/")
	if !invokes || !known {
		return "", fmt.Errorf("%s invokes no function", path)
	}
	return version, nil
}

// lambda is Lambda for who may invoke functions.
func (c *Cloud) lambda(w http.ResponseWriter, r *http.Request) {
	version, _ := invoked(r.URL.Path)
	event, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	for _, f := range c.Stack.Functions {
		if f.LogicalID+".Version" != version {
			continue
		}
		out, err := c.Invoke(f.Name, event)
		if err != nil {
			w.Header().Set("X-Amz-Function-Error", "Unhandled")
			out, _ = json.Marshal(map[string]string{"errorMessage": err.Error()})
		}
		_, _ = w.Write(out)
		return
	}
	w.Header().Set("X-Amzn-Errortype", "ResourceNotFoundException")
	answer(w, "1.1", http.StatusNotFound, map[string]string{"Message": "no function " + version})
}
