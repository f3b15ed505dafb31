package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/ghdeploytest"
	"github.com/ghdeploy/ghdeploy/webhook"
)

const owner, repo = "octocat", "example"

// walk takes two deployments from creation to deletion on an embedded server.
func walk(ctx context.Context, out *story) error {
	server := ghdeploytest.NewServer(ghdeploytest.WithRepository(ghdeploytest.Repository{
		FullName: owner + "/" + repo,
		Branches: []ghdeploytest.Branch{
			{Name: "topic", Behind: true},
			{Name: "red", Statuses: []ghdeploytest.CommitStatus{
				{Context: "build", State: "failure"},
				{Context: "lint", State: "success"},
			}},
		},
	}))
	defer server.Close()
	client := server.Client()

	out.title("octocat/example on an embedded server (yours: -repo owner/name, read only)")
	first, err := mergeThenDeploy(ctx, out, client)
	if err != nil {
		return err
	}
	if err := report(ctx, out, client, first, ghdeploy.StateQueued, ghdeploy.StateInProgress, ghdeploy.StateSuccess); err != nil {
		return err
	}
	reports, err := subscribe(server, client)
	if err != nil {
		return err
	}
	second, err := replace(ctx, out, client, first, reports)
	if err != nil {
		return err
	}
	if err := refuse(ctx, out, client); err != nil {
		return err
	}
	if err := remove(ctx, out, client, second); err != nil {
		return err
	}
	if err := list(ctx, out, client); err != nil {
		return err
	}
	return server.WaitDeliveries(ctx) // including those of the last two deployments
}

// mergeThenDeploy shows the 202: the branch is behind, so GitHub merges main
// into it and creates no deployment. The second request creates it.
func mergeThenDeploy(ctx context.Context, out *story, client *ghdeploy.Client) (*ghdeploy.Deployment, error) {
	req := ghdeploy.DeploymentRequest{Ref: "topic", Environment: "staging"}
	_, err := client.Deployments.Create(ctx, owner, repo, req)
	var merged *ghdeploy.MergedBranchError
	if !errors.As(err, &merged) {
		return nil, unexpected("a branch behind main to be merged", err)
	}
	out.step("deploy topic to staging", "202, not deployed: %s", merged.Message)

	d, err := client.Deployments.Create(ctx, owner, repo, req)
	if err != nil {
		return nil, err
	}
	out.step("deploy it once more", "201, deployment %d of %s at %.7s", d.ID, d.Ref, d.SHA)
	return d, nil
}

// report posts statuses, as the program that deploys does.
func report(ctx context.Context, out *story, client *ghdeploy.Client, d *ghdeploy.Deployment, states ...ghdeploy.State) error {
	for _, state := range states {
		status, err := client.Statuses.Create(ctx, owner, repo, d.ID, ghdeploy.DeploymentStatusRequest{
			State:  state,
			LogURL: "https://ci.example.com/runs/1",
		})
		if err != nil {
			return err
		}
		out.step("report "+string(state), "201, status %d of deployment %d", status.ID, d.ID)
	}
	return nil
}

// replace creates a second deployment, which the receiver of the event deploys.
// Its success makes the earlier deployment inactive.
func replace(ctx context.Context, out *story, client *ghdeploy.Client, earlier *ghdeploy.Deployment, reports <-chan *webhook.DeploymentStatusEvent) (*ghdeploy.Deployment, error) {
	d, err := client.Deployments.Create(ctx, owner, repo, ghdeploy.DeploymentRequest{Ref: "main", Environment: "staging"})
	if err != nil {
		return nil, err
	}
	out.step("deploy main to staging", "201, deployment %d", d.ID)
	if err := follow(ctx, out, reports, d); err != nil {
		return nil, err
	}
	page, err := client.Statuses.List(ctx, owner, repo, earlier.ID, ghdeploy.DeploymentStatusListOptions{})
	if err != nil {
		return nil, err
	}
	latest := newest(page.Items)
	if latest == nil || latest.State != ghdeploy.StateInactive {
		return nil, unexpected("the earlier deployment to be inactive", nil)
	}
	out.step("read the earlier one", "%s: GitHub deactivated deployment %d", latest.State, earlier.ID)
	return d, nil
}

// refuse shows the 409 of a commit whose checks have not succeeded.
func refuse(ctx context.Context, out *story, client *ghdeploy.Client) error {
	_, err := client.Deployments.Create(ctx, owner, repo, ghdeploy.DeploymentRequest{Ref: "red", Environment: "staging"})
	var conflict *ghdeploy.ConflictError
	if !errors.As(err, &conflict) || conflict.Reason != ghdeploy.ConflictChecks {
		return unexpected("failing checks to be refused", err)
	}
	var failing []string
	for _, c := range conflict.Failing() {
		failing = append(failing, c.Context+" is "+c.State)
	}
	out.step("deploy red to staging", "409, checks failed: %s", strings.Join(failing, ", "))
	return nil
}

// remove deletes a deployment, which must be inactive first.
func remove(ctx context.Context, out *story, client *ghdeploy.Client, d *ghdeploy.Deployment) error {
	err := client.Deployments.Delete(ctx, owner, repo, d.ID)
	if !errors.Is(err, ghdeploy.ErrActiveDeployment) {
		return unexpected("an active deployment to stay", err)
	}
	out.step("delete the active one", "422, refused: deployment %d is active", d.ID)
	if err := report(ctx, out, client, d, ghdeploy.StateInactive); err != nil {
		return err
	}
	if err := client.Deployments.Delete(ctx, owner, repo, d.ID); err != nil {
		return err
	}
	out.step("delete it now", "204, deployment %d is gone", d.ID)
	return nil
}

// list ranges over all pages, with one deployment on each page.
func list(ctx context.Context, out *story, client *ghdeploy.Client) error {
	for _, environment := range []string{"qa", "production"} {
		req := ghdeploy.DeploymentRequest{Ref: "main", Environment: environment}
		if _, err := client.Deployments.Create(ctx, owner, repo, req); err != nil {
			return err
		}
	}
	var found []string
	for d, err := range client.Deployments.All(ctx, owner, repo, ghdeploy.DeploymentListOptions{PerPage: 1}) {
		if err != nil {
			return err
		}
		found = append(found, d.Ref+" to "+d.Environment)
	}
	out.step("deploy two more, list all", "%d pages: %s", len(found), strings.Join(found, ", "))
	rate := client.Rate()
	out.step("read the quota", "%d of %d requests remaining", rate.Remaining, rate.Limit)
	return nil
}

func unexpected(wanted string, err error) error {
	if err == nil {
		return fmt.Errorf("expected %s, but that did not happen", wanted)
	}
	return fmt.Errorf("expected %s, got: %w", wanted, err)
}
