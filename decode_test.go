package ghdeploy_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"testing"

	"github.com/ghdeploy/ghdeploy"
)

// Any 2xx is success, except the 202 of Create.
func TestAny2xxIsSuccess(t *testing.T) {
	for _, status := range []int{200, 201, 202, 203, 206, 226} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			client := clientOn(t, replies(reply(status, oneDeployment)))
			if _, err := client.Deployments.Get(t.Context(), "o", "r", 42); err != nil {
				t.Errorf("Get: %v", err)
			}
			if _, err := client.Statuses.Create(t.Context(), "o", "r", 42, ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateSuccess}); err != nil {
				t.Errorf("Statuses.Create: %v", err)
			}
			_, err := client.Deployments.Create(t.Context(), "o", "r", ghdeploy.DeploymentRequest{Ref: "main"})
			if wantErr := status == 202; (err != nil) != wantErr {
				t.Errorf("Create: %v", err)
			}
		})
	}
}

// Names in JSON match exactly. A new member whose name differs only in case
// must not overwrite a field.
func TestNamesMatchExactly(t *testing.T) {
	const body = `{"ID":7,"id":42,"Id":8,"SHA":"upper","Sha":"title","sha":"abc","REF":"upper","unknown":{"id":9},"node-id":"x","nodeid":"y",
		"payload":{"Version":"1","version":"2"},"creator":{"login":"octocat","LOGIN":"OCTOCAT","id":1}}`
	d, err := clientOn(t, replies(reply(200, body))).Deployments.Get(t.Context(), "o", "r", 42)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "deployment", &ghdeploy.Deployment{
		ID: 42, SHA: "abc", Payload: ghdeploy.Payload(`{"Version":"1","version":"2"}`), Creator: &ghdeploy.User{Login: "octocat", ID: 1},
	}, d)
	_, err = clientOn(t, replies(reply(200, `{"ID":42}`))).Deployments.Get(t.Context(), "o", "r", 42)
	if !errors.Is(err, ghdeploy.ErrMalformedResponse) {
		t.Errorf("ID for id: err = %v, want ErrMalformedResponse", err)
	}
}

// Odd JSON with a clear meaning is accepted.
func TestOddJSONIsAccepted(t *testing.T) {
	for name, body := range map[string]string{
		"a name twice":       `{"id":1,"id":42,"ref":"a","ref":"main"}`,
		"invalid UTF-8":      "{\"id\":42,\"ref\":\"main\",\"description\":\"\xff\"}",
		"white space around": "\r\n\t {\"id\":42,\"ref\":\"main\"} \n",
	} {
		t.Run(name, func(t *testing.T) {
			d, err := clientOn(t, replies(reply(200, body))).Deployments.Get(t.Context(), "o", "r", 42)
			if err != nil {
				t.Fatal(err)
			}
			if d.ID != 42 || d.Ref != "main" {
				t.Errorf("%+v", d)
			}
		})
	}
}

func TestLargeIDs(t *testing.T) {
	for _, id := range []int64{1, 1 << 31, 1<<32 + 1, 4518412576, 1<<53 + 1, math.MaxInt64} {
		t.Run(fmt.Sprint(id), func(t *testing.T) {
			w := replies(reply(200, fmt.Sprintf(`{"id":%d,"creator":{"id":%d}}`, id, id)))
			client := clientOn(t, w)
			d, err := client.Deployments.Get(t.Context(), "o", "r", id)
			if err != nil {
				t.Fatal(err)
			}
			same(t, "id", id, d.ID)
			same(t, "creator's id", id, d.Creator.ID)
			s, err := client.Statuses.Get(t.Context(), "o", "r", id, id)
			if err != nil {
				t.Fatal(err)
			}
			same(t, "status's id", id, s.ID)
			same(t, "requests", []string{
				fmt.Sprintf("GET https://ghe.example.com/api/v3/repos/o/r/deployments/%d", id),
				fmt.Sprintf("GET https://ghe.example.com/api/v3/repos/o/r/deployments/%d/statuses/%d", id, id),
			}, lines(w.requests()))
		})
	}
}

// A 2xx with an undocumented body is malformed. For a POST the outcome is
// unknown too.
func TestMalformedResponses(t *testing.T) {
	objects := map[string]string{
		"empty": "", "white space": " \n", "null": "null", "no field": "{}", "an id of 0": `{"id":0}`, "an id of null": `{"id":null}`, "a negative id": `{"id":-1}`,
		"an id that is text": `{"id":"42"}`, "an id with a fraction": `{"id":42.5}`, "an id past 64 bits": `{"id":9223372036854775808}`,
		"a list": `[{"id":42}]`, "an empty list": "[]", "a string": `"42"`, "a number": "42", "HTML": "<html></html>",
		"cut off": `{"id":42,"ref":"ma`, "cut off after the id": `{"id":42`, "two objects": `{"id":42}{"id":42}`, "text after it": `{"id":42} x`,
		"an invalid time": `{"id":42,"created_at":"yesterday"}`, "a creator that is a string": `{"id":42,"creator":"octocat"}`,
	}
	lists := map[string]string{
		"empty": "", "null": "null", "a null in it": "[null]", "a null after a row": `[{"id":42},null]`, "no field": "[{}]", "an id of 0": `[{"id":0}]`,
		"an object": `{"id":42}`, "an object without a field": "{}", "a message": `{"message":"Not Found"}`, "strings": `["a"]`, "cut off": `[{"id":42},`, "HTML": "<html>",
	}
	for call, bodies := range map[string]map[string]string{"create": objects, "get": objects, "status": objects, "list": lists, "statuses": lists, "get status": objects} {
		for name, body := range bodies {
			t.Run(call+" "+name, func(t *testing.T) {
				client := clientOn(t, replies(reply(200, body)))
				var err error
				switch do := calls[call]; {
				case do != nil:
					err = do(t, client)
				case call == "statuses":
					_, err = client.Statuses.List(t.Context(), "octocat", "example", 42, ghdeploy.DeploymentStatusListOptions{})
				default:
					_, err = client.Statuses.Get(t.Context(), "octocat", "example", 42, 7)
				}
				is, as := []error{ghdeploy.ErrMalformedResponse}, any(nil)
				if call == "create" || call == "status" {
					is, as = append(is, ghdeploy.ErrOutcomeUnknown), ghdeploy.OutcomeUnknownError{}
				}
				sameErrors(t, err, is, as)
				e, ok := err.(*ghdeploy.Error) //nolint:errorlint // the *Error is the outermost
				if !ok || e.StatusCode != http.StatusOK || string(e.Body) != body {
					t.Errorf("err = %#v, want an *Error that keeps the status and the body", err)
				}
			})
		}
	}
}

// Some calls fail after their response was decoded. Their error still has the
// body: its buffer is released only after its last use.
func TestErrorAfterDecodingKeepsTheBody(t *testing.T) {
	for name, tt := range map[string]struct {
		body string
		call func(context.Context, *ghdeploy.Client) error
		want error
	}{
		"CreateOrUpdate": {
			`{"id":1,"name":"qa","protection_rules":[{"id":2,"type":"quorum"}]}`,
			func(ctx context.Context, c *ghdeploy.Client) error {
				_, err := c.Environments.CreateOrUpdate(ctx, "o", "r", "qa", ghdeploy.EnvironmentRequest{WaitTimer: new(1)})
				return err
			},
			ghdeploy.ErrUnknownProtection,
		},
		"Review": {
			`[{"environment":{"id":7,"name":"qa"}}]`,
			func(ctx context.Context, c *ghdeploy.Client) error {
				_, err := c.Reviews.Review(ctx, "o", "r", 1, ghdeploy.ReviewRequest{Environments: []string{"prod"}, State: ghdeploy.ReviewApproved})
				return err
			},
			ghdeploy.ErrNotPending,
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := replies(reply(200, tt.body))
			err := tt.call(t.Context(), clientOn(t, w))
			var e *ghdeploy.Error
			if !errors.Is(err, tt.want) || !errors.As(err, &e) {
				t.Fatalf("err = %v, want %v in an *Error", err, tt.want)
			}
			same(t, "Body", tt.body, string(e.Body))
			w.request(t)
		})
	}
}
