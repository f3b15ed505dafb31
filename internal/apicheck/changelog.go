package main

import (
	"errors"
	"regexp"
	"strings"
)

var codeSpan = regexp.MustCompile("`([^`]+)`")

// breaking returns the code spans in the section Breaking of Unreleased. Only a
// changelog without Unreleased is an error.
func breaking(changelog string) (map[string]bool, error) {
	names := make(map[string]bool)
	found, unreleased, section, fence := false, false, false, false
	for line := range strings.Lines(changelog) {
		line = strings.TrimRight(line, "\r\n")
		switch {
		case strings.HasPrefix(strings.TrimSpace(line), "```"):
			fence = !fence
		case fence:
		case strings.HasPrefix(line, "## "):
			unreleased = line == "## [Unreleased]"
			found, section = found || unreleased, false
		case strings.HasPrefix(line, "### "):
			section = unreleased && line == "### Breaking"
		case section:
			for _, span := range codeSpan.FindAllStringSubmatch(line, -1) {
				names[span[1]] = true
			}
		}
	}
	if !found {
		return nil, errors.New(`no section "## [Unreleased]"`)
	}
	return names, nil
}
