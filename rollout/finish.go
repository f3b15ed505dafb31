package rollout

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/internal/contexts"
)

// finishing returns the context of the final status. It outlives ctx by
// afterEnd.
func (x *run) finishing(ctx context.Context) (context.Context, context.CancelFunc) {
	if ctx.Err() != nil {
		return context.WithTimeout(context.WithoutCancel(ctx), afterEnd)
	}
	late, stop := linger(ctx, afterEnd)
	finishCtx, cancel := context.WithTimeout(late, x.opts.Finish)
	return finishCtx, func() {
		cancel()
		stop()
	}
}

// rest waits until background has ended. To settle a progress of unknown
// outcome, background gets 3/8 of the remaining time: 3 s of 8 s.
func (x *run) rest(ctx context.Context) {
	timer := time.AfterFunc(timeLeft(ctx)/8*3, x.stopLook)
	defer timer.Stop()
	<-x.done
}

// pending is an in_progress of unknown outcome, which may still appear after
// the final status.
type pending struct {
	*wanted
	until time.Time // latest time at which it can appear
}

// note sets pending if err is an unknown outcome that was not settled.
func (x *run) note(w *wanted, err error) {
	x.pending = nil
	if unsettled, ok := errors.AsType[*unsettledError](err); ok {
		x.pending = &pending{w, unsettled.returned.Add(settled)}
	}
}

// finish reports the final status. Its error is a *ReportError.
func (x *run) finish(ctx context.Context, state ghdeploy.State, text string) error {
	x.claimed = true
	req := x.running.status(state, text)
	if state == ghdeploy.StateSuccess && x.opts.KeepEarlier {
		req.AutoInactive = new(false)
	}
	status, err := x.final(ctx, req)
	if errors.Is(err, ghdeploy.ErrValidation) && (req.EnvironmentURL != "" || req.LogURL != "") {
		// GitHub may have refused a URL; retry without the URLs.
		req.EnvironmentURL, req.LogURL = "", ""
		refused := err
		if status, err = x.final(ctx, req); err == nil {
			err = fmt.Errorf("it was reported without its URLs: %w", refused)
		}
	}
	if status != nil && x.pending != nil {
		err = join(err, x.watch(ctx, req, status))
	}
	if err != nil {
		return &ReportError{x.running.deployment, state, err}
	}
	return nil
}

// final posts a final status, settles its outcome, and retries after transient
// errors. Every equal final status is its own, because a run posts only one.
func (x *run) final(ctx context.Context, req ghdeploy.DeploymentStatusRequest) (*ghdeploy.DeploymentStatus, error) {
	return persist(ctx, func() (*ghdeploy.DeploymentStatus, error) {
		p := x.repo.statusPost(x.running.deployment.ID, newWanted(req))
		p.hasten = true
		return p.do(ctx, ctx)
	})
}

// watch waits until a pending in_progress can no longer appear. If it appears
// after the final status, watch posts the final status once more.
func (x *run) watch(ctx context.Context, req ghdeploy.DeploymentStatusRequest, final *ghdeploy.DeploymentStatus) error {
	for {
		h, err := x.repo.history(ctx, x.running.deployment.ID)
		late := x.pending.in(h)
		switch {
		case err == nil && late != nil && compareStatuses(late, final) < 0:
			return nil
		case err == nil && late != nil:
			w := newWanted(req)
			w.exclude(h)
			p := x.repo.statusPost(x.running.deployment.ID, w)
			p.hasten = true
			_, err := p.do(ctx, ctx)
			return err
		case err == nil && time.Now().After(x.pending.until):
			return nil
		}
		if contexts.Sleep(ctx, time.Second) != nil {
			return errors.New("an earlier status in_progress of unknown outcome may still appear after it")
		}
	}
}
