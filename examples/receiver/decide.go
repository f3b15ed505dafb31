package main

import (
	"cmp"
	"fmt"
	"time"

	"github.com/ghdeploy/ghdeploy"
)

// decision is the action for a deployment, and its reason.
type decision struct {
	deploy bool           // deploy it
	report ghdeploy.State // otherwise report this final state; "" to do nothing
	reason string
}

// decide decides from the statuses of the deployment and the deployments of its
// environment, both in any order. A run of this receiver has the status
// in_progress with the description progress. The caller must not call decide
// while the deployment runs in this process.
//
// It has no side effects. Copy it into any worker that can get a deployment
// twice, late, or after a crash.
func decide(d ghdeploy.Deployment, statuses []*ghdeploy.DeploymentStatus, environment []*ghdeploy.Deployment, progress string) decision {
	last := newestStatus(statuses, func(s ghdeploy.State) bool { return s != ghdeploy.StateQueued })
	final := newestStatus(statuses, ghdeploy.State.Final)
	switch {
	case last == nil: // untouched
		newest := &d
		for _, other := range environment {
			if compareAge(other.CreatedAt, newest.CreatedAt, other.ID, newest.ID) > 0 {
				newest = other
			}
		}
		if newest.ID != d.ID {
			return decision{report: ghdeploy.StateInactive, reason: fmt.Sprintf("superseded by deployment %d", newest.ID)}
		}
		return decision{deploy: true, reason: "untouched, and the newest of its environment"}
	case last.State != ghdeploy.StateInProgress || last.Description != progress:
		return decision{reason: fmt.Sprintf("it has the status %s %q", last.State, last.Description)}
	case final != nil: // GitHub executed the POST of in_progress late
		return decision{report: final.State, reason: fmt.Sprintf("it was %s before its in_progress arrived", final.State)}
	default:
		return decision{report: ghdeploy.StateError, reason: "its run was interrupted"}
	}
}

// newestStatus returns the newest status whose state matches, or nil.
func newestStatus(statuses []*ghdeploy.DeploymentStatus, match func(ghdeploy.State) bool) *ghdeploy.DeploymentStatus {
	var newest *ghdeploy.DeploymentStatus
	for _, s := range statuses {
		if match(s.State) && (newest == nil || compareAge(s.CreatedAt, newest.CreatedAt, s.ID, newest.ID) > 0) {
			newest = s
		}
	}
	return newest
}

// compareAge orders by created_at, then by ID: GitHub documents no order of its
// lists.
func compareAge(aTime, bTime time.Time, aID, bID int64) int {
	return cmp.Or(aTime.Compare(bTime), cmp.Compare(aID, bID))
}
