package rollout

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/ghdeploy/ghdeploy"
)

// Ensured is the result of [Repo.Ensure].
type Ensured struct {
	Deployment *ghdeploy.Deployment // the oldest match
	Created    bool                 // this call created it
	Others     []int64              // IDs of the other matches, oldest first
}

// Ensure returns the deployment for a key, and creates it if it does not exist.
// It can be called repeatedly with the same key and request: in a retried job,
// or for a redelivered event.
//
// The key identifies one intended deployment; use the ID of a workflow run or
// of a delivery. Ensure stores it in the payload as "ghdeploy_key" and replaces
// an existing member of that name. A deployment matches if its SHA,
// environment, task and key are those of the request, in any state.
//
// Ref must be a full SHA, so that a key cannot stand for two commits; GitHub
// Actions sets it in GITHUB_SHA. Payload must be nil or encode as a JSON
// object. AutoMerge must be nil or false; false is sent. Otherwise the error is
// [ghdeploy.ErrInvalidArgument].
//
// # Guarantee
//
// There is one deployment for all calls of Ensure with the same SHA,
// environment, task and key, provided that
//
//   - no two of the calls overlap,
//   - no call starts within 15 s of the end of a call that ended with an
//     unknown outcome, was cancelled or was killed, and
//   - the list of deployments shows earlier writes.
//
// Otherwise duplicates are possible, because GitHub has no lock and no
// idempotency key. Later calls then agree on the oldest match: Deployment is
// the oldest, and Others has the IDs of the rest.
//
// Ensure lists the deployments once more after it created one. If the outcome
// of the POST is unknown, Ensure looks for the deployment 1, 3, 7 and 15 s
// after the POST returned, and then repeats the POST, up to three attempts in
// total. It does not repeat it if the last read failed.
//
// Errors are those of [ghdeploy.DeploymentsService].Create and List. After
// [ghdeploy.ErrOutcomeUnknown] the deployment may exist; call Ensure again
// after 15 s. If the read after the creation failed, Ensure returns both the
// deployment and the error.
func (r Repo) Ensure(ctx context.Context, key string, req ghdeploy.DeploymentRequest) (*Ensured, error) {
	if err := r.check(deployments); err != nil {
		return nil, err
	}
	req, err := ensureRequest(key, req)
	if err != nil {
		return nil, err
	}
	matches, err := r.keyed(ctx, key, req)
	if err != nil {
		return nil, err
	}
	if len(matches) > 0 {
		return ensured(matches, nil), nil
	}
	p := post[ghdeploy.Deployment]{
		sends: maxSends,
		send: func(ctx context.Context) (*ghdeploy.Deployment, error) {
			return r.Client.Deployments.Create(ctx, r.Owner, r.Name, req)
		},
		look: func(ctx context.Context) (*ghdeploy.Deployment, error) {
			// There was no match before, so this call created the match.
			matches, err := r.keyed(ctx, key, req)
			if len(matches) == 0 {
				return nil, err
			}
			return matches[0], nil
		},
	}
	created, err := p.do(ctx, ctx)
	if err != nil {
		return nil, err
	}
	matches, err = r.keyed(ctx, key, req)
	return ensured(matches, created), err
}

// ensured returns the result for the matches and for the deployment that this
// call created, which may not be in the list yet.
func ensured(matches []*ghdeploy.Deployment, created *ghdeploy.Deployment) *Ensured {
	if created != nil && !slices.ContainsFunc(matches, func(d *ghdeploy.Deployment) bool { return d.ID == created.ID }) {
		matches = append(matches, created)
	}
	sortNewestFirst(matches)
	slices.Reverse(matches)
	e := &Ensured{Deployment: matches[0], Created: created != nil && matches[0].ID == created.ID}
	for _, d := range matches[1:] {
		e.Others = append(e.Others, d.ID)
	}
	return e
}

// ensureRequest checks the arguments and puts the key into the payload.
func ensureRequest(key string, req ghdeploy.DeploymentRequest) (ghdeploy.DeploymentRequest, error) {
	switch {
	case key == "":
		return req, invalidArgument("Ensure: the key is empty; use an ID, such as that of the workflow run")
	case !utf8.ValidString(key):
		return req, invalidArgument("Ensure: the key %q is not valid UTF-8", key)
	case !isSHA(req.Ref):
		return req, invalidArgument("Ensure: Ref is %q; use the full SHA of a commit, because a branch or tag can move", req.Ref)
	case req.AutoMerge != nil && *req.AutoMerge:
		return req, invalidArgument("Ensure: AutoMerge is true; set it to false or nil, because a merge deploys another commit")
	}
	if some := len(req.RequiredContexts) > 0; some && req.SkipContexts || !some && !req.SkipContexts && req.RequiredContexts != nil {
		return req, invalidArgument("Ensure: RequiredContexts is %q and SkipContexts is %v; set one of them, or omit both to check every context", req.RequiredContexts, req.SkipContexts)
	}
	payload, ok := withKey(req.Payload, key)
	if !ok {
		return req, invalidArgument("Ensure: Payload is a %T that does not encode as a JSON object; the object must hold the key", req.Payload)
	}
	req.Payload = payload
	req.AutoMerge = new(false)
	req.Ref = strings.ToLower(req.Ref)
	req.Task = cmp.Or(req.Task, defaultTask)
	req.Environment = cmp.Or(req.Environment, defaultEnvironment)
	return req, nil
}

// keyed lists the matching deployments, oldest first. It compares the
// environment itself, because GitHub does not document whether its filter means
// the original or the current environment.
func (r Repo) keyed(ctx context.Context, key string, req ghdeploy.DeploymentRequest) ([]*ghdeploy.Deployment, error) {
	var found []*ghdeploy.Deployment
	for d, err := range r.deployments(ctx, ghdeploy.DeploymentListOptions{SHA: req.Ref, Task: req.Task}).rows() {
		if err != nil {
			return nil, fmt.Errorf("rollout: Ensure could not read the deployments of %s: %w", req.Ref, err)
		}
		if hasKey(d, key) && sameEnvironment(cmp.Or(d.OriginalEnvironment, d.Environment), req.Environment) {
			found = append(found, d)
		}
	}
	sortNewestFirst(found)
	slices.Reverse(found)
	return found, nil
}
