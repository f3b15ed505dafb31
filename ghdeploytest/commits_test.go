package ghdeploytest_test

import (
	"testing"

	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

const (
	loneSHA   = "1111111111111111111111111111111111111111"
	behindSHA = "2222222222222222222222222222222222222222"
	redSHA    = "3333333333333333333333333333333333333333"
	mainSHA   = "4444444444444444444444444444444444444444"
	topicSHA  = "5555555555555555555555555555555555555555"
	nextSHA   = "6666666666666666666666666666666666666666"
)

func TestCommitWithoutARef(t *testing.T) {
	srv := newServer(t, ghdeploytest.WithRepository(ghdeploytest.Repository{
		FullName: "octocat/example",
		Commits: []ghdeploytest.Commit{
			{SHA: loneSHA}, {SHA: behindSHA, Behind: true},
			{SHA: redSHA, Statuses: []ghdeploytest.CommitStatus{{Context: "ci", State: "failure"}}},
		},
	}))
	got := must(t, srv, 201, "POST", deployments, `{"ref":"`+loneSHA+`"}`)
	wantFields(t, got.body, map[string]string{"sha": `"` + loneSHA + `"`, "ref": `"` + loneSHA + `"`})
	got = must(t, srv, 201, "POST", deployments, `{"ref":"1111111"}`)
	wantFields(t, got.body, map[string]string{"sha": `"` + loneSHA + `"`, "ref": `"1111111"`})

	got = must(t, srv, 409, "POST", deployments, `{"ref":"`+behindSHA+`"}`)
	wantFields(t, got.body, map[string]string{"message": `"Conflict merging main into ` + behindSHA + `."`})
	must(t, srv, 201, "POST", deployments, `{"ref":"`+behindSHA+`","auto_merge":false}`)
	got = must(t, srv, 409, "POST", deployments, `{"ref":"`+redSHA+`"}`)
	wantFields(t, got.body, map[string]string{"message": `"Conflict: Commit status checks failed for ` + redSHA + `."`})
	srv.SetCommitStatus("octocat/example", redSHA, "ci", "success")
	must(t, srv, 201, "POST", deployments, `{"ref":"`+redSHA+`"}`)

	for _, ref := range []string{"111111", "7777777777777777777777777777777777777777"} {
		got = must(t, srv, 422, "POST", deployments, `{"ref":"`+ref+`"}`)
		wantFields(t, got.body, map[string]string{"message": `"No ref found for: ` + ref + `"`})
	}
}

// Former commits of a branch can be deployed by SHA.
func TestFormerCommits(t *testing.T) {
	srv := newServer(t, ghdeploytest.WithRepository(ghdeploytest.Repository{
		FullName: "octocat/example",
		Branches: []ghdeploytest.Branch{{Name: "main", SHA: mainSHA}, {Name: "topic", SHA: topicSHA, Behind: true}},
	}))
	srv.SetBranch("octocat/example", ghdeploytest.Branch{Name: "main", SHA: nextSHA})
	must(t, srv, 202, "POST", deployments, `{"ref":"topic"}`) // moves topic to a merge commit
	for _, sha := range []string{mainSHA, topicSHA} {
		must(t, srv, 409, "POST", deployments, `{"ref":"`+sha+`"}`) // behind the new commit of main
		got := must(t, srv, 201, "POST", deployments, `{"ref":"`+sha+`","auto_merge":false}`)
		wantFields(t, got.body, map[string]string{"sha": `"` + sha + `"`})
	}
	must(t, srv, 201, "POST", deployments, `{"ref":"`+nextSHA+`"}`)
}

func TestCommitRefusals(t *testing.T) {
	setup := func(commits ...ghdeploytest.Commit) func() {
		return func() {
			ghdeploytest.NewServer(ghdeploytest.WithRepository(ghdeploytest.Repository{FullName: "octocat/example", Commits: commits}))
		}
	}
	wantPanic(t, setup(ghdeploytest.Commit{}), "Commit without SHA")
	wantPanic(t, setup(ghdeploytest.Commit{SHA: "abc"}), `"abc"`, "40 hex digits")
	wantPanic(t, setup(ghdeploytest.Commit{SHA: loneSHA}, ghdeploytest.Commit{SHA: loneSHA}), "twice", loneSHA)
	wantPanic(t, setup(ghdeploytest.Commit{SHA: loneSHA, Statuses: []ghdeploytest.CommitStatus{{Context: "ci", State: "done"}}}), "done")
}
