package webhook_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/webhook"
)

// webhooksDir returns the directory of the recorded payloads, or skips the
// test.
func webhooksDir(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("GHDEPLOY_WEBHOOKS_DIR")
	if dir == "" {
		t.Skip("GHDEPLOY_WEBHOOKS_DIR is not set: recorded payloads are not checked. It is a directory of files named as those in testdata, " +
			"such as the payload examples of github.com/octokit/webhooks renamed to deployment.NAME.json")
	}
	return dir
}

// payloads returns the payloads in a directory by file name. The part of the
// name before the first dot is the event's name.
func payloads(t testing.TB, dir string) map[string][]byte {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string][]byte)
	for _, name := range names {
		base := filepath.Base(name)
		if base == "index.json" {
			continue
		}
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		found[base] = data
	}
	if len(found) == 0 {
		t.Fatalf("no payload in %s", dir)
	}
	return found
}

func eventOf(file string) string {
	event, _, _ := strings.Cut(file, ".")
	return event
}

func TestNoFieldIsLost(t *testing.T) {
	for file, payload := range payloads(t, "testdata") {
		t.Run(file, func(t *testing.T) { checkPayload(t, eventOf(file), payload) })
	}
}

func TestNoFieldIsLostOfRecordedPayloads(t *testing.T) {
	for file, payload := range payloads(t, webhooksDir(t)) {
		t.Run(file, func(t *testing.T) { checkPayload(t, eventOf(file), payload) })
	}
}

// checkPayload parses a payload, encodes the event with encoding/json, and
// checks that the result has each key and value of the payload.
func checkPayload(t *testing.T, name string, payload []byte) {
	t.Helper()
	event := parse(t, name, payload)
	if _, ok := event.(*webhook.Delivery); ok {
		t.Fatalf("there is no type for the event %q", name)
	}
	encoded, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	want, got := decodeAny(t, payload), decodeAny(t, encoded)
	values := 0
	compare(t, "", want, got, &values)
	if values < 10 {
		t.Errorf("only %d values were compared", values)
	}
	if !bytes.Equal(event.Info().Raw, payload) {
		t.Error("Raw is not the payload")
	}
}

func decodeAny(t *testing.T, data []byte) any {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var v any
	if err := decoder.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// compare reports each value of want that is missing in got. A null equals a
// zero value, and times are compared as times.
func compare(t *testing.T, path string, want, got any, values *int) {
	t.Helper()
	*values++
	switch want := want.(type) {
	case nil:
		if got != nil && !isZero(got) {
			t.Errorf("%s is null, got %v", path, got)
		}
	case map[string]any:
		object, ok := got.(map[string]any)
		if !ok {
			t.Errorf("%s is an object, got %v", path, got)
			return
		}
		for key, value := range want {
			field, ok := object[key]
			if !ok {
				t.Errorf("%s.%s cannot be reached", path, key)
				continue
			}
			compare(t, path+"."+key, value, field, values)
		}
	case []any:
		list, ok := got.([]any)
		if !ok && len(want) > 0 || len(list) != len(want) {
			t.Errorf("%s has %d elements, got %v", path, len(want), got)
			return
		}
		for i := range want {
			compare(t, path+"[]", want[i], list[i], values)
		}
	default:
		if reflect.DeepEqual(want, got) || sameTime(want, got) {
			return
		}
		t.Errorf("%s is %v, got %v", path, want, got)
	}
}

func isZero(v any) bool {
	switch v := v.(type) {
	case string:
		return v == "" || v == "0001-01-01T00:00:00Z"
	case json.Number:
		return v == "0"
	case bool:
		return !v
	case map[string]any:
		for _, field := range v {
			if field != nil && !isZero(field) {
				return false
			}
		}
		return true
	}
	return false
}

func sameTime(a, b any) bool {
	s, ok := a.(string)
	u, ok2 := b.(string)
	if !ok || !ok2 {
		return false
	}
	at, err := time.Parse(time.RFC3339, s)
	bt, err2 := time.Parse(time.RFC3339, u)
	return err == nil && err2 == nil && at.Equal(bt)
}

// TestEveryDocumentedFieldHasAPlace compares the event types with GitHub's
// OpenAPI description of the webhooks.
func TestEveryDocumentedFieldHasAPlace(t *testing.T) {
	dir := os.Getenv("GITHUB_OPENAPI_DIR")
	if dir == "" {
		t.Skip("GITHUB_OPENAPI_DIR is not set: GitHub's description of the events is not checked. " +
			"It is the webhooks part of github.com/github/rest-api-description, as webhooks.json")
	}
	data, err := os.ReadFile(filepath.Join(dir, "webhooks.json"))
	if os.IsNotExist(err) {
		t.Skip("GITHUB_OPENAPI_DIR holds no webhooks.json: GitHub's description of the events is not checked")
	}
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Webhooks map[string]struct {
			Post struct {
				RequestBody struct {
					Content map[string]struct{ Schema schema }
				}
			}
		}
		Components struct{ Schemas map[string]schema }
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	types := map[string]reflect.Type{
		"deployment-created":                   reflect.TypeFor[webhook.DeploymentEvent](),
		"deployment-status-created":            reflect.TypeFor[webhook.DeploymentStatusEvent](),
		"deployment-review-requested":          reflect.TypeFor[webhook.DeploymentReviewEvent](),
		"deployment-review-approved":           reflect.TypeFor[webhook.DeploymentReviewEvent](),
		"deployment-review-rejected":           reflect.TypeFor[webhook.DeploymentReviewEvent](),
		"deployment-protection-rule-requested": reflect.TypeFor[webhook.DeploymentProtectionRuleEvent](),
	}
	if len(doc.Webhooks) == 0 {
		t.Fatal("the description holds no webhook")
	}
	for name, hook := range doc.Webhooks {
		goType, ok := types[name]
		if !ok {
			t.Errorf("there is no type for %s", name)
			continue
		}
		w := walker{t: t, schemas: doc.Components.Schemas}
		w.walk(name, hook.Post.RequestBody.Content["application/json"].Schema, goType, nil)
		if w.keys < 100 {
			t.Errorf("%s: only %d keys were checked", name, w.keys)
		}
		t.Logf("%s: %d keys", name, w.keys)
	}
}

type schema struct {
	Ref        string `json:"$ref"`
	Properties map[string]schema
	Items      *schema
	OneOf      []schema
	AnyOf      []schema
	AllOf      []schema
}

type walker struct {
	t       *testing.T
	schemas map[string]schema
	keys    int
}

func (w *walker) walk(path string, s schema, goType reflect.Type, seen []string) {
	if s.Ref != "" {
		name := s.Ref[strings.LastIndexByte(s.Ref, '/')+1:]
		for _, other := range seen {
			if other == name {
				return
			}
		}
		w.walk(path, w.schemas[name], goType, append(seen, name))
		return
	}
	for _, part := range [][]schema{s.OneOf, s.AnyOf, s.AllOf} {
		for _, alternative := range part {
			w.walk(path, alternative, goType, seen)
		}
	}
	for goType.Kind() == reflect.Pointer {
		goType = goType.Elem()
	}
	if goType == reflect.TypeFor[ghdeploy.Reviewer]() { // it has its own UnmarshalJSON
		goType = reflect.TypeFor[struct {
			Type     string         `json:"type"`
			Reviewer *ghdeploy.User `json:"reviewer"`
		}]()
	}
	if goType.Kind() == reflect.Interface || reflect.PointerTo(goType).Implements(reflect.TypeFor[json.Unmarshaler]()) {
		return // accepts any JSON
	}
	if s.Items != nil {
		if goType.Kind() != reflect.Slice {
			w.t.Errorf("%s is a list, but %v is not", path, goType)
			return
		}
		w.walk(path+"[]", *s.Items, goType.Elem(), seen)
	}
	for key, property := range s.Properties {
		w.keys++
		var field reflect.Type
		switch goType.Kind() {
		case reflect.Map:
			field = goType.Elem()
		case reflect.Struct:
			field = fieldOf(goType, key)
		}
		if field == nil {
			w.t.Errorf("%s.%s has no place in %v", path, key, goType)
			continue
		}
		w.walk(path+"."+key, property, field, seen)
	}
}

// fieldOf returns the type of the field with that JSON name.
func fieldOf(structType reflect.Type, name string) reflect.Type {
	for _, field := range reflect.VisibleFields(structType) {
		if tag, _, _ := strings.Cut(field.Tag.Get("json"), ","); tag == name {
			return field.Type
		}
	}
	return nil
}
