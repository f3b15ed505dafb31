package rolloutcheck

import (
	"context"
	"errors"
	"time"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/rollout"
)

// Ensure is the function under test.
type Ensure func(context.Context, rollout.Repo, string, ghdeploy.DeploymentRequest) (*rollout.Ensured, error)

// pause is the wait that Ensure requires after a call with an unknown outcome
// or a cancelled one.
const pause = 15 * time.Second

// CheckEnsure makes two to six calls of ensure, one after the other, with
// faults in every request. Some calls are cancelled. After a failed call it
// waits; Ensure's documentation requires at least 15 s.
func CheckEnsure(ctx context.Context, report *Report, seed uint64, wait time.Duration, ensure Ensure) {
	t := newTrial(report, seed)
	defer t.server.Close()
	report.count("trials of Ensure")
	req := ghdeploy.DeploymentRequest{Ref: sha, Environment: "staging"}
	var first int64 // the deployment that the first successful call returned
	for range 2 + t.random.IntN(5) {
		got, err := t.ensure(ctx, ensure, req)
		switch {
		case err == nil:
			report.count("calls of Ensure that succeeded")
		case errors.Is(err, ghdeploy.ErrOutcomeUnknown):
			report.count("calls of Ensure with an unknown outcome")
		default:
			report.count("calls of Ensure that failed")
		}
		if got != nil {
			if first == 0 {
				first = got.Deployment.ID
			}
			if got.Deployment.ID != first {
				t.violate("Ensure returned deployment %d after %d", got.Deployment.ID, first)
			}
		}
		if err != nil {
			time.Sleep(wait)
		}
	}
	t.server.ClearFaults()
	time.Sleep(time.Minute)
	list := t.server.Deployments(fullName)
	if len(list) > 1 {
		t.violate("Ensure created %d deployments", len(list))
	}
	if len(list) == 1 && first != 0 && list[0].ID != first {
		t.violate("Ensure returned deployment %d, but the server has %d", first, list[0].ID)
	}
	// Later calls return the oldest, with duplicates too.
	for range 2 {
		got, err := ensure(ctx, t.repo, "key", req)
		if err != nil || len(list) > 0 && (got.Deployment.ID != list[0].ID || got.Created || len(got.Others) != len(list)-1) {
			t.violate("a later call of Ensure returned %+v, %v", got, err)
		}
	}
}

// ensure makes one call. One of three is cancelled at a random time.
func (t *trial) ensure(ctx context.Context, ensure Ensure, req ghdeploy.DeploymentRequest) (*rollout.Ensured, error) {
	if t.random.IntN(3) == 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, t.upTo(20*time.Second))
		defer cancel()
	}
	return ensure(ctx, t.repo, "key", req)
}
