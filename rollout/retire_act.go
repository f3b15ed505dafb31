package rollout

import (
	"context"
	"errors"
	"fmt"

	"github.com/ghdeploy/ghdeploy"
)

// doubt selects the states to read before a DELETE, which avoids requests that
// GitHub would refuse.
type doubt int

const (
	noDoubt       doubt = iota // read no state
	doubtNewest                // read that of an environment's newest deployment, because GitHub refused one
	doubtEveryone              // read all states, because GitHub refused another one; each success counts as active
)

const (
	maxTries  = 3  // tries of a deployment after transient errors
	maxBroken = 10 // transient errors in a row before the job stops
)

// act executes the steps, and reports whether it made a write. An error ends
// the job.
func (j *retirement) act(ctx context.Context, steps []*step) (acted bool, err error) {
	for _, s := range steps {
		if err := ctx.Err(); err != nil {
			return acted, err
		}
		j.current = s
		action, err := s.action, error(nil)
		switch {
		case j.DryRun:
		case action == ActionDelete:
			acted = true
			action, err = j.delete(ctx, s)
		case action == ActionDeactivate:
			acted = true
			action, err = j.deactivate(ctx, s)
		}
		if err != nil && ctx.Err() != nil {
			return acted, ended(ctx, err)
		}
		j.record(ctx, s, action, err)
		if err := j.stop(ctx, err); err != nil {
			return acted, err
		}
	}
	return acted, nil
}

// ended returns the error of a call whose context has ended.
func ended(ctx context.Context, err error) error {
	if errors.Is(err, ctx.Err()) {
		return err
	}
	return errors.Join(ctx.Err(), err)
}

// record counts and reports a step.
func (j *retirement) record(ctx context.Context, s *step, action Action, err error) {
	if err == nil {
		delete(j.failed, s.ID)
		j.settle(s.ID, action)
		j.report(s, Item{Action: action})
		return
	}
	f := j.failed[s.ID]
	if f == nil {
		f = new(failure)
		j.failed[s.ID] = f
	}
	f.tries++
	_, again := retryable(ctx, err)
	j.settled[s.ID] = !again || f.tries == maxTries
	f.item = j.report(s, Item{Action: action, Err: err})
}

// settle counts the result of a deployment, which needs no further step.
func (j *retirement) settle(id int64, action Action) {
	j.settled[id] = true
	switch action {
	case ActionKeep:
		j.result.Kept++
	case ActionDeactivate:
		j.result.Deactivated++
	case ActionDelete:
		j.result.Deleted++
		j.deleted[id] = true
	case ActionGone:
		j.result.Gone++
		j.deleted[id] = true
	}
}

// stop returns an error if the job must stop after the error of a step.
func (j *retirement) stop(ctx context.Context, err error) error {
	_, again := retryable(ctx, err)
	switch {
	case err == nil:
		j.broken = 0
	case forbidden(err):
		return errors.New("rollout: stopped, because GitHub forbids the change")
	case again:
		if j.broken++; j.broken == maxBroken {
			return fmt.Errorf("rollout: stopped after %d transient errors in a row; try again later", maxBroken)
		}
	}
	return nil
}

// forbidden reports whether the token lacks a permission.
func forbidden(err error) bool {
	return errors.Is(err, errDenied) || errors.Is(err, ghdeploy.ErrForbidden) || errors.Is(err, ghdeploy.ErrUnauthorized)
}

// forgetDeleted settles as gone the deployments whose step failed with a
// transient error and which are no longer listed.
func (j *retirement) forgetDeleted(listed map[int64]bool) {
	for id, f := range j.failed {
		if j.settled[id] || listed[id] {
			continue
		}
		delete(j.failed, id)
		j.settle(id, ActionGone)
		item := f.item
		item.Action, item.Err = ActionGone, nil
		j.report(nil, item)
	}
}

// delete deletes the deployment of a step. If the deployment is active, it gets
// an inactive status first.
func (j *retirement) delete(ctx context.Context, s *step) (Action, error) {
	if j.mustReadState(s) {
		switch found, err := j.read(ctx, s); {
		case err != nil:
			return ActionDelete, err
		case !found:
			return ActionGone, nil
		}
	}
	if !j.expectActive(s) {
		action, err := j.remove(ctx, s)
		if !errors.Is(err, ghdeploy.ErrActiveDeployment) {
			return action, err
		}
		switch keep, err := j.refused(ctx, s); {
		case err != nil:
			return ActionDelete, err
		case keep:
			return ActionKeep, nil
		}
	}
	if action, err := j.deactivate(ctx, s); action == ActionGone || err != nil {
		return action, err
	}
	return j.remove(ctx, s)
}

// remove sends the DELETE.
func (j *retirement) remove(ctx context.Context, s *step) (Action, error) {
	err := j.calls.write(ctx, func(ctx context.Context) error {
		return j.repo.Client.Deployments.Delete(ctx, j.repo.Owner, j.repo.Name, s.ID)
	})
	return j.gone(ctx, s, ActionDelete, err)
}

// mustReadState reports whether the state of a deployment must be read before
// its DELETE.
func (j *retirement) mustReadState(s *step) bool {
	return !s.known && (j.doubt == doubtEveryone || j.doubt == doubtNewest && s.newest)
}

// expectActive reports whether GitHub is expected to refuse the DELETE. Its
// documentation does not say whether a deployment without a status is active.
func (j *retirement) expectActive(s *step) bool {
	switch {
	case !s.known:
		return false
	case s.state() == "":
		return j.bare
	default:
		return s.state() == ghdeploy.StateSuccess && (!s.superseded || j.doubt == doubtEveryone)
	}
}

// refused handles a DELETE that GitHub refused because the deployment is
// active. It reports whether to keep the deployment, which may run or be live
// by now.
func (j *retirement) refused(ctx context.Context, s *step) (keep bool, err error) {
	switch {
	case s.known && s.state() == "":
		j.bare = true
	case s.newest:
		j.doubt = max(j.doubt, doubtNewest)
	default:
		j.doubt = doubtEveryone
	}
	if j.Running && j.Live {
		return false, nil
	}
	if _, err := j.read(ctx, s); err != nil {
		return false, err
	}
	live := s.ID
	if j.mustProtect(s) {
		if live, err = j.live(ctx, s, nil); err != nil {
			return false, err
		}
	}
	j.decide(s, live == s.ID)
	return s.action == ActionKeep, nil
}

// deactivate gives the deployment of a step an inactive status. An unknown
// outcome is settled if the deployment is inactive.
func (j *retirement) deactivate(ctx context.Context, s *step) (Action, error) {
	_, err := post[ghdeploy.DeploymentStatus]{
		sends: maxSends,
		blind: true, // a second inactive status does no harm
		send: func(ctx context.Context) (status *ghdeploy.DeploymentStatus, err error) {
			err = j.calls.write(ctx, func(ctx context.Context) error {
				status, err = j.repo.Client.Statuses.Create(ctx, j.repo.Owner, j.repo.Name, s.ID,
					ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateInactive})
				return err
			})
			return status, err
		},
		look: func(ctx context.Context) (*ghdeploy.DeploymentStatus, error) {
			if _, err := j.read(ctx, s); err != nil || s.state() != ghdeploy.StateInactive {
				return nil, err
			}
			return s.status, nil
		},
	}.do(ctx, ctx)
	return j.gone(ctx, s, ActionDeactivate, err)
}

// errDenied is the error of a write that got a 404 although a GET succeeds.
var errDenied = errors.New("GitHub returned 404 for the write but not for a read; the token may not change it")

// gone turns a 404 into ActionGone. GitHub also returns 404 if the token may
// not delete, so it confirms with a GET unless the action has succeeded before.
func (j *retirement) gone(ctx context.Context, s *step, action Action, err error) (Action, error) {
	switch {
	case err == nil:
		j.proven[action] = true
		return action, nil
	case !errors.Is(err, ghdeploy.ErrNotFound):
		return action, err
	case j.proven[action]:
		return ActionGone, nil
	}
	shown := j.calls.read(ctx, func(ctx context.Context) error {
		_, err := j.repo.Client.Deployments.Get(ctx, j.repo.Owner, j.repo.Name, s.ID)
		return err
	})
	switch {
	case errors.Is(shown, ghdeploy.ErrNotFound):
		return ActionGone, nil
	case shown != nil:
		return action, shown
	}
	return action, fmt.Errorf("%w: %w", errDenied, err)
}
