package migrate

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/url"
	"time"

	"github.com/bradleyfalzon/ghinstallation/v2"
	"github.com/google/go-github/v92/github"
	"golang.org/x/oauth2"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/webhook"
)

// The Go of docs/migrate.md. TestGuide compares both: each piece of the
// document is here, and each function here is in the document.

func clients(shared *http.Client, token string) (*github.Client, *ghdeploy.Client, error) {
	gc, err := github.NewClient(github.WithHTTPClient(shared), github.WithAuthToken(token))
	if err != nil {
		return nil, nil, err
	}
	client, err := ghdeploy.NewClient(ghdeploy.WithHTTPClient(shared), ghdeploy.WithToken(token))
	return gc, client, err
}

func beside(gc *github.Client) (*ghdeploy.Client, error) {
	return ghdeploy.NewClient(
		ghdeploy.WithHTTPClient(gc.Client()), // its transport adds go-github's token
		ghdeploy.WithBaseURL(gc.BaseURL()),   // the host that the token is for
	)
}

func withGHInstallation(itr *ghinstallation.Transport, hc *http.Client) (*ghdeploy.Client, error) {
	return ghdeploy.NewClient(
		ghdeploy.WithTokenFunc(itr.Token),
		ghdeploy.WithBaseURL(itr.BaseURL),
		ghdeploy.WithHTTPClient(hc), // its Transport is not itr
	)
}

func withGitHubAuth(tokens oauth2.TokenSource, hc *http.Client) (*ghdeploy.Client, error) {
	return ghdeploy.NewClient(
		ghdeploy.WithTokenFunc(func(context.Context) (string, error) {
			token, err := tokens.Token()
			if err != nil {
				return "", err
			}
			return token.AccessToken, nil
		}),
		ghdeploy.WithHost("ghe.example.com"), // omit for github.com
		ghdeploy.WithHTTPClient(hc),
	)
}

func skipChecksBefore(ctx context.Context, gc *github.Client, ref string) error {
	_, _, err := gc.Repositories.CreateDeployment(ctx, "octocat", "example", github.DeploymentRequest{
		Ref:              ref,
		RequiredContexts: []string{}, // &[]string{} in older versions
	})
	return err
}

func skipChecksAfter(ctx context.Context, client *ghdeploy.Client, ref string) error {
	_, err := client.Deployments.Create(ctx, "octocat", "example", ghdeploy.DeploymentRequest{
		Ref:          ref,
		SkipContexts: true,
	})
	return err
}

func createBefore(ctx context.Context, gc *github.Client, ref string) error {
	_, _, err := gc.Repositories.CreateDeployment(ctx, "octocat", "example", github.DeploymentRequest{Ref: ref})

	var accepted *github.AcceptedError
	if errors.As(err, &accepted) {
		return nil // wrong: GitHub created no deployment and scheduled none
	}
	return err
}

func createAfter(ctx context.Context, client *ghdeploy.Client, ref string) error {
	_, err := client.Deployments.Create(ctx, "octocat", "example", ghdeploy.DeploymentRequest{Ref: ref})

	if errors.Is(err, ghdeploy.ErrMergedBranch) {
		return fmt.Errorf("main was merged into %s: deploy when the checks have passed: %w", ref, err)
	}
	return err
}

func deleteBefore(ctx context.Context, gc *github.Client, id int64) error {
	_, err := gc.Repositories.DeleteDeployment(ctx, "octocat", "example", id)

	var e *github.ErrorResponse
	if errors.As(err, &e) && e.Response.StatusCode == http.StatusNotFound {
		return nil // deleted before, or the token may not delete it
	}
	return err
}

func deleteAfter(ctx context.Context, client *ghdeploy.Client, id int64) error {
	err := client.Deployments.Delete(ctx, "octocat", "example", id)

	if errors.Is(err, ghdeploy.ErrNotFound) {
		return nil // deleted before, or the token may not delete it
	}
	return err
}

func deployBefore(ctx context.Context, gc *github.Client, ref string) (err error) {
	for range 3 {
		_, _, err = gc.Repositories.CreateDeployment(ctx, "octocat", "example", github.DeploymentRequest{Ref: ref})
		if err == nil {
			return nil
		}
		time.Sleep(time.Second)
	}
	return err
}

func deployAfter(ctx context.Context, client *ghdeploy.Client, ref string) error {
	_, err := client.Deployments.Create(ctx, "octocat", "example", ghdeploy.DeploymentRequest{Ref: ref})
	return err
}

func createEnvironmentBefore(ctx context.Context, gc *github.Client, name string) error {
	_, _, err := gc.Repositories.CreateUpdateEnvironment(ctx, "octocat", "example", url.PathEscape(name), &github.CreateUpdateEnvironment{})
	return err
}

func createEnvironmentAfter(ctx context.Context, client *ghdeploy.Client, name string) error {
	_, err := client.Environments.CreateOrUpdate(ctx, "octocat", "example", name, ghdeploy.EnvironmentRequest{})
	return err
}

func describeBefore(d *github.Deployment) string {
	return fmt.Sprintf("%s by %s", d.GetRef(), d.GetCreator().GetLogin())
}

func describeAfter(d *ghdeploy.Deployment) string {
	return fmt.Sprintf("%s by %s", d.Ref, d.Creator) // String of a nil *User is "ghost"
}

func enterpriseBefore(token string, hc *http.Client) (*github.Client, error) {
	return github.NewClient(
		github.WithEnterpriseURLs("https://ghe.example.com", "https://ghe.example.com"),
		github.WithAuthToken(token), github.WithHTTPClient(hc),
	)
}

func enterpriseAfter(token string, hc *http.Client) (*ghdeploy.Client, error) {
	return ghdeploy.NewClient(
		ghdeploy.WithHost("ghe.example.com"),
		ghdeploy.WithToken(token), ghdeploy.WithHTTPClient(hc),
	)
}

func payloadBefore(ctx context.Context, gc *github.Client, payload []byte) error {
	_, _, err := gc.Repositories.CreateDeployment(ctx, "octocat", "example", github.DeploymentRequest{
		Ref:     "main",
		Payload: payload, // stored as base64
	})
	return err
}

func payloadAfter(ctx context.Context, client *ghdeploy.Client, payload []byte) error {
	_, err := client.Deployments.Create(ctx, "octocat", "example", ghdeploy.DeploymentRequest{
		Ref:     "main",
		Payload: json.RawMessage(payload),
	})
	return err
}

func decodePayload(d *ghdeploy.Deployment, v any) error {
	if text, ok := d.Payload.Text(); ok {
		if decoded, err := base64.StdEncoding.DecodeString(text); err == nil && json.Valid(decoded) {
			return json.Unmarshal(decoded, v) // written from a []byte
		}
	}
	return d.Payload.Decode(v)
}

func waitTimerBefore(ctx context.Context, gc *github.Client) error {
	_, _, err := gc.Repositories.CreateUpdateEnvironment(ctx, "octocat", "example", "production", &github.CreateUpdateEnvironment{
		WaitTimer: new(30), // removes the reviewers and the branch policy
	})
	return err
}

func waitTimerAfter(ctx context.Context, client *ghdeploy.Client) error {
	_, err := client.Environments.CreateOrUpdate(ctx, "octocat", "example", "production", ghdeploy.EnvironmentRequest{
		WaitTimer: new(30),
	})
	return err
}

func openToAll(ctx context.Context, client *ghdeploy.Client) error {
	_, err := client.Environments.CreateOrUpdate(ctx, "octocat", "example", "production", ghdeploy.EnvironmentRequest{
		WaitTimer:       new(0),
		RemoveReviewers: true,
		AllBranches:     true,
	})
	return err
}

func receiveBefore(r *http.Request, secret []byte) error {
	payload, err := github.ValidatePayload(r, secret)
	if err != nil {
		return err
	}
	event, err := github.ParseWebHook(github.WebHookType(r), payload)
	if err != nil {
		return err
	}
	switch e := event.(type) {
	case *github.DeploymentEvent:
		log.Println("deploy", e.GetDeployment().GetSHA())
	case *github.PushEvent:
		log.Println("push", e.GetRef())
	}
	return nil
}

func receiveAfter(r *http.Request, verifier *webhook.Verifier) error {
	event, err := verifier.ParseRequest(r)
	if err != nil {
		return err
	}
	switch e := event.(type) {
	case *webhook.DeploymentEvent:
		log.Println("deploy", e.Deployment.SHA)
	case *webhook.Delivery: // an event of another name: go-github has its type
		other, err := github.ParseWebHook(e.Event, e.Raw)
		if err != nil {
			return err
		}
		if push, ok := other.(*github.PushEvent); ok {
			log.Println("push", push.GetRef())
		}
	}
	return nil
}

func deployGreen(ctx context.Context, gc *github.Client, client *ghdeploy.Client, number int) error {
	pull, _, err := gc.PullRequests.Get(ctx, "octocat", "example", number)
	if err != nil {
		return err
	}
	_, err = client.Deployments.Create(ctx, "octocat", "example", ghdeploy.DeploymentRequest{
		Ref:         pull.GetHead().GetSHA(),
		Environment: fmt.Sprintf("pr-%d", number),
		AutoMerge:   new(false),
	})
	return err
}
