package rollout_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/ghdeploytest"
	"github.com/ghdeploy/ghdeploy/rollout"
)

// row returns a deployment with an environment and statuses in these states,
// oldest first.
func row(environment string, states ...string) ghdeploytest.SeedDeployment {
	d := ghdeploytest.SeedDeployment{Environment: environment}
	for _, state := range states {
		d.Statuses = append(d.Statuses, ghdeploytest.SeedStatus{State: state})
	}
	return d
}

// of sets the commit of a row to 40 equal digits.
func of(digit string, d ghdeploytest.SeedDeployment) ghdeploytest.SeedDeployment {
	d.SHA = strings.Repeat(digit, 40)
	return d
}

// task sets the task of a row.
func task(name string, d ghdeploytest.SeedDeployment) ghdeploytest.SeedDeployment {
	d.Task = name
	return d
}

// aged sets the IDs 1, 2, ... and the creation times of rows, which are in the
// order oldest first: one hour apart, the newest an hour old.
func aged(rows ...ghdeploytest.SeedDeployment) []ghdeploytest.SeedDeployment {
	start := time.Now().Add(-time.Duration(len(rows)) * time.Hour)
	for i := range rows {
		rows[i].ID = int64(i + 1)
		rows[i].CreatedAt = start.Add(time.Duration(i) * time.Hour)
		if rows[i].SHA == "" {
			rows[i].SHA = fmt.Sprintf("%040x", i+1)
		}
	}
	return rows
}

// times returns n equal rows.
func times(n int, d ghdeploytest.SeedDeployment) []ghdeploytest.SeedDeployment {
	rows := make([]ghdeploytest.SeedDeployment, n)
	for i := range rows {
		rows[i] = d
	}
	return rows
}

// orders holds all orders of a list that the server supports.
var orders = map[string]ghdeploytest.ListOrder{
	"newest first": ghdeploytest.NewestFirst, "oldest first": ghdeploytest.OldestFirst, "shuffled": ghdeploytest.Shuffled,
}

// text returns an entry as "3 success", or as "-" without a deployment, and an
// error as the name of its sentinel.
func text(entry *rollout.Entry, err error) string {
	var parts []string
	switch {
	case entry == nil:
	case entry.Deployment == nil:
		parts = append(parts, "-")
	case entry.Status == nil:
		parts = append(parts, fmt.Sprint(entry.Deployment.ID))
	default:
		parts = append(parts, fmt.Sprint(entry.Deployment.ID, " ", entry.Status.State))
	}
	for sentinel, name := range map[error]string{
		rollout.ErrNoneLive: "ErrNoneLive", rollout.ErrNoneOlder: "ErrNoneOlder",
		rollout.ErrNeverSucceeded: "ErrNeverSucceeded", rollout.ErrRunning: "ErrRunning",
		ghdeploy.ErrInvalidArgument: "ErrInvalidArgument", context.Canceled: "Canceled",
	} {
		if errors.Is(err, sentinel) {
			parts = append(parts, name)
			err = nil
		}
	}
	if err != nil {
		parts = append(parts, err.Error())
	}
	return strings.Join(parts, " ")
}
