package ghdeploy

import (
	"fmt"
	"reflect"
	"runtime"
	"strings"
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
	var want []*T // as the JSON library decodes it
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

// take gives a value to a memo.
func take(m *memo[User, *User], raw string) (*User, error) {
	var to *User
	m.into(&to, nil)
	err := m.Take([]byte(raw), 0)
	return to, err
}

// A memo keeps at most memoSize values, and no large ones.
func TestMemo(t *testing.T) {
	m := new(memo[User, *User])
	for n := range 3 * memoSize {
		m.begin()
		for range 2 { // the second one is known
			if u, err := take(m, fmt.Sprintf(`{"id":%d}`, n)); err != nil || u.ID != int64(n) {
				t.Fatalf("user %d: %+v, %v", n, u, err)
			}
		}
		if u, err := take(m, `{"login":"`+strings.Repeat("x", maxMemoized)+`"}`); err != nil || len(u.Login) != maxMemoized {
			t.Fatal(err)
		}
	}
	for i, e := range m.entries {
		if want := fmt.Sprintf(`{"id":%d}`, 2*memoSize+i); string(e.raw) != want {
			t.Errorf("the memo holds %.50q, want %s", e.raw, want)
		}
	}
	if _, err := take(m, `{"id":"1"}`); err == nil {
		t.Error("a string as the ID: no error")
	}
}

// A page with many creators must not copy each of them.
func TestMemoLearnsAFewOfADocument(t *testing.T) {
	m := new(memo[User, *User])
	m.begin()
	for n := range 3 * memoSize {
		if _, err := take(m, fmt.Sprintf(`{"id":%d}`, n)); err != nil {
			t.Fatal(err)
		}
	}
	if first := string(m.entries[0].raw); first != `{"id":0}` {
		t.Errorf("the memo holds %s, want the first value", first)
	}
}

// A memo keeps a copy of the raw JSON: the buffer is reused.
func TestMemoOwnsItsKeys(t *testing.T) {
	m := new(memo[User, *User])
	body := []byte(`{"id":1}`)
	for id := range int64(3) {
		body[6] = byte('0' + id)
		var u *User
		m.into(&u, nil)
		if err := m.Take(body, 0); err != nil || u.ID != id {
			t.Errorf("%s: %+v, %v", body, u, err)
		}
	}
}

// A known value may be where no row reads it. It stays as it is there.
func TestKnownValuesElsewhere(t *testing.T) {
	const known = `{"login":"hubot","id":7,"type":"Bot"}`
	for _, row := range []string{
		`{"id":1,"payload":{"creator":` + known + `}}`,
		`{"id":1,"payload":{"creator":` + known + `},"creator":` + known + `}`,
		`{"id":1,"payload":[{"performed_via_github_app":` + known + `,"creator":` + known + `}],"creator":0}`,
		`{"id":1,"payload":{"creator":` + known + `},"creator" : 0}`,
		`{"id":1,"my \"creator":` + known + `,"creator":` + known + `}`,
		`{"id":1,"description":"\"creator\":` + strings.ReplaceAll(known, `"`, `\"`) + `","creator":` + known + `}`,
		`{"id":1,"x":{"y":{"creator":` + known + `}},"creator":` + known + `}`,
		`{"id":1,"payload":{"performed_via_github_app":` + known + `}}`,
		`{"id":1,"creator":` + known + `x}`,
		`{"id":1,"creator":` + known + `.5}`,
		`{"id":1,"creator":` + known + `e1}`,
		`{"id":1,"creator":` + known + `null}`,
		`{"id":1,"creator":` + known + `"x"}`,
		`{"id":1,"creator":` + known + `{}}`,
		`{"id":1,"creator":` + known + `}}`,
		`{"id":1,"creator":` + known + `,"performed_via_github_app":` + known + `}`,
		`{"id":1,"\u0063reator":` + known + `}`,
		`{"id":1,"creator":` + known + `,"creator":` + known + `}`,
		`{"id":1,"creator":` + known + `,"creator":null}`,
		`{"id":1,"creator":null,"creator":` + known + `}`,
		`{"id":1,"creator":` + known + `,"creator":{"login":"other"}}`,
		`{"id":1,"creator":{"login":"other"},"creator":` + known + `}`,
		`{"id":1,"performed_via_github_app":` + known + `,"performed_via_github_app":{"slug":"other"}}`,
	} {
		for range 3 { // it becomes known
			compareRows[Deployment](t, []byte(`[{"id":2,"creator":`+known+`,"performed_via_github_app":`+known+`},`+row+`]`))
			compareOne[Deployment](t, []byte(row))
			compareOne[DeploymentStatus](t, []byte(row))
		}
	}
}

// readInto reads rows with the values that r knows. It returns the number of
// reads and the length of the document that was read last.
func readInto(t *testing.T, r *repeats, page string) (reads, length int) {
	t.Helper()
	err := r.read([]byte(page), func(r *repeats, document []byte) error {
		reads++
		length = len(document)
		var row *deploymentRow
		return wire.ReadArray[deploymentRow](document, func(bool) { row = new(deploymentRow) }, func(name []byte) any { return row.place(r, name) })
	})
	if err != nil {
		t.Fatal(err)
	}
	return reads, length
}

// A page that is read again is read without what was replaced the first time.
func TestReadAgain(t *testing.T) {
	known := `{"login":"` + strings.Repeat("a", 50) + `"}`
	compareOne[Deployment](t, []byte(`{"creator":`+known+`}`))
	for n := range 100 { // in one of these a creator has the offset of a null
		compareRows[Deployment](t, []byte(`[{"x":{"creator":`+known+`}},{"creator":{"login":"b"}},{`+strings.Repeat(" ", n)+`"creator":`+known+`}]`))
	}
}

// Nothing that is kept for the next document holds a row or a document.
func TestRepeatsKeepNoRows(t *testing.T) {
	r := new(repeats)
	page := "[" + compact(repeatedRow(1)) + "]"
	readInto(t, r, page)
	readInto(t, r, page)
	before := releases.Load()
	r.release()
	if released := releases.Load() - before; released != 1 || strings.Trim(string(r.short), "#") != "" {
		t.Errorf("%d buffers are overwritten, the document is %s", released, r.short)
	}
	if r.users.to != nil || r.users.room != nil || r.apps.to != nil {
		t.Error("a row is kept")
	}
	if all := r.users.replaced[:cap(r.users.replaced)]; len(r.users.replaced) != 0 || all[0].value != nil {
		t.Errorf("replacements are kept: %v", all)
	}
	err := r.read([]byte(`{"creator":}`), func(r *repeats, document []byte) error {
		return wire.ReadObject[deploymentRow](document, func(name []byte) any { return new(deploymentRow).place(r, name) })
	})
	if r.release(); err == nil || r.users.to != nil || r.users.room != nil {
		t.Errorf("a row is kept after the error %v", err)
	}
}

// The usual page is read once, without the values that are known.
func TestRepeatsAreReadOnce(t *testing.T) {
	r := new(repeats)
	page := "[" + compact(repeatedRow(1)) + "," + compact(repeatedRow(2)) + "]"
	if reads, length := readInto(t, r, page); reads != 1 || length != len(page) {
		t.Errorf("new values: %d reads of %d bytes, want 1 of %d", reads, length, len(page))
	}
	const want = `[{"id":1,"payload":{"a":[1]},"creator":null,"performed_via_github_app":null},` +
		`{"id":2,"payload":{"a":[1]},"creator":null,"performed_via_github_app":null}]`
	if reads, length := readInto(t, r, page); reads != 1 || string(r.short) != want || length != len(want) {
		t.Errorf("known values: %d reads of %d bytes, the document is %s", reads, length, r.short)
	}
}

// compact returns a row as GitHub sends it.
func compact(row string) string { return strings.ReplaceAll(row, "\n\t\t", "") }

// A value is compared with the known ones, and each comparison can be long.
func TestLookupsAreBounded(t *testing.T) {
	r := new(repeats)
	const known = `{"creator":{"id":1}}`
	readInto(t, r, "["+known+"]")
	for unknown, want := range map[int]bool{maxLookups - 1: true, maxLookups: false} {
		page := "[" + strings.Repeat(`{"x":{"creator":{"id":2}}},`, unknown) + known + "]"
		if _, length := readInto(t, r, page); (length < len(page)) != want {
			t.Errorf("after %d others, %d of %d bytes are left", unknown, length, len(page))
		}
	}
}

// A page that is read twice and then decoded stays within the limit on
// decoding. A page that is too large to be read is only decoded.
func TestRowsAllocateWithinTheLimit(t *testing.T) {
	const creator, app = `"creator":{"login":"hubot"}`, `"performed_via_github_app":{"owner":{}}`
	events := `"performed_via_github_app":{"events":[` + strings.Repeat(`"",`, 5_000) + `""]}`
	known := []byte("[{" + creator + "," + app + "},{" + events + "}]")
	allocated := func(f func() error) (uint64, error) {
		if _, err := rowsOf[*Deployment](known); err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := f()
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc, err
	}
	var most uint64
	for _, row := range []string{
		`{}`, `null`, `{` + creator + `}`, `{` + app + `}`, `{` + events + `}`, `{"url":"a\ud800"}`,
		`{"performed_via_github_app":{"owner":{},"id":1}}`,
	} {
		for _, last := range []string{`{"payload":{` + app + `}}`, `{"payload":{` + app + `},"id":"no number"}`} {
			for _, size := range []int{100_000, maxRead - len(events)} {
				page := []byte("[" + strings.Repeat(row+",", size/(len(row)+1)) + last + "]")
				n, err := allocated(func() error { _, err := rowsOf[*Deployment](page); return err })
				if n > wire.DefaultLimit {
					t.Errorf("%.60s, %d bytes: %d MiB are allocated, %v", row, len(page), n/mebibyte, err)
				}
				most = max(most, n)
			}
		}
	}
	t.Logf("at most %d MiB", most/mebibyte)

	large := []byte(`[{` + creator + `,"payload":"` + strings.Repeat("x", 8*maxRead) + `"}]`)
	read, err := allocated(func() error { _, err := rowsOf[*Deployment](large); return err })
	var rows []*Deployment
	decoded, wantErr := allocated(func() error { return wire.Decode(large, &rows) })
	if err != nil || wantErr != nil || read > decoded+mebibyte {
		t.Errorf("a page of %d KiB allocates %d KiB, decoding it %d KiB; %v, %v", len(large)>>10, read>>10, decoded>>10, err, wantErr)
	}
}

// Each member of the public type has a place of its own.
func TestRowsHaveAllMembers(t *testing.T) {
	testPlaces[Deployment](t, new(deploymentRow))
	testPlaces[DeploymentStatus](t, new(statusRow))
}

func testPlaces[R any](t *testing.T, row interface {
	value() *R
	place(r *repeats, name []byte) any
}) {
	t.Helper()
	r := new(repeats)
	for field, value := range reflect.ValueOf(row.value()).Elem().Fields() {
		name := field.Tag.Get("json")
		switch place := row.place(r, []byte(name)); {
		case place == any(&r.users):
			if value.Addr().Interface() != any(r.users.to) {
				t.Errorf("the user %s has another place", name)
			}
		case place == any(&r.apps):
			if value.Addr().Interface() != any(r.apps.to) {
				t.Errorf("the app %s has another place", name)
			}
		case place == nil || reflect.ValueOf(place).Pointer() != value.Addr().Pointer():
			t.Errorf("the member %s has the place %v", name, place)
		}
	}
	if place := row.place(r, []byte("unknown")); place != nil {
		t.Errorf("an unknown member has the place %v", place)
	}
}

// FuzzRows compares rows with what the JSON library decodes.
func FuzzRows(f *testing.F) {
	const creator = `"creator":{"login":"hubot","id":7}`
	f.Add([]byte("[" + repeatedRow(1) + "," + repeatedRow(2) + "]"))
	f.Add([]byte(`[{"id":1,` + creator + `},null,{"id":2,"payload":{` + creator + `},` + creator + `}]`))
	f.Add([]byte(`[{"id":1,"url":"a\u00e9\ud800","sha":null,"transient_environment":null,"created_at":"2026-04-02T10:00:00+02:00"}]`))
	f.Add([]byte(`[{"id":1,` + creator + `,` + creator + `},{` + creator + `.5}]`))
	f.Add([]byte(`[{"id":1e0,"updated_at":"2026-04-02T10:00:60Z","state":"error","x":[{}],"ref":""}]`))
	f.Fuzz(func(t *testing.T, page []byte) {
		for range 2 {
			compareRows[Deployment](t, page)
			compareRows[DeploymentStatus](t, page)
			compareOne[Deployment](t, page)
			compareOne[DeploymentStatus](t, page)
		}
	})
}
