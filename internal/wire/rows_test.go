package wire

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDecodeRows(t *testing.T) {
	type row struct {
		ID int64 `json:"id"`
	}
	many := strings.Repeat(`{"id":1},`, maxRows-1) + `{"id":1}`
	tests := map[string]struct {
		data string
		want []*row
		rows int // where want is nil; -1: an error
	}{
		"rows":             {`[{"id":1},{"id":2,"id":3}]`, []*row{{1}, {3}}, 0},
		"a null among":     {`[{"id":1},null]`, []*row{{1}, nil}, 0},
		"none":             {` [ ] `, []*row{}, 0},
		"null":             {`null`, nil, 0},
		"the most":         {`[` + many + `]`, nil, maxRows},
		"one more":         {`[` + many + `,{"id":1}]`, nil, -1},
		"an object":        {`{"id":1}`, nil, -1},
		"empty":            {``, nil, -1},
		"cut off":          {`[{"id":1}`, nil, -1},
		"cut off in a row": {`[{"id":1`, nil, -1},
		"a comma too many": {`[{"id":1},]`, nil, -1},
		"more behind":      {`[{"id":1}] x`, nil, -1},
		"a row of text":    {`["x"]`, nil, -1},
		"nothing but '['":  {strings.Repeat("[", 20_000), nil, -1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var rows []*row
			err := DecodeRows([]byte(tt.data), &rows)
			if (err != nil) != (tt.rows == -1) {
				t.Fatalf("error = %v, want one: %t", err, tt.rows == -1)
			}
			if err == nil && tt.rows == 0 {
				if diff := cmp.Diff(tt.want, rows); diff != "" {
					t.Errorf("-want +got\n%s", diff)
				}
			}
			if tt.rows > 0 && len(rows) != tt.rows {
				t.Errorf("%d rows, want %d", len(rows), tt.rows)
			}
		})
	}
}

// A page of GitHub's decodes to the same rows either way, in the same memory.
func BenchmarkDecodeRows(b *testing.B) {
	type row struct {
		ID  int64  `json:"id"`
		Ref string `json:"ref"`
	}
	data := []byte(`[` + strings.TrimSuffix(strings.Repeat(`{"id":1,"ref":"main"},`, 100), ",") + `]`)
	b.Run("Decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var rows []*row
			if err := Decode(data, &rows); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("DecodeRows", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var rows []*row
			if err := DecodeRows(data, &rows); err != nil {
				b.Fatal(err)
			}
		}
	})
}
