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

// newEvent returns an empty event of the type for a name. A *Delivery is an
// event without a type of its own.
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

// Action is what happened. GitHub may send one that is not listed here: it is
// kept as it came. GitHub Enterprise Server up to 3.5 sends none with a
// deployment or a status, and a ping never has one.
type Action string

// The actions that GitHub documents for the events of this package.
const (
	ActionCreated   Action = "created"   // deployment, deployment_status
	ActionRequested Action = "requested" // deployment_review, deployment_protection_rule
	ActionApproved  Action = "approved"  // deployment_review
	ActionRejected  Action = "rejected"  // deployment_review
)

// Common is what all events hold. What the payload does not have is zero or
// nil.
type Common struct {
	Delivery Delivery `json:"-"` // the headers and the raw payload

	Action       Action         `json:"action"`
	Repository   *Repository    `json:"repository"`   // nil in a ping of an organization's or an app's webhook
	Organization *Organization  `json:"organization"` // nil where a user owns the repository
	Enterprise   *Enterprise    `json:"enterprise"`   // nil outside an enterprise
	Installation *Installation  `json:"installation"` // nil where the webhook is not an app's
	Sender       *ghdeploy.User `json:"sender"`       // who caused the event
}

// Info returns the headers and the raw payload.
func (c *Common) Info() *Delivery { return &c.Delivery }

// OwnerRepo returns the owner and the name of the repository, as the services
// of [ghdeploy.Client] take them. They are empty where the payload has no
// repository; the services then refuse the call.
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

// DeploymentEvent is the event deployment: somebody created a deployment, and
// whoever deploys is to carry it out.
//
// GitHub docs: https://docs.github.com/webhooks/webhook-events-and-payloads#deployment
type DeploymentEvent struct {
	Common
	Deployment  ghdeploy.Deployment `json:"deployment"`
	Workflow    *Workflow           `json:"workflow"`     // nil unless a workflow made the deployment
	WorkflowRun *WorkflowRun        `json:"workflow_run"` // nil unless a workflow made the deployment
}

// DeploymentStatusEvent is the event deployment_status: a deployment got a
// status. GitHub sends none for the state inactive.
//
// GitHub docs: https://docs.github.com/webhooks/webhook-events-and-payloads#deployment_status
type DeploymentStatusEvent struct {
	Common
	Deployment       ghdeploy.Deployment       `json:"deployment"`
	DeploymentStatus ghdeploy.DeploymentStatus `json:"deployment_status"`
	CheckRun         *CheckRun                 `json:"check_run"`    // nil unless a workflow's job set the status
	Workflow         *Workflow                 `json:"workflow"`     // nil unless a workflow made the deployment
	WorkflowRun      *WorkflowRun              `json:"workflow_run"` // nil unless a workflow made the deployment
}

// DeploymentReviewEvent is the event deployment_review, for GitHub Apps: a
// workflow run waits for the reviewers of an environment (requested), or one of
// them decided (approved, rejected).
//
// GitHub docs: https://docs.github.com/webhooks/webhook-events-and-payloads#deployment_review
type DeploymentReviewEvent struct {
	Common
	Environment     string               `json:"environment"`       // with requested only; also in each WorkflowJobRun
	Reviewers       []*ghdeploy.Reviewer `json:"reviewers"`         // who may approve
	Requestor       *ghdeploy.User       `json:"requestor"`         // who started the run; with requested only
	Approver        *ghdeploy.User       `json:"approver"`          // who decided; with approved and rejected only
	Comment         string               `json:"comment"`           // the approver's
	Since           string               `json:"since"`             // a time, such as 2026-11-20T09:28:15Z; GitHub does not document its form
	WorkflowJobRun  *WorkflowJobRun      `json:"workflow_job_run"`  // the job that waits
	WorkflowJobRuns []WorkflowJobRun     `json:"workflow_job_runs"` // the jobs decided on; with approved and rejected only
	WorkflowRun     *WorkflowRun         `json:"workflow_run"`
}

// DeploymentProtectionRuleEvent is the event deployment_protection_rule, for
// GitHub Apps: a workflow run waits for the app's own protection rule, and the
// app is to approve or to reject it.
//
// GitHub docs: https://docs.github.com/webhooks/webhook-events-and-payloads#deployment_protection_rule
type DeploymentProtectionRuleEvent struct {
	Common
	Environment string `json:"environment"` // that the rule protects
	Event       string `json:"event"`       // that started the run, such as "push"
	SHA         string `json:"sha"`         // the commit of the run; GitHub sends it and does not document it
	Ref         string `json:"ref"`         // the branch or tag of the run; GitHub sends it and does not document it

	// DeploymentCallbackURL is where the answer goes. It names the run: see
	// RunID. There is no need to call it by hand.
	DeploymentCallbackURL string               `json:"deployment_callback_url"`
	Deployment            *ghdeploy.Deployment `json:"deployment"` // GitHub does not promise it
	PullRequests          []PullRequest        `json:"pull_requests"`
}

// RunID returns the id of the workflow run that waits, from
// DeploymentCallbackURL: no other key holds it. ok is false where that URL is
// missing or of another form.
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

// PingEvent is the event ping: GitHub sends it once a webhook is set up, and
// when somebody asks for it.
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
	AppID         int64         `json:"app_id"` // of an app's webhook
	Events        []string      `json:"events"` // "*" is all
	Config        HookConfig    `json:"config"`
	URL           string        `json:"url"`
	TestURL       string        `json:"test_url"`
	PingURL       string        `json:"ping_url"`
	DeliveriesURL string        `json:"deliveries_url"`
	LastResponse  *HookResponse `json:"last_response"`
	CreatedAt     time.Time     `json:"created_at"`
	UpdatedAt     time.Time     `json:"updated_at"`
}

// HookConfig is where and how a webhook delivers.
type HookConfig struct {
	URL         string `json:"url"`
	ContentType string `json:"content_type"` // "json" or "form"
	InsecureSSL any    `json:"insecure_ssl"` // "1" or 1: the certificate is not checked
	Secret      string `json:"secret"`       // asterisks
}

// HookResponse is what the webhook's receiver last answered.
type HookResponse struct {
	Code    int    `json:"code"`
	Status  string `json:"status"` // "unused", "active"
	Message string `json:"message"`
}
