package usage

import (
	"bytes"
	"errors"
	"flag"
	"testing"
)

func TestParse(t *testing.T) {
	program := Program{
		Name: "walk", Does: "walks a tree.", Synopsis: []string{"[flags] DIR", ""},
		Environment: []Entry{{"WALK_DEPTH", "how deep"}, {"HOME", "the tree"}},
		ExitCodes:   []Entry{{"0", "found"}, {"1", "not found"}},
	}
	const help = `walk walks a tree.

Usage:
  walk [flags] DIR
  walk

Flags:
  -fast
    	skip files
  -n N
    	stop after N files (default 3)

Environment:
  WALK_DEPTH  how deep
  HOME        the tree

Exit codes:
  0  found
  1  not found
`
	for _, test := range []struct {
		args, out, errs string
		code            int
		ok              bool
	}{
		{args: "-n=5", ok: true},
		{args: "-h", out: help},
		{args: "-help", out: help},
		{args: "-slow", code: 2, errs: "walk: flag provided but not defined: -slow\nrun walk -h for the flags\n"},
	} {
		flags := flag.NewFlagSet("walk", flag.ContinueOnError)
		flags.Bool("fast", false, "skip files")
		n := flags.Int("n", 3, "stop after `N` files")
		var out, errs bytes.Buffer
		code, ok := program.Parse(flags, []string{test.args}, &out, &errs)
		if code != test.code || ok != test.ok || out.String() != test.out || errs.String() != test.errs {
			t.Errorf("%s: %d, %v\nout %q\nerr %q", test.args, code, ok, &out, &errs)
		}
		if want := 3; ok && *n == want {
			t.Errorf("%s: n is %d", test.args, *n)
		}
	}
}

func TestInvalid(t *testing.T) {
	var errs bytes.Buffer
	code := Program{Name: "walk"}.Invalid(&errs, errors.New("no directory"))
	if want := "walk: no directory\nrun walk -h for the flags\n"; code != 2 || errs.String() != want {
		t.Errorf("%d, %q, want 2, %q", code, &errs, want)
	}
}
