package ghdeploy

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"
)

// ReviewsService approves and rejects the deployments of a workflow run that
// wait for an environment's rules. runID is the GITHUB_RUN_ID of a workflow; a
// missing run is [ErrNotFound]. The interface is small and frozen: see
// [DeploymentsService].
//
// GitHub docs: https://docs.github.com/rest/actions/workflow-runs
type ReviewsService interface {
	// ListPending returns the environments that the run waits for, on one page.
	//
	// GitHub docs: https://docs.github.com/rest/actions/workflow-runs#get-pending-deployments-for-a-workflow-run
	ListPending(ctx context.Context, owner, repo string, runID int64, opts PendingDeploymentListOptions) (*Page[*PendingDeployment], error)

	// ListApprovals returns the reviews of the run, on one page.
	//
	// GitHub docs: https://docs.github.com/rest/actions/workflow-runs#get-the-review-history-for-a-workflow-run
	ListApprovals(ctx context.Context, owner, repo string, runID int64, opts ApprovalListOptions) (*Page[*Approval], error)

	// Review approves or rejects the deployments of a run to environments, as
	// one of their required reviewers, and returns the deployments.
	//
	// The client looks up names among the environments that the run waits for.
	// If one is not among them, the error is a [*NotPendingError] that lists
	// them, and nothing is approved or rejected. IDs are sent unchanged. If the
	// token's owner may review none of the environments, the error is an
	// [ErrValidation]. With an [*OutcomeUnknownError] the review may have been
	// executed; the client does not send the request again.
	//
	// GitHub docs: https://docs.github.com/rest/actions/workflow-runs#review-pending-deployments-for-a-workflow-run
	Review(ctx context.Context, owner, repo string, runID int64, req ReviewRequest) ([]*Deployment, error)

	// ReviewCustomRule approves or rejects a run for a GitHub App's own rule.
	// It requires an installation token of that app. With an
	// [*OutcomeUnknownError] the review may have been executed; the client
	// does not send the request again.
	//
	// GitHub docs: https://docs.github.com/rest/actions/workflow-runs#review-custom-deployment-protection-rules-for-a-workflow-run
	ReviewCustomRule(ctx context.Context, owner, repo string, runID int64, req CustomRuleReview) error

	// ReportCustomRuleStatus shows the progress of a GitHub App's own rule on
	// the run, without a decision: up to ten times for a deployment. It
	// requires the same token. An [*OutcomeUnknownError] means the same as
	// above.
	//
	// GitHub docs: https://docs.github.com/rest/actions/workflow-runs#review-custom-deployment-protection-rules-for-a-workflow-run
	ReportCustomRuleStatus(ctx context.Context, owner, repo string, runID int64, req CustomRuleStatus) error
}

// ReviewState is the state of a review. GitHub may send one that is not listed
// here; it is kept as it was sent.
type ReviewState string

// The states of a review. A request accepts the first two.
const (
	ReviewApproved ReviewState = "approved"
	ReviewRejected ReviewState = "rejected"
	ReviewPending  ReviewState = "pending" // a comment without a decision
)

// PendingDeployment is an environment that a workflow run waits for.
type PendingDeployment struct {
	Environment EnvironmentReference `json:"environment"`

	WaitTimer          int       `json:"wait_timer"`            // minutes; 0: none
	WaitTimerStartedAt time.Time `json:"wait_timer_started_at"` // zero: not started

	CurrentUserCanApprove bool       `json:"current_user_can_approve"`
	Reviewers             []Reviewer `json:"reviewers"`
}

func (p *PendingDeployment) rowID() int64 {
	if p == nil {
		return 0
	}
	return p.Environment.ID
}

// EnvironmentReference is an environment in a review.
type EnvironmentReference struct {
	ID        int64     `json:"id"`
	NodeID    string    `json:"node_id"`
	Name      string    `json:"name"`
	URL       string    `json:"url"`
	HTMLURL   string    `json:"html_url"`
	CreatedAt time.Time `json:"created_at"` // zero in a PendingDeployment
	UpdatedAt time.Time `json:"updated_at"` // zero in a PendingDeployment
}

// Approval is one review of a workflow run: an approval, a rejection or a
// comment.
type Approval struct {
	Environments []EnvironmentReference `json:"environments"`
	State        ReviewState            `json:"state"`
	User         *User                  `json:"user"` // nil: the account was deleted
	Comment      string                 `json:"comment"`
}

// complete replaces the check of the ID, which a review does not have.
func (a *Approval) complete() bool { return a != nil && a.State != "" }

// PendingDeploymentListOptions is empty: GitHub neither filters nor pages this
// list.
type PendingDeploymentListOptions struct{}

// ApprovalListOptions is empty: GitHub neither filters nor pages this list.
type ApprovalListOptions struct{}

// ReviewRequest is a review of a workflow run's deployments. State and at least
// one environment are required; names and IDs can be combined.
type ReviewRequest struct {
	Environments   []string `json:"-"`               // by name; case does not count
	EnvironmentIDs []int64  `json:"environment_ids"` // by ID

	State   ReviewState `json:"state"`   // ReviewApproved or ReviewRejected
	Comment string      `json:"comment"` // shown with the review
}

func (r ReviewRequest) validate() error {
	switch {
	case r.State == "":
		return invalidArgument("the review's State is empty; set it to ReviewApproved or ReviewRejected")
	case len(r.Environments)+len(r.EnvironmentIDs) == 0:
		return invalidArgument("the review names no environment")
	}
	for _, id := range r.EnvironmentIDs {
		if id <= 0 {
			return invalidArgument("the review's EnvironmentIDs contain %d; GitHub's IDs are positive", id)
		}
	}
	for _, environment := range r.Environments {
		if err := environmentName(environment).validate(); err != nil {
			return err
		}
	}
	return nil
}

// CustomRuleReview is a GitHub App's decision on its own rule. Only Comment is
// optional.
type CustomRuleReview struct {
	EnvironmentName string      `json:"environment_name"`
	State           ReviewState `json:"state"` // ReviewApproved or ReviewRejected
	Comment         string      `json:"comment,omitzero"`
}

// CustomRuleStatus is what a GitHub App reports on its own rule. Both fields
// are required.
type CustomRuleStatus struct {
	EnvironmentName string `json:"environment_name"`
	Comment         string `json:"comment"` // Markdown, at most 1,024 characters
}

type reviewsService struct{ core *core }

//ghdeploy:operation GET /repos/{owner}/{repo}/actions/runs/{run_id}/pending_deployments
func (s *reviewsService) ListPending(ctx context.Context, owner, repo string, runID int64, opts PendingDeploymentListOptions) (*Page[*PendingDeployment], error) {
	return list[*PendingDeployment](ctx, s.core, runPath(owner, repo, runID, "pending_deployments"), opts, paging{})
}

//ghdeploy:operation GET /repos/{owner}/{repo}/actions/runs/{run_id}/approvals
func (s *reviewsService) ListApprovals(ctx context.Context, owner, repo string, runID int64, opts ApprovalListOptions) (*Page[*Approval], error) {
	return list[*Approval](ctx, s.core, runPath(owner, repo, runID, "approvals"), opts, paging{})
}

//ghdeploy:operation POST /repos/{owner}/{repo}/actions/runs/{run_id}/pending_deployments
func (s *reviewsService) Review(ctx context.Context, owner, repo string, runID int64, req ReviewRequest) ([]*Deployment, error) {
	if err := req.validate(); err != nil {
		return nil, err
	}
	op := operation{method: http.MethodPost, path: runPath(owner, repo, runID, "pending_deployments")}
	if len(req.Environments) > 0 {
		resp, err := s.core.call(ctx, operation{method: http.MethodGet, path: op.path})
		if err != nil {
			return nil, err
		}
		pending, err := decodeRows[*PendingDeployment](resp)
		if err != nil {
			return nil, err
		}
		resp.keep()
		ids, err := lookUp(req.Environments, pending)
		if err != nil {
			return nil, newError(resp, err)
		}
		req.EnvironmentIDs = slices.Concat(req.EnvironmentIDs, ids)
		op.waited = resp.waited
	}
	req.EnvironmentIDs = unique(req.EnvironmentIDs)
	op.body = req
	resp, err := s.core.call(ctx, op)
	if err != nil {
		return nil, err
	}
	return decodeRows[*Deployment](resp)
}

// lookUp returns the IDs of pending environments by their names.
func lookUp(names []string, pending []*PendingDeployment) ([]int64, error) {
	var (
		ids    []int64
		absent []string
	)
	for _, name := range names {
		i := slices.IndexFunc(pending, func(p *PendingDeployment) bool {
			return strings.EqualFold(p.Environment.Name, name)
		})
		if i < 0 {
			absent = append(absent, name)
			continue
		}
		ids = append(ids, pending[i].Environment.ID)
	}
	if absent == nil {
		return ids, nil
	}
	e := &NotPendingError{Environments: absent}
	for _, p := range pending {
		e.Pending = append(e.Pending, p.Environment.Name)
	}
	return nil, e
}

// unique keeps the first of each.
func unique(ids []int64) []int64 {
	var kept []int64
	for _, id := range ids {
		if !slices.Contains(kept, id) {
			kept = append(kept, id)
		}
	}
	return kept
}

//ghdeploy:operation POST /repos/{owner}/{repo}/actions/runs/{run_id}/deployment_protection_rule
func (s *reviewsService) ReviewCustomRule(ctx context.Context, owner, repo string, runID int64, req CustomRuleReview) error {
	if req.State == "" {
		// Without a state GitHub treats it as a report.
		return invalidArgument("the review's State is empty; set it to ReviewApproved or ReviewRejected, or use ReportCustomRuleStatus")
	}
	return s.respond(ctx, owner, repo, runID, req.EnvironmentName, req)
}

func (s *reviewsService) ReportCustomRuleStatus(ctx context.Context, owner, repo string, runID int64, req CustomRuleStatus) error {
	if req.Comment == "" {
		return invalidArgument("the report's Comment is empty; it is required")
	}
	return s.respond(ctx, owner, repo, runID, req.EnvironmentName, req)
}

func (s *reviewsService) respond(ctx context.Context, owner, repo string, runID int64, environment string, body any) error {
	if err := environmentName(environment).validate(); err != nil {
		return err
	}
	_, err := s.core.execute(ctx, operation{
		method: http.MethodPost,
		path:   runPath(owner, repo, runID, "deployment_protection_rule"),
		body:   body,
	})
	return err
}
