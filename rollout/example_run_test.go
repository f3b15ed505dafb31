package rollout_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/ghdeploytest"
	"github.com/ghdeploy/ghdeploy/rollout"
)

// Run reports the start, the progress and the result of a deployment function.
func ExampleRepo_Run() {
	srv := ghdeploytest.NewServer() // a test server instead of GitHub
	defer srv.Close()
	repo := rollout.Repo{Client: srv.Client(), Owner: "octocat", Name: "example"}

	d, err := repo.Run(context.Background(), ghdeploy.DeploymentRequest{
		Ref:         "main",
		Environment: "staging",
	}, rollout.RunOptions{}, func(ctx context.Context, running *rollout.Running) error {
		running.Progress("copied 14 files")
		running.SetEnvironmentURL("https://staging.example.test")
		return nil // deploy running.Deployment().SHA here, and return when ctx ends
	})
	fmt.Println("error:", err)
	for _, status := range srv.Deployments("octocat/example")[0].Statuses {
		fmt.Printf("%s %s %q %q\n", d.Environment, status.State, status.Description, status.EnvironmentURL)
	}
	// Output:
	// error: <nil>
	// staging in_progress "" ""
	// staging success "copied 14 files" "https://staging.example.test"
}

// An older deployment that finishes last becomes inactive instead of success.
func ExampleRunOptions_superseded() {
	srv := ghdeploytest.NewServer()
	defer srv.Close()
	repo := rollout.Repo{Client: srv.Client(), Owner: "octocat", Name: "example"}
	req := ghdeploy.DeploymentRequest{Ref: "main", Environment: "staging"}

	_, err := repo.Run(context.Background(), req, rollout.RunOptions{
		Superseded: func(newer *ghdeploy.Deployment) error {
			return fmt.Errorf("deployment %d is newer", newer.ID)
		},
	}, func(ctx context.Context, _ *rollout.Running) error {
		// Another program creates a deployment.
		_, err := repo.Client.Deployments.Create(ctx, "octocat", "example", req)
		return err
	})
	fmt.Println("error:", err)
	fmt.Println("state:", srv.Deployments("octocat/example")[0].State())
	// Output:
	// error: deployment 6000000002 is newer
	// state: inactive
}

// In a retried job, the second call finds the deployment of the first.
func ExampleRepo_Ensure() {
	const sha = "0123456789abcdef0123456789abcdef01234567"
	srv := ghdeploytest.NewServer(ghdeploytest.WithRepository(ghdeploytest.Repository{
		FullName: "octocat/example",
		Branches: []ghdeploytest.Branch{{Name: "main", SHA: sha}},
	}))
	defer srv.Close()
	repo := rollout.Repo{Client: srv.Client(), Owner: "octocat", Name: "example"}

	for range 2 {
		ensured, err := repo.Ensure(context.Background(), "workflow-run-17", ghdeploy.DeploymentRequest{
			Ref:         sha,
			Environment: "staging",
		})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println("deployment", ensured.Deployment.ID, "created:", ensured.Created)
	}
	// Output:
	// deployment 6000000001 created: true
	// deployment 6000000001 created: false
}

// An event handler reports states that can arrive twice and too late.
func ExampleRepo_Report() {
	srv := ghdeploytest.NewServer()
	defer srv.Close()
	repo := rollout.Repo{Client: srv.Client(), Owner: "octocat", Name: "example"}
	ctx := context.Background()
	d, err := repo.Client.Deployments.Create(ctx, "octocat", "example", ghdeploy.DeploymentRequest{Ref: "main"})
	if err != nil {
		fmt.Println(err)
		return
	}

	for _, state := range []ghdeploy.State{ghdeploy.StateInProgress, ghdeploy.StateSuccess, ghdeploy.StateSuccess, ghdeploy.StateInProgress} {
		status, err := repo.Report(ctx, d.ID, ghdeploy.DeploymentStatusRequest{State: state})
		if errors.Is(err, rollout.ErrAlreadyFinal) {
			fmt.Println(state, "comes too late: the deployment is", status.State)
		} else if err != nil {
			fmt.Println(err)
		}
	}
	for _, status := range srv.Deployments("octocat/example")[0].Statuses {
		fmt.Println("posted:", status.State)
	}
	// Output:
	// in_progress comes too late: the deployment is success
	// posted: in_progress
	// posted: success
}

// Wait until a deployment ends.
func ExampleRepo_Wait() {
	srv := ghdeploytest.NewServer()
	defer srv.Close()
	repo := rollout.Repo{Client: srv.Client(), Owner: "octocat", Name: "example"}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	d, err := repo.Run(ctx, ghdeploy.DeploymentRequest{Ref: "main"}, rollout.RunOptions{},
		func(context.Context, *rollout.Running) error { return nil })
	if err != nil {
		fmt.Println(err)
		return
	}

	status, err := repo.Wait(ctx, d.ID, rollout.WaitOptions{
		OnStatus: func(s *ghdeploy.DeploymentStatus) { fmt.Println("status:", s.State) },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("reached:", status.State)

	// A state that the deployment can no longer reach.
	_, err = repo.Wait(ctx, d.ID, rollout.WaitOptions{Until: []ghdeploy.State{ghdeploy.StateFailure}})
	if failed, ok := errors.AsType[*rollout.WaitError](err); ok && errors.Is(err, rollout.ErrOtherState) {
		fmt.Println("ended as:", failed.Last.State)
	}
	// Output:
	// status: in_progress
	// status: success
	// reached: success
	// ended as: success
}
