package ghdeploy_test

import (
	"errors"
	"fmt"
	"log"
	"math"
	"testing"

	"github.com/ghdeploy/ghdeploy"
)

func TestParseRepository(t *testing.T) {
	for s, want := range map[string][2]string{
		"octocat/example":     {"octocat", "example"},
		"Octo-Corp/.github":   {"Octo-Corp", ".github"},
		"o/r.git":             {"o", "r.git"},
		"octocat/hello_World": {"octocat", "hello_World"},
		"a/...":               {"a", "..."},
	} {
		owner, repo, err := ghdeploy.ParseRepository(s)
		if err != nil || owner != want[0] || repo != want[1] {
			t.Errorf("%q: %q, %q, %v", s, owner, repo, err)
		}
	}
	for _, s := range []string{
		"", "/", "octocat", "octocat/", "/example", "octocat/example/", "/octocat/example", "octocat/example/deployments", "octocat//example",
		"./example", "octocat/..", "octocat/.", "octo cat/example", "octocat/example\n", "https://github.com/octocat/example", "git@github.com:octocat/example/x",
	} {
		owner, repo, err := ghdeploy.ParseRepository(s)
		if !errors.Is(err, ghdeploy.ErrInvalidArgument) || owner != "" || repo != "" {
			t.Errorf("%q: %q, %q, %v, want ErrInvalidArgument", s, owner, repo, err)
		}
	}
	_, _, err := ghdeploy.ParseRepository("octocat")
	same(t, "message", `ghdeploy: "octocat" is not a repository; use the form octocat/example`, err.Error())
}

func TestParseDeploymentURL(t *testing.T) {
	type result struct {
		owner, repo string
		id          int64
	}
	for s, want := range map[string]result{
		"https://api.github.com/repos/octocat/example/deployments/42":           {"octocat", "example", 42},
		"https://api.github.com/repos/octocat/example/deployments/42/":          {"octocat", "example", 42},
		"https://api.octocorp.ghe.com/repos/octocat/example/deployments/42":     {"octocat", "example", 42},
		"https://ghe.example.com/api/v3/repos/octocat/example/deployments/42":   {"octocat", "example", 42},
		"http://127.0.0.1:8080/a/prefix/repos/octocat/example/deployments/42":   {"octocat", "example", 42},
		"https://ghe.example.com/repos/x/repos/octocat/example/deployments/7":   {"octocat", "example", 7},
		"https://api.github.com/repos/octocat/%2Egithub/deployments/4518412576": {"octocat", ".github", 4518412576},
		"https://api.github.com/repos/o/r/deployments/9223372036854775807":      {"o", "r", math.MaxInt64},
		"https://api.github.com/repos/o/r/deployments/42?a=b#c":                 {"o", "r", 42},
	} {
		owner, repo, id, err := ghdeploy.ParseDeploymentURL(s)
		if have := (result{owner, repo, id}); err != nil || have != want {
			t.Errorf("%s: %v, %v, want %v", s, have, err, want)
		}
	}
	for _, s := range []string{
		"", "42", "/repos/octocat/example/deployments/42", "//api.github.com/repos/octocat/example/deployments/42",
		"ftp://api.github.com/repos/octocat/example/deployments/42", "https:///repos/octocat/example/deployments/42",
		"https://github.com/octocat/example/deployments/42",
		"https://api.github.com/repos/octocat/example/deployments",
		"https://api.github.com/repos/octocat/example/deployments/",
		"https://api.github.com/repos/octocat/example/deployments/0",
		"https://api.github.com/repos/octocat/example/deployments/-1",
		"https://api.github.com/repos/octocat/example/deployments/x",
		"https://api.github.com/repos/octocat/example/deployments/9223372036854775808",
		"https://api.github.com/repos/octocat/example/deployments/42/statuses",
		"https://api.github.com/repos/octocat/example/deployments/42/statuses/1",
		"https://api.github.com/repos/octocat/example/issues/42",
		"https://api.github.com/repos//example/deployments/42",
		"https://api.github.com/repos/octocat%2Fexample/x/deployments/42",
		"https://api.github.com/repos/%2E%2E/example/deployments/42",
		"https://api.github.com/repositories/7/deployments/42",
		"https://api.github.com/repos/octocat/ex%zzample/deployments/42",
		"https://api.github.com/deployments/42",
	} {
		owner, repo, id, err := ghdeploy.ParseDeploymentURL(s)
		if !errors.Is(err, ghdeploy.ErrInvalidArgument) || owner != "" || repo != "" || id != 0 {
			t.Errorf("%s: %q, %q, %d, %v, want ErrInvalidArgument", s, owner, repo, id, err)
		}
	}
}

func ExampleParseRepository() {
	owner, repo, err := ghdeploy.ParseRepository("octocat/example") // os.Getenv("GITHUB_REPOSITORY")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(owner, repo)
	// Output: octocat example
}

func ExampleParseDeploymentURL() {
	owner, repo, id, err := ghdeploy.ParseDeploymentURL("https://ghe.example.com/api/v3/repos/octocat/example/deployments/42")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(owner, repo, id)
	// Output: octocat example 42
}
