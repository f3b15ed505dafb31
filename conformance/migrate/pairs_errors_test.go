package migrate

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-github/v92/github"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

// errorPairs return what a caller finds in the error, not the error itself.
var errorPairs = []pair{
	{
		before: "*github.ErrorResponse", after: "*ghdeploy.Error",
		theirs: func(ctx context.Context, w *world, gc *github.Client) (any, error) {
			_, _, err := gc.Repositories.GetDeployment(ctx, w.owner, w.repo, 1)
			var e *github.ErrorResponse
			if !errors.As(err, &e) {
				return nil, err
			}
			return []any{e.Response.StatusCode, e.Message, e.DocumentationURL, e.Response.Header.Get("X-Github-Request-Id")}, nil
		},
		ours: func(ctx context.Context, w *world, client *ghdeploy.Client) (any, error) {
			_, err := client.Deployments.Get(ctx, w.owner, w.repo, 1)
			var e *ghdeploy.Error
			if !errors.As(err, &e) {
				return nil, err
			}
			return []any{e.StatusCode, e.Message, e.DocumentationURL, e.RequestID}, nil
		},
	},
	{
		before: "http.StatusNotFound", after: "ghdeploy.ErrNotFound",
		theirs: func(ctx context.Context, w *world, gc *github.Client) (any, error) {
			_, _, err := gc.Repositories.GetDeployment(ctx, w.owner, w.repo, 1)
			var e *github.ErrorResponse
			return errors.As(err, &e) && e.Response.StatusCode == http.StatusNotFound, nil
		},
		ours: func(ctx context.Context, w *world, client *ghdeploy.Client) (any, error) {
			_, err := client.Deployments.Get(ctx, w.owner, w.repo, 1)
			return errors.Is(err, ghdeploy.ErrNotFound), nil
		},
	},
	{
		before: "http.StatusUnprocessableEntity", after: "ghdeploy.ErrRefNotFound",
		theirs: func(ctx context.Context, w *world, gc *github.Client) (any, error) {
			_, _, err := gc.Repositories.CreateDeployment(ctx, w.owner, w.repo, github.DeploymentRequest{Ref: "mian"})
			var e *github.ErrorResponse
			return errors.As(err, &e) && e.Response.StatusCode == http.StatusUnprocessableEntity &&
				strings.HasPrefix(e.Message, "No ref found for"), nil
		},
		ours: func(ctx context.Context, w *world, client *ghdeploy.Client) (any, error) {
			_, err := client.Deployments.Create(ctx, w.owner, w.repo, ghdeploy.DeploymentRequest{Ref: "mian"})
			return errors.Is(err, ghdeploy.ErrRefNotFound), nil
		},
	},
	{
		before: "http.StatusConflict", after: "*ghdeploy.ConflictError",
		theirs: func(ctx context.Context, w *world, gc *github.Client) (any, error) {
			_, _, err := gc.Repositories.CreateDeployment(ctx, w.owner, w.repo, github.DeploymentRequest{Ref: "red", AutoMerge: new(false)})
			var e *github.ErrorResponse
			if !errors.As(err, &e) || e.Response.StatusCode != http.StatusConflict {
				return nil, err
			}
			return e.Errors, err
		},
		ours: func(ctx context.Context, w *world, client *ghdeploy.Client) (any, error) {
			_, err := client.Deployments.Create(ctx, w.owner, w.repo, ghdeploy.DeploymentRequest{Ref: "red", AutoMerge: new(false)})
			var e *ghdeploy.ConflictError
			if !errors.As(err, &e) {
				return nil, err
			}
			return e.Failing(), err
		},
		differs: func(t *testing.T, theirs, ours *outcome) {
			list, ok := theirs.value.([]github.Error)
			if !ok || len(list) != 1 || strings.Contains(list[0].Error()+theirs.err.Error(), `"ci"`) {
				t.Errorf("go-github names the check: %v, %v", theirs.value, theirs.err)
			}
			failing, ok := ours.value.([]ghdeploy.ContextState)
			if !ok || len(failing) != 1 || failing[0].Context != "ci" || failing[0].State != "failure" {
				t.Errorf("ghdeploy: %v, %v", ours.value, ours.err)
			}
			if len(theirs.deployments)+len(ours.deployments) != 0 {
				t.Error("a deployment was created")
			}
		},
	},
	{
		before: "*github.AcceptedError", after: "ghdeploy.ErrMergedBranch",
		theirs: func(ctx context.Context, w *world, gc *github.Client) (any, error) {
			_, _, err := gc.Repositories.CreateDeployment(ctx, w.owner, w.repo, github.DeploymentRequest{Ref: "behind"})
			var e *github.AcceptedError
			return errors.As(err, &e), err
		},
		ours: func(ctx context.Context, w *world, client *ghdeploy.Client) (any, error) {
			_, err := client.Deployments.Create(ctx, w.owner, w.repo, ghdeploy.DeploymentRequest{Ref: "behind"})
			return errors.Is(err, ghdeploy.ErrMergedBranch), err
		},
		differs: func(t *testing.T, theirs, ours *outcome) {
			wantSameValue(t, theirs.value, ours.value)
			if theirs.value != true || !strings.Contains(theirs.err.Error(), "job scheduled") {
				t.Errorf("go-github: %v", theirs.err)
			}
			if strings.Contains(ours.err.Error(), "scheduled") || !strings.Contains(ours.err.Error(), "merged") {
				t.Errorf("ghdeploy: %v", ours.err)
			}
			if len(theirs.deployments)+len(ours.deployments) != 0 {
				t.Error("a deployment was created")
			}
		},
	},
	{
		before: "*github.RateLimitError", after: "*ghdeploy.RateLimitError", prepare: limited,
		theirs: func(ctx context.Context, w *world, gc *github.Client) (any, error) {
			_, _, err := gc.Repositories.GetDeployment(ctx, w.owner, w.repo, w.id)
			var e *github.RateLimitError
			return errors.As(err, &e), err
		},
		ours: func(ctx context.Context, w *world, client *ghdeploy.Client) (any, error) {
			var e *ghdeploy.RateLimitError
			_, err := client.Deployments.Get(ctx, w.owner, w.repo, w.id)
			return errors.As(err, &e), err
		},
		differs: wantWait(time.Minute),
	},
	{
		before: "*github.AbuseRateLimitError", after: "RateLimitError.Secondary",
		options: []ghdeploytest.Option{ghdeploytest.WithSecondaryLimit(1, ghdeploytest.SecondaryRetryAfter)}, prepare: deployed,
		theirs: func(ctx context.Context, w *world, gc *github.Client) (any, error) {
			_, _, err := gc.Repositories.CreateDeployment(ctx, w.owner, w.repo, github.DeploymentRequest{Ref: "main"})
			var e *github.AbuseRateLimitError
			return errors.As(err, &e), err
		},
		ours: func(ctx context.Context, w *world, client *ghdeploy.Client) (any, error) {
			_, err := client.Deployments.Create(ctx, w.owner, w.repo, ghdeploy.DeploymentRequest{Ref: "main"})
			// RateLimitError.Secondary is true if the wait would be longer than
			// RetryPolicy.MaxWait.
			impatient := w.ours(ghdeploy.WithToken(fullToken), ghdeploy.WithRetry(ghdeploy.RetryPolicy{MaxWait: -1}))
			_, refused := impatient.Deployments.Create(ctx, w.owner, w.repo, ghdeploy.DeploymentRequest{Ref: "main"})
			var e *ghdeploy.RateLimitError
			if !errors.As(refused, &e) || !e.Secondary {
				w.t.Errorf("ghdeploy without waiting: %v", refused)
			}
			return false, err
		},
		differs: wantWait(time.Minute),
	},
}

// wantWait is an error at once, and a success after the limit.
func wantWait(limit time.Duration) func(*testing.T, *outcome, *outcome) {
	return func(t *testing.T, theirs, ours *outcome) {
		t.Helper()
		if theirs.value != true || theirs.took != 0 {
			t.Errorf("go-github: %v after %v", theirs.err, theirs.took)
		}
		if ours.value != false || ours.err != nil || ours.took < limit/2 || ours.took > 2*limit {
			t.Errorf("ghdeploy: %v after %v", ours.err, ours.took)
		}
	}
}
