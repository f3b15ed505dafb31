package ghdeploy_test

import (
	"context"
	"errors"
	"testing"

	"github.com/ghdeploy/ghdeploy"
)

const ruleJSON = `{"id": 3515, "node_id": "GA_kwDO", "enabled": true, "app": {
	"id": 3522435, "node_id": "A_kwDO", "slug": "a-custom-app", "integration_url": "https://api.github.com/apps/a-custom-app"}}`

func customRule() *ghdeploy.CustomProtectionRule {
	return &ghdeploy.CustomProtectionRule{ID: 3515, NodeID: "GA_kwDO", Enabled: true, App: ghdeploy.CustomProtectionRuleApp{
		ID: 3522435, NodeID: "A_kwDO", Slug: "a-custom-app", IntegrationURL: "https://api.github.com/apps/a-custom-app",
	}}
}

func TestProtectionRules(t *testing.T) {
	const path = " /repos/o/r/environments/qa/deployment_protection_rules"
	checkExchanges(t, []exchange{
		{
			name: "List",
			call: func(ctx context.Context, c *ghdeploy.Client) (any, error) {
				return c.ProtectionRules.List(ctx, "o", "r", "qa", ghdeploy.CustomProtectionRuleListOptions{})
			},
			request: "GET" + path,
			reply:   reply(200, `{"total_count": 1, "custom_deployment_protection_rules": [`+ruleJSON+`]}`),
			want:    &ghdeploy.Page[*ghdeploy.CustomProtectionRule]{Items: []*ghdeploy.CustomProtectionRule{customRule()}, Total: 1},
		},
		{
			name: "List of an empty page",
			call: func(ctx context.Context, c *ghdeploy.Client) (any, error) {
				return c.ProtectionRules.List(ctx, "o", "r", "qa", ghdeploy.CustomProtectionRuleListOptions{})
			},
			request: "GET" + path,
			reply:   reply(200, `{"total_count":0,"custom_deployment_protection_rules":[]}`),
			want:    &ghdeploy.Page[*ghdeploy.CustomProtectionRule]{Items: []*ghdeploy.CustomProtectionRule{}},
		},
		{
			name: "Get",
			call: func(ctx context.Context, c *ghdeploy.Client) (any, error) {
				return c.ProtectionRules.Get(ctx, "o", "r", "qa", 3515)
			},
			request: "GET" + path + "/3515", reply: reply(200, ruleJSON), want: customRule(),
		},
		{
			name: "Enable",
			call: func(ctx context.Context, c *ghdeploy.Client) (any, error) {
				return c.ProtectionRules.Enable(ctx, "o", "r", "qa", ghdeploy.CustomProtectionRuleRequest{IntegrationID: 3522435})
			},
			request: "POST" + path, body: `{"integration_id":3522435}`, reply: reply(201, ruleJSON), want: customRule(),
		},
		{
			name: "Disable",
			call: func(ctx context.Context, c *ghdeploy.Client) (any, error) {
				return nil, c.ProtectionRules.Disable(ctx, "o", "r", "qa", 3515)
			},
			request: "DELETE" + path + "/3515", reply: reply(204, ""),
		},
		{
			name: "ListApps",
			call: func(ctx context.Context, c *ghdeploy.Client) (any, error) {
				return c.ProtectionRules.ListApps(ctx, "o", "r", "qa", ghdeploy.CustomProtectionRuleAppListOptions{Page: 1, PerPage: 2})
			},
			request: "GET" + path + "/apps?page=1&per_page=2",
			reply: reply(200, `{"total_count": 35, "available_custom_deployment_protection_rule_integrations": [
				{"id": 3515, "node_id": "GHT", "slug": "a-custom-app", "integration_url": "https://api.github.com/apps/a-custom-app"}]}`,
				`Link: <https://ghe.example.com/api/v3/x?per_page=2&page=2>; rel="next", <https://ghe.example.com/api/v3/x?per_page=2&page=18>; rel="last"`),
			want: &ghdeploy.Page[*ghdeploy.CustomProtectionRuleApp]{
				Items:    []*ghdeploy.CustomProtectionRuleApp{{ID: 3515, NodeID: "GHT", Slug: "a-custom-app", IntegrationURL: "https://api.github.com/apps/a-custom-app"}},
				NextPage: 2, LastPage: 18, Total: 35,
			},
		},
	})
}

func TestProtectionRulesAllApps(t *testing.T) {
	w := replies(
		reply(200, `{"available_custom_deployment_protection_rule_integrations": [{"id": 1}]}`, `Link: <https://ghe.example.com/api/v3/x?page=2>; rel="next"`),
		reply(200, `{"available_custom_deployment_protection_rule_integrations": [{"id": 2}]}`),
	)
	var ids []int64
	for app, err := range clientOn(t, w).ProtectionRules.AllApps(t.Context(), "o", "r", "qa", ghdeploy.CustomProtectionRuleAppListOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, app.ID)
	}
	same(t, "ids", []int64{1, 2}, ids)
}

func TestProtectionRulesMalformed(t *testing.T) {
	checkMalformed(t, func(ctx context.Context, c *ghdeploy.Client) error {
		_, err := c.ProtectionRules.List(ctx, "o", "r", "qa", ghdeploy.CustomProtectionRuleListOptions{})
		return err
	}, ``, `null`, `[]`, `{"total_count": 1}`, `{"custom_deployment_protection_rules": [null]}`, `{"custom_deployment_protection_rules": [{"enabled": true}]}`)
	checkMalformed(t, func(ctx context.Context, c *ghdeploy.Client) error {
		_, err := c.ProtectionRules.ListApps(ctx, "o", "r", "qa", ghdeploy.CustomProtectionRuleAppListOptions{})
		return err
	}, `{}`, `{"available_custom_deployment_protection_rule_integrations": [null]}`, `{"available_custom_deployment_protection_rule_integrations": [{"id": 0}]}`)
	checkMalformed(t, func(ctx context.Context, c *ghdeploy.Client) error {
		_, err := c.ProtectionRules.Enable(ctx, "o", "r", "qa", ghdeploy.CustomProtectionRuleRequest{IntegrationID: 1})
		if !errors.Is(err, ghdeploy.ErrOutcomeUnknown) {
			t.Errorf("err = %v, want ErrOutcomeUnknown too", err)
		}
		return err
	}, ``, `null`, `{}`, `{"id": 0}`)
}

func TestProtectionRulesInvalid(t *testing.T) {
	checkInvalid(t, map[string]func(context.Context, *ghdeploy.Client) error{
		"Enable of no app": func(ctx context.Context, c *ghdeploy.Client) error {
			_, err := c.ProtectionRules.Enable(ctx, "o", "r", "qa", ghdeploy.CustomProtectionRuleRequest{})
			return err
		},
		"Get of 0": func(ctx context.Context, c *ghdeploy.Client) error {
			_, err := c.ProtectionRules.Get(ctx, "o", "r", "qa", 0)
			return err
		},
		"Disable of 0": func(ctx context.Context, c *ghdeploy.Client) error {
			return c.ProtectionRules.Disable(ctx, "o", "r", "qa", 0)
		},
		"ListApps of 101": func(ctx context.Context, c *ghdeploy.Client) error {
			_, err := c.ProtectionRules.ListApps(ctx, "o", "r", "qa", ghdeploy.CustomProtectionRuleAppListOptions{PerPage: 101})
			return err
		},
	})
}

func TestProtectionRulesOnAServer(t *testing.T) {
	srv := gated(t)
	ctx, rules := t.Context(), clientWith(t, srv, "of-octocat").ProtectionRules
	page, err := rules.ListApps(ctx, "octocat", "example", production, ghdeploy.CustomProtectionRuleAppListOptions{PerPage: 1})
	if err != nil || len(page.Items) != 1 || page.Total != 2 || page.NextPage != 2 {
		t.Errorf("ListApps = %+v, %v", page, err)
	}
	var enabled *ghdeploy.CustomProtectionRule
	for app, err := range rules.AllApps(ctx, "octocat", "example", production, ghdeploy.CustomProtectionRuleAppListOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		if app.Slug != "quorum" {
			continue
		}
		request := ghdeploy.CustomProtectionRuleRequest{IntegrationID: app.ID}
		if enabled, err = rules.Enable(ctx, "octocat", "example", production, request); err != nil || !enabled.Enabled {
			t.Fatalf("Enable = %+v, %v", enabled, err)
		}
		if _, err = rules.Enable(ctx, "octocat", "example", production, request); !errors.Is(err, ghdeploy.ErrValidation) {
			t.Errorf("Enable again: %v, want ErrValidation", err)
		}
	}
	if have, err := rules.Get(ctx, "octocat", "example", production, enabled.ID); err != nil || have.App.Slug != "quorum" {
		t.Errorf("Get = %+v, %v", have, err)
	}
	list, err := rules.List(ctx, "octocat", "example", production, ghdeploy.CustomProtectionRuleListOptions{})
	if err != nil || len(list.Items) != 2 || list.Total != 2 {
		t.Errorf("List = %+v, %v", list, err)
	}
	if err = rules.Disable(ctx, "octocat", "example", production, enabled.ID); err != nil {
		t.Error(err)
	}
	same(t, "rules", []string{"health-gate"}, srv.Environments("octocat/example")[0].ProtectionRules)
}
