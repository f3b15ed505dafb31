package wire

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestDecodeLimited(t *testing.T) {
	type row struct {
		ID    int64             `json:"id"`
		Text  string            `json:"text"`
		Raw   Raw               `json:"raw"`
		Inner *row              `json:"inner"`
		Names []string          `json:"names"`
		Map   map[string]string `json:"map"`
		Times []time.Time       `json:"times"`
	}
	many := func(open, unit, end string) string { return open + strings.Repeat(unit, 100_000) + end }
	tests := map[string]struct {
		in    string
		limit int // MiB
		fails bool
	}{
		"rows of null":          {many(`[`, `null,`, `null]`), 32, false},
		"rows of {}":            {many(`[`, `{},`, `{}]`), 4, true},
		"rows of {}, allowed":   {many(`[`, `{},`, `{}]`), 64, false},
		"rows behind a row":     {many(`[{"inner":{"inner":{}}},`, `{},`, `{}]`), 4, true},
		"names":                 {many(`[{"names":[`, `"",`, `""]}]`), 8, true},
		"names, allowed":        {many(`[{"names":[`, `"",`, `""]}]`), 32, false},
		"an escaped name":       {many(`[{"n\u0061mes":[`, `"",`, `""]}]`), 8, true},
		"members of a map":      {many(`[{"map":{`, `"a":"",`, `"":""}}]`), 8, true},
		"times":                 {many(`[{"times":[`, `null,`, `null]}]`), 8, true},
		"an unknown member":     {many(`[{"more":[`, `{"names":[{}]},`, `0]}]`), 2, false},
		"a member of no object": {many(`[{"text":[`, `{},`, `0]}]`), 2, false},
		"another case":          {many(`[{"Names":[`, `"",`, `""]}]`), 2, false},
		"a raw value":           {many(`[{"raw":[`, `{"inner":{}},`, `{}]}]`), 3, false},
		"raw values":            {many(`[{`, `"raw":[],`, `"raw":[]}]`), 2, true},
		"a raw value too long":  {many(`[{"raw":"`, `123456789012345678901`, `"}]`), 2, true},
		"a text":                {many(`[{"text":"`, `1234567890`, `"}]`), 2, false},
		"a text of escapes":     {many(`[{"text":"`, `\n12345678`, `"}]`), 2, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var rows []*row
			err := DecodeLimited([]byte(tt.in), &rows, tt.limit<<20)
			if errors.Is(err, ErrLimit) != tt.fails {
				t.Fatalf("err = %v, want ErrLimit: %t", err, tt.fails)
			}
			if tt.fails && rows != nil {
				t.Errorf("%d rows were stored", len(rows))
			}
		})
	}
}

func TestErrLimitNamesTheLimit(t *testing.T) {
	const want = "the document takes too much memory to decode: more than 2 MiB"
	err := DecodeLimited([]byte(`["`+strings.Repeat("a", 4<<20)+`"]`), new([]string), 2<<20)
	if err == nil || err.Error() != want {
		t.Errorf("err = %v, want %s", err, want)
	}
}

// A syntax error is the decoder's to report, wherever it is.
func TestLimitLeavesSyntaxErrors(t *testing.T) {
	rows := strings.Repeat(`{"id":1},`, 1000)
	for _, in := range []string{``, `[`, `[` + rows, `[` + rows + `]`, `[` + rows + `{"id"}]`, `[` + rows + `{}] x`, `x`} {
		err := DecodeLimited([]byte(in), new([]*row), 1<<20)
		if err == nil || errors.Is(err, ErrLimit) {
			t.Errorf("%.10q...: err = %v, want a syntax error", in, err)
		}
	}
}

// Embedded structs are decoded as if their fields were the outer struct's, and
// an outer field hides an inner one of the same name.
func TestShapeOfEmbedded(t *testing.T) {
	type Inner struct {
		Lists [][]string `json:"lists"`
		Name  []string   `json:"name"`
	}
	type outer struct {
		*Inner
		Name string `json:"name"`
	}
	s := documentOf(reflect.TypeFor[*outer]()).root
	if s.fields["lists"].elem == nil || s.fields["name"].elem != nil {
		t.Errorf("fields = %v, want lists of Inner and name of outer", s.fields)
	}
	if s.object < int64(reflect.TypeFor[Inner]().Size()) {
		t.Errorf("an object counts %d bytes, without the embedded pointer", s.object)
	}
}

type page []*struct {
	ID      int64  `json:"id"`
	Ref     string `json:"ref"`
	Raw     Raw    `json:"payload"`
	Creator *struct {
		Login string   `json:"login"`
		Names []string `json:"names"`
	} `json:"creator"`
}

// BenchmarkLimit measures what the bound adds to decoding: a page of 100 rows
// of 1.6 KB, and pages that have to be read because they could be too large.
func BenchmarkLimit(b *testing.B) {
	of := func(payload string) []byte {
		text := `"` + strings.Repeat("x", 600) + `"`
		one := `{"id":1,"ref":"main","payload":` + payload + `,"creator":{"login":"octocat","names":["a","b"]},"url":` + text + `,"statuses_url":` + text + `},`
		return []byte("[" + strings.TrimSuffix(strings.Repeat(one, 100), ",") + "]")
	}
	for _, bm := range []struct {
		name string
		data []byte
	}{
		{"page", of(`{` + strings.Repeat(`"name":"value",`, 20) + `"x":1}`)},
		{"texts of 24 KiB", of(`"` + strings.Repeat("x", 24<<10) + `"`)},
		{"objects of 24 KiB", of(`[` + strings.Repeat("{},", 8<<10) + `0]`)},
	} {
		typ := reflect.TypeFor[*page]()
		b.Run(bm.name+"/bound", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := checkLimit(bm.data, typ, DefaultLimit); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(bm.name+"/decode", func(b *testing.B) {
			b.SetBytes(int64(len(bm.data)))
			b.ReportAllocs()
			for b.Loop() {
				if err := Decode(bm.data, new(page)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
