package rollout

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/ghdeploy/ghdeploy"
)

// Report posts a status of a deployment, for programs that follow events. It is
// safe to call Report twice with the same status, late, or after a lost
// connection. Report reads the deployment's statuses first, so a call costs one
// GET more than the POST.
//
//   - A Description is cut to 140 characters, GitHub's maximum.
//   - If the newest status equals the request, Report posts nothing and returns
//     that status. It compares the state, description, log URL and environment
//     URL, and the environment if the request sets it.
//   - A status queued, pending or in_progress is not posted after a final
//     status. Report returns the final status and [ErrAlreadyFinal].
//   - If the outcome of the POST is unknown, Report looks for the status 1, 3,
//     7 and 15 s after the POST returned, and then repeats the POST, up to
//     three attempts in total. It ignores statuses that existed before. A final
//     status is repeated even if these reads fail, because a lost final status
//     is worse than a second equal one.
//
// Report does not lock. If two programs report different states of one
// deployment at the same time, either can be the last.
//
// Errors are those of [ghdeploy.StatusesService].Create and List. After
// [ghdeploy.ErrOutcomeUnknown] the status may still appear.
func (r Repo) Report(ctx context.Context, id int64, req ghdeploy.DeploymentStatusRequest) (*ghdeploy.DeploymentStatus, error) {
	if err := r.check(statuses); err != nil {
		return nil, err
	}
	switch {
	case id <= 0:
		return nil, invalidArgument("Report: the deployment ID is %d; IDs are positive", id)
	case req.State == "":
		return nil, invalidArgument("Report: State is empty; set one such as ghdeploy.StateSuccess")
	}
	w := newWanted(req)
	h, err := r.history(ctx, id)
	newest := h.newest()
	switch {
	case err != nil && (!req.State.Final() || ctx.Err() != nil || errors.Is(err, ghdeploy.ErrInvalidArgument)):
		return nil, err
	case err != nil:
		w.blind = true
	case newest != nil && w.equal(newest):
		return newest, nil
	case newest != nil && newest.State.Final() && reopens(req.State):
		return newest, alreadyFinal(id, newest)
	default:
		w.exclude(h)
	}
	status, err := r.statusPost(id, w).do(ctx, ctx)
	if final, ok := errors.AsType[*alreadyFinalError](err); ok {
		return final.newest, err
	}
	return status, err
}

// statusPost returns the POST of a status.
func (r Repo) statusPost(id int64, w *wanted) post[ghdeploy.DeploymentStatus] {
	return post[ghdeploy.DeploymentStatus]{
		sends: maxSends,
		blind: w.req.State.Final(),
		send: func(ctx context.Context) (*ghdeploy.DeploymentStatus, error) {
			return r.Client.Statuses.Create(ctx, r.Owner, r.Name, id, w.req)
		},
		look: func(ctx context.Context) (*ghdeploy.DeploymentStatus, error) {
			h, err := r.history(ctx, id)
			if err != nil {
				return nil, err
			}
			if found := w.in(h); found != nil {
				return found, nil
			}
			if newest := h.newest(); newest != nil && newest.State.Final() && reopens(w.req.State) {
				return nil, alreadyFinal(id, newest)
			}
			return nil, nil
		},
	}
}

// wanted is a status to post and to look for.
type wanted struct {
	req    ghdeploy.DeploymentStatusRequest
	before map[int64]bool // IDs of the statuses that existed before the POST
	blind  bool           // whether before is unknown
}

func newWanted(req ghdeploy.DeploymentStatusRequest) *wanted {
	req.Description = cut(req.Description)
	return &wanted{req: req}
}

func (w *wanted) exclude(h history) {
	w.before = make(map[int64]bool, len(h))
	for _, s := range h {
		w.before[s.ID] = true
	}
}

// in returns the wanted status if the history holds it and it is not in before.
// If before is unknown, in compares only the newest status.
func (w *wanted) in(h history) *ghdeploy.DeploymentStatus {
	if w.blind {
		if newest := h.newest(); newest != nil && w.equal(newest) {
			return newest
		}
		return nil
	}
	return h.where(func(s *ghdeploy.DeploymentStatus) bool { return !w.before[s.ID] && w.equal(s) }).newest()
}

// equal reports whether a status equals the request. GitHub copies LogURL to
// TargetURL.
func (w *wanted) equal(s *ghdeploy.DeploymentStatus) bool {
	return s.State == w.req.State &&
		s.Description == w.req.Description &&
		s.EnvironmentURL == w.req.EnvironmentURL &&
		cmp.Or(s.LogURL, s.TargetURL) == cmp.Or(w.req.LogURL, w.req.TargetURL) &&
		(w.req.Environment == "" || sameEnvironment(s.Environment, w.req.Environment))
}

// maxDescription is GitHub's maximum length of a description, in characters.
// GitHub docs: https://docs.github.com/rest/deployments/statuses#create-a-deployment-status
const maxDescription = 140

// cut returns the first maxDescription characters of a text, as valid UTF-8.
func cut(text string) string {
	if len(text) > 4*maxDescription {
		text = text[:4*maxDescription] // holds at least 140 runes
	}
	text = strings.ToValidUTF8(text, "\uFFFD")
	count := 0
	for i := range text {
		if count == maxDescription {
			return text[:i]
		}
		count++
	}
	return text
}

// reopens reports whether a status of this state would reopen a final
// deployment.
func reopens(s ghdeploy.State) bool {
	return s == ghdeploy.StateQueued || s == ghdeploy.StatePending || s == ghdeploy.StateInProgress
}

type alreadyFinalError struct {
	id     int64
	newest *ghdeploy.DeploymentStatus
}

func alreadyFinal(id int64, newest *ghdeploy.DeploymentStatus) error {
	return &alreadyFinalError{id, newest}
}

func (e *alreadyFinalError) Error() string {
	return fmt.Sprintf("rollout: deployment %d is already %s; create a new deployment to deploy again", e.id, e.newest.State)
}
func (e *alreadyFinalError) Unwrap() error { return ErrAlreadyFinal }
