package rollout

import (
	"context"
	"errors"
	"fmt"

	"github.com/ghdeploy/ghdeploy"
)

// removeEnvironments removes the matching environments that are empty. A
// failure becomes an Item; without the permission, the removal ends.
func (j *retirement) removeEnvironments(ctx context.Context) error {
	j.current = nil
	list, err := j.environments(ctx)
	if err != nil {
		return err
	}
	for _, e := range list {
		if !j.in(e.Name) || j.tooYoung(e) {
			continue
		}
		empty, err := j.empty(ctx, e.Name)
		if err != nil {
			return err
		}
		if !empty {
			continue
		}
		if !j.DryRun {
			err = j.removeEnvironment(ctx, e.Name)
		}
		switch {
		case err != nil && ctx.Err() != nil:
			return ended(ctx, err)
		case errors.Is(err, errGone):
			continue
		}
		item := j.report(nil, Item{Action: ActionRemoveEnvironment, Environment: e.Name, Err: err})
		if err == nil {
			j.result.Environments = append(j.result.Environments, e.Name)
			continue
		}
		j.result.Failed = append(j.result.Failed, item)
		if forbidden(err) {
			return nil
		}
	}
	return nil
}

// errGone is the error of an environment that was removed elsewhere.
var errGone = errors.New("the environment is gone")

// removeEnvironment removes an environment that was read before. GitHub can
// return 404 if the token may not remove it, so it confirms a 404 with a GET.
func (j *retirement) removeEnvironment(ctx context.Context, name string) error {
	err := j.calls.write(ctx, func(ctx context.Context) error {
		return j.repo.Client.Environments.Delete(ctx, j.repo.Owner, j.repo.Name, name)
	})
	if !errors.Is(err, ghdeploy.ErrNotFound) {
		return err
	}
	switch _, shown := j.environment(ctx, name); {
	case errors.Is(shown, ghdeploy.ErrNotFound):
		return errGone
	case shown != nil:
		return shown
	}
	return fmt.Errorf("%w: %w", errDenied, err)
}

// tooYoung reports whether an environment is newer than the cutoff, or was
// created after the start. It may be about to get its first deployment.
func (j *retirement) tooYoung(e *ghdeploy.Environment) bool {
	switch {
	case j.OlderThan > 0:
		return e.CreatedAt.After(j.cutoff)
	case j.pattern != "":
		return !e.CreatedAt.Before(j.horizon)
	}
	return false
}

// environments returns the environments that can match.
func (j *retirement) environments(ctx context.Context) ([]*ghdeploy.Environment, error) {
	if j.pattern == "" {
		e, err := j.environment(ctx, j.Environment)
		switch {
		case errors.Is(err, ghdeploy.ErrNotFound), err == nil && e == nil:
			return nil, nil
		case err != nil:
			return nil, err
		}
		return []*ghdeploy.Environment{e}, nil
	}
	return collect(paced(ctx, &j.calls, j.repo.environments).rows())
}

// empty reports whether an environment has no deployments. It ignores those
// that the job deleted, because a list can still show them.
func (j *retirement) empty(ctx context.Context, environment string) (bool, error) {
	for d, err := range j.deployments(ctx, ghdeploy.DeploymentListOptions{Environment: environment}).rows() {
		if err != nil || !j.deleted[d.ID] {
			return false, err
		}
	}
	return true, nil
}

// subject returns the action and its object, for an error.
func (i Item) subject() string {
	if i.Deployment == nil {
		return fmt.Sprintf("%s %s", i.Action, i.Environment)
	}
	return fmt.Sprintf("%s deployment %d (%s)", i.Action, i.Deployment.ID, i.Environment)
}
