package ghdeploy_test

import (
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ghdeploy/ghdeploy"
)

// For each failure response of GitHub, and some of proxies: the sentinels, the
// reason and the text of the error.
func TestResponseBecomesError(t *testing.T) {
	const unicorn = "<!DOCTYPE html>\n<!--\nhello\n-->\n<html><head><title>Unicorn! &middot; GitHub</title>"
	tests := map[string]struct {
		call    string
		status  int
		headers []string
		body    string
		is      []error
		as      any
		line    string
	}{
		"202, the branch was merged": {
			call: "create", status: 202,
			body: `{"message":"Auto-merged main into topic on deployment."}`,
			is:   []error{ghdeploy.ErrMergedBranch},
			as:   ghdeploy.MergedBranchError{Message: "Auto-merged main into topic on deployment."},
			line: "ghdeploy: POST /repos/octocat/example/deployments: 202 Auto-merged main into topic on deployment: no deployment was created; name the checks of the merge commit in RequiredContexts, and create it again once they succeed",
		},
		"202 without a body": {
			call: "create", status: 202,
			is:   []error{ghdeploy.ErrMergedBranch},
			as:   ghdeploy.MergedBranchError{},
			line: "ghdeploy: POST /repos/octocat/example/deployments: 202 Accepted: no deployment was created; name the checks of the merge commit in RequiredContexts, and create it again once they succeed",
		},
		"202 with HTML": {
			call: "create", status: 202, body: "<html>",
			is:   []error{ghdeploy.ErrMergedBranch},
			as:   ghdeploy.MergedBranchError{},
			line: "ghdeploy: POST /repos/octocat/example/deployments: 202 Accepted: no deployment was created; name the checks of the merge commit in RequiredContexts, and create it again once they succeed",
		},
		"202 with a deployment": {
			call: "create", status: 202, body: oneDeployment,
			is:   []error{ghdeploy.ErrMergedBranch},
			as:   ghdeploy.MergedBranchError{},
			line: "ghdeploy: POST /repos/octocat/example/deployments: 202 Accepted: no deployment was created; name the checks of the merge commit in RequiredContexts, and create it again once they succeed",
		},
		"409, the merge failed": {
			call: "create", status: 409,
			body: `{"message":"Conflict merging main into topic.","documentation_url":"https://docs.github.com/rest/deployments/deployments#create-a-deployment","status":"409"}`,
			is:   []error{ghdeploy.ErrConflict, ghdeploy.ErrMergeConflict},
			as:   ghdeploy.ConflictError{Reason: ghdeploy.ConflictMerge},
			line: "ghdeploy: POST /repos/octocat/example/deployments: 409 Conflict merging main into topic",
		},
		"409, the merge failed, the ref in full": {
			call: "create", status: 409,
			body: `{"message":"Conflict merging develop into refs/heads/main."}`,
			is:   []error{ghdeploy.ErrConflict, ghdeploy.ErrMergeConflict},
			as:   ghdeploy.ConflictError{Reason: ghdeploy.ConflictMerge},
			line: "ghdeploy: POST /repos/octocat/example/deployments: 409 Conflict merging develop into refs/heads/main",
		},
		"409, checks failed": {
			call: "create", status: 409,
			body: `{"message":"Conflict: Commit status checks failed for topic.","documentation_url":"https://docs.github.com/rest","errors":[
				{"contexts":[{"context":"ci/build","state":"success"},{"context":"ci/image","state":"failure"},{"context":"lint","state":"pending"}],
				"resource":"Deployment","field":"required_contexts","code":"invalid"}]}`,
			is: []error{ghdeploy.ErrConflict, ghdeploy.ErrChecksFailed},
			as: ghdeploy.ConflictError{Reason: ghdeploy.ConflictChecks, Contexts: []ghdeploy.ContextState{
				{Context: "ci/build", State: "success"}, {Context: "ci/image", State: "failure"}, {Context: "lint", State: "pending"},
			}},
			line: "ghdeploy: POST /repos/octocat/example/deployments: 409 Conflict: Commit status checks failed for topic: ci/image is failure, lint is pending",
		},
		"409, checks failed, contexts without a field": {
			call: "create", status: 409,
			body: `{"message":"Conflict: Commit status checks failed for main","errors":[{"contexts":[{"context":"ci/push","state":"failure"},{"context":"ci/push","state":"failure"}]}]}`,
			is:   []error{ghdeploy.ErrConflict, ghdeploy.ErrChecksFailed},
			as: ghdeploy.ConflictError{Reason: ghdeploy.ConflictChecks, Contexts: []ghdeploy.ContextState{
				{Context: "ci/push", State: "failure"}, {Context: "ci/push", State: "failure"},
			}},
			line: "ghdeploy: POST /repos/octocat/example/deployments: 409 Conflict: Commit status checks failed for main: ci/push is failure, ci/push is failure",
		},
		"409, checks failed, a field without contexts": {
			call: "create", status: 409,
			body: `{"message":"In words that nobody has seen yet","errors":[{"resource":"Deployment","field":"required_contexts","code":"invalid"}]}`,
			is:   []error{ghdeploy.ErrConflict, ghdeploy.ErrChecksFailed},
			as:   ghdeploy.ConflictError{Reason: ghdeploy.ConflictChecks},
			line: "ghdeploy: POST /repos/octocat/example/deployments: 409 In words that nobody has seen yet",
		},
		"409, checks failed, contexts and nothing else": {
			call: "create", status: 409, body: `{"message":"In words that nobody has seen yet","errors":[{"contexts":[{"context":"ci","state":"error"}]}]}`,
			is:   []error{ghdeploy.ErrConflict, ghdeploy.ErrChecksFailed},
			as:   ghdeploy.ConflictError{Reason: ghdeploy.ConflictChecks, Contexts: []ghdeploy.ContextState{{Context: "ci", State: "error"}}},
			line: "ghdeploy: POST /repos/octocat/example/deployments: 409 In words that nobody has seen yet: ci is error",
		},
		"409, checks failed, a name or a state is missing": {
			call: "create", status: 409,
			body: `{"message":"Conflict","errors":[{"contexts":[{"context":"ci","state":null},{"state":"failure"},null,{"context":"lint","state":"pending"}],"field":"required_contexts"}]}`,
			is:   []error{ghdeploy.ErrConflict, ghdeploy.ErrChecksFailed},
			as: ghdeploy.ConflictError{Reason: ghdeploy.ConflictChecks, Contexts: []ghdeploy.ContextState{
				{Context: "ci"}, {State: "failure"}, {}, {Context: "lint", State: "pending"},
			}},
			line: "ghdeploy: POST /repos/octocat/example/deployments: 409 Conflict: ci has no state, lint is pending",
		},
		"409, checks failed, no errors": {
			call: "create", status: 409,
			body: `{"message":"Conflict: Commit status checks failed for 0fe0cedfc7fea884f347fcee48d18769d10d5e1e."}`,
			is:   []error{ghdeploy.ErrConflict, ghdeploy.ErrChecksFailed},
			as:   ghdeploy.ConflictError{Reason: ghdeploy.ConflictChecks},
			line: "ghdeploy: POST /repos/octocat/example/deployments: 409 Conflict: Commit status checks failed for 0fe0cedfc7fea884f347fcee48d18769d10d5e1e",
		},
		"409 of unknown wording": {
			call: "create", status: 409, body: `{"message":"Git Repository is empty."}`,
			is:   []error{ghdeploy.ErrConflict},
			as:   ghdeploy.ConflictError{Reason: ghdeploy.ConflictOther},
			line: "ghdeploy: POST /repos/octocat/example/deployments: 409 Git Repository is empty",
		},
		"409 without a body": {
			call: "get", status: 409,
			is:   []error{ghdeploy.ErrConflict},
			as:   ghdeploy.ConflictError{Reason: ghdeploy.ConflictOther},
			line: "ghdeploy: GET /repos/octocat/example/deployments/42: 409 Conflict (the body is empty)",
		},
		"422, no such ref": {
			call: "create", status: 422,
			body: `{"message":"No ref found for: topic","documentation_url":"https://docs.github.com/rest/deployments/deployments#create-a-deployment","status":"422"}`,
			is:   []error{ghdeploy.ErrValidation, ghdeploy.ErrRefNotFound},
			as:   ghdeploy.ValidationError{},
			line: "ghdeploy: POST /repos/octocat/example/deployments: 422 No ref found for: topic",
		},
		"422, the deployment is active, strings": {
			call: "delete", status: 422,
			body: `{"message":"Validation Failed","errors":["We cannot delete an active deployment unless it is the only deployment in a given repository."],"documentation_url":"https://docs.github.com/rest/deployments/deployments#delete-a-deployment"}`,
			is:   []error{ghdeploy.ErrValidation, ghdeploy.ErrActiveDeployment},
			as:   ghdeploy.ValidationError{Errors: []ghdeploy.FieldError{{Message: "We cannot delete an active deployment unless it is the only deployment in a given repository."}}},
			line: "ghdeploy: DELETE /repos/octocat/example/deployments/42: 422 Validation Failed: We cannot delete an active deployment unless it is the only deployment in a given repository.",
		},
		"422 on a delete without a reason": {
			call: "delete", status: 422, body: `{"message":"Validation Failed"}`,
			is:   []error{ghdeploy.ErrValidation, ghdeploy.ErrActiveDeployment},
			as:   ghdeploy.ValidationError{},
			line: "ghdeploy: DELETE /repos/octocat/example/deployments/42: 422 Validation Failed",
		},
		"422 on a delete, spam": {
			call: "delete", status: 422, body: `{"message":"Validation failed, or the endpoint has been spammed."}`,
			is:   []error{ghdeploy.ErrValidation},
			as:   ghdeploy.ValidationError{},
			line: "ghdeploy: DELETE /repos/octocat/example/deployments/42: 422 Validation failed, or the endpoint has been spammed",
		},
		"422 on a delete, spam among the errors": {
			call: "delete", status: 422, body: `{"message":"Validation Failed","errors":["This looks like SPAM"]}`,
			is:   []error{ghdeploy.ErrValidation},
			as:   ghdeploy.ValidationError{Errors: []ghdeploy.FieldError{{Message: "This looks like SPAM"}}},
			line: "ghdeploy: DELETE /repos/octocat/example/deployments/42: 422 Validation Failed: This looks like SPAM",
		},
		"422, objects": {
			call: "create", status: 422,
			body: `{"message":"Validation Failed","request_id":"0681:23DC","errors":[
				{"resource":"Deployment","code":"missing_field","field":"ref"},
				{"resource":"Deployment","code":"custom","message":"The environment is locked.","index":0,"value":["a",null]},
				{"code":"unprocessable"}],"documentation_url":"https://docs.github.com/rest"}`,
			is: []error{ghdeploy.ErrValidation},
			as: ghdeploy.ValidationError{Errors: []ghdeploy.FieldError{
				{Resource: "Deployment", Field: "ref", Code: "missing_field"},
				{Resource: "Deployment", Code: "custom", Message: "The environment is locked."},
				{Code: "unprocessable"},
			}},
			line: "ghdeploy: POST /repos/octocat/example/deployments: 422 Validation Failed: ref missing_field; The environment is locked.; unprocessable",
		},
		"422, errors as one string": {
			call: "create", status: 422,
			body: `{"message":"Validation Failed","errors":"Validation failed: Description is too long","documentation_url":"https://docs.github.com/rest","status":"422"}`,
			is:   []error{ghdeploy.ErrValidation},
			as:   ghdeploy.ValidationError{Errors: []ghdeploy.FieldError{{Message: "Validation failed: Description is too long"}}},
			line: "ghdeploy: POST /repos/octocat/example/deployments: 422 Validation Failed: Validation failed: Description is too long",
		},
		"422, errors as one object": {
			call: "create", status: 422,
			body: `{"message":"Validation Failed","errors":{"resource":"Deployment","code":"invalid","field":"ref"}}`,
			is:   []error{ghdeploy.ErrValidation},
			as:   ghdeploy.ValidationError{Errors: []ghdeploy.FieldError{{Resource: "Deployment", Code: "invalid", Field: "ref"}}},
			line: "ghdeploy: POST /repos/octocat/example/deployments: 422 Validation Failed: ref invalid",
		},
		"422, errors of wrong shapes": {
			call: "create", status: 422,
			body: `{"message":"Validation Failed","errors":[7,true,["x"],{"field":5,"message":{"a":1},"contexts":"none"},"a string"]}`,
			is:   []error{ghdeploy.ErrValidation},
			as: ghdeploy.ValidationError{Errors: []ghdeploy.FieldError{
				{Message: "7"}, {Message: "true"}, {Message: `["x"]`}, {Field: "5", Message: `{"a":1}`}, {Message: "a string"},
			}},
			line: `ghdeploy: POST /repos/octocat/example/deployments: 422 Validation Failed: 7; true; ["x"]; {"a":1}; a string`,
		},
		"422, errors that say little": {
			call: "create", status: 422,
			body: `{"message":"Validation Failed","errors":[null,{"resource":"Deployment","code":"custom"},{"resource":"","field":""},{"base":["is bad"]}]}`,
			is:   []error{ghdeploy.ErrValidation},
			as: ghdeploy.ValidationError{Errors: []ghdeploy.FieldError{
				{}, {Resource: "Deployment", Code: "custom"}, {Message: `{"resource":"","field":""}`}, {Message: `{"base":["is bad"]}`},
			}},
			line: `ghdeploy: POST /repos/octocat/example/deployments: 422 Validation Failed: Deployment custom; {"resource":"","field":""}; {"base":["is bad"]}`,
		},
		"422, errors that say nothing": {
			call: "create", status: 422, body: `{"message":"Validation Failed","errors":[null,"",null]}`,
			is:   []error{ghdeploy.ErrValidation},
			as:   ghdeploy.ValidationError{Errors: make([]ghdeploy.FieldError, 3)},
			line: "ghdeploy: POST /repos/octocat/example/deployments: 422 Validation Failed",
		},
		"422, errors null": {
			call: "create", status: 422, body: `{"message":"Validation Failed","errors":null}`,
			is:   []error{ghdeploy.ErrValidation},
			as:   ghdeploy.ValidationError{},
			line: "ghdeploy: POST /repos/octocat/example/deployments: 422 Validation Failed",
		},
		"422 of the schema, in lines": {
			call: "create", status: 422,
			body: `{"message":"Invalid request.\n\n\"ref\" wasn't supplied."}`,
			is:   []error{ghdeploy.ErrValidation},
			as:   ghdeploy.ValidationError{},
			line: `ghdeploy: POST /repos/octocat/example/deployments: 422 Invalid request. "ref" wasn't supplied`,
		},
		"422, a description too long": {
			call: "status", status: 422,
			body: `{"message":"Validation Failed","errors":[{"resource":"DeploymentStatus","code":"custom","field":"description","message":"description is too long (maximum is 140 characters)"}]}`,
			is:   []error{ghdeploy.ErrValidation},
			as: ghdeploy.ValidationError{Errors: []ghdeploy.FieldError{{
				Resource: "DeploymentStatus", Code: "custom", Field: "description", Message: "description is too long (maximum is 140 characters)",
			}}},
			line: "ghdeploy: POST /repos/octocat/example/deployments/42/statuses: 422 Validation Failed: description is too long (maximum is 140 characters)",
		},
		"422, too many statuses": {
			call: "status", status: 422,
			body: `{"message":"Validation Failed","errors":[{"resource":"DeploymentStatus","code":"custom","message":"This deployment has reached the maximum number of statuses."}]}`,
			is:   []error{ghdeploy.ErrValidation, ghdeploy.ErrTooManyStatuses},
			as: ghdeploy.ValidationError{Errors: []ghdeploy.FieldError{{
				Resource: "DeploymentStatus", Code: "custom", Message: "This deployment has reached the maximum number of statuses.",
			}}},
			line: "ghdeploy: POST /repos/octocat/example/deployments/42/statuses: 422 Validation Failed: This deployment has reached the maximum number of statuses.",
		},
		"401": {
			call: "get", status: 401, headers: []string{"X-RateLimit-Remaining: 59"},
			body: `{"message":"Bad credentials","documentation_url":"https://docs.github.com/rest","status":"401"}`,
			is:   []error{ghdeploy.ErrUnauthorized},
			line: "ghdeploy: GET /repos/octocat/example/deployments/42: 401 Bad credentials",
		},
		"404": {
			call: "get", status: 404, headers: []string{"X-GitHub-Request-Id: F3CC:9857:2B57A:316D7:5FB7998E"},
			body: `{"message":"Not Found","documentation_url":"https://docs.github.com/rest/deployments/deployments#get-a-deployment","status":"404"}`,
			is:   []error{ghdeploy.ErrNotFound},
			line: "ghdeploy: GET /repos/octocat/example/deployments/42: 404 Not Found (request F3CC:9857:2B57A:316D7:5FB7998E)",
		},
		"404 with a hint": {
			call: "delete", status: 404, headers: []string{"X-Accepted-GitHub-Permissions: deployments=write"},
			body: `{"message":"Not Found"}`,
			is:   []error{ghdeploy.ErrNotFound},
			line: "ghdeploy: DELETE /repos/octocat/example/deployments/42: 404 Not Found: if it exists, the token needs deployments=write",
		},
		"404 without a body": {
			call: "get", status: 404,
			is:   []error{ghdeploy.ErrNotFound},
			line: "ghdeploy: GET /repos/octocat/example/deployments/42: 404 Not Found (the body is empty)",
		},
		"404 with null": {
			call: "get", status: 404, body: "null",
			is:   []error{ghdeploy.ErrNotFound},
			line: "ghdeploy: GET /repos/octocat/example/deployments/42: 404 Not Found (the body is null)",
		},
		"404 cut off": {
			call: "get", status: 404, body: `{"message":"Not Fo`,
			is:   []error{ghdeploy.ErrNotFound},
			line: "ghdeploy: GET /repos/octocat/example/deployments/42: 404 Not Found (the body is not JSON, or cut off)",
		},
		"404 with a list": {
			call: "get", status: 404, body: `["Not Found"]`,
			is:   []error{ghdeploy.ErrNotFound},
			line: "ghdeploy: GET /repos/octocat/example/deployments/42: 404 Not Found (the body does not have the documented form)",
		},
		"404 with a message that is a number": {
			call: "get", status: 404, body: `{"message":404,"documentation_url":{"rest":true},"errors":17}`,
			is:   []error{ghdeploy.ErrNotFound},
			line: "ghdeploy: GET /repos/octocat/example/deployments/42: 404 404",
		},
		"404 with a message that is null": {
			call: "get", status: 404, body: `{"message":null}`,
			is:   []error{ghdeploy.ErrNotFound},
			line: "ghdeploy: GET /repos/octocat/example/deployments/42: 404 Not Found (the body does not have the documented form)",
		},
		"404 of a proxy": {
			call: "list", status: 404, headers: []string{"Content-Type: text/html"}, body: "\n <html><body>nginx</body></html>",
			is:   []error{ghdeploy.ErrNotFound},
			line: "ghdeploy: GET /repos/octocat/example/deployments: 404 Not Found (the body is HTML)",
		},
		"403, the token lacks a permission": {
			call: "create", status: 403,
			headers: []string{"X-Accepted-GitHub-Permissions: deployments=write", "X-GitHub-Request-Id: A1:B2", "X-RateLimit-Remaining: 4999"},
			body:    `{"message":"Resource not accessible by integration","documentation_url":"https://docs.github.com/rest/deployments/deployments#create-a-deployment","status":"403"}`,
			is:      []error{ghdeploy.ErrForbidden},
			line:    "ghdeploy: POST /repos/octocat/example/deployments: 403 Resource not accessible by integration: the token needs deployments=write (request A1:B2)",
		},
		"403, the token lacks a permission, on the last call of its quota": {
			call: "create", status: 403, headers: []string{"X-RateLimit-Limit: 5000", "X-RateLimit-Remaining: 0", "X-RateLimit-Reset: 946690000"},
			body: `{"message":"Resource not accessible by personal access token"}`,
			is:   []error{ghdeploy.ErrForbidden},
			line: "ghdeploy: POST /repos/octocat/example/deployments: 403 Resource not accessible by personal access token",
		},
		"403, single sign-on": {
			call: "get", status: 403,
			headers: []string{"X-GitHub-SSO: required; url=https://github.com/orgs/octocorp/sso?authorization_request=A1", "X-Accepted-GitHub-Permissions: deployments=read"},
			body:    `{"message":"Resource protected by organization SAML enforcement. You must grant your Personal Access token access to this organization."}`,
			is:      []error{ghdeploy.ErrForbidden},
			line:    "ghdeploy: GET /repos/octocat/example/deployments/42: 403 Resource protected by organization SAML enforcement. You must grant your Personal Access token access to this organization: authorize the token for single sign-on at https://github.com/orgs/octocorp/sso?authorization_request=A1",
		},
		"403 without a body": {
			call: "get", status: 403,
			is:   []error{ghdeploy.ErrForbidden},
			line: "ghdeploy: GET /repos/octocat/example/deployments/42: 403 Forbidden (the body is empty)",
		},
		"403, the primary limit": {
			call: "get", status: 403,
			headers: []string{"Date: Sat, 01 Jan 2000 00:00:00 GMT", "X-RateLimit-Limit: 60", "X-RateLimit-Remaining: 0", "X-RateLimit-Used: 60", "X-RateLimit-Reset: 946685700", "X-RateLimit-Resource: core"},
			body:    `{"message":"API rate limit exceeded for 192.0.2.1. (But here's the good news: Authenticated requests get a higher rate limit. Check out the documentation for more details.)","documentation_url":"https://docs.github.com/rest/overview/resources-in-the-rest-api#rate-limiting"}`,
			is:      []error{ghdeploy.ErrRateLimited},
			as: ghdeploy.RateLimitError{
				Rate:       ghdeploy.Rate{Limit: 60, Remaining: 0, Used: 60, Reset: time.Unix(946685700, 0), Resource: "core"},
				RetryAfter: 15 * time.Minute,
				RetryAt:    time.Date(2000, 1, 1, 0, 15, 0, 0, time.UTC),
			},
			line: "ghdeploy: GET /repos/octocat/example/deployments/42: 403 API rate limit exceeded for 192.0.2.1. (But here's the good news: Authenticated requests get a higher rate limit. Check out the documentation for more details.): primary rate limit, retry at 2000-01-01T00:15:00Z",
		},
		"403, the quota is used up, no body": {
			call: "get", status: 403, headers: []string{"X-RateLimit-Remaining: 0", "X-RateLimit-Reset: 946684860"},
			is: []error{ghdeploy.ErrRateLimited},
			as: ghdeploy.RateLimitError{
				Rate:       ghdeploy.Rate{Reset: time.Unix(946684860, 0)},
				RetryAfter: time.Minute,
				RetryAt:    time.Date(2000, 1, 1, 0, 1, 0, 0, time.UTC),
			},
			line: "ghdeploy: GET /repos/octocat/example/deployments/42: 403 Forbidden (the body is empty): primary rate limit, retry at 2000-01-01T00:01:00Z",
		},
		"403, a secondary limit, by its message alone": {
			call: "create", status: 403, headers: []string{"X-RateLimit-Limit: 5000", "X-RateLimit-Remaining: 14", "X-RateLimit-Reset: 946690000"},
			body: `{"message":"You have exceeded a secondary rate limit. Please wait a few minutes before you try again."}`,
			is:   []error{ghdeploy.ErrRateLimited},
			as: ghdeploy.RateLimitError{
				Secondary:  true,
				Rate:       ghdeploy.Rate{Limit: 5000, Remaining: 14, Reset: time.Unix(946690000, 0)},
				RetryAfter: time.Minute,
				RetryAt:    time.Date(2000, 1, 1, 0, 1, 0, 0, time.UTC),
			},
			line: "ghdeploy: POST /repos/octocat/example/deployments: 403 You have exceeded a secondary rate limit. Please wait a few minutes before you try again: secondary rate limit, retry at 2000-01-01T00:01:00Z",
		},
		"403, a secondary limit, by the address of its documentation": {
			call: "get", status: 403,
			body: `{"message":"Please wait.","documentation_url":"https://docs.github.com/en/free-pro-team@latest/rest/overview/resources-in-the-rest-api#secondary-rate-limits"}`,
			is:   []error{ghdeploy.ErrRateLimited},
			as:   ghdeploy.RateLimitError{Secondary: true, RetryAfter: time.Minute, RetryAt: time.Date(2000, 1, 1, 0, 1, 0, 0, time.UTC)},
			line: "ghdeploy: GET /repos/octocat/example/deployments/42: 403 Please wait: secondary rate limit, retry at 2000-01-01T00:01:00Z",
		},
		"403, abuse detection": {
			call: "get", status: 403, headers: []string{"Retry-After: 30"},
			body: `{"message":"You have triggered an abuse detection mechanism. Please wait a few minutes before you try again.","documentation_url":"https://developer.github.com/v3/#abuse-rate-limits"}`,
			is:   []error{ghdeploy.ErrRateLimited},
			as:   ghdeploy.RateLimitError{Secondary: true, RetryAfter: 30 * time.Second, RetryAt: time.Date(2000, 1, 1, 0, 0, 30, 0, time.UTC)},
			line: "ghdeploy: GET /repos/octocat/example/deployments/42: 403 You have triggered an abuse detection mechanism. Please wait a few minutes before you try again: secondary rate limit, retry at 2000-01-01T00:00:30Z",
		},
		"403, abuse detection, by its message alone": {
			call: "get", status: 403, body: `{"message":"You have triggered an abuse detection mechanism."}`,
			is:   []error{ghdeploy.ErrRateLimited},
			as:   ghdeploy.RateLimitError{Secondary: true, RetryAfter: time.Minute, RetryAt: time.Date(2000, 1, 1, 0, 1, 0, 0, time.UTC)},
			line: "ghdeploy: GET /repos/octocat/example/deployments/42: 403 You have triggered an abuse detection mechanism: secondary rate limit, retry at 2000-01-01T00:01:00Z",
		},
		"403 with Retry-After": {
			call: "get", status: 403, headers: []string{"Retry-After: Sat, 01 Jan 2000 00:02:00 GMT"}, body: `{"message":"Slow down"}`,
			is:   []error{ghdeploy.ErrRateLimited},
			as:   ghdeploy.RateLimitError{Secondary: true, RetryAfter: 2 * time.Minute, RetryAt: time.Date(2000, 1, 1, 0, 2, 0, 0, time.UTC)},
			line: "ghdeploy: GET /repos/octocat/example/deployments/42: 403 Slow down: secondary rate limit, retry at 2000-01-01T00:02:00Z",
		},
		"429 without anything": {
			call: "status", status: 429,
			is:   []error{ghdeploy.ErrRateLimited},
			as:   ghdeploy.RateLimitError{Secondary: true, RetryAfter: time.Minute, RetryAt: time.Date(2000, 1, 1, 0, 1, 0, 0, time.UTC)},
			line: "ghdeploy: POST /repos/octocat/example/deployments/42/statuses: 429 Too Many Requests (the body is empty): secondary rate limit, retry at 2000-01-01T00:01:00Z",
		},
		"429, both limits at once": {
			call: "get", status: 429, headers: []string{"X-RateLimit-Remaining: 0", "Retry-After: 5"},
			body: `{"message":"You have exceeded a secondary rate limit."}`,
			is:   []error{ghdeploy.ErrRateLimited},
			as:   ghdeploy.RateLimitError{Secondary: true, RetryAfter: 5 * time.Second, RetryAt: time.Date(2000, 1, 1, 0, 0, 5, 0, time.UTC)},
			line: "ghdeploy: GET /repos/octocat/example/deployments/42: 429 You have exceeded a secondary rate limit: secondary rate limit, retry at 2000-01-01T00:00:05Z",
		},
		"429, the primary limit": {
			call: "get", status: 429, headers: []string{"X-RateLimit-Remaining: 0", "X-RateLimit-Reset: 946684810"},
			body: `{"message":"API rate limit exceeded for installation ID 7."}`,
			is:   []error{ghdeploy.ErrRateLimited},
			as: ghdeploy.RateLimitError{
				Rate: ghdeploy.Rate{Reset: time.Unix(946684810, 0)}, RetryAfter: 10 * time.Second, RetryAt: time.Date(2000, 1, 1, 0, 0, 10, 0, time.UTC),
			},
			line: "ghdeploy: GET /repos/octocat/example/deployments/42: 429 API rate limit exceeded for installation ID 7: primary rate limit, retry at 2000-01-01T00:00:10Z",
		},
		"400": {
			call: "create", status: 400, body: `{"message":"Problems parsing JSON","documentation_url":"https://docs.github.com/rest"}`,
			line: "ghdeploy: POST /repos/octocat/example/deployments: 400 Problems parsing JSON",
		},
		"405": {
			call: "delete", status: 405, body: `{"message":"Method not allowed."}`,
			line: "ghdeploy: DELETE /repos/octocat/example/deployments/42: 405 Method not allowed",
		},
		"410, the API version was removed": {
			call: "get", status: 410, body: `{"message":"Gone"}`,
			line: "ghdeploy: GET /repos/octocat/example/deployments/42: 410 Gone",
		},
		"451": {
			call: "get", status: 451, body: `{"message":"Repository access blocked","block":{"reason":"dmca"}}`,
			line: "ghdeploy: GET /repos/octocat/example/deployments/42: 451 Repository access blocked",
		},
		"a status without a text": {
			call: "get", status: 499,
			line: "ghdeploy: GET /repos/octocat/example/deployments/42: 499 (the body is empty)",
		},
		"502 on a read": {
			call: "get", status: 502, headers: []string{"Content-Type: text/html"}, body: unicorn,
			line: "ghdeploy: GET /repos/octocat/example/deployments/42: 502 Bad Gateway (the body is HTML)",
		},
		"502 on a delete": {
			call: "delete", status: 502, body: `{"message":"Server Error"}`,
			line: "ghdeploy: DELETE /repos/octocat/example/deployments/42: 502 Server Error",
		},
		"502 on a write": {
			call: "create", status: 502, body: unicorn,
			is:   []error{ghdeploy.ErrOutcomeUnknown},
			as:   ghdeploy.OutcomeUnknownError{},
			line: "ghdeploy: POST /repos/octocat/example/deployments: 502 Bad Gateway (the body is HTML): it is unknown whether this was executed",
		},
		"501 on a write": {
			call: "status", status: 501, body: `{"message":"Not Implemented"}`,
			is:   []error{ghdeploy.ErrOutcomeUnknown},
			as:   ghdeploy.OutcomeUnknownError{},
			line: "ghdeploy: POST /repos/octocat/example/deployments/42/statuses: 501 Not Implemented: it is unknown whether this was executed",
		},
		"a redirect elsewhere": {
			call: "get", status: 301, headers: []string{"Location: https://elsewhere.example.com/secret/path"}, body: `{"message":"Moved Permanently"}`,
			is:   []error{ghdeploy.ErrRedirect},
			line: "ghdeploy: GET /repos/octocat/example/deployments/42: 301 Moved Permanently: redirect refused to https://elsewhere.example.com",
		},
		"a redirect without a Location": {
			call: "get", status: 301, body: `{"message":"Moved Permanently"}`,
			is:   []error{ghdeploy.ErrRedirect},
			line: "ghdeploy: GET /repos/octocat/example/deployments/42: 301 Moved Permanently: redirect refused",
		},
		"a 304 without a condition": {
			call: "get", status: 304,
			is:   []error{ghdeploy.ErrMalformedResponse},
			line: "ghdeploy: GET /repos/octocat/example/deployments/42: 304 Not Modified (the body is empty): malformed response: no condition was sent",
		},
		"a 304 to a write": {
			call: "create", status: 304,
			is:   []error{ghdeploy.ErrMalformedResponse},
			line: "ghdeploy: POST /repos/octocat/example/deployments: 304 Not Modified (the body is empty): malformed response: no condition was sent",
		},
		"200, not JSON": {
			call: "get", status: 200, body: "<html>",
			is:   []error{ghdeploy.ErrMalformedResponse},
			line: "ghdeploy: GET /repos/octocat/example/deployments/42: 200 OK: malformed response: the body is HTML",
		},
		"201, a write with an empty body": {
			call: "create", status: 201,
			is:   []error{ghdeploy.ErrMalformedResponse, ghdeploy.ErrOutcomeUnknown},
			as:   ghdeploy.OutcomeUnknownError{},
			line: "ghdeploy: POST /repos/octocat/example/deployments: 201 Created: it is unknown whether this was executed: malformed response: the body is empty",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			// The bubble's clock starts at midnight UTC 2000-01-01.
			synctest.Test(t, func(t *testing.T) {
				w := replies(reply(tt.status, tt.body, tt.headers...))
				err := calls[tt.call](t, clientOn(t, w))
				e, ok := err.(*ghdeploy.Error) //nolint:errorlint // the *Error is the outermost
				if !ok {
					t.Fatalf("err is a %T, want *Error outermost: %v", err, err)
				}
				if l, ok := reasonOf(err).(ghdeploy.RateLimitError); ok {
					l.RetryAt = l.RetryAt.UTC()
					err = replaceLimit(e, l)
				}
				sameErrors(t, err, tt.is, tt.as)
				line := withoutCause(err.Error())
				same(t, "line", tt.line, line)
				if strings.ContainsAny(line, "\n\r") {
					t.Error("the line has a line break")
				}
				if e.StatusCode != tt.status || e.Attempts != 1 {
					t.Errorf("StatusCode %d, Attempts %d, want %d and 1", e.StatusCode, e.Attempts, tt.status)
				}
				if string(e.Body) != tt.body {
					t.Errorf("Body = %q, want %q", e.Body, tt.body)
				}
			})
		})
	}
}

// replaceLimit returns the error with another rate limit as its reason.
func replaceLimit(e *ghdeploy.Error, l ghdeploy.RateLimitError) error {
	c := *e
	c.Err = &l
	return &c
}

var jsonCause = regexp.MustCompile(`(malformed response: the body is \w+) \(.+\)$`)

// withoutCause removes the text of the JSON library's error.
func withoutCause(line string) string { return jsonCause.ReplaceAllString(line, "$1") }
