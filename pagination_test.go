package ghdeploy_test

import (
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"

	"github.com/ghdeploy/ghdeploy"
)

// All forms of the Link header.
func TestLinkHeader(t *testing.T) {
	const by = "https://api.github.com/repositories/9792507/deployments"
	type numbers struct{ First, Prev, Next, Last int }
	tests := map[string]struct {
		page  int // of the request
		links []string
		want  numbers
	}{
		"none": {0, nil, numbers{}},
		"first page, by the repository's id": {
			0, []string{`<` + by + `?page=2>; rel="next", <` + by + `?page=7>; rel="last"`}, numbers{Next: 2, Last: 7},
		},
		"first page, by number": {
			1, []string{`<` + by + `?page=2>; rel="next", <` + by + `?page=7>; rel="last"`}, numbers{Next: 2, Last: 7},
		},
		"in the middle": {
			3,
			[]string{`<` + by + `?per_page=30&page=2>; rel="prev", <` + by + `?per_page=30&page=4>; rel="next", <` + by + `?per_page=30&page=7>; rel="last", <` + by + `?per_page=30&page=1>; rel="first"`},
			numbers{First: 1, Prev: 2, Next: 4, Last: 7},
		},
		"in another order": {
			3,
			[]string{`<` + by + `?page=7&per_page=30>; rel="last", <` + by + `?page=1&per_page=30>; rel="first", <` + by + `?page=4&per_page=30>; rel="next", <` + by + `?page=2&per_page=30>; rel="prev"`},
			numbers{First: 1, Prev: 2, Next: 4, Last: 7},
		},
		"last page":         {7, []string{`<` + by + `?page=6>; rel="prev", <` + by + `?page=1>; rel="first"`}, numbers{First: 1, Prev: 6}},
		"no last":           {0, []string{`<` + by + `?page=2>; rel="next"`}, numbers{Next: 2}},
		"by owner and repo": {0, []string{`<https://ghe.example.com/api/v3/repos/o/r/deployments?page=2>; rel="next"`}, numbers{Next: 2}},
		"relative, with a stray comma, as a mock writes it": {
			0, []string{`<?page=2>; rel="next",<?page=3>; rel="last",`}, numbers{Next: 2, Last: 3},
		},
		"a comma in front":            {0, []string{`, <?page=2>; rel="next"`}, numbers{Next: 2}},
		"no space":                    {0, []string{`<?page=2>;rel="next",<?page=3>;rel="last"`}, numbers{Next: 2, Last: 3}},
		"extra spaces":                {0, []string{" \t< ?page=2> ;  rel = \"next\" ,  <?page=3>\t; rel=last"}, numbers{Next: 2, Last: 3}},
		"no quotes":                   {0, []string{`<?page=2>; rel=next`}, numbers{Next: 2}},
		"capitals":                    {0, []string{`<?page=2>; REL="Next"`}, numbers{Next: 2}},
		"two relations in one":        {0, []string{`<?page=2>; rel="next last"`}, numbers{Next: 2, Last: 2}},
		"other parameters":            {0, []string{`<?page=2>; title="page; 2"; rel="next"; type="a"`}, numbers{Next: 2}},
		"a comma in quotes":           {0, []string{`<?page=2>; title="a, <b>; rel=\"next\""; rel="next", <?page=3>; rel="last"`}, numbers{Next: 2, Last: 3}},
		"an escaped quote":            {0, []string{`<?page=2>; title="a \", <?page=9>; rel=next"; rel="next"`}, numbers{Next: 2}},
		"two headers":                 {0, []string{`<?page=2>; rel="next"`, `<?page=3>; rel="last"`}, numbers{Next: 2, Last: 3}},
		"an empty header":             {0, []string{""}, numbers{}},
		"deprecation alone":           {0, []string{`<https://developer.github.com/changes/>; rel="deprecation"; type="text/html"`}, numbers{}},
		"deprecation first":           {0, []string{`<https://developer.github.com/changes/?page=99>; rel="deprecation"; type="text/html", <` + by + `?page=2>; rel="next"`}, numbers{Next: 2}},
		"alternate and next":          {0, []string{`<` + by + `?page=9>; rel="alternate", <` + by + `?page=2>; rel="next"`}, numbers{Next: 2}},
		"a template as first":         {0, []string{`<https://api.github.com/users?since=46>; rel="prev", <https://api.github.com/users{?since}>; rel="first", <` + by + `?page=2>; rel="next"`}, numbers{Next: 2}},
		"the first of two next":       {0, []string{`<?page=2>; rel="next", <?page=3>; rel="next"`}, numbers{Next: 2}},
		"no relation":                 {0, []string{`<?page=2>`}, numbers{}},
		"never closed":                {0, []string{`<?page=2; rel="next"`}, numbers{}},
		"quotes never closed":         {0, []string{`<?page=2>; rel="next`}, numbers{Next: 2}},
		"an invalid number":           {0, []string{`<?page=2>; rel="next", <?page=many>; rel="last"`}, numbers{Next: 2}},
		"a number past all bounds":    {0, []string{`<?page=2>; rel="next", <?page=99999999999999999999>; rel="last"`}, numbers{Next: 2}},
		"another host":                {0, []string{`<https://elsewhere.example.com/?page=2>; rel="next"`}, numbers{Next: 2}},
		"page among other parameters": {0, []string{`<` + by + `?per_page=5&page_size=9&page=2&sha=page%3D8>; rel="next"`}, numbers{Next: 2}},
		"skipped pages":               {2, []string{`<?page=5>; rel="next"`}, numbers{Next: 5}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			a := reply(200, `[]`)
			a.Header["Link"] = tt.links
			page, err := clientOn(t, replies(a)).Deployments.List(t.Context(), "o", "r", ghdeploy.DeploymentListOptions{Page: tt.page})
			if err != nil {
				t.Fatal(err)
			}
			same(t, "pages", tt.want, numbers{page.FirstPage, page.PrevPage, page.NextPage, page.LastPage})
		})
	}
}

func TestListPagination(t *testing.T) {
	t.Run("a next page that cannot be requested keeps the rows", func(t *testing.T) {
		tests := map[string]struct {
			page int
			link string
		}{
			"no number":       {0, `<https://api.github.com/x?after=abc>; rel="next"`},
			"not a number":    {0, `<?page=two>; rel="next"`},
			"a negative one":  {0, `<?page=-2>; rel="next"`},
			"past all bounds": {0, `<?page=9999999999>; rel="next"`},
			"no URL":          {0, `<http://[::1>; rel="next"`},
			"0":               {0, `<?page=0>; rel="next"`},
			"the first page":  {0, `<?page=1>; rel="next"`},
			"the same page":   {3, `<?page=3>; rel="next"`},
			"an earlier page": {3, `<?page=2>; rel="next"`},
		}
		for name, tt := range tests {
			t.Run(name, func(t *testing.T) {
				w := replies(reply(200, `[{"id":7}]`, "Link: "+tt.link))
				client := clientOn(t, w)
				page, err := client.Deployments.List(t.Context(), "o", "r", ghdeploy.DeploymentListOptions{Page: tt.page})
				if err != nil || len(page.Items) != 1 || page.NextPage != -1 {
					t.Fatalf("page %+v, %v, want its row and NextPage -1", page, err)
				}
				// The next List fails, and so does All after the row.
				_, err = client.Deployments.List(t.Context(), "o", "r", ghdeploy.DeploymentListOptions{Page: page.NextPage})
				if !errors.Is(err, ghdeploy.ErrInvalidArgument) {
					t.Errorf("the next List: %v, want ErrInvalidArgument", err)
				}
				rows := 0
				for d, rangeErr := range client.Deployments.All(t.Context(), "o", "r", ghdeploy.DeploymentListOptions{Page: tt.page}) {
					if err = rangeErr; err == nil && d.ID == 7 {
						rows++
					}
				}
				sameErrors(t, err, []error{ghdeploy.ErrPagination}, nil)
				want := fmt.Sprintf("ghdeploy: pagination is broken: page %d names no valid next page", max(tt.page, 1))
				if rows != 1 || err.Error() != want {
					t.Errorf("All yielded %d rows and %v, want 1 and %s", rows, err, want)
				}
				same(t, "requests", 2, len(w.requests()))
			})
		}
	})
	t.Run("page sizes", func(t *testing.T) {
		for _, size := range []int{-1, 101, 1000} {
			w := replies(reply(200, "[]"))
			client := clientOn(t, w)
			want := fmt.Sprintf("ghdeploy: PerPage is %d; GitHub's pages hold 1 to 100 rows", size)
			_, err := client.Deployments.List(t.Context(), "o", "r", ghdeploy.DeploymentListOptions{PerPage: size})
			_, statusErr := client.Statuses.List(t.Context(), "o", "r", 42, ghdeploy.DeploymentStatusListOptions{PerPage: size})
			allErr := only(t, client.Deployments.All(t.Context(), "o", "r", ghdeploy.DeploymentListOptions{PerPage: size}))
			for _, err := range []error{err, statusErr, allErr} {
				if !errors.Is(err, ghdeploy.ErrInvalidArgument) || err.Error() != want {
					t.Errorf("err = %v, want %s", err, want)
				}
			}
			same(t, "requests", 0, len(w.requests()))
		}
	})
	t.Run("page numbers", func(t *testing.T) {
		w := replies(reply(200, "[]"))
		_, err := clientOn(t, w).Deployments.List(t.Context(), "o", "r", ghdeploy.DeploymentListOptions{Page: -1})
		if !errors.Is(err, ghdeploy.ErrInvalidArgument) || err.Error() != "ghdeploy: Page is -1; pages are counted from 1" {
			t.Errorf("err = %v", err)
		}
		same(t, "requests", 0, len(w.requests()))
	})
}

// only returns the error that a range yields once, and without a row.
func only(t *testing.T, all iter.Seq2[*ghdeploy.Deployment, error]) error {
	t.Helper()
	var errs []error
	for d, err := range all {
		if d != nil || err == nil {
			t.Errorf("yielded %v, %v", d, err)
		}
		errs = append(errs, err)
	}
	if len(errs) != 1 {
		t.Fatalf("%d errors, want 1: %v", len(errs), errs)
	}
	return errs[0]
}

func next(page int) string {
	return fmt.Sprintf(`Link: <https://ghe.example.com/api/v3/repositories/7/deployments?per_page=100&page=%d>; rel="next"`, page)
}

func TestAll(t *testing.T) {
	threePages := func() *wire {
		return replies(
			reply(200, `[{"id":6},{"id":5}]`, next(2)),
			reply(200, `[{"id":4},{"id":3}]`, next(3)),
			reply(200, `[{"id":2},{"id":1}]`),
		)
	}
	list := "GET https://ghe.example.com/api/v3/repos/o/r/deployments"

	t.Run("all rows, a hundred at a time", func(t *testing.T) {
		w := threePages()
		ids, err := collect(clientOn(t, w).Deployments.All(t.Context(), "o", "r", ghdeploy.DeploymentListOptions{Environment: "production"}))
		if err != nil {
			t.Fatal(err)
		}
		same(t, "ids", []int64{6, 5, 4, 3, 2, 1}, ids)
		same(t, "requests", []string{
			list + "?environment=production&per_page=100",
			list + "?environment=production&page=2&per_page=100",
			list + "?environment=production&page=3&per_page=100",
		}, lines(w.requests()))
	})
	t.Run("the caller's page and size", func(t *testing.T) {
		w := replies(reply(200, `[{"id":4}]`, next(6)), reply(200, `[{"id":3}]`))
		ids, err := collect(clientOn(t, w).Deployments.All(t.Context(), "o", "r", ghdeploy.DeploymentListOptions{Page: 5, PerPage: 1}))
		if err != nil {
			t.Fatal(err)
		}
		same(t, "ids", []int64{4, 3}, ids)
		same(t, "requests", []string{list + "?page=5&per_page=1", list + "?page=6&per_page=1"}, lines(w.requests()))
	})
	t.Run("nothing is sent before the range", func(t *testing.T) {
		w := threePages()
		clientOn(t, w).Deployments.All(t.Context(), "o", "r", ghdeploy.DeploymentListOptions{})
		same(t, "requests", 0, len(w.requests()))
	})
	t.Run("a second range starts over", func(t *testing.T) {
		w := replies(append(threePages().replies, threePages().replies...)...)
		all := clientOn(t, w).Deployments.All(t.Context(), "o", "r", ghdeploy.DeploymentListOptions{})
		for range 2 {
			ids, err := collect(all)
			if err != nil {
				t.Fatal(err)
			}
			same(t, "ids", []int64{6, 5, 4, 3, 2, 1}, ids)
		}
		same(t, "requests", 6, len(w.requests()))
	})
	t.Run("break sends no further request", func(t *testing.T) {
		for stop, requests := range map[int64]int{6: 1, 5: 1, 4: 2, 3: 2, 2: 3, 1: 3} {
			w := threePages()
			for d, err := range clientOn(t, w).Deployments.All(t.Context(), "o", "r", ghdeploy.DeploymentListOptions{}) {
				if err != nil {
					t.Fatal(err)
				}
				if d.ID == stop {
					break
				}
			}
			if n := len(w.requests()); n != requests {
				t.Errorf("a break at %d: %d requests, want %d", stop, n, requests)
			}
		}
	})
	t.Run("an error comes once, after the rows before it, and ends the range", func(t *testing.T) {
		w := replies(reply(200, `[{"id":2},{"id":1}]`, next(2)), reply(404, `{"message":"Not Found"}`))
		var got []string
		for d, err := range clientOn(t, w).Deployments.All(t.Context(), "o", "r", ghdeploy.DeploymentListOptions{}) {
			got = append(got, fmt.Sprint(d != nil, errors.Is(err, ghdeploy.ErrNotFound)))
		}
		same(t, "yielded", []string{"true false", "true false", "false true"}, got)
		same(t, "requests", 2, len(w.requests()))
	})
	t.Run("an error after which the caller breaks", func(t *testing.T) {
		w := replies(reply(404, ""))
		for _, err := range clientOn(t, w).Deployments.All(t.Context(), "o", "r", ghdeploy.DeploymentListOptions{}) {
			if !errors.Is(err, ghdeploy.ErrNotFound) {
				t.Errorf("err = %v, want ErrNotFound", err)
			}
			break
		}
		same(t, "requests", 1, len(w.requests()))
	})
	t.Run("rows that move to a later page come once", func(t *testing.T) {
		w := replies(
			reply(200, `[{"id":6},{"id":5},{"id":4}]`, next(2)),
			reply(200, `[{"id":5},{"id":4},{"id":3}]`, next(3)), // two rows were created meanwhile
			reply(200, `[{"id":3},{"id":2},{"id":2}]`),
		)
		ids, err := collect(clientOn(t, w).Deployments.All(t.Context(), "o", "r", ghdeploy.DeploymentListOptions{}))
		if err != nil {
			t.Fatal(err)
		}
		same(t, "ids", []int64{6, 5, 4, 3, 2}, ids)
	})
	t.Run("an empty page in between", func(t *testing.T) {
		w := replies(reply(200, `[{"id":2}]`, next(2)), reply(200, `[]`, next(3)), reply(200, `[{"id":1}]`))
		ids, err := collect(clientOn(t, w).Deployments.All(t.Context(), "o", "r", ghdeploy.DeploymentListOptions{}))
		if err != nil {
			t.Fatal(err)
		}
		same(t, "ids", []int64{2, 1}, ids)
	})
	t.Run("a wrong next page ends it", func(t *testing.T) {
		w := replies(reply(200, `[{"id":2}]`, next(2)), reply(200, `[{"id":1}]`, next(2)))
		ids, err := collect(clientOn(t, w).Deployments.All(t.Context(), "o", "r", ghdeploy.DeploymentListOptions{}))
		if !errors.Is(err, ghdeploy.ErrPagination) {
			t.Errorf("err = %v, want ErrPagination", err)
		}
		same(t, "ids", []int64{2, 1}, ids) // the rows of the page are kept
		same(t, "requests", 2, len(w.requests()))
	})
	t.Run("a wrong argument comes from the range", func(t *testing.T) {
		w := threePages()
		client := clientOn(t, w)
		err := only(t, client.Deployments.All(t.Context(), "", "r", ghdeploy.DeploymentListOptions{}))
		if !errors.Is(err, ghdeploy.ErrInvalidArgument) {
			t.Errorf("err = %v, want ErrInvalidArgument", err)
		}
		same(t, "requests", 0, len(w.requests()))
	})
}

func collect(all iter.Seq2[*ghdeploy.Deployment, error]) (ids []int64, err error) {
	for d, err := range all {
		if err != nil {
			return ids, err
		}
		ids = append(ids, d.ID)
	}
	return ids, nil
}

// book is a stub's list of pages.
type book map[int]*ghdeploy.Page[*ghdeploy.Deployment]

func (b book) page(asked *[]int) func(int) (*ghdeploy.Page[*ghdeploy.Deployment], error) {
	return func(page int) (*ghdeploy.Page[*ghdeploy.Deployment], error) {
		*asked = append(*asked, page)
		return b[page], nil
	}
}

func rows(ids ...int64) []*ghdeploy.Deployment {
	var out []*ghdeploy.Deployment
	for _, id := range ids {
		out = append(out, &ghdeploy.Deployment{ID: id})
	}
	return out
}

func TestPages(t *testing.T) {
	type page = ghdeploy.Page[*ghdeploy.Deployment]
	tests := map[string]struct {
		first int
		book  book
		ids   []int64
		asked []int
		err   string
	}{
		"one page":            {0, book{0: {Items: rows(2, 1)}}, []int64{2, 1}, []int{0}, ""},
		"no rows":             {0, book{0: {}}, nil, []int{0}, ""},
		"two pages":           {0, book{0: {Items: rows(2), NextPage: 2}, 2: {Items: rows(1)}}, []int64{2, 1}, []int{0, 2}, ""},
		"from a page on":      {4, book{4: {Items: rows(2), NextPage: 5}, 5: {Items: rows(1)}}, []int64{2, 1}, []int{4, 5}, ""},
		"with skipped pages":  {1, book{1: {Items: rows(2), NextPage: 9}, 9: {Items: rows(1)}}, []int64{2, 1}, []int{1, 9}, ""},
		"the first page":      {0, book{0: {Items: rows(2), NextPage: 1}}, []int64{2}, []int{0}, "ghdeploy: pagination is broken: page 1 names no valid next page"},
		"the same page":       {3, book{3: {Items: rows(2), NextPage: 3}}, []int64{2}, []int{3}, "ghdeploy: pagination is broken: page 3 names no valid next page"},
		"back":                {3, book{3: {Items: rows(2), NextPage: 2}}, []int64{2}, []int{3}, "ghdeploy: pagination is broken: page 3 names no valid next page"},
		"back past the first": {3, book{3: {Items: rows(2), NextPage: -1}}, []int64{2}, []int{3}, "ghdeploy: pagination is broken: page 3 names no valid next page"},
		"a nil page":          {0, book{}, nil, []int{0}, "ghdeploy: pagination is broken: page 0 is nil"},
		"rows without an ID": {
			0, book{0: {Items: []*ghdeploy.Deployment{{ID: 1}, {}, {}}}}, []int64{1, 0, 0}, []int{0}, "",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var asked []int
			ids, err := collect(ghdeploy.Pages(tt.first, tt.book.page(&asked)))
			same(t, "ids", tt.ids, ids)
			same(t, "asked", tt.asked, asked)
			switch {
			case tt.err == "" && err != nil:
				t.Errorf("err = %v", err)
			case tt.err != "" && (!errors.Is(err, ghdeploy.ErrPagination) || err.Error() != tt.err):
				t.Errorf("err = %v, want %s", err, tt.err)
			}
		})
	}

	t.Run("pages that go on without a new row", func(t *testing.T) {
		for name, repeat := range map[string][]*ghdeploy.Deployment{"empty": nil, "the same row": rows(7)} {
			asked := 0
			ids, err := collect(ghdeploy.Pages(0, func(n int) (*page, error) {
				asked++
				return &page{Items: repeat, NextPage: max(n, 1) + 1}, nil
			}))
			if !errors.Is(err, ghdeploy.ErrPagination) || !strings.HasSuffix(err.Error(), "10 pages without a new row") {
				t.Errorf("%s: err = %v, want ErrPagination", name, err)
			}
			if want := 10 + len(ids); asked != want || len(ids) != len(repeat) {
				t.Errorf("%s: %d pages requested and %d rows yielded, want %d pages", name, asked, len(ids), want)
			}
		}
	})
	t.Run("items without an ID are not deduplicated", func(t *testing.T) {
		var got []string
		for s, err := range ghdeploy.Pages(0, func(n int) (*ghdeploy.Page[string], error) {
			if n == 0 {
				return &ghdeploy.Page[string]{Items: []string{"a", "a"}, NextPage: 2}, nil
			}
			return &ghdeploy.Page[string]{Items: []string{"a"}}, nil
		}) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, s)
		}
		same(t, "rows", []string{"a", "a", "a"}, got)
	})
	t.Run("the last thousand ids are remembered", func(t *testing.T) {
		for apart, again := range map[int64]bool{1: false, 999: false, 1000: false, 1001: true, 2500: true} {
			// ID 1, then apart-1 others, then ID 1.
			items := rows(1)
			for id := int64(2); id <= apart; id++ {
				items = append(items, &ghdeploy.Deployment{ID: id})
			}
			items = append(items, rows(1)...)
			ids, err := collect(ghdeploy.Pages(0, func(int) (*page, error) { return &page{Items: items}, nil }))
			if err != nil {
				t.Fatal(err)
			}
			if have := ids[len(ids)-1] == 1 && len(ids) > 1; have != again {
				t.Errorf("a row repeated after %d others: yielded %t, want %t", apart-1, have, again)
			}
		}
	})
	t.Run("an error of the list is yielded unchanged", func(t *testing.T) {
		boom := errors.New("boom")
		n := 0
		for d, err := range ghdeploy.Pages(0, func(int) (*page, error) { return nil, boom }) {
			n++
			if d != nil || err != boom { //nolint:errorlint // the same value
				t.Errorf("%v, %v", d, err)
			}
		}
		same(t, "times", 1, n)
	})
}
