package ghdeploy

import (
	"maps"
	"slices"
	"sync"

	"github.com/ghdeploy/ghdeploy/internal/wire"
)

// rowsOf decodes an array of objects; nil for null. The rows of a page
// repeat a few creators and apps, so deployments and statuses are decoded as
// types that recognize a repeated value.
func rowsOf[R any](array []byte) (rows []R, err error) {
	switch to := any(&rows).(type) {
	case *[]*Deployment:
		*to, err = rowsAs[*deploymentRow](array)
	case *[]*DeploymentStatus:
		*to, err = rowsAs[*statusRow](array)
	default:
		err = wire.Decode(array, to)
	}
	return rows, err
}

// rowsAs decodes an array of objects as rows of type W.
func rowsAs[W interface{ result() *R }, R any](array []byte) ([]*R, error) {
	var decoded []W
	if err := wire.Decode(array, &decoded); err != nil || decoded == nil {
		return nil, err
	}
	rows := make([]*R, len(decoded))
	for i, row := range decoded {
		rows[i] = row.result()
	}
	return rows, nil
}

// rowOf decodes one object in the same way; one without an ID for null.
func rowOf[T any](object []byte) (*T, error) {
	var v *T
	switch any(v).(type) {
	case *Deployment:
		row := new(deploymentRow)
		err := wire.Decode(object, row)
		return any(row.result()).(*T), err
	case *DeploymentStatus:
		row := new(statusRow)
		err := wire.Decode(object, row)
		return any(row.result()).(*T), err
	}
	v = new(T)
	return v, wire.Decode(object, v)
}

// deploymentRow is a deployment as it is decoded: one allocation holds it and
// its creator.
type deploymentRow struct {
	Deployment
	Creator repeatedUser `json:"creator"` // instead of the Deployment's
	App     repeatedApp  `json:"performed_via_github_app"`
}

// result returns the deployment of a row, nil for null.
func (r *deploymentRow) result() *Deployment {
	if r == nil {
		return nil
	}
	r.Deployment.Creator, r.PerformedViaGitHubApp = r.Creator.result(), r.App.value
	return &r.Deployment
}

// statusRow is a status as it is decoded.
type statusRow struct {
	DeploymentStatus
	Creator repeatedUser `json:"creator"`
	App     repeatedApp  `json:"performed_via_github_app"`
}

func (r *statusRow) result() *DeploymentStatus {
	if r == nil {
		return nil
	}
	r.DeploymentStatus.Creator, r.PerformedViaGitHubApp = r.Creator.result(), r.App.value
	return &r.DeploymentStatus
}

var users, apps sync.Pool // of *memo[User] and of *memo[GitHubApp]

// repeatedUser is a user that other rows repeat. Most rows have one.
type repeatedUser struct {
	value   User `wire:"repeated"`
	present bool
}

// UnmarshalJSON stores a copy of a user that is known, or decodes it.
func (u *repeatedUser) UnmarshalJSON(raw []byte) error {
	*u = repeatedUser{present: string(raw) != "null"}
	if !u.present {
		return nil
	}
	return decodeRepeated(&users, raw, &u.value)
}

func (u *repeatedUser) result() *User {
	if !u.present {
		return nil
	}
	return &u.value
}

// repeatedApp is an app that other rows repeat. Many rows have none.
type repeatedApp struct {
	value *GitHubApp `wire:"repeated"`
}

// UnmarshalJSON stores a copy of an app that is known, or decodes it.
func (a *repeatedApp) UnmarshalJSON(raw []byte) error {
	a.value = nil
	if string(raw) == "null" {
		return nil
	}
	a.value = new(GitHubApp)
	return decodeRepeated(&apps, raw, a.value)
}

func (u *User) clone() User { return *u }

func (a *GitHubApp) clone() GitHubApp {
	c := *a
	if a.Owner != nil {
		owner := *a.Owner
		c.Owner = &owner
	}
	c.Permissions = maps.Clone(a.Permissions)
	c.Events = slices.Clone(a.Events)
	return c
}
