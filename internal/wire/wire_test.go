package wire

import (
	"strings"
	"testing"
)

type row struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
	Note *int   `json:"note,omitzero"`
}

func TestDecode(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		want     row
	}{
		{"an object", `{"id":1,"name":"a"}`, row{1, "a", nil}},
		{"what no field holds", `{"id":1,"name":"a","more":{"x":[1]}}`, row{1, "a", nil}},
		{"null is zero", `{"id":1,"name":null}`, row{1, "", nil}},
		{"null at the top", `null`, row{}},
		{"a name twice: the last counts", `{"id":1,"id":2,"name":"a"}`, row{2, "a", nil}},
		{"names match by case", `{"ID":1,"Name":"a"}`, row{}},
		{"bytes that are not UTF-8", "{\"id\":1,\"name\":\"a\xff\"}", row{1, "a\uFFFD", nil}},
		{"an id past 2^53", `{"id":9007199254740993}`, row{9007199254740993, "", nil}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got row
			if err := Decode([]byte(tt.in), &got); err != nil || got != tt.want {
				t.Errorf("got %+v, %v, want %+v", got, err, tt.want)
			}
		})
	}
}

func TestDecodeRefuses(t *testing.T) {
	for name, in := range map[string]string{
		"nothing":             ``,
		"what is no JSON":     `<html>`,
		"a cut value":         `{"id":1,"name":"a`,
		"two values":          `{"id":1}{"id":2}`,
		"a number for a text": `{"name":1}`,
		"an id past 2^63":     `{"id":9223372036854775808}`,
		"an array":            `[]`,
		"nesting without end": strings.Repeat(`{"more":`, 1_000_000),
	} {
		t.Run(name, func(t *testing.T) {
			if err := Decode([]byte(in), new(row)); err == nil {
				t.Error("no error")
			}
		})
	}
}

func TestDecodeAliasesNothing(t *testing.T) {
	data := []byte(`{"name":"main","raw":{"a":1}}`)
	var got struct {
		Name string `json:"name"`
		Raw  Raw    `json:"raw"`
	}
	if err := Decode(data, &got); err != nil {
		t.Fatal(err)
	}
	clear(data)
	if got.Name != "main" || string(got.Raw) != `{"a":1}` {
		t.Errorf("got %q and %s: they changed with the buffer", got.Name, got.Raw)
	}
}

func TestEncode(t *testing.T) {
	zero := 0
	for _, tt := range []struct {
		in   row
		want string
	}{
		{row{ID: 1, Name: "<a&b>"}, `{"id":1,"name":"<a&b>"}`},
		{row{Note: &zero}, `{"id":0,"name":"","note":0}`},
		{row{Name: "a\xff"}, "{\"id\":0,\"name\":\"a\uFFFD\"}"},
	} {
		got, err := Encode(tt.in)
		if err != nil || string(got) != tt.want {
			t.Errorf("Encode(%+v) = %s, %v, want %s", tt.in, got, err, tt.want)
		}
	}
}

func TestMember(t *testing.T) {
	for _, tt := range []struct {
		in, want string
		fails    bool
	}{
		{in: `{"a":1,"rows":[1, 2],"b":{"rows":3}}`, want: `[1, 2]`},
		{in: `{"rows":1,"rows":2}`, want: `2`},
		{in: `{"rows":null}`, want: `null`},
		{in: `{"Rows":1}`},
		{in: `{}`},
		{in: ``, fails: true},
		{in: `null`, fails: true},
		{in: `[]`, fails: true},
		{in: `{"rows":[1,2`, fails: true},
		{in: `{"rows":1}x`, fails: true},
	} {
		got, err := Member([]byte(tt.in), "rows")
		if string(got) != tt.want && !tt.fails || (err != nil) != tt.fails {
			t.Errorf("Member(%s) = %s, %v, want %s", tt.in, got, err, tt.want)
		}
	}
}
