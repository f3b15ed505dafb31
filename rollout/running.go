package rollout

import (
	"sync"

	"github.com/ghdeploy/ghdeploy"
)

// Running is a deployment under way, for the function that [Repo.Run] calls.
// Its methods are safe for concurrent use, never block and never fail. After
// Run has returned they have no effect. The zero Running reports nothing; use
// it in a test of such a function.
type Running struct {
	deployment *ghdeploy.Deployment
	wake       chan struct{} // holds one: there is something new

	mu             sync.Mutex
	text           string
	environmentURL string
	logURL         string
}

// Deployment returns the deployment, nil for the zero Running.
func (r *Running) Deployment() *ghdeploy.Deployment { return r.deployment }

// Progress sets the text of the deployment: the description of the next status
// in_progress, and of the final status. Text past 140 characters is cut.
//
// Run posts the latest text when its time has come, without another call. Two
// statuses are 10 s or a quarter of the elapsed time apart, whichever is longer.
// Constant progress makes 28 statuses in 2 h, with the in_progress that Run
// begins with. A status that GitHub refuses is dropped.
func (r *Running) Progress(text string) {
	r.mu.Lock()
	r.text = cut(text)
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// SetEnvironmentURL sets where to see what was deployed: a URL with http or
// https. It goes out with the next status and with the final one.
func (r *Running) SetEnvironmentURL(url string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.environmentURL = url
}

// SetLogURL sets where to see the output of the deployment. It goes out with
// the next status and with the final one.
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

// status returns the request of a status with the URLs.
func (r *Running) status(state ghdeploy.State, text string) ghdeploy.DeploymentStatusRequest {
	r.mu.Lock()
	defer r.mu.Unlock()
	return ghdeploy.DeploymentStatusRequest{
		State: state, Description: text, LogURL: r.logURL, EnvironmentURL: r.environmentURL,
	}
}
