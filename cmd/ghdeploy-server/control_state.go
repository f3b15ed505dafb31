package main

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

// has reports whether a repository exists.
func (c *control) has(fullName string) bool {
	return slices.ContainsFunc(c.server().Repositories(), func(name string) bool { return strings.EqualFold(name, fullName) })
}

// repository returns the full name of the repository in the path.
func (c *control) repository(r *http.Request) (string, error) {
	name := r.PathValue("owner") + "/" + r.PathValue("repo")
	if !c.has(name) {
		return "", &controlError{status: http.StatusNotFound, Type: "not_found", Message: fmt.Sprintf("no repository %q; there are: %s", name, strings.Join(c.server().Repositories(), ", "))}
	}
	return name, nil
}

func (c *control) resetAll(r *http.Request) (any, error) {
	if err := empty(r); err != nil {
		return nil, err
	}
	c.reset()
	return nil, nil
}

type clockJSON struct {
	Now time.Time `json:"now"`
	// Ahead is the offset of the clock from real time, like 1h0m0s.
	Ahead string `json:"ahead"`
}

func (c *control) getClock(*http.Request) (any, error) {
	return clockJSON{c.now().UTC(), time.Duration(c.ahead.Load()).String()}, nil
}

func (c *control) advanceClock(r *http.Request) (any, error) {
	var given struct {
		Advance string `json:"advance"`
	}
	if err := decode(r, &given); err != nil {
		return nil, err
	}
	if given.Advance == "" {
		return nil, missing("advance", "a duration like 90s or 720h")
	}
	d, err := time.ParseDuration(given.Advance)
	if err != nil || d <= 0 {
		return nil, invalid("advance", "%q is not a duration above 0; write one like 90s or 720h", given.Advance)
	}
	if !c.advance(d) {
		return nil, invalid("advance", "the clock can be %v ahead of real time at most", maxAhead)
	}
	return c.getClock(r)
}

func (c *control) setQuota(r *http.Request) (any, error) {
	var given struct {
		Token     string `json:"token"`
		Remaining *int   `json:"remaining"`
	}
	if err := decode(r, &given); err != nil {
		return nil, err
	}
	if given.Remaining == nil {
		return nil, missing("remaining", "the remaining requests of the token in its hour")
	}
	if err := refused(func() { c.server().SetRemaining(given.Token, *given.Remaining) }); err != nil {
		field := "remaining"
		if strings.Contains(err.Error(), "token") {
			field = "token"
		}
		return nil, invalid(field, "%s", inJSON(err.Error()))
	}
	return nil, nil
}

func (c *control) renameRepository(r *http.Request) (any, error) {
	name, err := c.repository(r)
	if err != nil {
		return nil, err
	}
	var given struct {
		FullName string `json:"full_name"`
	}
	if err := decode(r, &given); err != nil {
		return nil, err
	}
	if given.FullName == "" {
		return nil, missing("full_name", "owner/name")
	}
	if err := refused(func() { c.server().RenameRepository(name, given.FullName) }); err != nil {
		return nil, invalid("full_name", "%s", inJSON(err.Error()))
	}
	return nil, nil
}

func (c *control) setCommitStatus(r *http.Request) (any, error) {
	name, err := c.repository(r)
	if err != nil {
		return nil, err
	}
	var given struct {
		Ref     string `json:"ref"`
		Context string `json:"context"`
		State   string `json:"state"`
	}
	if err := decode(r, &given); err != nil {
		return nil, err
	}
	for _, field := range []struct{ name, value, want string }{
		{"ref", given.Ref, "a branch, a tag or a commit"},
		{"context", given.Context, "the name of the check, like ci/build"},
		{"state", given.State, "success, pending, failure or error"},
	} {
		if field.value == "" {
			return nil, missing(field.name, field.want)
		}
	}
	if err := refused(func() { c.server().SetCommitStatus(name, given.Ref, given.Context, given.State) }); err != nil {
		field := "state"
		if strings.HasPrefix(err.Error(), "SetCommitStatus on") {
			field = "ref"
		}
		return nil, invalid(field, "%s", inJSON(err.Error()))
	}
	return nil, nil
}

// runJSON is a run with its deployments.
type runJSON struct {
	ID           int64     `json:"id"`
	Ref          string    `json:"ref"`
	Actor        string    `json:"actor"`
	Environments []string  `json:"environments"`
	Deployments  []jobJSON `json:"deployments"`
}

type jobJSON struct {
	ID          int64  `json:"id"`
	Environment string `json:"environment"`
	State       string `json:"state"`
}

func (c *control) startRun(r *http.Request) (any, error) {
	name, err := c.repository(r)
	if err != nil {
		return nil, err
	}
	var given ghdeploytest.Run
	if err := decode(r, &given); err != nil {
		return nil, err
	}
	if len(given.Environments) == 0 {
		return nil, missing("environments", "the environments that the run deploys to")
	}
	srv := c.server()
	var run ghdeploytest.Run
	if err := refused(func() { run = srv.StartRun(name, given) }); err != nil {
		return nil, invalid("", "%s", inJSON(err.Error()))
	}
	return created{runJSON{run.ID, run.Ref, run.Actor, run.Environments, c.jobs(srv, name, run.Deployments)}}, nil
}

// jobs returns the deployments of a run.
func (c *control) jobs(srv *ghdeploytest.Server, name string, ids []int64) []jobJSON {
	jobs := []jobJSON{}
	_ = refused(func() { // a concurrent rename removes the name
		for _, d := range srv.Deployments(name) {
			if slices.Contains(ids, d.ID) {
				jobs = append(jobs, jobJSON{d.ID, d.Environment, d.State()})
			}
		}
	})
	return jobs
}

func (c *control) stepRun(r *http.Request) (any, error) {
	name, err := c.repository(r)
	if err != nil {
		return nil, err
	}
	id, err := strconv.ParseInt(r.PathValue("run_id"), 10, 64)
	if err != nil {
		return nil, &controlError{status: http.StatusNotFound, Type: "not_found", Message: fmt.Sprintf("no run %q; a run ID is a number", r.PathValue("run_id"))}
	}
	var given struct {
		Result string `json:"result"`
	}
	if err := decode(r, &given); err != nil {
		return nil, err
	}
	stepped := false
	if err := refused(func() { stepped = c.server().StepRun(name, id, cmp.Or(given.Result, "success")) }); err != nil {
		if strings.HasPrefix(err.Error(), "StepRun of the run") {
			return nil, &controlError{status: http.StatusNotFound, Type: "not_found", Message: inJSON(err.Error())}
		}
		return nil, invalid("result", "%s", inJSON(err.Error()))
	}
	return map[string]bool{"stepped": stepped}, nil
}
