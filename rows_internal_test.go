package ghdeploy

import (
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ghdeploy/ghdeploy/internal/wire"
)

// repeatedRow returns a row with a creator and an app.
func repeatedRow(id int) string {
	return fmt.Sprintf(`{"id":%d,"payload":{"a":[1]},"creator":{"login":"hubot","id":7,"type":"Bot"},
		"performed_via_github_app":{"id":5,"slug":"actions","owner":{"login":"github","id":9},
		"permissions":{"checks":"write"},"events":["push","create"],"created_at":"2018-07-30T09:30:17Z"}}`, id)
}

// A change of any value of a row changes no other row, on this page or a later
// one.
func TestRowsOwnTheirValues(t *testing.T) {
	t.Run("deployments", func(t *testing.T) { testOwnership[Deployment](t) })
	t.Run("statuses", func(t *testing.T) { testOwnership[DeploymentStatus](t) })
}

func testOwnership[T any](t *testing.T) {
	page := []byte("[" + repeatedRow(1) + "," + repeatedRow(2) + "," + repeatedRow(3) + "]")
	decode := func() []*T {
		rows, err := rowsOf[*T](page)
		if err != nil {
			t.Fatal(err)
		}
		return rows
	}
	var want []*T // decoded without a memo
	if err := wire.Decode(page, &want); err != nil {
		t.Fatal(err)
	}
	for round := range 3 {
		rows := decode()
		if diff := cmp.Diff(want, rows); diff != "" {
			t.Fatalf("round %d (-want +have):\n%s", round, diff)
		}
		changed := map[string]bool{}
		scribble(reflect.ValueOf(rows[round]).Elem(), reflect.TypeFor[T]().Name(), changed)
		for _, path := range []string{".Creator.Login", ".PerformedViaGitHubApp.Permissions", ".PerformedViaGitHubApp.Events", ".PerformedViaGitHubApp.Owner.User.Login", ".PerformedViaGitHubApp.CreatedAt"} {
			if path = reflect.TypeFor[T]().Name() + path; !changed[path] {
				t.Errorf("the test did not change %s: %v", path, changed)
			}
		}
		for i, row := range rows {
			if i == round {
				continue
			}
			if diff := cmp.Diff(want[i], row); diff != "" {
				t.Errorf("row %d after a change of row %d (-want +have):\n%s", i, round, diff)
			}
		}
		if diff := cmp.Diff(want, decode()); diff != "" {
			t.Errorf("the next page after a change of row %d (-want +have):\n%s", round, diff)
		}
	}
}

// scribble changes every value in v, pointers included.
func scribble(v reflect.Value, path string, changed map[string]bool) {
	changed[path] = true
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			scribble(v.Elem(), path, changed)
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.SetZero()
			return
		}
		for i := range v.NumField() {
			scribble(v.Field(i), path+"."+v.Type().Field(i).Name, changed)
		}
	case reflect.Slice:
		for i := range v.Len() {
			scribble(v.Index(i), path, changed)
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			v.SetMapIndex(key, reflect.ValueOf("changed").Convert(v.Type().Elem()))
		}
		v.SetMapIndex(reflect.ValueOf("added").Convert(v.Type().Key()), reflect.ValueOf("x").Convert(v.Type().Elem()))
	case reflect.String:
		v.SetString("changed")
	case reflect.Bool:
		v.SetBool(!v.Bool())
	case reflect.Int, reflect.Int64:
		v.SetInt(v.Int() + 1000)
	case reflect.Uint8:
		v.SetUint('#')
	default:
		panic("a field of kind " + v.Kind().String() + " at " + path + ": the test does not change it")
	}
}

// A row decodes as the public type does, for any creator and app.
func TestRowsDecodeAsPublicTypes(t *testing.T) {
	values := []string{
		`null`, `{}`, `{"login":"a"}`, `{"login":"b","id":2}`, ` { "login" : "a" } `, `{"id":3,"id":4}`, `{"slug":"s","events":[],"permissions":{}}`,
		`{"slug":"s","events":null,"permissions":null,"owner":null}`, `{"slug":"s","owner":{"slug":"e"}}`, `{"events":["a",null]}`,
		`{"login":"\ud800","x":[{}]}`, "{\"login\":\"\xff\"}", `[]`, `"text"`, `7`, `{"id":"7"}`, `{"id":1`, `{"id":1}}`, ``, `nul`,
		`{"login":"` + strings.Repeat("x", maxMemoized) + `"}`,
	}
	for _, value := range values {
		for _, members := range []string{`"creator":%s`, `"performed_via_github_app":%s`, `"creator":%[1]s,"performed_via_github_app":%[1]s`} {
			row := `{"id":1,` + fmt.Sprintf(members, value) + `}`
			page := []byte(`[` + row + `,null,{"id":2},` + row + `]`)
			compareRows[Deployment](t, page)
			compareRows[DeploymentStatus](t, page)
			compareOne[Deployment](t, []byte(row))
			compareOne[DeploymentStatus](t, []byte(row))
		}
	}
	for _, document := range []string{`null`, `[]`, `{}`, `[null]`, `[[]]`, `[1]`, `"x"`, ``, `[{"id":1}`, `[{"id":1}]x`} {
		compareRows[Deployment](t, []byte(document))
		compareOne[Deployment](t, []byte(document))
		compareOne[User](t, []byte(document))
	}
}

func compareRows[T any](t *testing.T, page []byte) {
	t.Helper()
	var want []*T
	wantErr := wire.Decode(page, &want)
	have, err := rowsOf[*T](page)
	if (err == nil) != (wantErr == nil) {
		t.Errorf("%.200q: err = %v, want %v", page, err, wantErr)
	}
	if diff := cmp.Diff(want, have); err == nil && diff != "" {
		t.Errorf("%.200q (-want +have):\n%s", page, diff)
	}
}

func compareOne[T any](t *testing.T, object []byte) {
	t.Helper()
	want := new(T)
	wantErr := wire.Decode(object, want)
	have, err := rowOf[T](object)
	if (err == nil) != (wantErr == nil) {
		t.Errorf("%.200q: err = %v, want %v", object, err, wantErr)
	}
	if diff := cmp.Diff(want, have); err == nil && diff != "" {
		t.Errorf("%.200q (-want +have):\n%s", object, diff)
	}
}

// If a member is repeated, the last value counts.
func TestRowsLastMemberCounts(t *testing.T) {
	for text, want := range map[string]*User{
		`{"id":1,"creator":{"login":"a","id":1},"creator":{"login":"b"}}`: {Login: "b"},
		`{"id":1,"creator":{"login":"a"},"creator":null}`:                 nil,
		`{"id":1,"creator":null,"creator":{"login":"b"}}`:                 {Login: "b"},
	} {
		d, err := rowOf[Deployment]([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, d.Creator); diff != "" {
			t.Errorf("%s (-want +have):\n%s", text, diff)
		}
	}
}

// A memo keeps at most memoSize values, and no large ones.
func TestMemo(t *testing.T) {
	var pool sync.Pool
	m := new(memo[User])
	user := func(n int) []byte { return fmt.Appendf(nil, `{"id":%d}`, n) }
	for n := range 3 * memoSize {
		var u User
		pool.Put(m)
		if err := decodeRepeated(&pool, user(n), &u); err != nil || u.ID != int64(n) {
			t.Fatalf("user %d: %+v, %v", n, u, err)
		}
		large := []byte(`{"login":"` + strings.Repeat("x", maxMemoized) + `"}`)
		if err := decodeRepeated(&pool, large, &u); err != nil || len(u.Login) != maxMemoized {
			t.Fatal(err)
		}
	}
	for _, e := range m.entries {
		if len(e.raw) > maxMemoized {
			t.Errorf("the memo holds %.50q", e.raw)
		}
	}
	var u User
	if err := decodeRepeated(&pool, []byte(`{"id":"1"}`), &u); err == nil {
		t.Error("a string as the ID: no error")
	}
}

// A memo keeps a copy of the raw JSON: the buffer is reused.
func TestMemoOwnsItsKeys(t *testing.T) {
	var pool sync.Pool
	m := new(memo[User])
	body := []byte(`{"id":1}`)
	for id := range int64(3) {
		var u User
		pool.Put(m)
		body[6] = byte('0' + id)
		if err := decodeRepeated(&pool, body, &u); err != nil || u.ID != id {
			t.Errorf("%s: ID %d, %v", body, u.ID, err)
		}
	}
}
