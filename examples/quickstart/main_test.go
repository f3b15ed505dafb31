package main

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
)

// The text of each line, without the duration; IDs and the quota are patterns.
var walked = []string{
	`deploy topic to staging +202, not deployed: Auto-merged main into topic on deployment\.`,
	`deploy it once more +201, deployment \d+ of topic at [0-9a-f]{7}`,
	`report queued +201, status \d+ of deployment \d+`,
	`report in_progress +201, status \d+ of deployment \d+`,
	`report success +201, status \d+ of deployment \d+`,
	`deploy main to staging +201, deployment \d+`,
	`wait for the receiver +event deployment_status: deployment \d+ is in_progress`,
	`wait for the receiver +event deployment_status: deployment \d+ is success`,
	`read the earlier one +inactive: GitHub deactivated deployment \d+`,
	`deploy red to staging +409, checks failed: build is failure`,
	`delete the active one +422, refused: deployment \d+ is active`,
	`report inactive +201, status \d+ of deployment \d+`,
	`delete it now +204, deployment \d+ is gone`,
	`deploy two more, list all +3 pages: main to production, main to qa, topic to staging`,
	`read the quota +\d+ of 5000 requests remaining`,
}

func TestWalk(t *testing.T) {
	var out bytes.Buffer
	if err := walk(t.Context(), newStory(&out, false)); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")[2:] // below the title
	if len(lines) != len(walked) {
		t.Fatalf("%d lines, want %d:\n%s", len(lines), len(walked), &out)
	}
	for i, line := range lines {
		if !regexp.MustCompile(`^ +\d+\.\d m?s  ` + walked[i] + `$`).MatchString(line) {
			t.Errorf("line %d is %q, want %s", i+1, line, walked[i])
		}
	}
	if strings.Contains(out.String(), "\x1b") {
		t.Error("the output to a pipe has colours")
	}
}

func TestReadNeedsATokenAndAName(t *testing.T) {
	t.Setenv("GH_TOKEN", "")
	t.Setenv("GITHUB_TOKEN", "")
	for name, want := range map[string]string{
		"octocat":         `"octocat" is not a repository; use the form octocat/example`,
		"octocat/example": "neither GH_TOKEN nor GITHUB_TOKEN is set",
	} {
		err := read(t.Context(), newStory(&bytes.Buffer{}, false), name)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("-repo %s: %v, want %s", name, err, want)
		}
	}
}
