package usage

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

const maxColumns = 80

var (
	flagLine        = regexp.MustCompile(`^  -([a-z][a-z0-9-]*)( [A-Z][A-Z0-9:/|_-]*)?$`)
	descriptionLine = regexp.MustCompile(`^    \t[^\s].*[^.\s]$`)
	variableLine    = regexp.MustCompile(`^  [A-Z][A-Z0-9_]* {2,}([^\s].*[^.\s])$`)
	codeLine        = regexp.MustCompile(`^  [0-9][0-9N+-]* {2,}([^\s].*[^.\s])$`)
)

// check returns the faults in the form of help, the help of the program with
// this name.
func check(name, help string) []string {
	c := checker{lines: strings.Split(help, "\n")}
	for _, line := range c.lines {
		if width := utf8.RuneCountInString(strings.ReplaceAll(line, "    \t", "        ")); width > maxColumns {
			c.fault("%d columns, at most %d: %q", width, maxColumns, line)
		}
	}
	first := c.next()
	if !strings.HasPrefix(first, name+" ") || !strings.HasSuffix(first, ".") || strings.Contains(first, ". ") {
		c.fault("the first line is %q, want a sentence that begins with %s", first, name)
	}
	c.section("Usage", func(line string) bool {
		return line == "  "+name || strings.HasPrefix(line, "  "+name+" ")
	})
	open := false // a flag is waiting for its description
	c.section("Flags", func(line string) bool {
		isFlag := flagLine.MatchString(line)
		ok := isFlag && !open || !isFlag && descriptionLine.MatchString(line)
		open = isFlag
		return ok
	})
	if open {
		c.fault("the last flag has no description")
	}
	if c.at("Environment:") {
		c.section("Environment", aligned(variableLine))
	}
	if c.at("Exit codes:") {
		c.section("Exit codes", aligned(codeLine))
	}
	if len(c.lines) != 1 || c.lines[0] != "" { // after the last end of a line
		c.fault("unexpected lines at the end: %q", c.lines)
	}
	return c.faults
}

// aligned returns a function that accepts lines which match the pattern and
// whose second column begins where that of the first line does.
func aligned(pattern *regexp.Regexp) func(string) bool {
	column := 0
	return func(line string) bool {
		match := pattern.FindStringSubmatchIndex(line)
		if match == nil {
			return false
		}
		if column == 0 {
			column = match[2]
		}
		return column == match[2]
	}
}

type checker struct {
	lines  []string // those to come
	faults []string
}

func (c *checker) fault(format string, args ...any) {
	c.faults = append(c.faults, fmt.Sprintf(format, args...))
}

func (c *checker) next() string {
	if len(c.lines) == 0 {
		return ""
	}
	line := c.lines[0]
	c.lines = c.lines[1:]
	return line
}

// at reports whether an empty line and then title follow.
func (c *checker) at(title string) bool {
	return len(c.lines) > 1 && c.lines[0] == "" && c.lines[1] == title
}

// section reads an empty line, the title and the indented lines, at least one.
func (c *checker) section(title string, valid func(string) bool) {
	if !c.at(title + ":") {
		c.fault("want an empty line and %q, got %q", title+":", c.lines)
		return
	}
	c.lines = c.lines[2:]
	count := 0
	for len(c.lines) > 0 && strings.HasPrefix(c.lines[0], " ") {
		if line := c.next(); !valid(line) {
			c.fault("invalid line in %q: %q", title, line)
		}
		count++
	}
	if count == 0 {
		c.fault("%q is empty", title)
	}
}

const valid = `walk live walks a tree.

Usage:
  walk live [flags] DIR

Flags:
  -fast
    	skip files
  -max-size NAME|PATTERN
    	stop after N files,
    	or before (default 3)

Environment:
  WALK_DEPTH  how deep
  HOME        the tree

Exit codes:
  0      found
  128+N  ended by the signal N
`

func TestCheck(t *testing.T) {
	if faults := check("walk live", valid); faults != nil {
		t.Errorf("the valid help: %q", faults)
	}
	before, _, _ := strings.Cut(valid, "\nEnvironment")
	if faults := check("walk live", before); faults != nil {
		t.Errorf("the optional parts are missing: %q", faults)
	}
	for _, test := range []struct{ name, from, to string }{
		{"another name", "walk live walks", "Walk walks"},
		{"no sentence", "a tree.", "a tree"},
		{"two sentences", "a tree.", "a tree. It is fast."},
		{"no empty line", "a tree.\n\n", "a tree.\n"},
		{"a lower-case title", "Usage:", "usage:"},
		{"the synopsis of another program", "  walk live [", "  walk ["},
		{"no synopsis", "  walk live [flags] DIR\n", ""},
		{"no title of the flags", "Flags:\n", ""},
		{"a placeholder in lower case", "NAME|PATTERN", "name"},
		{"a double dash", "-fast", "--fast"},
		{"no description", "    \tskip files\n", ""},
		{"no description of the last flag", "    \tstop after N files,\n    \tor before (default 3)\n", ""},
		{"a description with a full stop", "skip files", "skip files."},
		{"spaces instead of a tab", "    \tskip", "        skip"},
		{"a long line", "skip files", strings.Repeat("x", 73)},
		{"a variable in lower case", "HOME ", "home "},
		{"no description of a variable", "HOME        the tree", "HOME"},
		{"a variable out of line", "HOME        the", "HOME  the"},
		{"an exit code out of line", "0      found", "0  found"},
		{"an unknown exit code", "  0 ", "  none "},
		{"text at the end", "signal N\n", "signal N\n\nSee README.md\n"},
		{"no end of the last line", "signal N\n", "signal N"},
		{"an empty list", "  WALK_DEPTH  how deep\n  HOME        the tree\n", ""},
		{"another order", "Environment:", "Exit codes:"},
	} {
		t.Run(test.name, func(t *testing.T) {
			text := strings.Replace(valid, test.from, test.to, 1)
			if text == valid {
				t.Fatal("nothing was replaced")
			}
			if check("walk live", text) == nil {
				t.Errorf("no fault in:\n%s", text)
			}
		})
	}
	if check("walk", "") == nil {
		t.Error("no fault in an empty text")
	}
}
