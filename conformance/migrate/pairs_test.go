package migrate

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-github/v92/github"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

// pair is a row of docs/migrate.md.
type pair struct {
	// before and after are the row's first two cells without backticks: code
	// that stands in theirs and in ours. before is "none" if go-github has no
	// such call.
	before, after string

	options []ghdeploytest.Option
	prepare func(w *world) // brings the server to the state, before the call
	token   string         // "" is fullToken

	// theirs and ours make the call, each on a server of its own in the same
	// state.
	theirs func(ctx context.Context, w *world, gc *github.Client) (any, error)
	ours   func(ctx context.Context, w *world, client *ghdeploy.Client) (any, error)

	// differs checks the difference that the row states. Nil: the row states
	// none, and the two outcomes must be the same.
	differs func(t *testing.T, theirs, ours *outcome)
}

// pairs are the rows in the order of the document.
var pairs = slices.Concat(clientPairs, deploymentPairs, environmentPairs, rulePairs, reviewPairs, errorPairs, webhookPairs)

// outcome is the result of a call, and what the server knows of it.
type outcome struct {
	value any
	err   error
	took  time.Duration

	requests     []request
	deployments  []ghdeploytest.Deployment
	environments []ghdeploytest.Environment
	reviews      []ghdeploytest.Review
}

// request is what both clients have to send alike. Headers differ: go-github
// requests previews of the API.
type request struct {
	Method, Path string
	Query        url.Values
	Body         string // with sorted keys
	Status       int
	operation    string
}

func (p *pair) String() string { return p.before + " -> " + p.after }

func TestPairs(t *testing.T) {
	driven := make(map[string]bool)
	for i := range pairs {
		p := &pairs[i]
		t.Run(p.String(), func(t *testing.T) {
			var theirs, ours *outcome
			synctest.Test(t, func(t *testing.T) {
				ours = p.run(t, func(ctx context.Context, w *world, token string) (any, error) {
					return p.ours(ctx, w, w.ours(ghdeploy.WithToken(token)))
				})
			})
			for _, r := range ours.requests {
				driven[r.operation] = true
			}
			if p.theirs != nil {
				synctest.Test(t, func(t *testing.T) {
					theirs = p.run(t, func(ctx context.Context, w *world, token string) (any, error) {
						return p.theirs(ctx, w, w.theirs(github.WithAuthToken(token)))
					})
				})
			}
			if (p.before == "none") == (p.theirs != nil) {
				t.Fatal("theirs is nil exactly for the row of no go-github call")
			}
			switch {
			case p.differs != nil:
				p.differs(t, theirs, ours)
			case p.theirs == nil:
				wantSuccess(t, "ghdeploy", ours)
			default:
				wantSuccess(t, "go-github", theirs)
				wantSuccess(t, "ghdeploy", ours)
				wantSame(t, theirs, ours)
			}
		})
	}
	var description struct{ Operations []struct{ Operation string } }
	pinned, err := os.ReadFile("../../internal/openapi/description.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(pinned, &description); err != nil {
		t.Fatal(err)
	}
	for _, o := range description.Operations {
		if !driven[o.Operation] {
			t.Errorf("no row calls %s", o.Operation)
		}
	}
	if len(description.Operations) != 25 {
		t.Errorf("%d operations; the document says 25", len(description.Operations))
	}
}

func (p *pair) run(t *testing.T, call func(ctx context.Context, w *world, token string) (any, error)) *outcome {
	t.Helper()
	w := newWorld(t, p.options...)
	if p.prepare != nil {
		p.prepare(w)
	}
	w.prepared()
	token := p.token
	if token == "" {
		token = fullToken
	}
	began := time.Now()
	o := new(outcome)
	o.value, o.err = call(t.Context(), w, token)
	o.took = time.Since(began)
	for _, r := range w.sent() {
		sent := request{Method: r.Method, Path: r.Path, Query: r.Query, Status: r.Status, operation: r.Operation}
		if r.Body != "" {
			sent.Body = sorted(t, []byte(r.Body))
		}
		o.requests = append(o.requests, sent)
	}
	o.deployments = w.server.Deployments("octocat/example")
	o.environments = w.server.Environments("octocat/example")
	if w.run != 0 {
		o.reviews = w.server.Reviews("octocat/example", w.run)
	}
	return o
}

func wantSuccess(t *testing.T, client string, o *outcome) {
	t.Helper()
	if o.err != nil {
		t.Errorf("%s: %v", client, o.err)
	}
}

// wantSame compares the results, the requests and the states of the servers.
func wantSame(t *testing.T, theirs, ours *outcome) {
	t.Helper()
	wantSameValue(t, theirs.value, ours.value)
	if diff := cmp.Diff(theirs.requests, ours.requests, cmp.AllowUnexported(request{})); diff != "" {
		t.Errorf("requests (-go-github +ghdeploy):\n%s", diff)
	}
	wantSameState(t, theirs, ours)
}

func wantSameState(t *testing.T, theirs, ours *outcome) {
	t.Helper()
	for _, diff := range []string{
		cmp.Diff(theirs.deployments, ours.deployments),
		cmp.Diff(theirs.environments, ours.environments),
		cmp.Diff(theirs.reviews, ours.reviews),
	} {
		if diff != "" {
			t.Errorf("the server afterwards (-go-github +ghdeploy):\n%s", diff)
		}
	}
}

// wantSameValue checks that what go-github decoded, ghdeploy decoded too.
// ghdeploy has fields that go-github does not have.
func wantSameValue(t *testing.T, theirs, ours any) {
	t.Helper()
	for _, text := range missing("", decoded(t, theirs), decoded(t, ours)) {
		t.Errorf("go-github and ghdeploy differ: %s", text)
	}
}

// missing lists the values of theirs that ours does not have. A null, a zero
// value and an absent key are equal, because ghdeploy has plain values.
func missing(path string, theirs, ours any) []string {
	if zero(theirs) && zero(ours) {
		return nil
	}
	var all []string
	switch theirs := theirs.(type) {
	case map[string]any:
		object, _ := ours.(map[string]any)
		for key, value := range theirs {
			all = append(all, missing(path+"."+key, value, object[key])...)
		}
		return all
	case []any:
		list, _ := ours.([]any)
		if len(list) != len(theirs) {
			return []string{fmt.Sprintf("%s has %d and %d rows", path, len(theirs), len(list))}
		}
		for i := range list {
			all = append(all, missing(fmt.Sprintf("%s[%d]", path, i), theirs[i], list[i])...)
		}
		return all
	}
	if !reflect.DeepEqual(theirs, ours) {
		return []string{fmt.Sprintf("%s is %v and %v", path, theirs, ours)}
	}
	return nil
}

func zero(v any) bool {
	switch v := v.(type) {
	case map[string]any:
		for _, value := range v {
			if !zero(value) {
				return false
			}
		}
		return true
	case []any:
		return len(v) == 0
	case json.Number:
		return v == "0"
	case string:
		return v == "" || strings.HasPrefix(v, "0001-01-01T")
	}
	return v == nil || v == false
}

// decoded is a value as generic JSON.
func decoded(t *testing.T, v any) any {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, text)
}

func parse(t *testing.T, text []byte) any {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.UseNumber()
	var v any
	if err := decoder.Decode(&v); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return v
}

func sorted(t *testing.T, text []byte) string {
	t.Helper()
	out, err := json.Marshal(parse(t, text))
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// TestMissing shows that the comparison can fail.
func TestMissing(t *testing.T) {
	for _, tt := range []struct {
		theirs, ours string
		want         int
	}{
		{`{"a": null, "b": "", "c": [], "d": {"e": false}}`, `{}`, 0},
		{`{"a": 12690168079}`, `{"a": 12690168079, "b": 1}`, 0},
		{`{"a": 12690168079}`, `{"a": 12690168080}`, 1},
		{`{"a": "x"}`, `{}`, 1},
		{`{"a": [1, 2]}`, `{"a": [1]}`, 1},
		{`{"a": {"b": 1}}`, `{"a": null}`, 1},
		{`[{"a": 1}, {"a": 2}]`, `[{"a": 2}, {"a": 1}]`, 2},
		{`{"a": 1}`, `null`, 1},
		{`true`, `false`, 1},
	} {
		if got := missing("", parse(t, []byte(tt.theirs)), parse(t, []byte(tt.ours))); len(got) != tt.want {
			t.Errorf("%s and %s: %q, want %d", tt.theirs, tt.ours, got, tt.want)
		}
	}
}
