package wire

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMembers(t *testing.T) {
	type member struct{ Name, Value string }
	for in, want := range map[string][]member{
		`{"a":1,"b":{"c":[2]},"a":null}`: {{"a", "1"}, {"b", `{"c":[2]}`}, {"a", "null"}},
		`{"a":1,"b":{"c":[2`:             {{"a", "1"}},
		`{"a":1,"b"`:                     {{"a", "1"}},
		`{"a":1} and more`:               {{"a", "1"}},
		`{"a\u0062":"\u0063"}`:           {{"ab", `"\u0063"`}},
		`{"a":1,"b":x}`:                  {{"a", "1"}},
		`{}`:                             nil,
		`[1]`:                            nil,
		`null`:                           nil,
		``:                               nil,
		`<html>`:                         nil,
		`{"a":1,"b":` + strings.Repeat(`[`, 20_000): {{"a", "1"}},
	} {
		var got []member
		Members([]byte(in), func(name string, value Raw) { got = append(got, member{name, string(value)}) })
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%.60s (-want +got)\n%s", in, diff)
		}
	}
}

func TestValid(t *testing.T) {
	for in, want := range map[string]bool{
		`{"a":1}`: true, "\t[1]\n": true, `null`: true, `{"a":1,"a":2}`: true, "\"\xff\"": true,
		``: false, `{}{}`: false, `{"a":`: false, `<html>`: false,
	} {
		if got := Valid([]byte(in)); got != want {
			t.Errorf("Valid(%q) = %t, want %t", in, got, want)
		}
	}
}
