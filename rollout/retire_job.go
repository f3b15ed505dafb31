package rollout

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"time"

	"github.com/ghdeploy/ghdeploy"
)

// retirement is the state of one call of Retire.
type retirement struct {
	selection
	repo   Repo
	calls  calls
	result Retired

	pattern string    // pattern of environment names; "" if Environment is a name or empty
	horizon time.Time // the start; later lists ignore new deployments that are not older
	listed  bool      // whether the first list is complete

	places  map[int64]int      // N of each deployment, by ID
	settled map[int64]bool     // deployments that need no further step
	deleted map[int64]bool     // deleted deployments, even if a list still shows them
	failed  map[int64]*failure // deployments whose step failed
	current *step              // the current step, or nil

	doubt  doubt
	bare   bool            // whether GitHub refused to delete a deployment without a status
	proven map[Action]bool // actions that have succeeded once
	broken int             // transient errors in a row
}

// failure is a deployment whose step failed.
type failure struct {
	item  Item
	tries int
}

func newRetirement(r Repo, opts RetireOptions) *retirement {
	start := time.Now()
	j := &retirement{
		repo:      r,
		selection: selection{RetireOptions: opts},
		horizon:   start.Truncate(time.Second), // GitHub's times are whole seconds
		places:    make(map[int64]int),
		settled:   make(map[int64]bool),
		deleted:   make(map[int64]bool),
		failed:    make(map[int64]*failure),
		proven:    make(map[Action]bool),
	}
	if opts.OlderThan > 0 {
		j.cutoff = start.Add(-opts.OlderThan)
	}
	j.calls = calls{pace: opts.Pace, paused: func(until time.Time, limit error) {
		j.report(j.current, Item{Action: ActionPause, Err: limit, PausedUntil: until})
	}}
	return j
}

// resolve determines whether Environment is a name or a pattern.
func (j *retirement) resolve(ctx context.Context) error {
	environment := j.Environment
	if !isPattern(environment) {
		return nil
	}
	page, err := j.deployments(ctx, ghdeploy.DeploymentListOptions{Environment: environment}).page(0)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(page.Items, func(d *ghdeploy.Deployment) bool { return sameEnvironment(d.Environment, environment) }) {
		return nil
	}
	switch _, err := j.environment(ctx, environment); {
	case errors.Is(err, ghdeploy.ErrNotFound), errors.Is(err, ghdeploy.ErrForbidden):
		j.pattern = environment
	case err != nil:
		return err
	}
	return nil
}

// in reports whether an environment matches the options.
func (j *retirement) in(environment string) bool {
	if j.pattern != "" {
		ok, _ := path.Match(fold(j.pattern), fold(environment)) // the pattern was checked before
		return ok
	}
	return j.Environment == "" || sameEnvironment(environment, j.Environment)
}

// list returns the deployments that match all filters but OlderThan, newest
// first.
func (j *retirement) list(ctx context.Context) ([]*ghdeploy.Deployment, error) {
	j.current = nil
	query := ghdeploy.DeploymentListOptions{Ref: j.Ref, Task: j.Task}
	if j.pattern == "" {
		query.Environment = j.Environment
	}
	rows, err := collect(j.deployments(ctx, query).rows())
	if err != nil {
		return nil, err
	}
	rows = slices.DeleteFunc(rows, func(d *ghdeploy.Deployment) bool {
		return !j.in(d.Environment) ||
			j.listed && j.places[d.ID] == 0 && !d.CreatedAt.Before(j.horizon)
	})
	j.listed = true
	sortNewestFirst(rows)
	return slices.CompactFunc(rows, func(a, b *ghdeploy.Deployment) bool { return a.ID == b.ID }), nil
}

// deployments lists deployments at the pace of the job.
func (j *retirement) deployments(ctx context.Context, query ghdeploy.DeploymentListOptions) listing[ghdeploy.Deployment] {
	return paced(ctx, &j.calls, func(ctx context.Context) listing[ghdeploy.Deployment] {
		return j.repo.deployments(ctx, query)
	})
}

// plan returns the steps for the deployments that are not settled, oldest
// first.
func (j *retirement) plan(ctx context.Context, rows []*ghdeploy.Deployment) ([]*step, error) {
	listed := make(map[int64]bool)
	for _, d := range rows {
		listed[d.ID] = true
	}
	j.forgetDeleted(listed)
	steps := slices.DeleteFunc(j.choose(rows), func(s *step) bool { return j.settled[s.ID] })
	for _, s := range slices.Backward(steps) {
		if j.places[s.ID] == 0 {
			j.places[s.ID] = len(j.places) + 1
		}
	}
	for _, s := range slices.Backward(steps) {
		if !j.mustRead(s) {
			continue
		}
		switch found, err := j.read(ctx, s); {
		case err != nil:
			return nil, err
		case !found:
			s.action = ActionGone
		}
	}
	supersede(steps)
	live := make(map[[2]string]int64)
	for _, s := range steps {
		var isLive bool
		if j.mustProtect(s) {
			group := [2]string{fold(s.Environment), s.Task}
			if _, ok := live[group]; !ok {
				id, err := j.live(ctx, s, steps)
				if err != nil {
					return nil, err
				}
				live[group] = id
			}
			isLive = live[group] == s.ID
		}
		j.decide(s, isLive)
	}
	slices.Reverse(steps)
	return steps, nil
}

// read reads the history of a step's deployment. found is false if the
// deployment was deleted.
func (j *retirement) read(ctx context.Context, s *step) (found bool, err error) {
	j.current = s
	var h history
	err = j.calls.read(ctx, func(ctx context.Context) (err error) {
		h, err = j.repo.history(ctx, s.ID)
		return err
	})
	found = err == nil
	if errors.Is(err, ghdeploy.ErrNotFound) {
		err = nil
	}
	if err == nil {
		s.known, s.status, s.succeeded = found, h.newest(), h.firstSuccess(s.Environment) != nil
	}
	return found, err
}

// live returns the ID of the newest deployment that ever succeeded in the
// environment and with the task of a step. The step's own one has succeeded.
func (j *retirement) live(ctx context.Context, s *step, steps []*step) (int64, error) {
	known := make(map[int64]*step)
	for _, other := range steps {
		if other.known {
			known[other.ID] = other
		}
	}
	query := ghdeploy.DeploymentListOptions{Environment: s.Environment, Task: s.Task}
	for d, err := range newestFirst(j.deployments(ctx, query)) {
		switch {
		case err != nil:
			return 0, err
		case !sameEnvironment(d.Environment, s.Environment):
			continue
		}
		other := known[d.ID]
		if other == nil {
			other = &step{Deployment: d}
			if _, err := j.read(ctx, other); err != nil {
				return 0, err
			}
		}
		if other.succeeded {
			return d.ID, nil
		}
	}
	return s.ID, nil // not in the list; keep it
}

// environment reads one environment.
func (j *retirement) environment(ctx context.Context, name string) (e *ghdeploy.Environment, err error) {
	err = j.calls.read(ctx, func(ctx context.Context) (err error) {
		e, err = j.repo.Client.Environments.Get(ctx, j.repo.Owner, j.repo.Name, name)
		return err
	})
	return e, err
}

// report completes an item and calls OnItem. s is nil if the item concerns no
// step.
func (j *retirement) report(s *step, item Item) Item {
	if s != nil {
		item.Deployment, item.Environment, item.N = s.Deployment, s.Environment, j.places[s.ID]
	}
	item.Of = len(j.places)
	if j.OnItem != nil {
		j.OnItem(item)
	}
	return item
}

// end returns err joined with all failures, oldest first.
func (j *retirement) end(err error) error {
	var items []Item
	for _, f := range j.failed {
		items = append(items, f.item)
	}
	slices.SortFunc(items, func(a, b Item) int { return cmp.Compare(a.N, b.N) })
	j.result.Failed = append(items, j.result.Failed...)
	var all []error
	for _, item := range j.result.Failed {
		all = append(all, fmt.Errorf("rollout: %s: %w", item.subject(), item.Err))
	}
	return errors.Join(append(all, err)...)
}
