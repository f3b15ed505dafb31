package conformance

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-github/v92/github"

	"github.com/ghdeploy/ghdeploy"
)

// lost lists the data that the decoded value lacks. null, zero values and
// absent keys are equal. except allows the loss of a path such as
// "status.payload".
func lost(path string, recorded, decoded any, except func(path string) bool) []string {
	if isZero(recorded) && isZero(decoded) {
		return nil
	}
	switch recorded := recorded.(type) {
	case map[string]any:
		object, ok := decoded.(map[string]any)
		if !ok {
			return []string{fmt.Sprintf("%s: an object became %v", path, decoded)}
		}
		var all []string
		for key, value := range recorded {
			if here := path + "." + key; !except(here) {
				all = append(all, lost(here, value, object[key], except)...)
			}
		}
		return all
	case []any:
		list, ok := decoded.([]any)
		if !ok || len(list) != len(recorded) {
			return []string{fmt.Sprintf("%s: a list of %d became %v", path, len(recorded), decoded)}
		}
		var all []string
		for i, value := range recorded {
			all = append(all, lost(path, value, list[i], except)...)
		}
		return all
	}
	if reflect.DeepEqual(recorded, decoded) || sameTime(recorded, decoded) {
		return nil
	}
	return []string{fmt.Sprintf("%s: %v became %v", path, recorded, decoded)}
}

// isZero reports whether v is a zero value, null, empty, or an object with only
// such values.
func isZero(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case bool:
		return !v
	case string:
		return v == "" || strings.HasPrefix(v, "0001-01-01T00:00:00")
	case json.Number:
		return v == "0"
	case []any:
		return len(v) == 0
	case map[string]any:
		for _, value := range v {
			if !isZero(value) {
				return false
			}
		}
		return true
	}
	return false
}

func sameTime(a, b any) bool {
	x, ok := a.(string)
	y, ok2 := b.(string)
	if !ok || !ok2 {
		return false
	}
	s, err := time.Parse(time.RFC3339, x)
	u, err2 := time.Parse(time.RFC3339, y)
	return err == nil && err2 == nil && s.Equal(u)
}

// encoded turns a decoded value back into JSON by the tags of its fields,
// without MarshalJSON, which could return the original bytes.
func encoded(t *testing.T, v any) any {
	t.Helper()
	return byTags(t, reflect.ValueOf(v))
}

func byTags(t *testing.T, v reflect.Value) any {
	t.Helper()
	if !v.IsValid() {
		return nil
	}
	switch value := v.Interface().(type) {
	case time.Time:
		return value.Format(time.RFC3339)
	case github.Timestamp:
		return value.Format(time.RFC3339)
	case json.RawMessage:
		if value == nil {
			return nil
		}
		return parse(t, value)
	case ghdeploy.Payload: // raw JSON
		if value == nil {
			return nil
		}
		return parse(t, value)
	case ghdeploy.Reviewer:
		reviewer := map[string]any{"type": string(value.Type), "reviewer": byTags(t, reflect.ValueOf(value.User))}
		if value.Team != nil {
			reviewer["reviewer"] = byTags(t, reflect.ValueOf(value.Team))
		}
		return reviewer
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return nil
		}
		return byTags(t, v.Elem())
	case reflect.Struct:
		object := make(map[string]any)
		for _, f := range reflect.VisibleFields(v.Type()) {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if f.IsExported() && !f.Anonymous && name != "-" && name != "" {
				object[name] = byTags(t, v.FieldByIndex(f.Index))
			}
		}
		return object
	case reflect.Map:
		object := make(map[string]any)
		for key, value := range v.Seq2() {
			object[key.String()] = byTags(t, value)
		}
		return object
	case reflect.Slice:
		list := make([]any, v.Len())
		for i := range list {
			list[i] = byTags(t, v.Index(i))
		}
		return list
	case reflect.String:
		return v.String()
	case reflect.Bool:
		return v.Bool()
	case reflect.Int, reflect.Int64:
		return json.Number(strconv.FormatInt(v.Int(), 10))
	}
	t.Fatalf("byTags does not support %s", v.Type())
	return nil
}

func TestLost(t *testing.T) {
	none := func(string) bool { return false }
	for _, tt := range []struct {
		recorded, decoded string
		want              int
	}{
		{`{"a": null, "b": "", "c": [], "d": {"e": false}}`, `{}`, 0},
		{`{"at": "2024-01-02T03:04:05Z"}`, `{"at": "2024-01-02T05:04:05+02:00"}`, 0},
		{`{"a": 12690168079}`, `{"a": 12690168079}`, 0},
		{`{"a": 12690168079}`, `{"a": 12690168080}`, 1},
		{`{"a": "x"}`, `{}`, 1},
		{`{"a": [1, 2]}`, `{"a": [1]}`, 1},
		{`{"a": {"b": 1}}`, `{"a": null}`, 1},
		{`[{"a": 1}, {"a": 2}]`, `[{"a": 2}, {"a": 1}]`, 2},
	} {
		got := lost("x", parse(t, []byte(tt.recorded)), parse(t, []byte(tt.decoded)), none)
		if len(got) != tt.want {
			t.Errorf("%s as %s: %q, want %d", tt.recorded, tt.decoded, got, tt.want)
		}
	}
}
