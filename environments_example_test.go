package ghdeploy_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/ghdeploy/ghdeploy"
)

// exampleClient is a client for the repository octocat/example on a server
// that gives these answers, one after the other.
func exampleClient(bodies ...string) *ghdeploy.Client {
	w := new(wire)
	for _, body := range bodies {
		w.answers = append(w.answers, answer(http.StatusOK, body))
	}
	client, err := ghdeploy.NewClient(ghdeploy.WithHTTPClient(&http.Client{Transport: w}))
	if err != nil {
		panic(err)
	}
	return client
}

// A partial update: the reviewers stay, and only the timer changes.
func ExampleEnvironmentsService() {
	client := exampleClient(
		`{"id": 1, "name": "production", "protection_rules": [
			{"id": 2, "type": "required_reviewers", "reviewers": [{"type": "Team", "reviewer": {"id": 7, "slug": "ops"}}]}]}`,
		`{"id": 1, "name": "production", "protection_rules": [
			{"id": 2, "type": "required_reviewers", "reviewers": [{"type": "Team", "reviewer": {"id": 7, "slug": "ops"}}]},
			{"id": 3, "type": "wait_timer", "wait_timer": 30}]}`,
	)

	env, err := client.Environments.CreateOrUpdate(context.Background(), "octocat", "example", "production",
		ghdeploy.EnvironmentRequest{WaitTimer: new(30)})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, rule := range env.ProtectionRules {
		switch rule.Type {
		case ghdeploy.RuleWaitTimer:
			fmt.Printf("%s waits %d minutes\n", env.Name, rule.WaitTimer)
		case ghdeploy.RuleRequiredReviewers:
			fmt.Printf("%s needs the approval of %s\n", env.Name, rule.Reviewers[0].Team.Slug)
		}
	}
	// Output:
	// production needs the approval of ops
	// production waits 30 minutes
}

// A policy that exists already is as good as one that was created.
func ExampleBranchPoliciesService() {
	client, err := ghdeploy.NewClient(ghdeploy.WithHTTPClient(&http.Client{Transport: answers(answer(http.StatusSeeOther, ""))}))
	if err != nil {
		fmt.Println(err)
		return
	}

	_, err = client.BranchPolicies.Create(context.Background(), "octocat", "example", "production",
		ghdeploy.BranchPolicyRequest{Name: "release/*"})
	switch {
	case errors.Is(err, ghdeploy.ErrAlreadyExists):
		fmt.Println("release/* may be deployed already")
	case err != nil:
		fmt.Println(err)
	default:
		fmt.Println("release/* may be deployed from now on")
	}
	// Output: release/* may be deployed already
}

// An app's rule is enabled by the app's ID, and disabled by its own.
func ExampleProtectionRulesService() {
	client := exampleClient(
		`{"total_count": 1, "available_custom_deployment_protection_rule_integrations": [{"id": 5, "slug": "health-gate"}]}`,
		`{"id": 3515, "enabled": true, "app": {"id": 5, "slug": "health-gate"}}`,
	)
	ctx := context.Background()

	for app, err := range client.ProtectionRules.AllApps(ctx, "octocat", "example", "production", ghdeploy.CustomProtectionRuleAppListOptions{}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		if app.Slug != "health-gate" {
			continue
		}
		rule, err := client.ProtectionRules.Enable(ctx, "octocat", "example", "production", ghdeploy.CustomProtectionRuleRequest{IntegrationID: app.ID})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("rule %d of %s is enabled\n", rule.ID, rule.App.Slug)
	}
	// Output: rule 3515 of health-gate is enabled
}

// Environments are approved by name. One that the run does not wait for is
// refused before anything is approved.
func ExampleReviewsService() {
	client := exampleClient(
		`[{"environment": {"id": 161171787, "name": "staging"}}, {"environment": {"id": 161171795, "name": "production"}}]`,
		`[{"id": 4442074271, "environment": "staging"}]`,
		`[{"environment": {"id": 161171795, "name": "production"}}]`,
	)
	ctx := context.Background()

	for range 2 {
		deployments, err := client.Reviews.Review(ctx, "octocat", "example", 30433642, ghdeploy.ReviewRequest{
			Environments: []string{"staging"},
			State:        ghdeploy.ReviewApproved,
			Comment:      "Ship it!",
		})
		var absent *ghdeploy.NotPendingError
		switch {
		case errors.As(err, &absent):
			fmt.Printf("nothing to approve for %v; waiting: %v\n", absent.Environments, absent.Pending)
		case err != nil:
			fmt.Println(err)
		default:
			fmt.Printf("deployment %d to %s goes on\n", deployments[0].ID, deployments[0].Environment)
		}
	}
	// Output:
	// deployment 4442074271 to staging goes on
	// nothing to approve for [staging]; waiting: [production]
}
