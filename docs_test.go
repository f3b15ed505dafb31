package ghdeploy_test

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

// The code of README.md, so that it compiles and runs. TestDocuments compares
// the two.

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

// TestDocuments compares the Go code in each document with the test file that
// compiles it.
func TestDocuments(t *testing.T) {
	for _, d := range []struct {
		document, compiled string
		blocks             int // at least
	}{
		{"README.md", "docs_test.go", 5},
		{"docs/testing.md", "ghdeploytest/guide_test.go", 9},
		{"docs/recipes.md", "rollout/recipes_test.go", 15},
		{"docs/concepts.md", "concepts_test.go", 6},
	} {
		compiled := read(t, d.compiled)
		code := strings.Split(read(t, d.document), "```go\n")[1:]
		if len(code) < d.blocks {
			t.Errorf("%s has %d blocks of Go, want at least %d", d.document, len(code), d.blocks)
		}
		for _, block := range code {
			code, _, _ := strings.Cut(block, "```")
			if !strings.Contains(compiled, code) {
				t.Errorf("this code of %s is not in %s:\n%s", d.document, d.compiled, code)
			}
		}
	}
}

// README.md names the commands that CI runs.
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

// docs/errors.md names every sentinel and error type of this package, and no
// other.
func TestErrorsPageNamesEveryError(t *testing.T) {
	page, err := os.ReadFile("docs/errors.md")
	if err != nil {
		t.Fatal(err)
	}
	exported := exportedErrors(t)
	if len(exported) < 20 {
		t.Fatalf("only %d errors were found: %v", len(exported), exported)
	}
	for name := range exported {
		if !regexp.MustCompile("`[*]?" + name + "`").Match(page) {
			t.Errorf("docs/errors.md does not name %s", name)
		}
	}
	for _, match := range regexp.MustCompile("`[*]?(Err[A-Z]\\w+|\\w*Error)`").FindAllSubmatch(page, -1) {
		if name := string(match[1]); !exported[name] && !strings.HasPrefix(name, "Example") {
			t.Errorf("docs/errors.md names %s, which does not exist", name)
		}
	}
}

// exportedErrors returns the names Err... and ...Error that the package
// declares.
func exportedErrors(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	names := make(map[string]bool)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, declaration := range source.Decls {
			declaration, ok := declaration.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, spec := range declaration.Specs {
				switch spec := spec.(type) {
				case *ast.ValueSpec:
					for _, name := range spec.Names {
						if declaration.Tok == token.VAR && strings.HasPrefix(name.Name, "Err") {
							names[name.Name] = true
						}
					}
				case *ast.TypeSpec:
					if spec.Name.IsExported() && strings.HasSuffix(spec.Name.Name, "Error") {
						names[spec.Name.Name] = true
					}
				}
			}
		}
	}
	return names
}

// docs/errors.md shows the code of the example.
func TestErrorsPageShowsTheExample(t *testing.T) {
	source, err := os.ReadFile("unknown_example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("docs/errors.md")
	if err != nil {
		t.Fatal(err)
	}
	_, code, ok := strings.Cut(string(source), "// release is ")
	if ok {
		code, _, ok = strings.Cut(code, "\nfunc Example")
	}
	if !ok {
		t.Fatal("the code of the example was not found")
	}
	if want := "```go\n// release is " + code + "```\n"; !strings.Contains(string(page), want) {
		t.Errorf("docs/errors.md lacks\n%s", want)
	}
}

// docs/errors.md and the package's documentation have the same table of
// retries.
func TestRetryTablesAgree(t *testing.T) {
	page, source := read(t, "docs/errors.md"), read(t, "doc.go")
	_, page, _ = strings.Cut(page, "## What is retried")
	page, _, _ = strings.Cut(page, "\n## ")
	_, source, _ = strings.Cut(source, "// # Retries")
	strip := strings.NewReplacer("`", "", "*", "").Replace
	rows := 0
	for line := range strings.SplitSeq(page, "\n") {
		cells := strings.Split(strings.Trim(line, "| "), " | ")
		if len(cells) != 4 || cells[0] == "request" {
			continue
		}
		rows++
		var row []string
		for _, cell := range cells {
			row = append(row, regexp.QuoteMeta(strip(cell)))
		}
		if !regexp.MustCompile(`(?m)^//\t` + strings.Join(row, " {2,}") + `$`).MatchString(source) {
			t.Errorf("doc.go lacks the row %q of docs/errors.md", line)
		}
	}
	if rows != 3 {
		t.Errorf("docs/errors.md has %d rows, want 3", rows)
	}
}
