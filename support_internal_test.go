package ghdeploy

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

const (
	oneDeployment = `{"id":1,"ref":"main"}`
	tooFast       = `{"message":"You have exceeded a secondary rate limit."}`
)

func inProcessClient(t *testing.T, h handler, opts ...Option) *Client {
	t.Helper()
	client, err := NewClient(append([]Option{
		WithBaseURL("https://ghe.example.com/api/v3"),
		WithHTTPClient(&http.Client{Transport: inProcess(h)}),
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func getOne(ctx context.Context, client *Client) error {
	_, err := client.Deployments.Get(ctx, "octocat", "example", 1)
	return err
}

// quick is a policy with short waits, for tests on the real clock.
var quick = RetryPolicy{MaxAttempts: 4, MinBackoff: time.Millisecond, MaxBackoff: time.Millisecond}

func createOne(ctx context.Context, client *Client) error {
	_, err := client.Deployments.Create(ctx, "octocat", "example", DeploymentRequest{
		Ref: "main", Payload: map[string]string{"text": strings.Repeat("whole ", 20_000)},
	})
	return err
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

type errorReader struct{ err error }

func (r errorReader) Read([]byte) (int, error) { return 0, r.err }

func mustParse(t *testing.T, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// discard reads to the end. An error shows elsewhere in the test.
func discard(r io.Reader) {
	io.Copy(io.Discard, r) //nolint:errcheck // the test sees it elsewhere
}

// createSmall sends a body that fits into the window of an HTTP/2 stream.
func createSmall(ctx context.Context, client *Client) error {
	_, err := client.Deployments.Create(ctx, "octocat", "example", DeploymentRequest{Ref: "main"})
	return err
}

func deleteOne(ctx context.Context, client *Client) error {
	return client.Deployments.Delete(ctx, "octocat", "example", 1)
}

func putOne(ctx context.Context, client *Client) error {
	_, err := client.Environments.Replace(ctx, "octocat", "example", "qa", EnvironmentRequest{WaitTimer: new(1)})
	return err
}

var everyMethod = map[string]func(context.Context, *Client) error{
	http.MethodGet: getOne, http.MethodPost: createOne, http.MethodPut: putOne, http.MethodDelete: deleteOne,
}
