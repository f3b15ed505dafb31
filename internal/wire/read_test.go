package wire_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ghdeploy/ghdeploy/internal/wire"
)

// ticket is an object with a place of each kind.
type ticket struct {
	ID    int64          `json:"id"`
	Title string         `json:"title"`
	Text  string         `json:"text"`
	State string         `json:"state"`
	Open  bool           `json:"open"`
	At    time.Time      `json:"at"`
	Raw   wire.Raw       `json:"raw"`
	Votes map[string]int `json:"votes"`
}

func (v *ticket) place(name []byte) any {
	switch string(name) {
	case "id":
		return &v.ID
	case "title":
		return &v.Title
	case "text":
		return &v.Text
	case "state":
		return &v.State
	case "open":
		return &v.Open
	case "at":
		return &v.At
	case "raw":
		return &v.Raw
	case "votes":
		return &v.Votes
	}
	return nil
}

func readTickets(data []byte) (all []*ticket, err error) {
	err = wire.ReadArray[ticket](data, func(null bool) {
		if all = append(all, nil); !null {
			all[len(all)-1] = new(ticket)
		}
	}, func(name []byte) any { return all[len(all)-1].place(name) })
	return all, err
}

// What is read is what Decode stores, and an error is an error for both.
func TestReadAsDecode(t *testing.T) {
	long := strings.Repeat("long ", 2000)
	many := strings.Repeat(`"title":"one that is longer than a common text is","text":"x",`, 50)
	for _, members := range []string{
		``, `"id":7`, `"id":-7`, `"id":123456789012345678`, `"id":1234567890123456789`, `"id":9999999999999999999`, `"id":12345678901234567890`, `"id":1.5`, `"id":1e2`,
		`"id":null`, `"id":"7"`, `"id":true`, `"id":[]`, `"id":0`,
		`"title":"a"`, `"title":""`, `"title":null`, `"title":7`, `"title":{}`, `"title":"a\"b\\\/\n\u00e9"`, `"title":"\ud83d\ude80"`,
		`"title":"\ud800"`, `"title":"` + "\xff\xc3" + `"`, `"title":"` + long + `"`, `"title":"` + long + `\n"`, "\"title\":\"a\nb\"", `"title":"\x"`,
		`"title":"a","title":"b"`, `"title":"` + long + `","title":"b"`, `"title":"b","title":"` + long + `"`, `"title":"b","title":null`,
		`"title":null,"title":"b"`, many + `"title":"last"`, many + `"id":1`, `"title":"x","text":"x","state":"x"`,
		`"open":true`, `"open":false`, `"open":null`, `"open":"true"`, `"open":1`, `"open":true,"open":null`,
		`"at":"2026-04-02T10:00:00Z"`, `"at":"2026-04-02T10:00:00.5Z"`, `"at":"2026-04-02T10:00:00+02:00"`, `"at":null`, `"at":"2026-04-02T10:00:0Z"`,
		`"at":"2026-04-02t10:00:00Z"`, `"at":"2026-04-02T10:00:00z"`, `"at":"2026-13-02T10:00:00Z"`, `"at":"2026-04-02T10:00:60Z"`, `"at":"2026-04-02T24:00:00Z"`,
		`"at":"\u0032026-04-02T10:00:00Z"`, `"at":"2026-04-02T10:00:00,Z"`, `"at":"2026-04-0\u0032T10:0Z"`, `"at":1234567890123456789012`, `"at":{}`, `"at":"0000-00-00T00:00:00Z"`,
		`"at":"2026-04-02T10:00:00Z","at":null`,
		`"raw":{"a":[1, 2]}`, `"raw":null`, `"raw":"x"`, `"raw":{"a":1,"a":2}`, `"raw":[1],"raw":{}`,
		`"votes":{"a":1}`, `"votes":null`, `"votes":{"a":"1"}`, `"votes":{"a":1},"votes":{"b":2}`,
		`"x":{"id":[{}]}`, `"ID":1`, `"\u0069d":7`, `"i\u0064":7,"id":8`, `"\ud800":1`, "\"\xff\":1", `"":1`,
		` "id" : 7 , "title" : "a" `, `"id":7,`, `,`, `"id"`, `"id":`, `"id":7 "title":"a"`, `id:7`, `"id":07`, `"id":7}`, `"id":7]`,
	} {
		object := `{` + members + `}`
		for _, page := range []string{`[` + object + `]`, `[` + object + `,null,` + object + `]`} {
			var want []*ticket
			wantErr := wire.Decode([]byte(page), &want)
			data := []byte(page)
			have, err := readTickets(data)
			if (err == nil) != (wantErr == nil) {
				t.Fatalf("%.100s: %v, want %v", page, err, wantErr)
			}
			for i := range data { // nothing may alias it
				data[i] = '#'
			}
			if diff := cmp.Diff(want, have); err == nil && diff != "" {
				t.Errorf("%.100s (-want +have):\n%.2000s", page, diff)
			}
		}
		var want, have ticket
		wantErr := wire.Decode([]byte(object), &want)
		err := wire.ReadObject[ticket]([]byte(object), have.place)
		if diff := cmp.Diff(want, have); (err == nil) != (wantErr == nil) || err == nil && diff != "" {
			t.Errorf("%.100s: %v, want %v (-want +have):\n%.2000s", object, err, wantErr, diff)
		}
	}
}

func TestReadNoObjects(t *testing.T) {
	for _, document := range []string{``, `null`, `7`, `"x"`, `{}`, `[1]`, `[[]]`, `["x"]`, `[{}`, `[{},]`, `[{}]x`, `[{}]]`, `[null`, `[nul]`, `[,]`} {
		if all, err := readTickets([]byte(document)); err == nil {
			t.Errorf("%q: %v, no error", document, all)
		}
	}
	for _, document := range []string{``, `null`, `[]`, `7`, `{`, `{}x`, `{}{}`} {
		if err := wire.ReadObject[ticket]([]byte(document), new(ticket).place); err == nil {
			t.Errorf("%q: no error", document)
		}
	}
	if all, err := readTickets([]byte(` [ ] `)); err != nil || len(all) != 0 {
		t.Errorf("an empty array: %v, %v", all, err)
	}
}

// A Taker gets the value and its offset, and its error ends the reading.
func TestReadTaker(t *testing.T) {
	const document = `[{"a": {"b":1} ,"c":[ ]},{"a":null}]`
	var taken []string
	stop := errors.New("stop")
	read := func(fail bool) error {
		return wire.ReadArray[ticket]([]byte(document), func(bool) {}, func(name []byte) any {
			return taker(func(value []byte, offset int) error {
				taken = append(taken, fmt.Sprintf("%s %s %t", name, value, strings.HasPrefix(document[offset:], string(value))))
				if fail {
					return stop
				}
				return nil
			})
		})
	}
	if err := read(false); err != nil {
		t.Fatal(err)
	}
	if want := []string{`a {"b":1} true`, `c [ ] true`, `a null true`}; !reflect.DeepEqual(taken, want) {
		t.Errorf("got %q, want %q", taken, want)
	}
	if err := read(true); !errors.Is(err, stop) || len(taken) != 4 {
		t.Errorf("after %d values: %v", len(taken), err)
	}
}

type taker func(value []byte, offset int) error

func (f taker) Take(value []byte, offset int) error { return f(value, offset) }

// A text of one row never becomes that of another, although texts that rows
// have in common are stored once.
func TestReadCommonTexts(t *testing.T) {
	var page strings.Builder
	page.WriteString(`[{"id":0}`)
	for i := range 1000 {
		fmt.Fprintf(&page, `,{"title":"two rows %d","state":"open","text":"%s"}`, i/2, strings.Repeat("x", i%50))
	}
	page.WriteString(`]`)
	all, err := readTickets([]byte(page.String()))
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range all[1:] {
		if v.Title != fmt.Sprint("two rows ", i/2) || v.State != "open" || v.Text != strings.Repeat("x", i%50) {
			t.Fatalf("row %d: %+v", i, v)
		}
	}
}

// A large document is not read, because Decode may have to read it again.
func TestReadLarge(t *testing.T) {
	page := func(n int) []byte { return []byte("[" + strings.Repeat("{},", n-1) + "{}]") }
	if _, err := readTickets(page(10_000)); err != nil {
		t.Errorf("10,000 objects: %v", err)
	}
	all, err := readTickets(page(1 << 20))
	if err == nil || len(all) > 0 {
		t.Errorf("1,048,576 objects: %d of them, %v", len(all), err)
	}
}
