package ghdeploytest

import (
	"fmt"
	"net/http"
	"slices"
)

const rulesTemplate = environmentTemplate + "/deployment_protection_rules"

func protectionRuleOperations() []operation {
	return []operation{
		{
			id: "repos/get-all-deployment-protection-rules", method: "GET", path: rulesTemplate,
			permission: "actions=read", docs: "deployments/protection-rules#get-all-deployment-protection-rules-for-an-environment",
			handle: (*Server).listProtectionRules,
		},
		{
			id: "repos/create-deployment-protection-rule", method: "POST", path: rulesTemplate,
			permission: "administration=write", docs: "deployments/protection-rules#create-a-custom-deployment-protection-rule-on-an-environment",
			body: true, creates: true, handle: (*Server).createProtectionRule,
		},
		{
			id: "repos/list-custom-deployment-rule-integrations", method: "GET", path: rulesTemplate + "/apps",
			permission: "administration=read", docs: "deployments/protection-rules#list-custom-deployment-rule-integrations-available-for-an-environment",
			paged: true, handle: (*Server).listRuleApps,
		},
		{
			id: "repos/get-custom-deployment-protection-rule", method: "GET", path: rulesTemplate + "/{protection_rule_id}",
			permission: "actions=read", docs: "deployments/protection-rules#get-a-custom-deployment-protection-rule",
			handle: (*Server).getProtectionRule,
		},
		{
			id: "repos/disable-deployment-protection-rule", method: "DELETE", path: rulesTemplate + "/{protection_rule_id}",
			permission: "administration=write", docs: "deployments/protection-rules#disable-a-custom-protection-rule-for-an-environment",
			handle: (*Server).deleteProtectionRule,
		},
	}
}

// customRule is an app's rule that is enabled for an environment.
type customRule struct {
	id  int64
	app App
}

const maxCustomRules = 6

type ruleAppJSON struct {
	ID             int64  `json:"id"`
	NodeID         string `json:"node_id"`
	Slug           string `json:"slug"`
	IntegrationURL string `json:"integration_url"`
}

type customRuleJSON struct {
	ID      int64       `json:"id"`
	NodeID  string      `json:"node_id"`
	Enabled bool        `json:"enabled"`
	App     ruleAppJSON `json:"app"`
}

func (c *call) ruleAppJSON(a App) ruleAppJSON {
	return ruleAppJSON{a.ID, nodeID("A", a.ID), a.Slug, c.base + "/apps/" + a.Slug}
}

func (c *call) customRuleJSON(r *customRule) customRuleJSON {
	return customRuleJSON{r.id, nodeID("GA", c.repo.id, r.id), true, c.ruleAppJSON(r.app)}
}

// ruleOf returns the rule of an app.
func (e *environment) ruleOf(slug string) *customRule {
	for _, r := range e.customRules {
		if r.app.Slug == slug {
			return r
		}
	}
	return nil
}

// protectionRule returns the rule in the path, and its environment.
func (c *call) protectionRule() (*environment, *customRule) {
	e := c.environment()
	if e == nil {
		return nil, nil
	}
	id := c.id("protection_rule_id")
	for _, r := range e.customRules {
		if r.id == id {
			return e, r
		}
	}
	return e, nil
}

func (s *Server) listProtectionRules(c *call) response {
	e := c.environment()
	if e == nil {
		return c.notFound()
	}
	list := []customRuleJSON{} // no pages: there are at most six
	for _, r := range e.customRules {
		list = append(list, c.customRuleJSON(r))
	}
	return ok(http.StatusOK, struct {
		TotalCount int              `json:"total_count"`
		Rules      []customRuleJSON `json:"custom_deployment_protection_rules"`
	}{len(list), list})
}

func (s *Server) listRuleApps(c *call) response {
	if c.environment() == nil {
		return c.notFound()
	}
	resp := response{status: http.StatusOK}
	list := []ruleAppJSON{}
	for _, app := range page(s, c, s.state.apps, &resp) {
		list = append(list, c.ruleAppJSON(app))
	}
	resp.body = encode(struct {
		TotalCount int           `json:"total_count"`
		Apps       []ruleAppJSON `json:"available_custom_deployment_protection_rule_integrations"`
	}{len(s.state.apps), list})
	return resp
}

func (s *Server) getProtectionRule(c *call) response {
	_, r := c.protectionRule()
	if r == nil {
		return c.notFound()
	}
	return ok(http.StatusOK, c.customRuleJSON(r))
}

func (s *Server) createProtectionRule(c *call) response {
	e := c.environment()
	if e == nil || c.repo.hasNoEnvironments() {
		return c.notFound()
	}
	c.fields.require("integration_id")
	id := c.fields.integer("integration_id", 0)
	if resp := c.refuse(); resp != nil {
		return *resp
	}
	if c.repo.hasNoProtection() {
		return c.fail(http.StatusUnprocessableEntity, planRefusal, nil)
	}
	at := slices.IndexFunc(s.state.apps, func(a App) bool { return a.ID == id })
	const resource, field = "DeploymentProtectionRule", "integration_id"
	switch {
	case at < 0:
		return c.invalid(fieldError{resource, "invalid", field, ""})
	case e.ruleOf(s.state.apps[at].Slug) != nil:
		return c.invalid(fieldError{resource, "already_exists", field, ""})
	case len(e.customRules) >= maxCustomRules:
		return c.invalid(fieldError{resource, "custom", field, fmt.Sprintf("at most %d rules can be enabled for an environment", maxCustomRules)})
	}
	r := &customRule{s.state.ids.next(ruleIDs), s.state.apps[at]}
	e.customRules = append(e.customRules, r)
	return ok(http.StatusCreated, c.customRuleJSON(r))
}

func (s *Server) deleteProtectionRule(c *call) response {
	e, r := c.protectionRule()
	if r == nil {
		return c.notFound()
	}
	e.customRules = slices.DeleteFunc(e.customRules, func(other *customRule) bool { return other == r })
	return response{status: http.StatusNoContent}
}
