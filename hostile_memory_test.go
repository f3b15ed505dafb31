//go:build !race

package ghdeploy

import (
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"runtime/metrics"
	"strings"
	"testing"
	"time"
)

// hostileBodies has bodies of 32 MiB.
var hostileBodies = []struct {
	name            string
	open, unit, end string
	call            string
	want            error
}{
	{"rows of null", `[`, `null,`, `null]`, "deployments", ErrTooLarge},
	{"rows of {}", `[`, `{},`, `{}]`, "deployments", ErrTooLarge},
	{"rows of []", `[`, `[],`, `[]]`, "deployments", ErrTooLarge},
	{"rows of 0", `[`, `0,`, `0]`, "deployments", ErrTooLarge},
	{"rows of a text", `[`, `"text",`, `""]`, "deployments", ErrTooLarge},
	{"rows with ids", `[`, `{"id":1},`, `{"id":1}]`, "deployments", ErrTooLarge},
	{"rows with creators", `[`, `{"id":1,"creator":{}},`, `{"id":1}]`, "deployments", ErrTooLarge},
	{"rows just below the limit", `[`, `{"id":1` + strings.Repeat(" ", 290) + `},`, `{"id":1}]`, "deployments", nil},
	{"nested rows", `[`, `[`, ``, "deployments", ErrMalformedResponse},
	{"one long text", `[{"id":1,"sha":"`, `a`, `"}]`, "deployments", nil},
	{"a text of escapes", `[{"id":1,"sha":"`, `\n`, `"}]`, "deployments", nil},
	{"a text that is not UTF-8", `[{"id":1,"sha":"`, "\xff", `"}]`, "deployments", ErrTooLarge},
	{"a text of half surrogates", `[{"id":1,"sha":"`, `\ud800`, `"}]`, "deployments", ErrTooLarge},
	{"a member many times", `[{`, `"id":1,`, `"id":1}]`, "deployments", nil},
	{"unknown members", `[{"id":1,`, `"x":1,`, `"x":1}]`, "deployments", nil},
	{"an unknown long name", `[{"id":1,"`, `x`, `":1}]`, "deployments", ErrTooLarge},
	{"a payload of null", `[{"id":1,"payload":[`, `null,`, `null]}]`, "deployments", nil},
	{"a payload of {}", `[{"id":1,"payload":[`, `{},`, `{}]}]`, "deployments", nil},
	{"a payload of nesting", `[{"id":1,"payload":`, `[`, ``, "deployments", ErrMalformedResponse},
	{"creators in one row", `[{"id":1,`, `"creator":null,"creator":{},`, `"id":1}]`, "deployments", ErrTooLarge},
	{"events of an app", `[{"id":1,"performed_via_github_app":{"events":[`, `"",`, `""]}}]`, "deployments", ErrTooLarge},
	{"permissions of an app", `[{"id":1,"performed_via_github_app":{"permissions":{`, `"a":"",`, `"":""}}}]`, "deployments", ErrTooLarge},

	{"rules of null", `{"id":1,"name":"qa","protection_rules":[`, `null,`, `null]}`, "environment", ErrTooLarge},
	{"rules of {}", `{"id":1,"name":"qa","protection_rules":[`, `{},`, `{}]}`, "environment", ErrTooLarge},
	{"rules of one type", `{"id":1,"name":"qa","protection_rules":[`, `{"type":"wait_timer"},`, `{}]}`, "environment", ErrTooLarge},
	{"reviewers of {}", `{"id":1,"name":"qa","protection_rules":[{"type":"required_reviewers","reviewers":[`, `{},`, `{}]}]}`, "environment", ErrTooLarge},
	{
		"reviewers just below the limit", `{"id":1,"name":"qa",` + strings.Repeat(" ", 26<<20) + `"protection_rules":[{"type":"required_reviewers","reviewers":[`,
		`{"type":"Team","reviewer":{"id":1}` + strings.Repeat(" ", 600) + `},`, `{}]}]}`, "environment", nil,
	},
	{"reviewers in many rules", `{"id":1,"name":"qa","protection_rules":[`, `{"reviewers":[{}],"type":"required_reviewers"},`, `{}]}`, "environment", ErrTooLarge},
	{"a rule of numbers", `{"id":1,"name":"qa","protection_rules":[{"type":"wait_timer","x":[`, `0,`, `0]}]}`, "environment", ErrTooLarge},
	{"a rule of 8 MiB", `{"id":1,"name":"qa","x":[` + strings.Repeat("0,", 12<<20) + `0],"protection_rules":[{"type":"wait_timer","x":"`, `x`, `"}]}`, "environment", nil},
	{"rules that nest", `{"id":1,"name":"qa","protection_rules":[`,
		`{"type":"wait_timer","x":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `},`, `{}]}`, "environment", ErrTooLarge},

	{"pending reviewers of {}", `[{"environment":{"id":1},"reviewers":[`, `{},`, `{}]}]`, "pending", ErrTooLarge},
	{"pending, nulls", `[`, `null,`, `null]`, "pending", ErrTooLarge},
	{"environments of one approval", `[{"state":"approved","environments":[`, `null,`, `null]}]`, "approvals", ErrTooLarge},
	{"environments of approvals", `[`, `{"environments":[{}]},`, `null]`, "approvals", ErrTooLarge},

	{"a wrapped list of null", `{"total_count":1,"environments":[`, `null,`, `null]}`, "environments", ErrTooLarge},
	{"a wrapped list of 0", `{"total_count":1,"environments":[`, `0,`, `0]}`, "environments", ErrTooLarge},
	{"members beside a list", `{`, `"x":1,`, `"total_count":0,"environments":[]}`, "environments", nil},
	{"a wrapped list many times", `{`, `"environments":[],`, `"total_count":0,"environments":[]}`, "environments", nil},

	{"an object as a POST's response", `{"id":1,"performed_via_github_app":{"events":[`, `"",`, `""]}}`, "create", ErrTooLarge},
}

// A body of 32 MiB takes at most 256 MiB of heap, for reading and decoding. The
// times in the log are not checked.
func TestHostileMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("it allocates gigabytes")
	}
	const most = 256 * mebibyte
	ctx := t.Context()
	for _, tt := range hostileBodies {
		t.Run(tt.name, func(t *testing.T) {
			body := tt.open + strings.Repeat(tt.unit, (maxBody-len(tt.open)-len(tt.end))/len(tt.unit)) + tt.end
			client := streamingClient(t, body)
			calls := map[string]func() error{
				"deployments": func() error {
					_, err := client.Deployments.List(ctx, "octocat", "example", DeploymentListOptions{})
					return err
				},
				"environment": func() error {
					_, err := client.Environments.Get(ctx, "octocat", "example", "qa")
					return err
				},
				"pending": func() error {
					_, err := client.Reviews.ListPending(ctx, "octocat", "example", 1, PendingDeploymentListOptions{})
					return err
				},
				"approvals": func() error {
					_, err := client.Reviews.ListApprovals(ctx, "octocat", "example", 1, ApprovalListOptions{})
					return err
				},
				"environments": func() error {
					_, err := client.Environments.List(ctx, "octocat", "example", EnvironmentListOptions{})
					return err
				},
				"create": func() error {
					_, err := client.Deployments.Create(ctx, "octocat", "example", DeploymentRequest{Ref: "main"})
					if !errors.Is(err, ErrOutcomeUnknown) {
						t.Errorf("err = %v, want ErrOutcomeUnknown", err)
					}
					return err
				},
			}
			var err error
			peak, took := peakHeap(func() { err = calls[tt.call]() })
			t.Logf("%-28s %-12s %4d MiB %6.0f ms  %.70v", tt.name, tt.call, peak/mebibyte, float64(took.Milliseconds()), err)
			if !errors.Is(err, tt.want) {
				t.Errorf("err = %v, want %v", err, tt.want)
			}
			if peak > most {
				t.Errorf("the heap grew by %d MiB, want at most %d", peak/mebibyte, most/mebibyte)
			}
		})
	}
}

// streamingClient returns a client whose responses have no Content-Length.
func streamingClient(t *testing.T, body string) *Client {
	t.Helper()
	client, err := NewClient(
		WithBaseURL("https://ghe.example.com/api/v3"),
		WithHTTPClient(&http.Client{Transport: inProcess(func(*http.Request) (*canned, error) {
			return &canned{Status: http.StatusOK, Rest: strings.NewReader(body)}, nil
		})}),
	)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// peakHeap returns the growth of the heap during f, garbage included. It
// samples on the real clock, because f computes.
func peakHeap(f func()) (peak uint64, took time.Duration) {
	runtime.GC()
	heap := func() uint64 {
		sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		metrics.Read(sample)
		return sample[0].Value.Uint64()
	}
	before := heap()
	done, measured := make(chan struct{}), make(chan uint64)
	go func() {
		var peak uint64
		for {
			peak = max(peak, heap())
			select {
			case <-done:
				measured <- max(peak, heap())
				return
			case <-time.After(500 * time.Microsecond):
			}
		}
	}()
	start := time.Now()
	f()
	took = time.Since(start)
	close(done)
	return max(<-measured, before) - before, took
}

// A page of 100 deployments with large payloads is valid.
func TestLargePayloads(t *testing.T) {
	payload := `{"items":[` + strings.Repeat(`{},`, 8<<10) + `{}]}` // 24 KiB
	row := `{"id":%d,"sha":"a84d88e7554fc1fa21bcbc4efae3c782a70d2b9d","payload":` + payload + `},`
	var body strings.Builder
	body.WriteString("[")
	for id := range 100 {
		fmt.Fprintf(&body, row, id+1)
	}
	client := streamingClient(t, strings.TrimSuffix(body.String(), ",")+"]")
	page, err := client.Deployments.List(t.Context(), "octocat", "example", DeploymentListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(page.Items) != 100 || string(page.Items[99].Payload) != payload {
		t.Errorf("%d rows, the last one's payload has %d bytes", len(page.Items), len(page.Items[99].Payload))
	}
}
