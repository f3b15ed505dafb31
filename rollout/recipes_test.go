package rollout_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"time"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/rollout"
	"github.com/ghdeploy/ghdeploy/webhook"
)

// The Go code of docs/recipes.md, so that it compiles and runs. TestDocuments
// in the root package compares the two.

func connect(use func(rollout.Repo) error) error {
	client, err := ghdeploy.NewClient(ghdeploy.FromEnvironment())
	if err != nil {
		return err
	}
	repo := rollout.Repo{Client: client, Owner: "octocat", Name: "example"}
	return use(repo)
}

func releaseWith(ctx context.Context, repo rollout.Repo, name string, args ...string) error {
	req := ghdeploy.DeploymentRequest{Ref: "main", Environment: "staging"}
	_, err := repo.Run(ctx, req, rollout.RunOptions{}, func(ctx context.Context, running *rollout.Running) error {
		running.Progress("running " + name)
		running.SetEnvironmentURL("https://staging.example.com")
		cmd := exec.CommandContext(ctx, name, args...)
		cmd.Env = append(os.Environ(), "VERSION="+running.Deployment().SHA)
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		return cmd.Run()
	})
	return err
}

func releaseLatest(ctx context.Context, repo rollout.Repo, deploy func(context.Context, *rollout.Running) error) error {
	req := ghdeploy.DeploymentRequest{Ref: "main", Environment: "staging"}
	_, err := repo.Run(ctx, req, rollout.RunOptions{
		Superseded: func(newer *ghdeploy.Deployment) error {
			return fmt.Errorf("deployment %d is newer and may be incomplete: deploy once more", newer.ID)
		},
	}, deploy)
	return err
}

func deployer(client *ghdeploy.Client, deploy func(ctx context.Context, sha string) error) webhook.Callbacks {
	return webhook.Callbacks{OnDeployment: func(ctx context.Context, e *webhook.DeploymentEvent) error {
		owner, name := e.OwnerRepo()
		repo := rollout.Repo{Client: client, Owner: owner, Name: name}
		_, err := repo.Report(ctx, e.Deployment.ID, ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateInProgress})
		if errors.Is(err, rollout.ErrAlreadyFinal) {
			return nil // a redelivery: the deployment has ended
		}
		if err != nil {
			return err
		}
		end := ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateSuccess}
		if err := deploy(ctx, e.Deployment.SHA); err != nil {
			end.State = ghdeploy.StateFailure
		}
		// The final status is reported even if ctx has ended.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		_, err = repo.Report(ctx, e.Deployment.ID, end)
		return err
	}}
}

func rollBack(ctx context.Context, repo rollout.Repo, deploy func(context.Context, *rollout.Running) error) error {
	previous, err := repo.Previous(ctx, "production", rollout.LookOptions{})
	if err != nil {
		return err // ErrNoneOlder, or ErrRunning: wait for the newest deployment, or stop it
	}
	req := rollout.Again(previous.Deployment, "")
	req.Description = "Roll back to " + previous.Deployment.Ref
	req.SkipContexts = true // the commit was deployed before
	_, err = repo.Run(ctx, req, rollout.RunOptions{}, deploy)
	return err
}

func promote(ctx context.Context, repo rollout.Repo, deploy func(context.Context, *rollout.Running) error) error {
	staging, err := repo.Current(ctx, "staging", rollout.LookOptions{})
	if err != nil {
		return err // ErrNoneLive: there is nothing to promote
	}
	req := rollout.Again(staging.Deployment, "production")
	_, err = repo.Run(ctx, req, rollout.RunOptions{}, deploy)
	return err
}

func deployTested(ctx context.Context, repo rollout.Repo, sha string, deploy func(context.Context, *rollout.Running) error) error {
	if _, err := repo.Succeeded(ctx, "staging", sha, rollout.LookOptions{}); err != nil {
		return err // ErrNeverSucceeded: the commit was not in staging
	}
	req := ghdeploy.DeploymentRequest{Ref: sha, Environment: "production"}
	_, err := repo.Run(ctx, req, rollout.RunOptions{}, deploy)
	return err
}

func deactivatePreview(ctx context.Context, repo rollout.Repo, number int) error {
	_, err := repo.Retire(ctx, rollout.RetireOptions{
		Environment: fmt.Sprintf("pr-%d", number),
		Running:     true, // including running deployments
	})
	return err
}

func deletePreview(ctx context.Context, repo rollout.Repo, number int) error {
	_, err := repo.Retire(ctx, rollout.RetireOptions{
		Environment: fmt.Sprintf("pr-%d", number),
		Running:     true,
		Delete:      true,
	})
	return err
}

func removePreview(ctx context.Context, repo rollout.Repo, number int) error {
	_, err := repo.Retire(ctx, rollout.RetireOptions{
		Environment:       fmt.Sprintf("pr-%d", number),
		Running:           true,
		Delete:            true,
		RemoveEnvironment: true, // with its secrets and protection rules
	})
	return err
}

func removeOldPreviews(ctx context.Context, repo rollout.Repo) error {
	retired, err := repo.Retire(ctx, rollout.RetireOptions{
		Environment: "pr-*",
		OlderThan:   30 * 24 * time.Hour,
		Delete:      true,
		OnItem: func(item rollout.Item) {
			if item.Action == rollout.ActionPause {
				fmt.Println("rate limit until", item.PausedUntil)
			}
		},
	})
	if retired != nil {
		fmt.Println(retired.Deleted, "deleted,", len(retired.Failed), "refused")
	}
	return err
}

func isLive(ctx context.Context, repo rollout.Repo, environment, sha string) (bool, error) {
	entry, err := repo.Current(ctx, environment, rollout.LookOptions{})
	if errors.Is(err, rollout.ErrNoneLive) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return entry.Deployment.SHA == sha, nil
}

func printLive(ctx context.Context, repo rollout.Repo) error {
	for entry, err := range repo.Overview(ctx, rollout.LookOptions{}) {
		if err != nil {
			return err
		}
		if d := entry.Deployment; d != nil {
			fmt.Printf("%s %s %.7s since %s\n", entry.Environment, d.Ref, d.SHA, entry.Status.CreatedAt.Format(time.RFC3339))
		} else {
			fmt.Println(entry.Environment, "-")
		}
	}
	return nil
}

func waitForStaging(ctx context.Context, repo rollout.Repo, sha string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Minute)
	defer cancel()
	page, err := repo.History(ctx, ghdeploy.DeploymentListOptions{SHA: sha, Environment: "staging"})
	if err != nil {
		return err
	}
	if len(page.Items) == 0 {
		return fmt.Errorf("%s has no deployment to staging yet", sha)
	}
	_, err = repo.Wait(ctx, page.Items[0].Deployment.ID, rollout.WaitOptions{
		OnStatus: func(s *ghdeploy.DeploymentStatus) { fmt.Println(s.State, s.Description) },
	})
	if errors.Is(err, rollout.ErrOtherState) {
		return fmt.Errorf("staging was not deployed: %w", err)
	}
	return err
}

func mergeFirst(ctx context.Context, repo rollout.Repo, branch string, checks []string) (*ghdeploy.Deployment, error) {
	req := ghdeploy.DeploymentRequest{Ref: branch, Environment: "staging", RequiredContexts: checks}
	for {
		d, err := repo.Client.Deployments.Create(ctx, repo.Owner, repo.Name, req)

		var conflict *ghdeploy.ConflictError
		switch {
		case errors.Is(err, ghdeploy.ErrMergedBranch):
			// 202: GitHub merged the default branch and created no deployment.
		case errors.As(err, &conflict) && conflict.Reason == ghdeploy.ConflictChecks && !anyFailed(conflict):
			// 409: the checks of the merge commit are not complete yet.
		default:
			return d, err
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), err)
		case <-time.After(10 * time.Second):
		}
	}
}

func anyFailed(conflict *ghdeploy.ConflictError) bool {
	return slices.ContainsFunc(conflict.Failing(), func(c ghdeploy.ContextState) bool {
		switch c.State {
		case "pending", "queued", "in_progress", "waiting", "requested":
			return false // it can still succeed
		}
		return true
	})
}
