package ghdeploy_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

// A partial update: the reviewers stay, and only the timer changes.
func ExampleEnvironmentsService() {
	server := ghdeploytest.NewServer(ghdeploytest.WithRepository(ghdeploytest.Repository{
		FullName:     "octocat/example",
		Environments: []ghdeploytest.Environment{{Name: "production", Reviewers: []ghdeploytest.Reviewer{{User: "octocat"}}}},
	}))
	defer server.Close()
	client := server.Client() // elsewhere: ghdeploy.NewClient

	env, err := client.Environments.CreateOrUpdate(context.Background(), "octocat", "example", "production", ghdeploy.EnvironmentRequest{
		WaitTimer: new(30),
	})
	if err != nil {
		log.Panic(err)
	}
	for _, rule := range env.ProtectionRules {
		switch rule.Type {
		case ghdeploy.RuleWaitTimer:
			fmt.Printf("%s waits %d minutes\n", env.Name, rule.WaitTimer)
		case ghdeploy.RuleRequiredReviewers:
			fmt.Printf("%s needs the approval of %s\n", env.Name, rule.Reviewers[0].User.Login)
		}
	}
	// Unordered output:
	// production needs the approval of octocat
	// production waits 30 minutes
}

// A policy that exists already is as good as one that was created.
func ExampleBranchPoliciesService() {
	server := ghdeploytest.NewServer(ghdeploytest.WithRepository(ghdeploytest.Repository{
		FullName:     "octocat/example",
		Environments: []ghdeploytest.Environment{{Name: "production", BranchPolicies: []ghdeploytest.BranchPolicy{{Name: "main"}}}},
	}))
	defer server.Close()
	client := server.Client() // elsewhere: ghdeploy.NewClient

	for _, pattern := range []string{"main", "release/*"} {
		policy, err := client.BranchPolicies.Create(context.Background(), "octocat", "example", "production", ghdeploy.BranchPolicyRequest{
			Name: pattern,
		})
		switch {
		case errors.Is(err, ghdeploy.ErrAlreadyExists):
			fmt.Println(pattern, "may be deployed already")
		case err != nil:
			log.Panic(err)
		default:
			fmt.Println(policy.Name, "may be deployed from now on")
		}
	}
	// Output:
	// main may be deployed already
	// release/* may be deployed from now on
}

// An app's rule is enabled by the app's ID, and disabled by its own.
func ExampleProtectionRulesService() {
	server := ghdeploytest.NewServer(
		ghdeploytest.WithApp(ghdeploytest.App{Slug: "health-gate"}),
		ghdeploytest.WithRepository(ghdeploytest.Repository{
			FullName:     "octocat/example",
			Environments: []ghdeploytest.Environment{{Name: "production"}},
		}),
	)
	defer server.Close()
	client := server.Client() // elsewhere: ghdeploy.NewClient
	ctx := context.Background()

	for app, err := range client.ProtectionRules.AllApps(ctx, "octocat", "example", "production", ghdeploy.CustomProtectionRuleAppListOptions{}) {
		if err != nil {
			log.Panic(err)
		}
		if app.Slug != "health-gate" {
			continue
		}
		rule, err := client.ProtectionRules.Enable(ctx, "octocat", "example", "production", ghdeploy.CustomProtectionRuleRequest{
			IntegrationID: app.ID,
		})
		if err != nil {
			log.Panic(err)
		}
		fmt.Println(rule.App.Slug, "is asked before each deployment")

		if err := client.ProtectionRules.Disable(ctx, "octocat", "example", "production", rule.ID); err != nil {
			log.Panic(err)
		}
		fmt.Println("and now it is not")
	}
	// Output:
	// health-gate is asked before each deployment
	// and now it is not
}

// Environments are approved by name. One that the run does not wait for is
// refused before anything is approved.
func ExampleReviewsService() {
	reviewed := []ghdeploytest.Reviewer{{User: "octocat"}}
	server := ghdeploytest.NewServer(ghdeploytest.WithRepository(ghdeploytest.Repository{
		FullName:     "octocat/example",
		Environments: []ghdeploytest.Environment{{Name: "staging", Reviewers: reviewed}, {Name: "production", Reviewers: reviewed}},
	}))
	defer server.Close()
	run := server.StartRun("octocat/example", ghdeploytest.Run{Environments: []string{"staging", "production"}})
	client := server.Client() // elsewhere: ghdeploy.NewClient

	for range 2 {
		deployments, err := client.Reviews.Review(context.Background(), "octocat", "example", run.ID, ghdeploy.ReviewRequest{
			Environments: []string{"staging"},
			State:        ghdeploy.ReviewApproved,
			Comment:      "Ship it!",
		})
		var absent *ghdeploy.NotPendingError
		switch {
		case errors.As(err, &absent):
			fmt.Printf("nothing to approve for %v; waiting: %v\n", absent.Environments, absent.Pending)
		case err != nil:
			log.Panic(err)
		default:
			fmt.Printf("%s goes to %s\n", deployments[0].Ref, deployments[0].Environment)
		}
	}
	// Output:
	// main goes to staging
	// nothing to approve for [staging]; waiting: [production]
}
