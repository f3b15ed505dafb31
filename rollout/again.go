package rollout

import (
	"bytes"
	"encoding/json"
	"slices"

	"github.com/ghdeploy/ghdeploy"
)

// Again returns a request that deploys the commit of d to an environment. If
// environment is "", it is d's environment. To roll back, pass the deployment
// of [Repo.Previous]; to promote, that of [Repo.Current] for the previous
// environment.
//
// The request has d's SHA as Ref, and d's task, description and payload. The
// payload's member ghdeploy_key is omitted, because it identifies a single
// deployment. A payload that is a string with a JSON object becomes that
// object; any other string stays a string. An empty payload is omitted.
// AutoMerge is false, because GitHub cannot merge into a commit.
// TransientEnvironment and ProductionEnvironment are copied only if the
// environment stays the same; otherwise GitHub's defaults apply.
//
// GitHub checks the commit's statuses again; set SkipContexts or
// RequiredContexts to change that. If d is nil, the request has no Ref, and
// creating it fails with [ghdeploy.ErrInvalidArgument].
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

// payloadAgain returns a payload for a request: without the key, and nil if it
// is empty.
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
