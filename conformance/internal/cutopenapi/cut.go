package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// operations are the operations in the cut files: those of the SDK, and two
// more of its test server.
var operations = []string{
	"GET /rate_limit",
	"GET /repos/{owner}/{repo}",
	"GET /repos/{owner}/{repo}/actions/runs/{run_id}/approvals",
	"POST /repos/{owner}/{repo}/actions/runs/{run_id}/deployment_protection_rule",
	"GET /repos/{owner}/{repo}/actions/runs/{run_id}/pending_deployments",
	"POST /repos/{owner}/{repo}/actions/runs/{run_id}/pending_deployments",
	"GET /repos/{owner}/{repo}/deployments",
	"POST /repos/{owner}/{repo}/deployments",
	"GET /repos/{owner}/{repo}/deployments/{deployment_id}",
	"DELETE /repos/{owner}/{repo}/deployments/{deployment_id}",
	"GET /repos/{owner}/{repo}/deployments/{deployment_id}/statuses",
	"POST /repos/{owner}/{repo}/deployments/{deployment_id}/statuses",
	"GET /repos/{owner}/{repo}/deployments/{deployment_id}/statuses/{status_id}",
	"GET /repos/{owner}/{repo}/environments",
	"GET /repos/{owner}/{repo}/environments/{environment_name}",
	"PUT /repos/{owner}/{repo}/environments/{environment_name}",
	"DELETE /repos/{owner}/{repo}/environments/{environment_name}",
	"GET /repos/{owner}/{repo}/environments/{environment_name}/deployment-branch-policies",
	"POST /repos/{owner}/{repo}/environments/{environment_name}/deployment-branch-policies",
	"GET /repos/{owner}/{repo}/environments/{environment_name}/deployment-branch-policies/{branch_policy_id}",
	"PUT /repos/{owner}/{repo}/environments/{environment_name}/deployment-branch-policies/{branch_policy_id}",
	"DELETE /repos/{owner}/{repo}/environments/{environment_name}/deployment-branch-policies/{branch_policy_id}",
	"GET /repos/{owner}/{repo}/environments/{environment_name}/deployment_protection_rules",
	"POST /repos/{owner}/{repo}/environments/{environment_name}/deployment_protection_rules",
	"GET /repos/{owner}/{repo}/environments/{environment_name}/deployment_protection_rules/apps",
	"GET /repos/{owner}/{repo}/environments/{environment_name}/deployment_protection_rules/{protection_rule_id}",
	"DELETE /repos/{owner}/{repo}/environments/{environment_name}/deployment_protection_rules/{protection_rule_id}",
}

// cut returns the part of a description with these operations and the
// components that they refer to, directly or indirectly.
func cut(whole map[string]any, operations []string) (map[string]any, error) {
	part := map[string]any{"paths": map[string]any{}, "components": map[string]any{}}
	for key, value := range whole {
		switch key {
		case "paths", "components", "tags", "x-webhooks":
		default:
			part[key] = clone(value)
		}
	}
	used := map[string]bool{} // tags
	for _, operation := range operations {
		method, path, _ := strings.Cut(operation, " ")
		item, ok := at(whole, "paths", path).(map[string]any)
		if !ok {
			return nil, fmt.Errorf("the path %s is missing", path)
		}
		op, ok := item[strings.ToLower(method)].(map[string]any)
		if !ok {
			return nil, fmt.Errorf("the operation %s is missing", operation)
		}
		tags, _ := op["tags"].([]any)
		for _, tag := range tags {
			used[fmt.Sprint(tag)] = true
		}
		set(part, clone(op), "paths", path, strings.ToLower(method))
		if shared, ok := item["parameters"]; ok {
			set(part, clone(shared), "paths", path, "parameters")
		}
	}
	for _, tag := range list(whole["tags"]) {
		if name, _ := at(tag, "name").(string); used[name] {
			part["tags"] = append(list(part["tags"]), clone(tag))
		}
	}

	edits, err := inlineExamples(whole, part["paths"], "paths")
	if err != nil {
		return nil, err
	}
	for waiting := references(part["paths"]); len(waiting) > 0; {
		ref := waiting[0]
		waiting = waiting[1:]
		keys, err := pointer(ref)
		if err != nil {
			return nil, err
		}
		if at(part, keys...) != nil {
			continue
		}
		component := at(whole, keys...)
		if component == nil {
			return nil, fmt.Errorf("%s is referred to but missing", ref)
		}
		component = clone(component)
		more, err := inlineExamples(whole, component, strings.Join(keys, "/"))
		if err != nil {
			return nil, err
		}
		edits = append(edits, more...)
		set(part, component, keys...)
		waiting = append(waiting, references(component)...)
	}
	slices.Sort(edits)
	part["x-subset"] = map[string]any{
		"what":  "the Deployments API, cut out of the npm package @octokit/openapi",
		"edits": anys(edits),
	}
	return part, nil
}

// inlineExamples replaces each referenced example by its target: OpenAPI allows
// no references there. It returns the list of replacements.
func inlineExamples(whole map[string]any, v any, where string) ([]string, error) {
	var edits []string
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			here := where + "/" + key
			ref, _ := at(value, "$ref").(string)
			if key != "example" || ref == "" {
				more, err := inlineExamples(whole, value, here)
				if err != nil {
					return nil, err
				}
				edits = append(edits, more...)
				continue
			}
			keys, err := pointer(ref)
			if err != nil {
				return nil, err
			}
			example := at(whole, append(keys, "value")...)
			if example == nil {
				return nil, fmt.Errorf("%s refers to %s, which is missing", here, ref)
			}
			v[key] = clone(example)
			edits = append(edits, here+": "+ref+" inlined")
		}
	case []any:
		for i, value := range v {
			more, err := inlineExamples(whole, value, fmt.Sprint(where, "/", i))
			if err != nil {
				return nil, err
			}
			edits = append(edits, more...)
		}
	}
	return edits, nil
}

// references returns all values of $ref in v.
func references(v any) []string {
	var refs []string
	switch v := v.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if ref, ok := v[key].(string); ok && key == "$ref" {
				refs = append(refs, ref)
			}
			refs = append(refs, references(v[key])...)
		}
	case []any:
		for _, value := range v {
			refs = append(refs, references(value)...)
		}
	}
	return refs
}

// pointer splits a reference such as "#/components/schemas/deployment".
func pointer(ref string) ([]string, error) {
	path, ok := strings.CutPrefix(ref, "#/components/")
	keys := strings.Split(path, "/")
	if !ok || len(keys) != 2 {
		return nil, fmt.Errorf("the reference %q is not to a component", ref)
	}
	return append([]string{"components"}, keys...), nil
}

// at returns the value at the keys, or nil.
func at(v any, keys ...string) any {
	for _, key := range keys {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[key]
	}
	return v
}

// set stores a value at the keys and creates missing objects.
func set(m map[string]any, v any, keys ...string) {
	for _, key := range keys[:len(keys)-1] {
		next, ok := m[key].(map[string]any)
		if !ok {
			next = map[string]any{}
			m[key] = next
		}
		m = next
	}
	m[keys[len(keys)-1]] = v
}

func list(v any) []any {
	l, _ := v.([]any)
	return l
}

func anys(list []string) []any {
	all := make([]any, len(list))
	for i, s := range list {
		all[i] = s
	}
	return all
}
