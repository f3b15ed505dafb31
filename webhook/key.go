package webhook

import (
	"cmp"
	"strconv"
	"strings"
)

// environmentKey is the default of [QueueOptions.Key]. GitHub compares the
// names of owners, repositories and environments without regard to case.
func environmentKey(event Event) string {
	var environment string
	var common *Common
	switch e := event.(type) {
	case *DeploymentEvent:
		common, environment = &e.Common, e.Deployment.Environment
	case *DeploymentStatusEvent:
		common, environment = &e.Common, cmp.Or(e.Deployment.Environment, e.DeploymentStatus.Environment)
	case *DeploymentReviewEvent:
		common, environment = &e.Common, e.Environment
		if environment == "" && e.WorkflowJobRun != nil {
			environment = e.WorkflowJobRun.Environment
		}
		if environment == "" && len(e.WorkflowJobRuns) > 0 {
			environment = e.WorkflowJobRuns[0].Environment
		}
	case *DeploymentProtectionRuleEvent:
		common, environment = &e.Common, e.Environment
		if environment == "" && e.Deployment != nil {
			environment = e.Deployment.Environment
		}
	default:
		return ""
	}
	repository := ""
	if owner, repo := common.OwnerRepo(); repo != "" {
		repository = owner + "/" + repo
	}
	if common.Repository != nil && common.Repository.ID != 0 {
		repository = strconv.FormatInt(common.Repository.ID, 10) // unchanged when the repository is renamed
	}
	if repository == "" && environment == "" {
		return ""
	}
	return strings.ToLower(repository + "\x00" + environment)
}
