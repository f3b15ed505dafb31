package rollout

import (
	"context"
	"errors"
	"iter"
	"runtime"
	"sync"

	"github.com/ghdeploy/ghdeploy"
)

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
// reads 1, 2, 4 and then 8 at a time, because the first one usually suffices.
// It omits deleted deployments.
func (r Repo) look(ctx context.Context, list iter.Seq2[*ghdeploy.Deployment, error]) iter.Seq2[looked, error] {
	return func(yield func(looked, error) bool) {
		width := 1
		batch := make([]*ghdeploy.Deployment, 0, widest)
		flush := func() (goOn bool) {
			for _, found := range r.lookWide(ctx, batch) {
				switch {
				case errors.Is(found.err, ghdeploy.ErrNotFound): // deleted since it was listed
				case found.err != nil:
					yield(looked{}, found.err)
					return false
				case !yield(found.looked, nil):
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

// lookup is the result of reading one history.
type lookup struct {
	looked
	err   error
	done  bool // the read returned, without a panic or a Goexit
	panic any
}

// lookWide reads all histories of a batch concurrently and returns when all
// reads have ended. A panic in a service continues on the caller's goroutine.
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
			f.history, f.err = r.history(ctx, d.ID)
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
