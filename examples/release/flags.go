package main

import (
	"cmp"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/rollout"
)

// usageError is the error of an invalid command line. No request was sent.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

func usagef(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

// target holds the flags that select the repository.
type target struct {
	repo string
	demo bool
}

// newFlags returns a flag set with the flags that all subcommands have.
func newFlags(name string) (*flag.FlagSet, *target) {
	t := new(target)
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(io.Discard) // Parse would print errors and the help
	flags.StringVar(&t.repo, "repo", "", "use the repository `OWNER/NAME` (default $GITHUB_REPOSITORY)")
	flags.BoolVar(&t.demo, "demo", false, "use a server embedded in this program instead of GitHub")
	return flags, t
}

// parse parses the flags and returns the other arguments, n of them unless n is
// negative.
func parse(flags *flag.FlagSet, args []string, n int) ([]string, error) {
	switch err := flags.Parse(args); {
	case err == flag.ErrHelp: //nolint:errorlint // Parse returns it unwrapped
		printHelp(flags)
		return nil, err
	case err != nil:
		return nil, &usageError{err.Error()}
	case n >= 0 && flags.NArg() > n:
		return nil, usagef("unexpected argument %q; flags go first", flags.Arg(n))
	case flags.NArg() < n:
		return nil, usagef("an argument is missing")
	}
	return flags.Args(), nil
}

// connect returns the repository on GitHub, or on the embedded server.
func (t *target) connect() (repo rollout.Repo, disconnect func(), err error) {
	if t.demo {
		repo, disconnect := demoRepo()
		return repo, disconnect, nil
	}
	t.repo = cmp.Or(t.repo, os.Getenv("GITHUB_REPOSITORY"))
	if t.repo == "" {
		return rollout.Repo{}, nil, usagef("-repo is missing; pass -repo octocat/example, or set GITHUB_REPOSITORY")
	}
	owner, name, err := ghdeploy.ParseRepository(t.repo)
	if err != nil {
		return rollout.Repo{}, nil, &usageError{"-repo: " + err.Error()}
	}
	client, err := ghdeploy.NewClient(ghdeploy.FromEnvironment())
	if err != nil {
		return rollout.Repo{}, nil, err
	}
	return rollout.Repo{Client: client, Owner: owner, Name: name}, func() {}, nil
}
