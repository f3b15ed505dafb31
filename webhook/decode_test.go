package webhook_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ghdeploy/ghdeploy/webhook"
)

// actedOn matches the values that control the deployment.
var actedOn = regexp.MustCompile(`^/(action|environment|event|sha|ref|deployment_callback_url)$` +
	`|^/deployment(/(id|sha|ref|task|environment|original_environment|transient_environment|production_environment|created_at))?$` +
	`|^/deployment_status(/(id|state|environment|environment_url|created_at))?$` +
	`|^/workflow_job_runs?(/[0-9]+)?(/(id|environment))?$`)

// below matches values that do not control the deployment.
var below = regexp.MustCompile(`^/(repository|sender|organization|installation|workflow|workflow_run|check_run|pull_requests)/`)

// Each value of each payload is replaced by a value of another type.
func TestAnOddValueIsIgnoredOrRefused(t *testing.T) {
	refused, ignored := 0, 0
	for file, payload := range payloads(t, "testdata") {
		event := eventOf(file)
		var document any
		if err := json.Unmarshal(payload, &document); err != nil {
			t.Fatal(err)
		}
		eachValue("", document, func(pointer string, value any) {
			odd := encode(t, replace(document, pointer, another(value)))
			e, err := webhook.Parse(event, odd)
			switch {
			case actedOn.MatchString(pointer):
				refused++
				var decodeError *webhook.DecodeError
				if e != nil || !errors.As(err, &decodeError) || !strings.Contains(err.Error(), fmt.Sprintf("the value at %q is ", pointer)) {
					t.Errorf("%s %s: got %v, %v", file, pointer, e, err)
				}
				return
			case err != nil:
				t.Errorf("%s %s: %v", file, pointer, err)
				return
			case len(e.Info().Ignored) == 0: // the field accepts any type
				if below.MatchString(pointer) && !strings.Contains(pointer, "/custom_properties/") {
					t.Errorf("%s %s: %v is not listed", file, pointer, another(value))
				}
				return
			}
			ignored++
			at := e.Info().Ignored[0]
			if len(e.Info().Ignored) != 1 || at != pointer && !strings.HasPrefix(pointer, at+"/") || string(e.Info().Raw) != string(odd) {
				t.Errorf("%s %s: ignored %q", file, pointer, e.Info().Ignored)
			}
			if at != pointer && !strings.HasPrefix(at, "/reviewers/") {
				t.Errorf("%s %s: all of %s is ignored", file, pointer, at)
			}
			// The rest of the event equals that with a null value.
			want, err := webhook.Parse(event, encode(t, replace(document, at, nil)))
			if err != nil {
				t.Fatal(err)
			}
			*e.Info(), *want.Info() = webhook.Delivery{}, webhook.Delivery{}
			if !reflect.DeepEqual(want, e) {
				t.Errorf("%s %s: %s", file, pointer, cmp.Diff(want, e))
			}
		})
	}
	t.Logf("%d values are refused, %d ignored", refused, ignored)
	if refused < 90 || ignored < 1500 {
		t.Errorf("%d values are refused, %d ignored", refused, ignored)
	}
}

// eachValue calls f for each value that is not null.
func eachValue(pointer string, v any, f func(pointer string, value any)) {
	if v != nil && pointer != "" {
		f(pointer, v)
	}
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			eachValue(pointer+"/"+strings.NewReplacer("~", "~0", "/", "~1").Replace(key), value, f)
		}
	case []any:
		for i, value := range v {
			eachValue(fmt.Sprintf("%s/%d", pointer, i), value, f)
		}
	}
}

// another returns a value of another type.
func another(v any) any {
	switch v.(type) {
	case string:
		return 1557933565
	case []any:
		return "a list"
	case map[string]any:
		return []any{1}
	}
	return "7"
}

// replace returns a copy of a document with another value at the pointer.
func replace(v any, pointer string, value any) any {
	if pointer == "" {
		return value
	}
	key, rest, more := strings.Cut(pointer[1:], "/")
	if more {
		rest = "/" + rest
	}
	switch v := v.(type) {
	case map[string]any:
		result := make(map[string]any)
		for k, old := range v {
			if strings.NewReplacer("~", "~0", "/", "~1").Replace(k) == key {
				old = replace(old, rest, value)
			}
			result[k] = old
		}
		return result
	case []any:
		result := slices.Clone(v)
		for i := range result {
			if fmt.Sprint(i) == key {
				result[i] = replace(result[i], rest, value)
			}
		}
		return result
	}
	panic("there is nothing at " + pointer)
}

func encode(t *testing.T, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestIgnoredValues(t *testing.T) {
	// pushed_at as in a push event, and an id as in an anonymised fixture.
	e := parse(t, "deployment", []byte(`{"action":"created","deployment":{"id":42,"creator":{"id":"x","login":"mona"},"description":1},`+
		`"repository":{"id":"REDACTED","name":"shop","owner":{"login":"acme"},"pushed_at":1557933565,"topics":["a",2]},"sender":"mona","workflow_run":[]}`),
	).(*webhook.DeploymentEvent)
	want := []string{
		"/deployment/creator/id", "/deployment/description", "/repository/id", "/repository/pushed_at", "/repository/topics/1", "/sender", "/workflow_run",
	}
	if !slices.Equal(e.Delivery.Ignored, want) {
		t.Errorf("ignored %q", e.Delivery.Ignored)
	}
	if owner, repo := e.OwnerRepo(); owner != "acme" || repo != "shop" || e.Deployment.ID != 42 || e.Deployment.Creator.Login != "mona" {
		t.Errorf("got %+v", e)
	}
	if e.Repository.ID != 0 || !e.Repository.PushedAt.IsZero() || e.Sender != nil || e.WorkflowRun != nil || e.Deployment.Description != "" {
		t.Errorf("got %+v", e)
	}
	if e := parse(t, "deployment", []byte(`{"deployment":{"id":42}}`)); e.Info().Ignored != nil {
		t.Errorf("ignored %q in a payload of valid types", e.Info().Ignored)
	}
	if _, err := webhook.Parse("deployment", []byte(`{"repository":{"topics":[`+strings.Repeat("1,", 1000)+`1]}}`)); err == nil ||
		err.Error() != `webhook: event "deployment", delivery "": more than 1000 values have another type than GitHub documents` {
		t.Errorf("1,001 values of another type: %v", err)
	}
}

func TestParse(t *testing.T) {
	payload := []byte(`{"action":"created","deployment":{"id":42,"payload":{"a":1}}}`)
	e, err := webhook.Parse("deployment", payload)
	if err != nil {
		t.Fatal(err)
	}
	copy(payload, "xxxxxxxxxxxxxxxx") // the event has its own copy
	deployment, ok := e.(*webhook.DeploymentEvent)
	if !ok || deployment.Deployment.ID != 42 || deployment.Action != "created" || deployment.Delivery.Event != "deployment" ||
		!strings.HasPrefix(string(deployment.Delivery.Raw), `{"action"`) {
		t.Errorf("got %+v", e)
	}
	if e, err := webhook.Parse("star", []byte(`[`)); err != nil || e.Info().Event != "star" || string(e.Info().Raw) != `[` {
		t.Errorf("an unknown event: %v, %v", e, err)
	}
	if e, err := webhook.Parse("star", make([]byte, webhook.MaxBody+1)); e != nil || !errors.Is(err, webhook.ErrTooLarge) {
		t.Errorf("a large payload: %v", err)
	}
	for event, payload := range map[string]string{
		"": `{}`, "deployment": ``, "deployment_status": `null`, "ping": `[]`, "deployment_review": `{"a":`, "deployment_protection_rule": `payload=%7B%7D`,
	} {
		var decodeError *webhook.DecodeError
		if e, err := webhook.Parse(event, []byte(payload)); e != nil || !errors.As(err, &decodeError) || decodeError.Event != event {
			t.Errorf("%s %s: got %v, %v", event, payload, e, err)
		}
	}
}

// A stored delivery decodes to the event that the receiver saw.
func TestParseReturnsWhatTheVerifierDid(t *testing.T) {
	for file, payload := range payloads(t, "testdata") {
		received := parse(t, eventOf(file), payload)
		stored, err := webhook.Parse(received.Info().Event, received.Info().Raw)
		if err != nil {
			t.Fatal(err)
		}
		*received.Info(), *stored.Info() = webhook.Delivery{}, webhook.Delivery{}
		if diff := cmp.Diff(received, stored); diff != "" {
			t.Errorf("%s: %s", file, diff)
		}
	}
}

func TestProtectionRuleNamesItsCommit(t *testing.T) {
	e := parse(t, "deployment_protection_rule", []byte(`{"sha":"a84d88e7554fc1fa21bcbc4efae3c782a70d2b9d","ref":"refs/heads/main"}`)).(*webhook.DeploymentProtectionRuleEvent)
	if e.SHA != "a84d88e7554fc1fa21bcbc4efae3c782a70d2b9d" || e.Ref != "refs/heads/main" {
		t.Errorf("got %q, %q", e.SHA, e.Ref)
	}
}

// A small payload must not allocate much memory. 0.95 MiB of nulls once became
// 783 MiB of pull requests.
func TestDecodingIsBounded(t *testing.T) {
	for name, payload := range map[string]string{
		"nulls":           `{"pull_requests":[` + strings.Repeat("null,", 199_999) + `null]}`,
		"odd values":      `{"repository":{"id":"x"},"pull_requests":[` + strings.Repeat("null,", 199_999) + `null]}`,
		"odd values last": `{"pull_requests":[` + strings.Repeat("null,", 199_999) + `null],"repository":{"id":"x"}}`,
		"only odd values": `{"pull_requests":[` + strings.Repeat("1,", 499_999) + `1]}`,
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		e, err := webhook.Parse("deployment_protection_rule", []byte(payload))
		runtime.ReadMemStats(&after)
		var decodeError *webhook.DecodeError
		if e != nil || !errors.As(err, &decodeError) {
			t.Errorf("%s: got %v", name, err)
		}
		if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 8<<20 {
			t.Errorf("%s: %d bytes allocate %d MiB", name, len(payload), allocated>>20)
		}
	}
	// A large payload of a deployment is valid, even with braces in a string.
	payload := `{"deployment":{"id":42,"payload":["` + strings.Repeat("{}[],:", 2<<20) + `"]},"repository":{"id":"x"}}`
	e, err := webhook.Parse("deployment", []byte(payload))
	if err != nil || e.(*webhook.DeploymentEvent).Deployment.ID != 42 || len(e.Info().Ignored) != 1 {
		t.Errorf("a payload of %d MiB: %v", len(payload)>>20, err)
	}
}

// A list of short objects, and a long text with one escape, have an upper bound
// of several times what they allocate. They are valid payloads.
func TestValidPayloadsAreWithinTheLimit(t *testing.T) {
	short := `{"url":"https://api.github.com/repos/octocat/example/pulls/7","id":1,"number":7,` +
		`"head":{"ref":"topic","sha":"aa218f56b14c9653891f9e74264a383fa43fefbd","repo":{"id":1,"url":"https://api.github.com/repos/octocat/example","name":"example"}},` +
		`"base":{"ref":"main","sha":"bb218f56b14c9653891f9e74264a383fa43fefbd","repo":{"id":1,"url":"https://api.github.com/repos/octocat/example","name":"example"}}}`
	long := `{"id":1,"number":7,"body":"` + strings.Repeat("x", 5_000) + `\ud83d\ude00"}`
	list := func(n int, row string) string {
		return `{"action":"requested","pull_requests":[` + strings.Repeat(row+",", n-1) + row + `]}`
	}
	for name, payload := range map[string]string{
		"3,000 short pull requests":     list(3_000, short),
		"1,000 long ones with an emoji": list(1_000, long),
		"one with a body of 1 MiB":      list(1, `{"id":1,"body":"`+strings.Repeat("x", 1<<20)+`\ud83d\ude00"}`),
		"10,000 job runs":               `{"workflow_job_runs":[` + strings.Repeat(`{"id":1,"name":"build"},`, 9_999) + `{"id":1}]}`,
	} {
		if _, err := webhook.Parse("deployment_protection_rule", []byte(payload)); err != nil {
			t.Errorf("%s, %d bytes: %v", name, len(payload), err)
		}
	}
}

// The limit depends on the size: this would be within that of a larger payload.
func TestDecodeLimitDependsOnTheSize(t *testing.T) {
	nulls := `{"pull_requests":[` + strings.Repeat("null,", 11_999) + `null]`
	for more, refused := range map[int]bool{0: true, 1 << 20: true, 16 << 20: false} {
		payload := nulls + `,"unknown":"` + strings.Repeat("x", more) + `"}`
		if _, err := webhook.Parse("deployment_protection_rule", []byte(payload)); (err != nil) != refused {
			t.Errorf("a payload of %d bytes: %v", len(payload), err)
		}
	}
}

// A long key that leads to many values of another type must not be repeated in
// the pointer of each: 111 KB made 836 MB.
func TestPointersOfIgnoredValuesAreBounded(t *testing.T) {
	for _, key := range []int{70, 1_000, 100_000, 1_000_000} {
		payload := `{"pull_requests":[{"_links":{"` + strings.Repeat("k", key) + `":{` + strings.Repeat(`"href":1,`, 998) + `"href":1}}}]}`
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := webhook.Parse("deployment_protection_rule", []byte(payload))
		runtime.ReadMemStats(&after)
		var decodeError *webhook.DecodeError
		if !errors.As(err, &decodeError) {
			t.Errorf("a key of %d bytes: %v, want a DecodeError", key, err)
		}
		if allocated := after.TotalAlloc - before.TotalAlloc; allocated > uint64(32<<20+4*len(payload)) {
			t.Errorf("a key of %d bytes allocates %d KiB of %d KiB", key, allocated>>10, len(payload)>>10)
		}
	}
}
