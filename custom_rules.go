package ghdeploy

import (
	"context"
	"iter"
	"net/http"
)

// ProtectionRulesService enables and disables the rules that GitHub Apps
// provide for an environment. GitHub's own rules are part of the [Environment].
// Enable, Disable and the lists of apps require admin rights. The interface is
// small and frozen: see [DeploymentsService].
//
// GitHub docs: https://docs.github.com/rest/deployments/protection-rules
type ProtectionRulesService interface {
	// List returns the apps' rules that are enabled, at most six, on one page.
	//
	// GitHub docs: https://docs.github.com/rest/deployments/protection-rules#get-all-deployment-protection-rules-for-an-environment
	List(ctx context.Context, owner, repo, environment string, opts CustomProtectionRuleListOptions) (*Page[*CustomProtectionRule], error)

	// Get returns one enabled rule. A missing one is [ErrNotFound].
	//
	// GitHub docs: https://docs.github.com/rest/deployments/protection-rules#get-a-custom-deployment-protection-rule
	Get(ctx context.Context, owner, repo, environment string, ruleID int64) (*CustomProtectionRule, error)

	// Enable enables the rule of an app, one of those that ListApps returns.
	// With an [*OutcomeUnknownError] it may be enabled; the client does not
	// send the request again.
	//
	// GitHub docs: https://docs.github.com/rest/deployments/protection-rules#create-a-custom-deployment-protection-rule-on-an-environment
	Enable(ctx context.Context, owner, repo, environment string, req CustomProtectionRuleRequest) (*CustomProtectionRule, error)

	// Disable disables a rule. ruleID is the ID of the rule, not of the app. A
	// missing rule is [ErrNotFound].
	//
	// GitHub docs: https://docs.github.com/rest/deployments/protection-rules#disable-a-custom-protection-rule-for-an-environment
	Disable(ctx context.Context, owner, repo, environment string, ruleID int64) error

	// ListApps returns one page of the apps whose rule can be enabled.
	//
	// GitHub docs: https://docs.github.com/rest/deployments/protection-rules#list-custom-deployment-rule-integrations-available-for-an-environment
	ListApps(ctx context.Context, owner, repo, environment string, opts CustomProtectionRuleAppListOptions) (*Page[*CustomProtectionRuleApp], error)

	// AllApps ranges over the apps of all pages, as [Pages] does. PerPage 0
	// becomes 100, GitHub's maximum; Page is where it begins.
	AllApps(ctx context.Context, owner, repo, environment string, opts CustomProtectionRuleAppListOptions) iter.Seq2[*CustomProtectionRuleApp, error]
}

// CustomProtectionRule is an app's rule on an environment. The app decides with
// [ReviewsService].
type CustomProtectionRule struct {
	ID      int64                   `json:"id"`
	NodeID  string                  `json:"node_id"`
	Enabled bool                    `json:"enabled"`
	App     CustomProtectionRuleApp `json:"app"`
}

func (r *CustomProtectionRule) rowID() int64 {
	if r == nil {
		return 0
	}
	return r.ID
}

// CustomProtectionRuleApp is a GitHub App that provides a rule.
type CustomProtectionRuleApp struct {
	ID             int64  `json:"id"` // the IntegrationID of Enable
	NodeID         string `json:"node_id"`
	Slug           string `json:"slug"`            // the name as in URLs
	IntegrationURL string `json:"integration_url"` // the app in the API
}

func (a *CustomProtectionRuleApp) rowID() int64 {
	if a == nil {
		return 0
	}
	return a.ID
}

// CustomProtectionRuleListOptions is empty: GitHub neither filters nor pages
// this list.
type CustomProtectionRuleListOptions struct{}

// CustomProtectionRuleAppListOptions pages a list of apps.
type CustomProtectionRuleAppListOptions struct {
	Page    int `url:"page,omitempty"`     // from 1; 0 is the first
	PerPage int `url:"per_page,omitempty"` // 1 to 100; 0 is GitHub's default, 30

	// Prefetch is the maximum number of pages that AllApps requests at the same
	// time, 0 to 16; see [DeploymentListOptions].
	Prefetch int `url:"-"`
}

func (o CustomProtectionRuleAppListOptions) paging() paging { return paging{o.Page, o.PerPage} }

// CustomProtectionRuleRequest is a rule to enable.
type CustomProtectionRuleRequest struct {
	IntegrationID int64 `json:"integration_id"` // the app's ID; required
}

type protectionRulesService struct{ core *core }

//ghdeploy:operation GET /repos/{owner}/{repo}/environments/{environment_name}/deployment_protection_rules
func (s *protectionRulesService) List(ctx context.Context, owner, repo, environment string, opts CustomProtectionRuleListOptions) (*Page[*CustomProtectionRule], error) {
	return listWrapped[*CustomProtectionRule](ctx, s.core, environmentPath(owner, repo, environment, "deployment_protection_rules"), "custom_deployment_protection_rules", opts, paging{})
}

//ghdeploy:operation GET /repos/{owner}/{repo}/environments/{environment_name}/deployment_protection_rules/{protection_rule_id}
func (s *protectionRulesService) Get(ctx context.Context, owner, repo, environment string, ruleID int64) (*CustomProtectionRule, error) {
	return fetch[CustomProtectionRule](ctx, s.core, operation{method: http.MethodGet, path: environmentPath(owner, repo, environment, "deployment_protection_rules", ruleID)})
}

//ghdeploy:operation POST /repos/{owner}/{repo}/environments/{environment_name}/deployment_protection_rules
func (s *protectionRulesService) Enable(ctx context.Context, owner, repo, environment string, req CustomProtectionRuleRequest) (*CustomProtectionRule, error) {
	if req.IntegrationID <= 0 {
		return nil, invalidArgument("the rule's IntegrationID is %d; use the ID of an app that ListApps returns", req.IntegrationID)
	}
	return fetch[CustomProtectionRule](ctx, s.core, operation{method: http.MethodPost, path: environmentPath(owner, repo, environment, "deployment_protection_rules"), body: req})
}

//ghdeploy:operation DELETE /repos/{owner}/{repo}/environments/{environment_name}/deployment_protection_rules/{protection_rule_id}
func (s *protectionRulesService) Disable(ctx context.Context, owner, repo, environment string, ruleID int64) error {
	return s.core.remove(ctx, operation{path: environmentPath(owner, repo, environment, "deployment_protection_rules", ruleID)})
}

//ghdeploy:operation GET /repos/{owner}/{repo}/environments/{environment_name}/deployment_protection_rules/apps
func (s *protectionRulesService) ListApps(ctx context.Context, owner, repo, environment string, opts CustomProtectionRuleAppListOptions) (*Page[*CustomProtectionRuleApp], error) {
	return listWrapped[*CustomProtectionRuleApp](ctx, s.core, environmentPath(owner, repo, environment, "deployment_protection_rules", "apps"), "available_custom_deployment_protection_rule_integrations", opts, opts.paging())
}

func (s *protectionRulesService) AllApps(ctx context.Context, owner, repo, environment string, opts CustomProtectionRuleAppListOptions) iter.Seq2[*CustomProtectionRuleApp, error] {
	return all(ctx, opts.paging(), opts.Prefetch, func(ctx context.Context, page, perPage int) (*Page[*CustomProtectionRuleApp], error) {
		opts := opts
		opts.Page, opts.PerPage = page, perPage
		return s.ListApps(ctx, owner, repo, environment, opts)
	})
}
