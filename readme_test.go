package ghdeploy_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

// The Go of README.md, so that it compiles and runs. TestDocuments compares the
// two.

func deploy(
	ctx context.Context, client *ghdeploy.Client, ref string,
) (*ghdeploy.Deployment, error) {
	d, err := client.Deployments.Create(ctx, "octocat", "example",
		ghdeploy.DeploymentRequest{
			Ref:         ref,
			Environment: "staging",
			AutoMerge:   new(false), // deploy the ref as it is
		})

	var conflict *ghdeploy.ConflictError
	if errors.As(err, &conflict) {
		// 409: the status checks that have not succeeded, by name.
		return nil, fmt.Errorf("%s: %v", conflict.Reason, conflict.Failing())
	}
	return d, err
}

func report(
	ctx context.Context, client *ghdeploy.Client,
	id int64, state ghdeploy.State,
) error {
	_, err := client.Statuses.Create(ctx, "octocat", "example", id,
		ghdeploy.DeploymentStatusRequest{
			State:          state, // such as ghdeploy.StateInProgress
			LogURL:         "https://ci.example.com/runs/1",
			EnvironmentURL: "https://staging.example.com",
		})
	return err
}

func refs(ctx context.Context, client *ghdeploy.Client) ([]string, error) {
	var refs []string
	opts := ghdeploy.DeploymentListOptions{Environment: "staging"}
	all := client.Deployments.All(ctx, "octocat", "example", opts)
	for d, err := range all {
		if err != nil {
			return nil, err
		}
		refs = append(refs, d.Ref)
	}
	return refs, nil
}

func slowDown(ctx context.Context, client *ghdeploy.Client) error {
	_, err := client.Environments.CreateOrUpdate(ctx,
		"octocat", "example", "production", ghdeploy.EnvironmentRequest{
			WaitTimer: new(30), // minutes; reviewers and branch policy stay
		})
	return err
}

func TestDeploy(t *testing.T) {
	server := ghdeploytest.NewServer(
		ghdeploytest.WithRepository(ghdeploytest.Repository{
			FullName: "octocat/example",
			Branches: []ghdeploytest.Branch{{Name: "topic", Behind: true}},
		}))
	defer server.Close()

	d, err := deploy(t.Context(), server.Client(), "topic")
	if err != nil || d.Ref != "topic" {
		t.Fatalf("deploy(topic) = %v, %v", d, err)
	}
}

type refusing struct{ ghdeploy.DeploymentsService }

func (refusing) Create(
	context.Context, string, string, ghdeploy.DeploymentRequest,
) (*ghdeploy.Deployment, error) {
	return nil, &ghdeploy.Error{StatusCode: 403}
}

func TestDeployForbidden(t *testing.T) {
	client := &ghdeploy.Client{Deployments: refusing{}}
	_, err := deploy(t.Context(), client, "main")
	if !errors.Is(err, ghdeploy.ErrForbidden) {
		t.Fatal(err)
	}
}

func TestReportAndRefs(t *testing.T) {
	server := ghdeploytest.NewServer()
	defer server.Close()
	client := server.Client()
	d, err := deploy(t.Context(), client, "main")
	if err != nil {
		t.Fatal(err)
	}
	if err := report(t.Context(), client, d.ID, ghdeploy.StateSuccess); err != nil {
		t.Fatal(err)
	}
	if state := server.Deployments("octocat/example")[0].State(); state != "success" {
		t.Errorf("the deployment is %q, want success", state)
	}
	got, err := refs(t.Context(), client)
	if err != nil || len(got) != 1 || got[0] != "main" {
		t.Errorf("refs = %v, %v, want [main]", got, err)
	}
}

func TestSlowDown(t *testing.T) {
	server := ghdeploytest.NewServer(ghdeploytest.WithRepository(ghdeploytest.Repository{
		FullName:     "octocat/example",
		Environments: []ghdeploytest.Environment{{Name: "production", Reviewers: []ghdeploytest.Reviewer{{User: "octocat"}}, ProtectedBranches: true}},
	}))
	defer server.Close()
	want := server.Environments("octocat/example")
	want[0].WaitTimer = 30
	if err := slowDown(t.Context(), server.Client()); err != nil {
		t.Fatal(err)
	}
	same(t, "environments", want, server.Environments("octocat/example"))
}

// TestDocuments compares the Go in each document with the test file that
// compiles it.
func TestDocuments(t *testing.T) {
	for _, d := range []struct {
		document, compiled string
		pieces             int // at least
	}{
		{"README.md", "readme_test.go", 5},
		{"docs/testing.md", "ghdeploytest/guide_test.go", 9},
		{"docs/recipes.md", "rollout/recipes_test.go", 15},
		{"docs/concepts.md", "concepts_test.go", 6},
	} {
		compiled := read(t, d.compiled)
		blocks := strings.Split(read(t, d.document), "```go\n")[1:]
		if len(blocks) < d.pieces {
			t.Errorf("%s shows %d pieces of Go, want at least %d", d.document, len(blocks), d.pieces)
		}
		for _, block := range blocks {
			code, _, _ := strings.Cut(block, "```")
			if !strings.Contains(compiled, code) {
				t.Errorf("this piece of %s is not in %s as it stands:\n%s", d.document, d.compiled, code)
			}
		}
	}
}

// CI runs the commands of the README as they are.
func TestReadmeCommands(t *testing.T) {
	readme := read(t, "README.md")
	for _, command := range []string{"\ngo run ./examples/quickstart\n", "\ngo test ./...\n"} {
		if !strings.Contains(readme, command) {
			t.Errorf("README.md lacks the command %q", strings.TrimSpace(command))
		}
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
