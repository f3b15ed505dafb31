package rollout

import (
	"context"
	"errors"
	"iter"
	"runtime"
	"sync"

	"github.com/ghdeploy/ghdeploy"
)

// history is all statuses of one deployment.
type history []*ghdeploy.DeploymentStatus

// newest returns the newest status, nil if there is none.
func (h history) newest() *ghdeploy.DeploymentStatus { return newestStatus(h) }

// state returns the state of the newest status, "" if there is none.
func (h history) state() ghdeploy.State {
	if newest := h.newest(); newest != nil {
		return newest.State
	}
	return ""
}

// firstSuccess returns the oldest status with the state success in an
// environment, nil if there is none: a status can move a deployment.
func (h history) firstSuccess(environment string) *ghdeploy.DeploymentStatus {
	var first *ghdeploy.DeploymentStatus
	for _, s := range h {
		if s.State == ghdeploy.StateSuccess && within(s.Environment, environment) &&
			(first == nil || compareAge(s.CreatedAt, first.CreatedAt, s.ID, first.ID) < 0) {
			first = s
		}
	}
	return first
}

// ended reports whether any status is final.
func (h history) ended() bool {
	for _, s := range h {
		if s.State.Final() {
			return true
		}
	}
	return false
}

// history reads all statuses of a deployment: one request per hundred. found is
// false if the deployment was deleted.
func (r Repo) history(ctx context.Context, id int64) (h history, found bool, err error) {
	rows, err := collect(ghdeploy.Pages(1, func(number int) (*ghdeploy.Page[*ghdeploy.DeploymentStatus], error) {
		return r.Client.Statuses.List(ctx, r.Owner, r.Name, id, ghdeploy.DeploymentStatusListOptions{Page: number, PerPage: pageSize})
	}))
	switch {
	case errors.Is(err, ghdeploy.ErrNotFound):
		return nil, false, nil
	case err != nil:
		return nil, false, err
	}
	return withoutNil(rows), true, nil
}

// looked is a deployment with its history.
type looked struct {
	*ghdeploy.Deployment
	history
}

// entry returns the deployment with its newest status.
func (l looked) entry() *Entry {
	return &Entry{Environment: l.Environment, Deployment: l.Deployment, Status: l.newest()}
}

// widest is the maximum number of histories that are read at the same time.
const widest = 8

// look ranges over deployments with their histories, in the given order. It
// reads 1, 2, 4 and then 8 at a time, because the first one decides most
// often. Deployments that were deleted are left out.
func (r Repo) look(ctx context.Context, list iter.Seq2[*ghdeploy.Deployment, error]) iter.Seq2[looked, error] {
	return func(yield func(looked, error) bool) {
		width := 1
		batch := make([]*ghdeploy.Deployment, 0, widest)
		flush := func() (goOn bool) {
			for _, found := range r.lookWide(ctx, batch) {
				switch {
				case found.err != nil:
					yield(looked{}, found.err)
					return false
				case found.ok && !yield(found.looked, nil):
					return false
				}
			}
			batch, width = batch[:0], min(2*width, widest)
			return true
		}
		for d, err := range list {
			if err != nil {
				yield(looked{}, err)
				return
			}
			if batch = append(batch, d); len(batch) == width && !flush() {
				return
			}
		}
		flush()
	}
}

// lookup is what reading one history brought.
type lookup struct {
	looked
	ok    bool // the deployment exists
	err   error
	done  bool // the reading returned, and did not panic or call Goexit
	panic any
}

// lookWide reads all histories of a batch at the same time and returns once all
// readings have ended. A panic in a service continues on this goroutine.
func (r Repo) lookWide(ctx context.Context, batch []*ghdeploy.Deployment) []lookup {
	found := make([]lookup, len(batch))
	var wg sync.WaitGroup
	for i, d := range batch {
		wg.Go(func() {
			f := &found[i]
			defer func() {
				if !f.done {
					f.panic = recover()
				}
			}()
			f.Deployment = d
			f.history, f.ok, f.err = r.history(ctx, d.ID)
			f.done = true
		})
	}
	wg.Wait()
	for _, f := range found {
		switch {
		case f.done:
		case f.panic != nil:
			panic(f.panic)
		default:
			runtime.Goexit()
		}
	}
	return found
}
