package rollout_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/ghdeploytest"
	"github.com/ghdeploy/ghdeploy/rollout"
)

// exampleRepo returns a repository on a test server. Version 2 is live in
// production; version 3 has failed there and is live in staging.
func exampleRepo() rollout.Repo {
	at := func(id int64, version, environment string, states ...string) ghdeploytest.SeedDeployment {
		d := of(version, row(environment, states...))
		d.ID, d.CreatedAt = id, time.Date(2026, 11, 1, 9, int(id), 0, 0, time.UTC)
		d.Ref = "v" + version
		return d
	}
	srv := ghdeploytest.NewServer(
		ghdeploytest.WithClock(func() time.Time { return time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC) }),
		ghdeploytest.WithRepository(ghdeploytest.Repository{FullName: "octocat/example", Deployments: []ghdeploytest.SeedDeployment{
			at(1, "1", "production", "in_progress", "success"),
			at(2, "2", "production", "in_progress", "success"),
			at(3, "3", "staging", "in_progress", "success"),
			at(4, "3", "production", "in_progress", "failure"),
			at(5, "4", "pr-7", "success", "inactive"),
			at(6, "5", "pr-7", "success"),
		}}),
	)
	return rollout.Repo{Client: srv.Client(), Owner: "octocat", Name: "example"}
}

func ExampleRepo_Current() {
	repo := exampleRepo() // a rollout.Repo{Client: client, Owner: "octocat", Name: "example"}
	entry, err := repo.Current(context.Background(), "production", rollout.LookOptions{})
	switch {
	case errors.Is(err, rollout.ErrNoneLive):
		fmt.Println("nothing is live")
	case err != nil:
		log.Fatal(err)
	default:
		fmt.Println(entry.Deployment.Ref, entry.Status.State, entry.Status.CreatedAt.Format(time.DateTime))
	}
	// Output: v2 success 2026-11-01 09:02:00
}

// Roll back: deploy the commit that was live before the newest deployment.
func ExampleRepo_Previous() {
	repo := exampleRepo()
	entry, err := repo.Previous(context.Background(), "production", rollout.LookOptions{})
	if err != nil {
		log.Fatal(err)
	}
	req := rollout.Again(entry.Deployment, "")
	d, err := repo.Client.Deployments.Create(context.Background(), repo.Owner, repo.Name, req)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(entry.Deployment.Ref, "again:", d.SHA[:7], "to", d.Environment)
	// Output: v2 again: 2222222 to production
}

// Promote only commits that were once deployed to staging.
func ExampleRepo_Succeeded() {
	repo := exampleRepo()
	for _, sha := range []string{"3333333333333333333333333333333333333333", "4444444444444444444444444444444444444444"} {
		entry, err := repo.Succeeded(context.Background(), "staging", sha, rollout.LookOptions{})
		switch {
		case errors.Is(err, rollout.ErrNeverSucceeded):
			fmt.Println(sha[:7], "was never in staging")
		case err != nil:
			log.Fatal(err)
		default:
			fmt.Println(sha[:7], "has been in staging since", entry.Status.CreatedAt.Format(time.TimeOnly))
		}
	}
	// Output:
	// 3333333 has been in staging since 09:03:00
	// 4444444 was never in staging
}

func ExampleRepo_History() {
	repo := exampleRepo()
	page, err := repo.History(context.Background(), ghdeploy.DeploymentListOptions{Environment: "production"})
	if err != nil {
		log.Fatal(err)
	}
	for _, entry := range page.Items {
		fmt.Println(entry.Deployment.ID, entry.Deployment.Ref, entry.Status.State)
	}
	// Output:
	// 4 v3 failure
	// 2 v2 success
	// 1 v1 success
}

func ExampleRepo_Overview() {
	repo := exampleRepo()
	for entry, err := range repo.Overview(context.Background(), rollout.LookOptions{}) {
		switch {
		case err != nil:
			log.Fatal(err)
		case entry.Deployment == nil:
			fmt.Println(entry.Environment, "-")
		default:
			fmt.Println(entry.Environment, entry.Deployment.Ref)
		}
	}
	// Output:
	// pr-7 v5
	// production v2
	// staging v3
}

// Clean up after a pull request: delete its deployments, then its environment.
func ExampleRepo_Retire() {
	repo := exampleRepo()
	result, err := repo.Retire(context.Background(), rollout.RetireOptions{
		Environment:       "pr-7",
		Delete:            true,
		RemoveEnvironment: true,
		Pace:              time.Nanosecond, // only for the example; omit it
		OnItem: func(item rollout.Item) {
			switch item.Action {
			case rollout.ActionPause:
				fmt.Println("rate limit until", item.PausedUntil)
			case rollout.ActionRemoveEnvironment:
				fmt.Println(item.Action, item.Environment)
			default:
				fmt.Printf("%d/%d %s %d\n", item.N, item.Of, item.Action, item.Deployment.ID)
			}
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(result.Deleted, "deleted")
	// Output:
	// 1/2 delete 5
	// 2/2 delete 6
	// remove_environment pr-7
	// 2 deleted
}

// Promote: deploy to production the commit that is live in staging.
func ExampleAgain() {
	repo := exampleRepo()
	staging, err := repo.Current(context.Background(), "staging", rollout.LookOptions{})
	if err != nil {
		log.Fatal(err)
	}
	req := rollout.Again(staging.Deployment, "production")
	fmt.Println(req.Ref[:7], "to", req.Environment, "- auto_merge:", *req.AutoMerge)
	// Output: 3333333 to production - auto_merge: false
}
