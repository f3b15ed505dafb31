package ghdeploy

import "github.com/ghdeploy/ghdeploy/internal/wire"

// maxRead bounds the JSON that is read as rows. The values that repeat are a
// small part of a larger page, and what cannot be read as rows is decoded from
// the start.
const maxRead = maxPooled

// rowsOf decodes an array of objects; nil for null. Deployments and statuses
// are read in less time, as rows.
func rowsOf[R any](array []byte) (rows []R, err error) {
	switch to := any(&rows).(type) {
	case *[]*Deployment:
		*to, err = readRows[deploymentRow, Deployment](array)
	case *[]*DeploymentStatus:
		*to, err = readRows[statusRow, DeploymentStatus](array)
	default:
		err = wire.Decode(array, to)
	}
	return rows, err
}

// rowOf decodes one object in the same way. Null becomes a zero value.
func rowOf[T any](object []byte) (v *T, err error) {
	switch to := any(&v).(type) {
	case **Deployment:
		*to, err = readRow[deploymentRow, Deployment](object)
	case **DeploymentStatus:
		*to, err = readRow[statusRow, DeploymentStatus](object)
	default:
		v = new(T)
		err = wire.Decode(object, v)
	}
	return v, err
}

// rowType is a pointer to W, a row: one allocation for an R, which is a public
// type, and for its creator.
type rowType[W, R any] interface {
	*W
	// place returns where the value of a member goes, nil if the row has no
	// field for it.
	place(r *repeats, name []byte) any
	value() *R
}

// readRows reads an array of rows. What it cannot read, the JSON library
// decodes; its errors name the place of the fault.
func readRows[W, R any, P rowType[W, R]](array []byte) (rows []*R, err error) {
	if len(array) <= maxRead {
		err = readRepeats(array, func(r *repeats, document []byte) error {
			const bytesPerRow = 512 // usually more, without the values that repeat
			rows = make([]*R, 0, 1+len(document)/bytesPerRow)
			var row P
			return wire.ReadArray[W](document, func(null bool) {
				if null {
					rows = append(rows, nil)
					return
				}
				row = new(W)
				rows = append(rows, row.value())
			}, func(name []byte) any { return row.place(r, name) })
		})
		if err == nil {
			return rows, nil
		}
	}
	rows = nil
	err = wire.Decode(array, &rows)
	return rows, err
}

func readRow[W, R any, P rowType[W, R]](object []byte) (*R, error) {
	if len(object) <= maxRead {
		var row P
		err := readRepeats(object, func(r *repeats, document []byte) error {
			row = new(W)
			return wire.ReadObject[W](document, func(name []byte) any { return row.place(r, name) })
		})
		if err == nil {
			return row.value(), nil
		}
	}
	v := new(R)
	return v, wire.Decode(object, v)
}

type deploymentRow struct {
	Deployment
	creator User
}

func (d *deploymentRow) value() *Deployment { return &d.Deployment }

func (d *deploymentRow) place(r *repeats, name []byte) any {
	switch string(name) {
	case "id":
		return &d.ID
	case "node_id":
		return &d.NodeID
	case "url":
		return &d.URL
	case "sha":
		return &d.SHA
	case "ref":
		return &d.Ref
	case "task":
		return &d.Task
	case "environment":
		return &d.Environment
	case "original_environment":
		return &d.OriginalEnvironment
	case "transient_environment":
		return &d.TransientEnvironment
	case "production_environment":
		return &d.ProductionEnvironment
	case "description":
		return &d.Description
	case "payload":
		return &d.Payload
	case "creator":
		return r.users.into(&d.Creator, &d.creator)
	case "performed_via_github_app":
		return r.apps.into(&d.PerformedViaGitHubApp, nil)
	case "created_at":
		return &d.CreatedAt
	case "updated_at":
		return &d.UpdatedAt
	case "statuses_url":
		return &d.StatusesURL
	case "repository_url":
		return &d.RepositoryURL
	}
	return nil
}

type statusRow struct {
	DeploymentStatus
	creator User
}

func (s *statusRow) value() *DeploymentStatus { return &s.DeploymentStatus }

func (s *statusRow) place(r *repeats, name []byte) any {
	switch string(name) {
	case "id":
		return &s.ID
	case "node_id":
		return &s.NodeID
	case "url":
		return &s.URL
	case "state":
		return (*string)(&s.State)
	case "description":
		return &s.Description
	case "environment":
		return &s.Environment
	case "environment_url":
		return &s.EnvironmentURL
	case "log_url":
		return &s.LogURL
	case "target_url":
		return &s.TargetURL
	case "creator":
		return r.users.into(&s.Creator, &s.creator)
	case "performed_via_github_app":
		return r.apps.into(&s.PerformedViaGitHubApp, nil)
	case "created_at":
		return &s.CreatedAt
	case "updated_at":
		return &s.UpdatedAt
	case "deployment_url":
		return &s.DeploymentURL
	case "repository_url":
		return &s.RepositoryURL
	}
	return nil
}
