package rollout

import (
	"context"
	"errors"
	"time"

	"github.com/ghdeploy/ghdeploy"
)

const (
	// minProgress is the minimum time between two statuses in_progress.
	minProgress = 10 * time.Second
	// inFlight is the maximum time for an in_progress in flight once the
	// function has returned. After that its outcome is unknown.
	inFlight = time.Second
)

// background posts the progress while the function runs. If the function still
// runs Grace after the end of the context, it posts the final status.
func (x *run) background(ctx context.Context) {
	defer close(x.done)
	defer func() { x.crash = recover() }()
	graceOver, cancel := linger(ctx, x.opts.Grace)
	defer cancel()
	x.progress(ctx)
	select {
	case <-x.returned:
		return
	case <-graceOver.Done():
	}
	select {
	case <-x.returned: // both at once: the result of the function counts
		return
	default:
	}
	finishCtx, cancelFinish := x.finishing(ctx)
	defer cancelFinish()
	x.lateErr = x.finish(finishCtx, x.opts.Cancelled, x.running.latest())
}

// progress posts the latest text whenever the next status is due, until the
// function returns or the context ends.
func (x *run) progress(ctx context.Context) {
	stop, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-x.returned:
			cancel()
		case <-stop.Done():
		}
	}()
	timer := time.NewTimer(0)
	defer timer.Stop()
	posted, start := "", time.Now()
	next := start.Add(minProgress)
	for {
		var due <-chan time.Time
		if x.running.latest() != posted {
			timer.Reset(time.Until(next))
			due = timer.C
		}
		select {
		case <-stop.Done():
			return
		case <-x.running.wake:
			continue
		case <-due:
		}
		text := x.running.latest()
		if x.postProgress(stop, text) {
			posted = text
		}
		next = nextProgress(start, time.Now())
	}
}

// nextProgress returns the earliest time of the status after one posted now.
func nextProgress(start, now time.Time) time.Time {
	return now.Add(max(minProgress, now.Sub(start)/4))
}

// postProgress posts one text once, and reports whether the text is settled. If
// it is not, the text is posted when the next status is due.
func (x *run) postProgress(stop context.Context, text string) bool {
	ctx, cancel := linger(stop, inFlight)
	defer cancel()
	w := newWanted(x.running.status(ghdeploy.StateInProgress, text))
	h, err := x.repo.history(ctx, x.running.deployment.ID)
	if err != nil || stop.Err() != nil {
		return false
	}
	if newest := h.newest(); newest != nil && newest.State.Final() {
		return true // the deployment was ended elsewhere
	}
	w.exclude(h)
	p := x.repo.statusPost(x.running.deployment.ID, w)
	p.sends = 1
	_, err = p.do(ctx, x.looking)
	x.note(w, err)
	_, again := retryable(ctx, err)
	return !again && !errors.Is(err, ghdeploy.ErrOutcomeUnknown)
}
