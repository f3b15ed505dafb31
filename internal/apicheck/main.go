// Command apicheck fails for an incompatible change of the public API that
// CHANGELOG.md does not list. It reads the output of apidiff from standard
// input, each line after the name of its package and a tab.
//
// A change is listed if the section Breaking of Unreleased has its name as a
// code span: `Client.Rate`, or `webhook.Queue.Stats` in another package.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/ghdeploy/ghdeploy/internal/usage"
)

var program = usage.Program{
	Name:     "apicheck",
	Does:     "checks that a changelog lists incompatible changes.",
	Synopsis: []string{"[flags] <CHANGES"},
	ExitCodes: []usage.Entry{
		{Name: "0", Text: "every change is listed"},
		{Name: "1", Text: "a change is not listed, or the input is invalid"},
	},
}

func main() {
	flags := flag.NewFlagSet(program.Name, flag.ContinueOnError)
	changelog := flags.String("changelog", "CHANGELOG.md", "read the changelog from `FILE`")
	if code, ok := program.Parse(flags, os.Args[1:], os.Stdout, os.Stderr); !ok {
		os.Exit(code)
	}
	if flags.NArg() > 0 {
		os.Exit(program.Invalid(os.Stderr, fmt.Errorf("unexpected argument %q", flags.Arg(0))))
	}
	text, err := os.ReadFile(*changelog)
	if err == nil {
		err = check(os.Stdin, os.Stdout, string(text), *changelog)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "apicheck:", err)
		os.Exit(1)
	}
}

// check prints each change and returns an error that lists the missing entries.
func check(in io.Reader, out io.Writer, changelog, name string) error {
	changes, err := readChanges(in)
	if err != nil {
		return err
	}
	listed, err := breaking(changelog)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	missing, lines := 0, ""
	for _, c := range changes {
		state := "listed"
		if !listed[c.name] {
			state = "NOT LISTED"
			missing++
			lines += "\n  " + c.text + "\n    write `" + c.name + "`"
		}
		if _, err := fmt.Fprintf(out, "%s: %s\n", state, c.text); err != nil {
			return err
		}
	}
	if missing > 0 {
		return fmt.Errorf("%d incompatible changes are not listed in %s under \"## [Unreleased]\", \"### Breaking\";"+
			" revert them, or add an entry that says how to adapt:%s", missing, name, lines)
	}
	return nil
}
