package ghdeploy_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log"
	"net/http"
	"time"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

// fakeGitHub returns an http.Client without a network. It returns these
// responses in order.
func fakeGitHub(c ...*canned) *http.Client { return &http.Client{Transport: replies(c...)} }

// printing returns a transport that prints the URL of each request.
func printing(next http.RoundTripper) http.RoundTripper {
	return ghdeploy.RoundTripFunc(func(r *http.Request) (*http.Response, error) {
		fmt.Println(r.Method, r.URL)
		return next.RoundTrip(r)
	})
}

const (
	created    = `{"id":42,"ref":"main","sha":"a84d88e7554fc1fa21bcbc4efae3c782a70d2b9d","environment":"production","payload":{"version":"1.4"}}`
	newest     = `{"id":43,"ref":"v1.5","environment":"production"}`
	middle     = `{"id":42,"ref":"v1.4","environment":"production"}`
	oldest     = `{"id":41,"ref":"v1.3","environment":"production"}`
	nextIsTwo  = `Link: <https://api.github.com/repositories/7/deployments?page=2>; rel="next", <https://api.github.com/repositories/7/deployments?page=2>; rel="last"`
	quotaLeft  = "X-RateLimit-Remaining: 4987"
	quotaLimit = "X-RateLimit-Limit: 5000"
)

// In a GitHub Actions workflow, FromEnvironment is the only option needed.
func ExampleNewClient() {
	client, err := ghdeploy.NewClient(
		ghdeploy.WithToken("ghp_yours"),
		ghdeploy.WithUserAgent("shipit/1.4"),
		ghdeploy.WithHTTPClient(fakeGitHub(reply(200, created))), // omit this
	)
	if err != nil {
		log.Fatal(err)
	}
	deployment, err := client.Deployments.Get(context.Background(), "octocat", "example", 42)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(deployment.Ref, "to", deployment.Environment)
	// Output: main to production
}

// WithHost takes the host of the website and finds the API of that host.
func ExampleNewClient_enterprise() {
	for _, host := range []string{"ghe.example.com", "octocorp.ghe.com", "https://github.com"} {
		client, err := ghdeploy.NewClient(
			ghdeploy.WithHost(host),
			ghdeploy.WithToken("ghp_yours"),
			ghdeploy.WithHTTPClient(&http.Client{Transport: printing(replies(reply(200, created)))}),
		)
		if err != nil {
			log.Fatal(err)
		}
		if _, err := client.Deployments.Get(context.Background(), "octocat", "example", 42); err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// GET https://ghe.example.com/api/v3/repos/octocat/example/deployments/42
	// GET https://api.octocorp.ghe.com/repos/octocat/example/deployments/42
	// GET https://api.github.com/repos/octocat/example/deployments/42
}

func ExampleDeploymentsService_create() {
	client, err := ghdeploy.NewClient(ghdeploy.WithHTTPClient(fakeGitHub(reply(201, created))))
	if err != nil {
		log.Fatal(err)
	}

	deployment, err := client.Deployments.Create(context.Background(), "octocat", "example", ghdeploy.DeploymentRequest{
		Ref:         "main",
		Environment: "production",
		AutoMerge:   new(false), // deploy the ref as it is
		Payload:     map[string]string{"version": "1.4"},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("deployment %d of %s (%.7s) to %s\n", deployment.ID, deployment.Ref, deployment.SHA, deployment.Environment)
	// Output: deployment 42 of main (a84d88e) to production
}

func ExampleDeploymentsService_list() {
	client, err := ghdeploy.NewClient(ghdeploy.WithHTTPClient(fakeGitHub(
		reply(200, "["+newest+","+middle+"]", nextIsTwo, quotaLimit, quotaLeft),
	)))
	if err != nil {
		log.Fatal(err)
	}

	page, err := client.Deployments.List(context.Background(), "octocat", "example", ghdeploy.DeploymentListOptions{
		Environment: "production",
		PerPage:     2,
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, deployment := range page.Items {
		fmt.Println(deployment.ID, deployment.Ref)
	}
	fmt.Printf("next is page %d of %d; %d of %d requests left\n", page.NextPage, page.LastPage, page.Rate.Remaining, page.Rate.Limit)
	// Output:
	// 43 v1.5
	// 42 v1.4
	// next is page 2 of 2; 4987 of 5000 requests left
}

func ExampleDeploymentsService_all() {
	client, err := ghdeploy.NewClient(ghdeploy.WithHTTPClient(fakeGitHub(
		reply(200, "["+newest+","+middle+"]", nextIsTwo),
		reply(200, "["+oldest+"]"),
	)))
	if err != nil {
		log.Fatal(err)
	}

	for deployment, err := range client.Deployments.All(context.Background(), "octocat", "example", ghdeploy.DeploymentListOptions{}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(deployment.ID, deployment.Ref)
	}
	// Output:
	// 43 v1.5
	// 42 v1.4
	// 41 v1.3
}

func ExampleStatusesService_create() {
	client, err := ghdeploy.NewClient(ghdeploy.WithHTTPClient(fakeGitHub(
		reply(201, `{"id":1,"state":"in_progress"}`),
		reply(201, `{"id":2,"state":"success","environment_url":"https://www.example.com"}`),
	)))
	if err != nil {
		log.Fatal(err)
	}

	for _, report := range []ghdeploy.DeploymentStatusRequest{
		{State: ghdeploy.StateInProgress, LogURL: "https://ci.example.com/builds/7"},
		{State: ghdeploy.StateSuccess, LogURL: "https://ci.example.com/builds/7", EnvironmentURL: "https://www.example.com"},
	} {
		status, err := client.Statuses.Create(context.Background(), "octocat", "example", 42, report)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("status", status.ID, status.State)
	}
	// Output:
	// status 1 in_progress
	// status 2 success
}

// What to do after each error of Create.
func ExampleError() {
	whatNow := func(err error) string {
		var (
			conflict   *ghdeploy.ConflictError
			validation *ghdeploy.ValidationError
			limit      *ghdeploy.RateLimitError
			failed     *ghdeploy.Error
		)
		switch {
		case errors.Is(err, ghdeploy.ErrInvalidArgument):
			return "nothing was sent: fix the program"
		case errors.Is(err, ghdeploy.ErrMergedBranch):
			return "the default branch was merged: wait for the checks, then create it again"
		case errors.Is(err, ghdeploy.ErrMergeConflict):
			return "merge the default branch by hand"
		case errors.As(err, &conflict):
			return fmt.Sprint("wait for ", conflict.Failing())
		case errors.Is(err, ghdeploy.ErrRefNotFound):
			return "push the branch first"
		case errors.As(err, &validation):
			return fmt.Sprint("change ", validation.Errors)
		case errors.As(err, &limit):
			return fmt.Sprint("wait ", limit.RetryAfter)
		case errors.Is(err, ghdeploy.ErrOutcomeUnknown):
			return "look for it before you create it again"
		case errors.Is(err, ghdeploy.ErrForbidden) && errors.As(err, &failed):
			return "give the token " + failed.AcceptedPermissions
		case errors.Is(err, ghdeploy.ErrNotFound), errors.Is(err, ghdeploy.ErrUnauthorized):
			return "is there such a repository, and may the token see it?"
		default:
			return "show it: " + err.Error()
		}
	}

	client, err := ghdeploy.NewClient(
		ghdeploy.WithRetry(ghdeploy.RetryPolicy{MaxAttempts: 1, MaxWait: -1}), // by default a call waits up to two minutes for a rate limit
		ghdeploy.WithHTTPClient(fakeGitHub(
			reply(202, `{"message":"Auto-merged main into topic on deployment."}`),
			reply(409, `{"message":"Conflict merging main into topic."}`),
			reply(409, `{"message":"Conflict: Commit status checks failed for topic.","errors":[{"contexts":[{"context":"ci","state":"failure"}]}]}`),
			reply(422, `{"message":"No ref found for: topic"}`),
			reply(403, `{"message":"Resource not accessible by integration"}`, "X-Accepted-GitHub-Permissions: deployments=write"),
			reply(502, `<html>`),
			reply(404, `{"message":"Not Found"}`),
			reply(429, `{"message":"You have exceeded a secondary rate limit."}`, "Retry-After: 30"),
		)),
	)
	if err != nil {
		log.Fatal(err)
	}
	for range 8 {
		_, err := client.Deployments.Create(context.Background(), "octocat", "example", ghdeploy.DeploymentRequest{Ref: "topic"})
		fmt.Println(whatNow(err))
	}
	// Output:
	// the default branch was merged: wait for the checks, then create it again
	// merge the default branch by hand
	// wait for [{ci failure}]
	// push the branch first
	// give the token deployments=write
	// look for it before you create it again
	// is there such a repository, and may the token see it?
	// wait 30s
}

// deployed is a stub of the service with the methods that the code under test
// calls. Any other method panics.
type deployed struct {
	ghdeploy.DeploymentsService
	rows []*ghdeploy.Deployment
}

func (s deployed) Get(_ context.Context, _, _ string, id int64) (*ghdeploy.Deployment, error) {
	for _, deployment := range s.rows {
		if deployment.ID == id {
			return deployment, nil
		}
	}
	return nil, &ghdeploy.Error{StatusCode: http.StatusNotFound}
}

func (s deployed) List(context.Context, string, string, ghdeploy.DeploymentListOptions) (*ghdeploy.Page[*ghdeploy.Deployment], error) {
	return &ghdeploy.Page[*ghdeploy.Deployment]{Items: s.rows}, nil
}

func (s deployed) All(ctx context.Context, owner, repo string, opts ghdeploy.DeploymentListOptions) iter.Seq2[*ghdeploy.Deployment, error] {
	return ghdeploy.Pages(opts.Page, func(page int) (*ghdeploy.Page[*ghdeploy.Deployment], error) {
		opts.Page = page
		return s.List(ctx, owner, repo, opts)
	})
}

// A service is an interface: a test can replace it with a few lines.
func ExampleClient_stub() {
	client := &ghdeploy.Client{Deployments: deployed{rows: []*ghdeploy.Deployment{
		{ID: 43, Ref: "v1.5", CreatedAt: time.Date(2026, 4, 22, 0, 0, 0, 0, time.UTC)},
		{ID: 42, Ref: "v1.4", CreatedAt: time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)},
	}}}

	for deployment, err := range client.Deployments.All(context.Background(), "octocat", "example", ghdeploy.DeploymentListOptions{}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(deployment.Ref, "of", deployment.CreatedAt.Format(time.DateOnly))
	}
	_, err := client.Deployments.Get(context.Background(), "octocat", "example", 7)
	fmt.Println(errors.Is(err, ghdeploy.ErrNotFound), err)
	// Output:
	// v1.5 of 2026-04-22
	// v1.4 of 2026-04-01
	// true ghdeploy: 404 Not Found
}

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

// ErrAlreadyExists means that the policy is in place.
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

// Enable takes the ID of the app, Disable the ID of the rule.
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

// Review approves environments by name. If the run does not wait for one of
// them, it approves none.
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
