package ghdeploy_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ghdeploy/ghdeploy"
)

func TestPayloadDecode(t *testing.T) {
	type build struct {
		Version string `json:"version"`
		Count   int64  `json:"count,string"`
		Nested  struct{ Deep []int }
	}
	str := func(p ghdeploy.Payload, v string) (any, error) { err := p.Decode(&v); return v, err }
	obj := func(p ghdeploy.Payload, v build) (any, error) { err := p.Decode(&v); return v, err }
	maps := func(p ghdeploy.Payload, v map[string]any) (any, error) { err := p.Decode(&v); return v, err }
	anything := func(p ghdeploy.Payload, v any) (any, error) { err := p.Decode(&v); return v, err }
	before := build{Version: "before"}

	tests := map[string]struct {
		have any
		err  error
		want any
	}{}
	add := func(name string, want any, have any, err error) {
		tests[name] = struct {
			have any
			err  error
			want any
		}{have, err, want}
	}
	one := func(v any, err error) func(string, any) {
		return func(name string, want any) { add(name, want, v, err) }
	}
	one(obj(ghdeploy.Payload(`{"version":"1.4"}`), before))("object into a struct", build{Version: "1.4"})
	one(obj(ghdeploy.Payload(`{"VERSION":"1.4","count":"7","nested":{"deep":[1]}}`), build{}))("names as encoding/json takes them",
		build{Version: "1.4", Count: 7, Nested: struct{ Deep []int }{[]int{1}}})
	one(obj(ghdeploy.Payload(`"{\"version\":\"1.4\"}"`), build{}))("JSON in a string into a struct", build{Version: "1.4"})
	one(obj(ghdeploy.Payload(`"null"`), before))("a null in a string", before)
	one(obj(ghdeploy.Payload(`""`), before))("an empty string", before)
	one(obj(ghdeploy.Payload(`null`), before))("null", before)
	one(obj(nil, before))("absent", before)
	one(obj(ghdeploy.Payload{}, before))("empty", before)
	one(obj(ghdeploy.Payload(`{}`), before))("nothing sent", before)
	one(maps(ghdeploy.Payload(`{"a":{"b":[1,null]}}`), nil))("object into a map", map[string]any{"a": map[string]any{"b": []any{1.0, nil}}})
	one(maps(ghdeploy.Payload(`"{\"a\":1}"`), nil))("JSON in a string into a map", map[string]any{"a": 1.0})
	one(maps(ghdeploy.Payload(`null`), map[string]any{"a": 1}))("null into a map", map[string]any(nil))
	one(str(ghdeploy.Payload(`"just text"`), ""))("string into a string", "just text")
	one(str(ghdeploy.Payload(`"{\"a\":1}"`), ""))("JSON in a string into a string", `{"a":1}`)
	one(str(ghdeploy.Payload(`"\u00fc\n"`), ""))("escapes", "ü\n")
	one(str(ghdeploy.Payload(`""`), "before"))("empty string into a string", "")
	one(str(nil, "before"))("absent into a string", "before")
	one(str(ghdeploy.Payload(`null`), "before"))("null into a string", "before")
	one(anything(ghdeploy.Payload(`"just text"`), nil))("string into anything", "just text")
	one(anything(ghdeploy.Payload(`"7"`), nil))("a number in a string into anything", 7.0)
	one(anything(ghdeploy.Payload(`{"a":1}`), nil))("object into anything", map[string]any{"a": 1.0})
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if tt.err != nil {
				t.Fatal(tt.err)
			}
			same(t, "value", tt.want, tt.have)
		})
	}

	t.Run("refused", func(t *testing.T) {
		var typeErr *json.UnmarshalTypeError
		var syntaxErr *json.SyntaxError
		for payload, want := range map[string]any{
			`"just text"`: &typeErr,
			`"[1]"`:       &typeErr,
			`{"a":`:       &syntaxErr,
		} {
			err := ghdeploy.Payload(payload).Decode(new(build))
			if !errors.As(err, want) || !strings.HasPrefix(err.Error(), "ghdeploy: payload: ") {
				t.Errorf("%s: err = %v, want a %T", payload, err, want)
			}
		}
		if err := ghdeploy.Payload(`{"a":1}`).Decode(new(string)); !errors.As(err, &typeErr) {
			t.Errorf("an object into a string: err = %v, want encoding/json's", err)
		}
		var invalid *json.InvalidUnmarshalError
		if err := ghdeploy.Payload(`{"a":1}`).Decode(build{}); !errors.As(err, &invalid) {
			t.Errorf("into a value that is not a pointer: err = %v, want encoding/json's", err)
		}
	})
}

func TestPayloadText(t *testing.T) {
	for payload, want := range map[string]struct {
		text string
		ok   bool
	}{
		`"just text"`:   {"just text", true},
		`""`:            {"", true},
		`"{\"a\":1}"`:   {`{"a":1}`, true},
		`null`:          {"", false},
		`{"a":"b"}`:     {"", false},
		`7`:             {"", false},
		``:              {"", false},
		`"never closed`: {"", false},
	} {
		text, ok := ghdeploy.Payload(payload).Text()
		if text != want.text || ok != want.ok {
			t.Errorf("%s: %q, %t, want %q, %t", payload, text, ok, want.text, want.ok)
		}
	}
}

func TestPayloadJSON(t *testing.T) {
	type holder struct {
		Payload ghdeploy.Payload `json:"payload"`
	}
	for in, want := range map[string]string{
		`{"payload":{"b":1,"a":[2]}}`: `{"payload":{"b":1,"a":[2]}}`,
		`{"payload":"text"}`:          `{"payload":"text"}`,
		`{"payload":null}`:            `{"payload":null}`,
		`{}`:                          `{"payload":null}`,
	} {
		var h holder
		if err := json.Unmarshal([]byte(in), &h); err != nil {
			t.Fatal(err)
		}
		out, err := json.Marshal(h)
		if err != nil {
			t.Fatal(err)
		}
		same(t, in, want, string(out))
	}

	t.Run("keeps a copy", func(t *testing.T) {
		data := []byte(`{"a":1}`)
		var p ghdeploy.Payload
		if err := p.UnmarshalJSON(data); err != nil {
			t.Fatal(err)
		}
		data[2] = 'b'
		same(t, "payload", `{"a":1}`, p.String())
	})
	t.Run("of a row is not shared", func(t *testing.T) {
		w := replies(reply(200, `[{"id":1,"payload":{"a":1}},{"id":2,"payload":{"a":2}}]`))
		page, err := clientOn(t, w).Deployments.List(t.Context(), "o", "r", ghdeploy.DeploymentListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		first := page.Items[0].Payload
		for i := range first {
			first[i] = 'x'
		}
		first = append(first, "more than the capacity"...)
		if diff := cmp.Diff(ghdeploy.Payload(`{"a":2}`), page.Items[1].Payload); diff != "" {
			t.Errorf("a change of %s changed the next row:\n%s", first, diff)
		}
	})
}

// Tools send an object, a string, or JSON inside a string. Decode accepts all.
func ExamplePayload_Decode() {
	for _, payload := range []ghdeploy.Payload{
		ghdeploy.Payload(`{"version":"1.4"}`),
		ghdeploy.Payload(`"{\"version\":\"1.5\"}"`),
		ghdeploy.Payload(`null`),
	} {
		var build struct {
			Version string `json:"version"`
		}
		if err := payload.Decode(&build); err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%q\n", build.Version)
	}
	// Output:
	// "1.4"
	// "1.5"
	// ""
}
