package webhook

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/ghdeploy/ghdeploy"
)

// Event is a decoded delivery: a [*DeploymentEvent],
// [*DeploymentStatusEvent], [*DeploymentReviewEvent],
// [*DeploymentProtectionRuleEvent] or [*PingEvent], or the [*Delivery] alone
// for an event of another name. Use a type switch.
type Event interface {
	// Info returns the headers and the raw payload.
	Info() *Delivery
}

// newEvent returns an empty event of the type for a name. It is a *Delivery if
// the package has no type for the name.
func newEvent(name string) Event {
	switch name {
	case "deployment":
		return new(DeploymentEvent)
	case "deployment_status":
		return new(DeploymentStatusEvent)
	case "deployment_review":
		return new(DeploymentReviewEvent)
	case "deployment_protection_rule":
		return new(DeploymentProtectionRuleEvent)
	case "ping":
		return new(PingEvent)
	}
	return new(Delivery)
}

// Action is the action of an event. A value that is not listed here is kept
// unchanged. A ping has no action, and GitHub Enterprise Server up to 3.5 sends
// no action with a deployment or a deployment status.
type Action string

// The actions that GitHub documents for the events of this package.
const (
	ActionCreated   Action = "created"   // deployment, deployment_status
	ActionRequested Action = "requested" // deployment_review, deployment_protection_rule
	ActionApproved  Action = "approved"  // deployment_review
	ActionRejected  Action = "rejected"  // deployment_review
)

// Common holds the fields of all events. A field is zero or nil if its key is
// not in the payload.
type Common struct {
	Delivery Delivery `json:"-"` // the headers and the raw payload

	Action       Action         `json:"action"`
	Repository   *Repository    `json:"repository"`   // nil in a ping of an organization's or an app's webhook
	Organization *Organization  `json:"organization"` // nil if a user owns the repository
	Enterprise   *Enterprise    `json:"enterprise"`   // nil outside an enterprise
	Installation *Installation  `json:"installation"` // nil if the webhook is not a GitHub App's
	Sender       *ghdeploy.User `json:"sender"`       // the user who caused the event
}

// Info returns the headers and the raw payload.
func (c *Common) Info() *Delivery { return &c.Delivery }

// OwnerRepo returns the owner and the name of the repository, as arguments for
// the services of [ghdeploy.Client]. Both are "" if the payload has no
// repository; the services return [ghdeploy.ErrInvalidArgument] for them.
func (c *Common) OwnerRepo() (owner, repo string) {
	r := c.Repository
	switch {
	case r == nil:
		return "", ""
	case r.Owner != nil && r.Owner.Login != "" && r.Name != "":
		return r.Owner.Login, r.Name
	}
	owner, repo, err := ghdeploy.ParseRepository(r.FullName)
	if err != nil {
		return "", ""
	}
	return owner, repo
}

// DeploymentEvent is the event deployment: a deployment was created. The
// deployment system that receives it should deploy it.
//
// GitHub docs: https://docs.github.com/webhooks/webhook-events-and-payloads#deployment
type DeploymentEvent struct {
	Common
	Deployment  ghdeploy.Deployment `json:"deployment"`
	Workflow    *Workflow           `json:"workflow"`     // nil unless a workflow created the deployment
	WorkflowRun *WorkflowRun        `json:"workflow_run"` // nil unless a workflow created the deployment
}

// DeploymentStatusEvent is the event deployment_status: a deployment got a new
// status. GitHub does not send it for the state inactive.
//
// GitHub docs: https://docs.github.com/webhooks/webhook-events-and-payloads#deployment_status
type DeploymentStatusEvent struct {
	Common
	Deployment       ghdeploy.Deployment       `json:"deployment"`
	DeploymentStatus ghdeploy.DeploymentStatus `json:"deployment_status"`
	CheckRun         *CheckRun                 `json:"check_run"`    // nil unless a workflow's job set the status
	Workflow         *Workflow                 `json:"workflow"`     // nil unless a workflow created the deployment
	WorkflowRun      *WorkflowRun              `json:"workflow_run"` // nil unless a workflow created the deployment
}

// DeploymentReviewEvent is the event deployment_review, for GitHub Apps: a
// workflow run waits for the reviewers of an environment (requested), or a
// reviewer approved or rejected it (approved, rejected).
//
// GitHub docs: https://docs.github.com/webhooks/webhook-events-and-payloads#deployment_review
type DeploymentReviewEvent struct {
	Common
	Environment     string               `json:"environment"`       // with requested only; also in each WorkflowJobRun
	Reviewers       []*ghdeploy.Reviewer `json:"reviewers"`         // the users and teams that may approve
	Requestor       *ghdeploy.User       `json:"requestor"`         // the user who started the run; with requested only
	Approver        *ghdeploy.User       `json:"approver"`          // the reviewer who decided; with approved and rejected only
	Comment         string               `json:"comment"`           // the approver's comment
	Since           string               `json:"since"`             // a time, such as 2026-11-20T09:28:15Z; GitHub does not document its form
	WorkflowJobRun  *WorkflowJobRun      `json:"workflow_job_run"`  // the waiting job
	WorkflowJobRuns []WorkflowJobRun     `json:"workflow_job_runs"` // the jobs decided on; with approved and rejected only
	WorkflowRun     *WorkflowRun         `json:"workflow_run"`
}

// DeploymentProtectionRuleEvent is the event deployment_protection_rule, for
// GitHub Apps: a workflow run waits for the app's custom protection rule. The
// app must approve or reject it with Reviews.ReviewCustomRule.
//
// GitHub docs: https://docs.github.com/webhooks/webhook-events-and-payloads#deployment_protection_rule
type DeploymentProtectionRuleEvent struct {
	Common
	Environment string `json:"environment"` // the environment that the rule protects
	Event       string `json:"event"`       // the event that started the run, such as "push"
	SHA         string `json:"sha"`         // the commit of the run; sent by GitHub, but not documented
	Ref         string `json:"ref"`         // the branch or tag of the run; sent by GitHub, but not documented

	// DeploymentCallbackURL is the address for the app's decision. Use RunID
	// and Reviews.ReviewCustomRule instead of calling it.
	DeploymentCallbackURL string               `json:"deployment_callback_url"`
	Deployment            *ghdeploy.Deployment `json:"deployment"` // optional by GitHub's schema
	PullRequests          []PullRequest        `json:"pull_requests"`
}

// RunID returns the ID of the waiting workflow run. It reads the ID from
// DeploymentCallbackURL, because no other key holds it. ok is false if that URL
// is missing or malformed.
func (e *DeploymentProtectionRuleEvent) RunID() (id int64, ok bool) {
	u, err := url.Parse(e.DeploymentCallbackURL)
	if err != nil {
		return 0, false
	}
	path, ok := strings.CutSuffix(u.Path, "/deployment_protection_rule")
	if !ok {
		return 0, false
	}
	parent, last, ok := cutLast(path)
	if !ok || !strings.HasSuffix(parent, "/actions/runs") {
		return 0, false
	}
	id, err = strconv.ParseInt(last, 10, 64)
	if err != nil || id <= 0 {
		return 0, false
	}
	return id, true
}

func cutLast(path string) (parent, last string, ok bool) {
	i := strings.LastIndexByte(path, '/')
	if i < 0 {
		return "", "", false
	}
	return path[:i], path[i+1:], true
}

// PingEvent is the event ping. GitHub sends it when a webhook is created and
// when a ping is requested.
//
// GitHub docs: https://docs.github.com/webhooks/webhook-events-and-payloads#ping
type PingEvent struct {
	Common
	Zen    string `json:"zen"`
	HookID int64  `json:"hook_id"`
	Hook   *Hook  `json:"hook"`
}

// Hook is the configuration of a webhook.
//
// GitHub docs: https://docs.github.com/rest/repos/webhooks#get-a-repository-webhook
type Hook struct {
	Type          string        `json:"type"` // "Repository", "Organization", "App"
	ID            int64         `json:"id"`
	Name          string        `json:"name"` // "web"
	Active        bool          `json:"active"`
	AppID         int64         `json:"app_id"` // set for the webhook of a GitHub App
	Events        []string      `json:"events"` // "*" stands for all events
	Config        HookConfig    `json:"config"`
	URL           string        `json:"url"`
	TestURL       string        `json:"test_url"`
	PingURL       string        `json:"ping_url"`
	DeliveriesURL string        `json:"deliveries_url"`
	LastResponse  *HookResponse `json:"last_response"`
	CreatedAt     time.Time     `json:"created_at"`
	UpdatedAt     time.Time     `json:"updated_at"`
}

// HookConfig is the delivery configuration of a webhook.
type HookConfig struct {
	URL         string `json:"url"`
	ContentType string `json:"content_type"` // "json" or "form"
	InsecureSSL any    `json:"insecure_ssl"` // "1" or 1 if the certificate is not verified
	Secret      string `json:"secret"`       // asterisks
}

// HookResponse is the last response of the webhook's receiver.
type HookResponse struct {
	Code    int    `json:"code"`
	Status  string `json:"status"` // "unused", "active"
	Message string `json:"message"`
}
