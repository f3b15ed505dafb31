package wire_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ghdeploy/ghdeploy/internal/wire"
)

type tolerantDocument struct {
	ID     int64             `json:"id"`
	Name   string            `json:"name"`
	On     bool              `json:"on"`
	At     time.Time         `json:"at"`
	Part   *tolerantDocument `json:"part"`
	Parts  []*tolerantDocument
	Words  []string        `json:"words"`
	Rights map[string]bool `json:"rights"`
	Any    any             `json:"any"`
}

func TestDecodeTolerant(t *testing.T) {
	tests := []struct {
		name, document string
		want           tolerantDocument
		ignored        []string
	}{
		{"nothing odd", `{"id":1,"name":"a","on":true,"at":"2026-04-02T10:00:00Z","any":[1]}`,
			tolerantDocument{ID: 1, Name: "a", On: true, At: time.Date(2026, 4, 2, 10, 0, 0, 0, time.UTC), Any: []any{1.0}}, nil},
		{"scalars", `{"id":"1","name":2,"on":"true","at":3,"any":{"x":null}}`,
			tolerantDocument{Any: map[string]any{"x": nil}}, []string{"/id", "/name", "/on", "/at"}},
		{"a number out of range, a fraction, a time of another form", `{"id":9223372036854775808,"at":"yesterday","part":{"id":1.5}}`,
			tolerantDocument{Part: new(tolerantDocument)}, []string{"/id", "/at", "/part/id"}},
		{"objects and lists", `{"part":[],"words":{},"rights":"all","name":["a"],"id":{"a":1}}`,
			tolerantDocument{}, []string{"/part", "/words", "/rights", "/name", "/id"}},
		{"elements", `{"words":["a",1,"b"],"rights":{"read":true,"~/":"yes"},"Parts":[1,{"id":2},{"id":"3"}]}`,
			tolerantDocument{Words: []string{"a", "", "b"}, Rights: map[string]bool{"read": true, "~/": false},
				Parts: []*tolerantDocument{nil, {ID: 2}, {}}},
			[]string{"/words/1", "/rights/~0~1", "/Parts/0", "/Parts/2/id"}},
		{"nulls beside", `{"id":null,"name":1,"part":null,"words":[null]}`, tolerantDocument{Words: []string{""}}, []string{"/name"}},
		{"a name twice, the first one odd", `{"id":"1","id":2}`, tolerantDocument{ID: 2}, []string{"/id"}},
		{"a name twice, the last one odd", `{"id":2,"id":"1"}`, tolerantDocument{}, []string{"/id"}},
		{"what follows is stored", `{"name":1,"id":7}`, tolerantDocument{ID: 7}, []string{"/name"}},
		{"bytes that are not UTF-8", "{\"id\":\"\xff\",\"name\":\"\xff\"}", tolerantDocument{Name: "\ufffd"}, []string{"/id"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got tolerantDocument
			ignored, err := wire.DecodeTolerant([]byte(tt.document), &got, func(string) bool { return false }, wire.DefaultLimit)
			if err != nil || !slices.Equal(ignored, tt.ignored) {
				t.Errorf("ignored %q, %v", ignored, err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDecodeTolerantIsStrict(t *testing.T) {
	strict := func(pointer string) bool { return !strings.HasPrefix(pointer, "/part/") }
	for document, want := range map[string]string{
		`{"id":"1"}`:                    "the value at \"/id\" is a string, want an integer",
		`{"part":{"id":"1"},"id":true}`: "the value at \"/id\" is a boolean, want an integer",
		`{"name":1}`:                    "the value at \"/name\" is a number, want a string",
		`{"on":{}}`:                     "the value at \"/on\" is an object, want a boolean",
		`{"part":[]}`:                   "the value at \"/part\" is a list, want an object",
		`{"words":[1]}`:                 "the value at \"/words/0\" is a number, want a string",
		`{"words":1}`:                   "the value at \"/words\" is a number, want a list",
		`{"at":1}`:                      "the value at \"/at\" is a number, want a time such as 2026-04-02T10:00:00Z",
		`[]`:                            "the value at \"\" is a list, want an object",
	} {
		if ignored, err := wire.DecodeTolerant([]byte(document), new(tolerantDocument), strict, wire.DefaultLimit); ignored != nil || err == nil || err.Error() != want {
			t.Errorf("%s: %q, %v", document, ignored, err)
		}
	}
	// What is not JSON is never tolerated.
	for _, document := range []string{``, `{`, `{"part":{"id":"1"`, `{"part":{"id":"1"}}{}`, `{"part":{"id":tru}}`} {
		if ignored, err := wire.DecodeTolerant([]byte(document), new(tolerantDocument), strict, wire.DefaultLimit); ignored != nil || err == nil {
			t.Errorf("%s: %q, %v", document, ignored, err)
		}
	}
}

func TestDecodeTolerantIsBounded(t *testing.T) {
	odd := func(n int) []byte { return fmt.Appendf(nil, `{"words":[%s0]}`, strings.Repeat("0,", n-1)) }
	never := func(string) bool { return false }
	if ignored, err := wire.DecodeTolerant(odd(1000), new(tolerantDocument), never, wire.DefaultLimit); len(ignored) != 1000 || err != nil {
		t.Errorf("%d, %v", len(ignored), err)
	}
	if ignored, err := wire.DecodeTolerant(odd(1001), new(tolerantDocument), never, wire.DefaultLimit); ignored != nil || err == nil ||
		err.Error() != "more than 1000 values have another type than GitHub documents" {
		t.Errorf("%d, %v", len(ignored), err)
	}
}
