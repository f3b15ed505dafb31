package main

import (
	"bufio"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// rootPackage is the package whose names CHANGELOG.md writes unqualified.
const rootPackage = "ghdeploy"

// A change is one incompatible change of a public package.
type change struct {
	name string // as CHANGELOG.md has to write it: Client.Rate, webhook.Queue
	text string // the line of apidiff, with the package in front
}

// readChanges reads lines of the form PACKAGE, tab, line of apidiff.
func readChanges(in io.Reader) ([]change, error) {
	var changes []change
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		pkg, line, ok := strings.Cut(lines.Text(), "\t")
		if !ok || pkg == "" {
			return nil, fmt.Errorf("%q: write PACKAGE, a tab, and a line of apidiff", lines.Text())
		}
		if isRemark(line) {
			continue
		}
		object, message, ok := strings.Cut(strings.TrimPrefix(line, "- "), ": ")
		if !ok || !strings.HasPrefix(line, "- ") || object == "" {
			return nil, fmt.Errorf("unknown form of a line of apidiff: %q", line)
		}
		changes = append(changes, change{changelogName(pkg, object), pkg + ": " + object + ": " + message})
	}
	return changes, lines.Err()
}

// isRemark reports whether line belongs to the remark that apidiff prints when
// it has two messages for one object. The object follows as a change as well.
func isRemark(line string) bool {
	return strings.HasPrefix(line, "! ") || strings.HasPrefix(line, "  first: ") || strings.HasPrefix(line, "  second: ")
}

var (
	receiver       = regexp.MustCompile(`\(\*([^)]*)\)`)
	typeParameters = regexp.MustCompile(`\[[^\]]*\]`)
)

// changelogName turns apidiff's name of an object of pkg into that of go doc:
// (*Queue).Stats in package webhook is webhook.Queue.Stats.
func changelogName(pkg, object string) string {
	object, losing, embedded := strings.Cut(object, ", method set of ")
	object = receiver.ReplaceAllString(typeParameters.ReplaceAllString(object, ""), "$1")
	if embedded { // a method that a type had through an embedded field
		object = strings.TrimPrefix(losing, "*") + object[strings.LastIndex(object, "."):]
	}
	if slash := strings.LastIndex(object, "/"); slash >= 0 { // of another package
		object = object[slash+1:]
		return strings.TrimPrefix(object, rootPackage+".")
	}
	if pkg == rootPackage || pkg == object { // the latter: a removed package
		return object
	}
	return pkg + "." + object
}
