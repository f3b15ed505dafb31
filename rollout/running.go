package rollout

import (
	"sync"

	"github.com/ghdeploy/ghdeploy"
)

// Running is the running deployment, for the function that [Repo.Run] calls.
// Its methods are safe for concurrent use, never block and never fail. After
// Run has returned, they have no effect. The zero Running reports nothing; use
// it to test such a function.
type Running struct {
	deployment *ghdeploy.Deployment
	wake       chan struct{} // capacity 1; holds a value after Progress was called

	mu             sync.Mutex
	text           string
	environmentURL string
	logURL         string
}

// Deployment returns the deployment. It is nil for the zero Running.
func (r *Running) Deployment() *ghdeploy.Deployment { return r.deployment }

// Progress sets the description of the next status in_progress and of the final
// status. It is cut to 140 characters. The first in_progress has no
// description. Before deploy returns, set a text that describes the result.
//
// Run posts the latest text when the next status is due. The time between two
// statuses is 10 s or a quarter of the elapsed time, whichever is longer, so
// constant progress makes at most 28 statuses in 2 h, with the first
// in_progress. A status that GitHub refuses is dropped.
func (r *Running) Progress(text string) {
	r.mu.Lock()
	r.text = cut(text)
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// SetEnvironmentURL sets the address of the deployed environment, an http or
// https URL. Run sends it with the next status and with the final one.
func (r *Running) SetEnvironmentURL(url string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.environmentURL = url
}

// SetLogURL sets the address of the deployment's output. Run sends it with the
// next status and with the final one.
func (r *Running) SetLogURL(url string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.logURL = url
}

// latest returns the latest text.
func (r *Running) latest() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text
}

// status returns a status request with the latest URLs.
func (r *Running) status(state ghdeploy.State, text string) ghdeploy.DeploymentStatusRequest {
	r.mu.Lock()
	defer r.mu.Unlock()
	return ghdeploy.DeploymentStatusRequest{
		State: state, Description: text, LogURL: r.logURL, EnvironmentURL: r.environmentURL,
	}
}
