package rollout

import (
	"cmp"
	"slices"
	"time"

	"github.com/ghdeploy/ghdeploy"
)

// pageSize is GitHub's maximum. GitHub documents no order for its lists, so
// "newest" is always decided over whole pages of this size.
const pageSize = 100

// compareAge orders by created_at, then by ID: the newer one is greater.
func compareAge(aTime, bTime time.Time, aID, bID int64) int {
	return cmp.Or(aTime.Compare(bTime), cmp.Compare(aID, bID))
}

// sortNewestFirst sorts deployments by created_at, then by ID.
func sortNewestFirst(list []*ghdeploy.Deployment) {
	slices.SortFunc(list, func(a, b *ghdeploy.Deployment) int {
		return compareAge(b.CreatedAt, a.CreatedAt, b.ID, a.ID)
	})
}

// newestStatus returns the newest status of a list, nil for an empty one.
func newestStatus(list []*ghdeploy.DeploymentStatus) *ghdeploy.DeploymentStatus {
	var newest *ghdeploy.DeploymentStatus
	for _, s := range list {
		if newest == nil || compareAge(s.CreatedAt, newest.CreatedAt, s.ID, newest.ID) > 0 {
			newest = s
		}
	}
	return newest
}
