package rollout

import "github.com/ghdeploy/ghdeploy"

// Repo is one repository on GitHub. All fields are required. Its methods are
// safe for concurrent use.
type Repo struct {
	Client *ghdeploy.Client
	Owner  string
	Name   string
}

// service names one service of the client that a function needs.
type service int

const (
	deployments service = iota
	statuses
	environments
)

// check returns an error if a field or one of the needed services is missing.
func (r Repo) check(needs ...service) error {
	switch {
	case r.Client == nil:
		return invalidArgument("Repo.Client is nil; set it to a client of ghdeploy.NewClient")
	case r.Owner == "":
		return invalidArgument("Repo.Owner is empty")
	case r.Name == "":
		return invalidArgument("Repo.Name is empty")
	}
	for _, need := range needs {
		var missing string
		switch {
		case need == deployments && r.Client.Deployments == nil:
			missing = "Deployments"
		case need == statuses && r.Client.Statuses == nil:
			missing = "Statuses"
		case need == environments && r.Client.Environments == nil:
			missing = "Environments"
		default:
			continue
		}
		return invalidArgument("Repo.Client.%s is nil; set the service", missing)
	}
	return nil
}
