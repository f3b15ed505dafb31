package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/ghdeploy/ghdeploy"
)

// runPrefix begins the description of every in_progress of this fleet.
const runPrefix = "fleet run "

// verdict is the action for a deployment.
type verdict int

const (
	deployIt    verdict = iota
	leaveIt             // has a status beyond queued
	supersedeIt         // untouched, and not the newest of its environment; gets inactive
	endIt               // a run of this fleet that was interrupted; gets error
)

// judge decides about the deployment of a message by GitHub's record. The
// message may be a replay, or be redelivered after a worker died.
func judge(ctx context.Context, client *ghdeploy.Client, owner, repo string, d *ghdeploy.Deployment) (verdict, string, error) {
	newest, touched, err := statusOf(ctx, client, owner, repo, d.ID)
	switch {
	case err != nil:
		return 0, "", err
	case touched && isOurs(newest):
		return endIt, "interrupted: " + newest.Description, nil
	case touched:
		return leaveIt, "its newest status is " + string(newest.State), nil
	}
	list, err := client.Deployments.List(ctx, owner, repo, ghdeploy.DeploymentListOptions{Environment: d.Environment, PerPage: 100})
	if err != nil {
		return 0, "", err
	}
	for _, other := range list.Items {
		if cmp.Or(other.CreatedAt.Compare(d.CreatedAt), cmp.Compare(other.ID, d.ID)) > 0 {
			return supersedeIt, fmt.Sprintf("superseded by deployment %d", other.ID), nil
		}
	}
	return deployIt, "", nil
}

// statusOf returns the newest status of a deployment, and reports whether the
// deployment has a status beyond queued.
func statusOf(ctx context.Context, client *ghdeploy.Client, owner, repo string, id int64) (newest *ghdeploy.DeploymentStatus, touched bool, err error) {
	page, err := client.Statuses.List(ctx, owner, repo, id, ghdeploy.DeploymentStatusListOptions{PerPage: 100})
	if err != nil {
		return nil, false, err
	}
	for _, s := range page.Items {
		touched = touched || s.State != ghdeploy.StateQueued
		if newest == nil || cmp.Or(s.CreatedAt.Compare(newest.CreatedAt), cmp.Compare(s.ID, newest.ID)) > 0 {
			newest = s
		}
	}
	return newest, touched, nil
}

// isOurs reports whether a status is the in_progress of a run of this fleet.
func isOurs(s *ghdeploy.DeploymentStatus) bool {
	return s.State == ghdeploy.StateInProgress && strings.HasPrefix(s.Description, runPrefix)
}
