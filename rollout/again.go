package rollout

import (
	"bytes"
	"encoding/json"
	"slices"

	"github.com/ghdeploy/ghdeploy"
)

// Again returns a request that deploys the commit of d to an environment, d's
// own if environment is "". To roll back, pass the result of [Repo.Previous];
// to promote, pass the result of [Repo.Current] for the environment before it.
//
// The request has d's SHA as its Ref, its task, its description, and its
// payload without the member ghdeploy_key, which identifies a single
// deployment. A payload that is text holding a JSON object becomes that object;
// other text stays text; an empty payload is omitted. AutoMerge is false,
// because GitHub cannot merge into a commit. The transient and production flags
// are copied only within one environment; elsewhere GitHub's defaults apply.
//
// GitHub checks the commit's statuses again: set SkipContexts or
// RequiredContexts if they must not decide. For a nil d the request has no Ref,
// and creating it fails with [ghdeploy.ErrInvalidArgument].
func Again(d *ghdeploy.Deployment, environment string) ghdeploy.DeploymentRequest {
	if d == nil {
		return ghdeploy.DeploymentRequest{Environment: environment}
	}
	if environment == "" {
		environment = d.Environment
	}
	req := ghdeploy.DeploymentRequest{
		Ref:         d.SHA,
		Task:        d.Task,
		Description: d.Description,
		Environment: environment,
		AutoMerge:   new(false),
		Payload:     payloadAgain(d.Payload),
	}
	if sameEnvironment(environment, d.Environment) {
		req.TransientEnvironment = d.TransientEnvironment
		req.ProductionEnvironment = new(d.ProductionEnvironment)
	}
	return req
}

// payloadAgain returns a payload as a request takes it: without the key, and
// nil if nothing is left.
func payloadAgain(p ghdeploy.Payload) any {
	raw := bytes.TrimSpace(p)
	text, isText := p.Text()
	if isText {
		raw = []byte(text)
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(raw, &object) == nil && object != nil {
		delete(object, keyMember)
		if len(object) == 0 {
			return nil
		}
		return object
	}
	switch {
	case isText && text == "", len(raw) == 0, !isText && string(raw) == "null":
		return nil
	case isText:
		return text
	default:
		return ghdeploy.Payload(slices.Clone(raw))
	}
}
