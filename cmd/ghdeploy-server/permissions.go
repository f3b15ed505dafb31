package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

// repositoryPermissions lists the repository permissions of the schema
// app-permissions in GitHub's description, then the permissions that only
// GitHub's documentation names.
//
// GitHub docs: https://docs.github.com/rest/authentication/permissions-required-for-fine-grained-personal-access-tokens
var repositoryPermissions = []string{
	"actions", "administration", "checks", "codespaces", "contents", "dependabot_secrets", "deployments", "environments", "issues",
	"metadata", "packages", "pages", "pull_requests", "repository_custom_properties", "repository_hooks", "repository_projects",
	"secret_scanning_alerts", "secrets", "security_events", "single_file", "statuses", "vulnerability_alerts", "workflows",
	"actions_variables", "attestations", "codespaces_lifecycle_admin", "codespaces_metadata", "codespaces_secrets", "discussions",
	"merge_queues", "repository_advisories",
}

// checkPermissions rejects unknown permissions and levels. A misspelt
// permission would grant nothing, without an error.
func (s *scanner) checkPermissions(seed ghdeploytest.Seed) error {
	for i, token := range seed.Tokens {
		for _, name := range slices.Sorted(maps.Keys(token.Permissions)) {
			path := fmt.Sprintf("tokens[%d].permissions.%s", i, name)
			wrong := &scanError{line: s.lines[path], path: path, kind: invalidValue}
			if !slices.Contains(repositoryPermissions, name) {
				wrong.message = "unknown permission"
				if right := nearest(name, repositoryPermissions); right != "" {
					wrong.message += "; did you mean " + right + "?"
				} else {
					wrong.message += "; there are: " + strings.Join(repositoryPermissions, ", ")
				}
				return wrong
			}
			if level := token.Permissions[name]; level != "read" && level != "write" && level != "admin" {
				wrong.message = fmt.Sprintf("%q is not a level; write read, write or admin", level)
				return wrong
			}
		}
	}
	return nil
}

// nearest returns the known name with the smallest edit distance to name, at
// most 2, or "".
func nearest(name string, names []string) string {
	best, least := "", 3
	for _, right := range names {
		if d := distance(strings.ToLower(name), right); d < least {
			best, least = right, d
		}
	}
	return best
}

// distance returns the edit distance of a and b, or len(a) for a very long a.
func distance(a, b string) int {
	if len(a) > 2*len(b) {
		return len(a) // more than nearest accepts
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j]+1, row[j+1]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
