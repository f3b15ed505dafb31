package ghdeploy_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"strings"
	"testing"

	"github.com/ghdeploy/ghdeploy"
)

// sentinels lists all sentinels, so that a test can check that no other
// matches.
var sentinels = map[error]string{
	ghdeploy.ErrInvalidArgument:   "ErrInvalidArgument",
	ghdeploy.ErrUnauthorized:      "ErrUnauthorized",
	ghdeploy.ErrForbidden:         "ErrForbidden",
	ghdeploy.ErrNotFound:          "ErrNotFound",
	ghdeploy.ErrRateLimited:       "ErrRateLimited",
	ghdeploy.ErrMergedBranch:      "ErrMergedBranch",
	ghdeploy.ErrConflict:          "ErrConflict",
	ghdeploy.ErrMergeConflict:     "ErrMergeConflict",
	ghdeploy.ErrChecksFailed:      "ErrChecksFailed",
	ghdeploy.ErrValidation:        "ErrValidation",
	ghdeploy.ErrRefNotFound:       "ErrRefNotFound",
	ghdeploy.ErrActiveDeployment:  "ErrActiveDeployment",
	ghdeploy.ErrTooManyStatuses:   "ErrTooManyStatuses",
	ghdeploy.ErrAlreadyExists:     "ErrAlreadyExists",
	ghdeploy.ErrOutcomeUnknown:    "ErrOutcomeUnknown",
	ghdeploy.ErrRedirect:          "ErrRedirect",
	ghdeploy.ErrMalformedResponse: "ErrMalformedResponse",
	ghdeploy.ErrTooLarge:          "ErrTooLarge",
	ghdeploy.ErrPagination:        "ErrPagination",
}

// sameErrors checks that exactly these sentinels and this reason match an
// error.
func sameErrors(t *testing.T, err error, is []error, as any) {
	t.Helper()
	want := make(map[error]bool)
	for _, s := range is {
		want[s] = true
	}
	for s, name := range sentinels {
		if errors.Is(err, s) != want[s] {
			t.Errorf("errors.Is(err, %s) is %t, want %t; err = %v", name, !want[s], want[s], err)
		}
	}
	same(t, "reason", as, reasonOf(err))
}

// reasonOf returns the reason that errors.As finds, nil for none.
func reasonOf(err error) any {
	var (
		merged     *ghdeploy.MergedBranchError
		conflict   *ghdeploy.ConflictError
		validation *ghdeploy.ValidationError
		limit      *ghdeploy.RateLimitError
		unknown    *ghdeploy.OutcomeUnknownError
	)
	switch {
	case errors.As(err, &merged):
		return *merged
	case errors.As(err, &conflict):
		return *conflict
	case errors.As(err, &validation):
		// errors.Is has checked its Err.
		return ghdeploy.ValidationError{Errors: validation.Errors}
	case errors.As(err, &limit):
		return *limit
	case errors.As(err, &unknown):
		// errors.Is has checked its cause.
		return ghdeploy.OutcomeUnknownError{}
	}
	return nil
}

// calls are the calls that the tables make.
var calls = map[string]func(t *testing.T, c *ghdeploy.Client) error{
	"create": func(t *testing.T, c *ghdeploy.Client) error {
		_, err := c.Deployments.Create(t.Context(), "octocat", "example", ghdeploy.DeploymentRequest{Ref: "topic"})
		return err
	},
	"get": func(t *testing.T, c *ghdeploy.Client) error {
		_, err := c.Deployments.Get(t.Context(), "octocat", "example", 42)
		return err
	},
	"list": func(t *testing.T, c *ghdeploy.Client) error {
		_, err := c.Deployments.List(t.Context(), "octocat", "example", ghdeploy.DeploymentListOptions{})
		return err
	},
	"delete": func(t *testing.T, c *ghdeploy.Client) error {
		return c.Deployments.Delete(t.Context(), "octocat", "example", 42)
	},
	"status": func(t *testing.T, c *ghdeploy.Client) error {
		_, err := c.Statuses.Create(t.Context(), "octocat", "example", 42, ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateSuccess})
		return err
	},
}

// Each field of an Error, from one response.
func TestErrorFields(t *testing.T) {
	w := replies(reply(403,
		`{"message":"Resource not accessible","documentation_url":"https://docs.github.com/rest/x","status":"403"}`,
		"X-GitHub-Request-Id: A1:B2:C3",
		"X-Accepted-GitHub-Permissions: deployments=write,contents=read; administration=write",
		"X-GitHub-SSO: required; url=https://github.com/orgs/octocorp/sso?authorization_request=A1",
	))
	err := calls["create"](t, clientOn(t, w))
	var e *ghdeploy.Error
	if !errors.As(err, &e) {
		t.Fatal(err)
	}
	same(t, "Method", "POST", e.Method)
	same(t, "Path", "/repos/octocat/example/deployments", e.Path)
	same(t, "StatusCode", 403, e.StatusCode)
	same(t, "Message", "Resource not accessible", e.Message)
	same(t, "DocumentationURL", "https://docs.github.com/rest/x", e.DocumentationURL)
	same(t, "RequestID", "A1:B2:C3", e.RequestID)
	same(t, "AcceptedPermissions", "deployments=write,contents=read; administration=write", e.AcceptedPermissions)
	same(t, "SSOURL", "https://github.com/orgs/octocorp/sso?authorization_request=A1", e.SSOURL)
	same(t, "Attempts", 1, e.Attempts)
	if e.Err != nil {
		t.Errorf("Err = %v, want nil", e.Err)
	}

	t.Run("partial results need no sign-on", func(t *testing.T) {
		w := replies(reply(403, `{"message":"No"}`, "X-GitHub-SSO: partial-results; organizations=21955855,20582480"))
		err := calls["get"](t, clientOn(t, w))
		var e *ghdeploy.Error
		if !errors.As(err, &e) || e.SSOURL != "" {
			t.Errorf("SSOURL = %q, want none", e.SSOURL)
		}
	})
}

func TestErrorKeeps64KiBOfTheBody(t *testing.T) {
	const kept = 64 << 10
	for _, size := range []int{kept - 1, kept, kept + 1, 3 << 20} {
		body := strings.Repeat("é", size/2) + strings.Repeat("x", size%2)
		err := calls["get"](t, clientOn(t, replies(reply(500, body))))
		var e *ghdeploy.Error
		if !errors.As(err, &e) {
			t.Fatal(err)
		}
		if len(e.Body) != min(size, kept) || !strings.HasPrefix(body, string(e.Body)) {
			t.Errorf("of %d bytes %d were kept, want the first %d", size, len(e.Body), min(size, kept))
		}
		if line := err.Error(); len(line) > 200 {
			t.Errorf("the line has %d bytes", len(line))
		}
	}
	t.Run("of a body above 64 KiB the beginning is parsed", func(t *testing.T) {
		err := calls["get"](t, clientOn(t, replies(reply(500, `{"message":"Oops.","errors":"`+strings.Repeat("x", 64<<10)+`"}`))))
		var e *ghdeploy.Error
		if !errors.As(err, &e) || e.Message != "Oops." || !strings.Contains(err.Error(), "500 Oops. (the body is larger than 64 KiB)") {
			t.Errorf("err = %v", err)
		}
	})
	t.Run("a long message is one short line", func(t *testing.T) {
		message := strings.Repeat("all work and no play ", 3_000)
		err := calls["get"](t, clientOn(t, replies(reply(500, `{"message":"`+message+`"}`))))
		var e *ghdeploy.Error
		if !errors.As(err, &e) || e.Message != message {
			t.Error("the Message is incomplete")
		}
		if line := err.Error(); len(line) > 1200 || !strings.HasSuffix(line, "...") {
			t.Errorf("the line has %d bytes and ends in %q", len(line), line[len(line)-10:])
		}
	})
}

// The text of an error is one printable line, whatever the server sent.
func TestErrorIsOneSafeLine(t *testing.T) {
	w := replies(reply(409,
		"{\"message\":\"first\\r\\nsecond\\u001b[31m \\u0000\\u202Ered\\u2028 \xff\",\"errors\":[{\"field\":\"required_contexts\",\"contexts\":[{\"context\":\"a\\nb\",\"state\":\"\\u0007bell\"}]}]}",
		"X-GitHub-Request-Id: A1\x1b[0m",
	))
	err := calls["create"](t, clientOn(t, w))
	same(t, "line", "ghdeploy: POST /repos/octocat/example/deployments: 409 first second [31m red \uFFFD: a b is bell (request A1 [0m)", err.Error())
}

func TestErrorLogValue(t *testing.T) {
	tests := map[string]struct {
		err  *ghdeploy.Error
		want string
	}{
		"zero": {
			&ghdeploy.Error{},
			`{"level":"INFO","msg":"failed","err":{"method":"","path":"","status":0,"attempts":0}}`,
		},
		"with everything": {
			&ghdeploy.Error{
				Method: "POST", Path: "/repos/o/r/deployments", StatusCode: 409, Message: "Conflict\nmerging", RequestID: "A1:B2",
				AcceptedPermissions: "deployments=write", Attempts: 2, Body: []byte("not in the log"),
				Err: &ghdeploy.ConflictError{Reason: ghdeploy.ConflictMerge},
			},
			`{"level":"INFO","msg":"failed","err":{"method":"POST","path":"/repos/o/r/deployments","status":409,"attempts":2,"message":"Conflict merging","request_id":"A1:B2","accepted_permissions":"deployments=write"}}`,
		},
		"without a response": {
			&ghdeploy.Error{Method: "GET", Path: "/repos/o/r/deployments/1", Attempts: 4, Err: io.ErrUnexpectedEOF},
			`{"level":"INFO","msg":"failed","err":{"method":"GET","path":"/repos/o/r/deployments/1","status":0,"attempts":4,"reason":"` + io.ErrUnexpectedEOF.Error() + `"}}`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var b strings.Builder
			log := slog.New(slog.NewJSONHandler(&b, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
				if a.Key == slog.TimeKey {
					return slog.Attr{}
				}
				return a
			}}))
			log.Info("failed", "err", tt.err)
			same(t, "log", tt.want+"\n", b.String())
		})
	}
}

// An *Error that a stub returns matches the sentinel of its status.
func TestErrorOfAStub(t *testing.T) {
	tests := map[int][]error{
		0:   nil,
		202: {ghdeploy.ErrMergedBranch},
		301: {ghdeploy.ErrRedirect},
		304: {ghdeploy.ErrMalformedResponse},
		400: nil,
		401: {ghdeploy.ErrUnauthorized},
		403: {ghdeploy.ErrForbidden},
		404: {ghdeploy.ErrNotFound},
		409: {ghdeploy.ErrConflict},
		422: {ghdeploy.ErrValidation},
		429: {ghdeploy.ErrRateLimited},
		500: nil,
	}
	for status, is := range tests {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			err := fmt.Errorf("deploy: %w", &ghdeploy.Error{StatusCode: status})
			sameErrors(t, err, is, nil)
		})
	}
	t.Run("its reason takes precedence over its status", func(t *testing.T) {
		sameErrors(t, &ghdeploy.Error{StatusCode: 404, Err: fs.ErrNotExist}, nil, nil)
	})
	t.Run("text", func(t *testing.T) {
		for want, err := range map[string]error{
			"ghdeploy:":                &ghdeploy.Error{},
			"ghdeploy: 404 Not Found":  &ghdeploy.Error{StatusCode: 404},
			"ghdeploy: GET /x: 404 no": &ghdeploy.Error{Method: "GET", Path: "/x", StatusCode: 404, Message: "no"},
			"ghdeploy: GET /x: " + io.EOF.Error() + " (3 attempts)": &ghdeploy.Error{Method: "GET", Path: "/x", Attempts: 3, Err: io.EOF},
			"ghdeploy: conflict":                                                   &ghdeploy.ConflictError{},
			"ghdeploy: status checks failed: ci is failure":                        &ghdeploy.ConflictError{Reason: ghdeploy.ConflictChecks, Contexts: []ghdeploy.ContextState{{"ci", "failure"}, {"lint", "success"}}},
			"ghdeploy: validation failed":                                          &ghdeploy.ValidationError{},
			"ghdeploy: ref not found: ref invalid":                                 &ghdeploy.ValidationError{Err: ghdeploy.ErrRefNotFound, Errors: []ghdeploy.FieldError{{Field: "ref", Code: "invalid"}}},
			"ghdeploy: primary rate limit":                                         &ghdeploy.RateLimitError{},
			"ghdeploy: it is unknown whether this was executed":                    &ghdeploy.OutcomeUnknownError{},
			"ghdeploy: it is unknown whether this was executed: " + io.EOF.Error(): &ghdeploy.OutcomeUnknownError{Cause: io.EOF},
			"ghdeploy: Auto-merged: no deployment was created; name the checks of the merge commit in RequiredContexts, and create it again once they succeed": &ghdeploy.MergedBranchError{Message: "Auto-merged"},
			"ghdeploy: no deployment was created; name the checks of the merge commit in RequiredContexts, and create it again once they succeed":              &ghdeploy.MergedBranchError{},
		} {
			same(t, "text", want, err.Error())
		}
	})
}
