package rollout

import (
	"cmp"
	"slices"
	"time"

	"github.com/ghdeploy/ghdeploy"
)

// compareAge orders by created_at, then by ID: the newer one is greater.
func compareAge(aTime, bTime time.Time, aID, bID int64) int {
	return cmp.Or(aTime.Compare(bTime), cmp.Compare(aID, bID))
}

// compareDeployments orders deployments by age, the oldest first.
func compareDeployments(a, b *ghdeploy.Deployment) int {
	return compareAge(a.CreatedAt, b.CreatedAt, a.ID, b.ID)
}

// compareStatuses orders statuses by age, the oldest first.
func compareStatuses(a, b *ghdeploy.DeploymentStatus) int {
	return compareAge(a.CreatedAt, b.CreatedAt, a.ID, b.ID)
}

// sortNewestFirst sorts deployments by age, the newest first.
func sortNewestFirst(list []*ghdeploy.Deployment) {
	slices.SortFunc(list, func(a, b *ghdeploy.Deployment) int { return compareDeployments(b, a) })
}

// descends reports whether deployments are in the order newest first. The order
// of either created_at or ID suffices, because the two can disagree.
func descends(list []*ghdeploy.Deployment) bool {
	for i := 1; i < len(list); i++ {
		if before, d := list[i-1], list[i]; d.ID > before.ID && !d.CreatedAt.Before(before.CreatedAt) {
			return false
		}
	}
	return true
}
