package ghdeploy_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ghdeploy/ghdeploy"
)

// A list can grow behind a full page that has no next one, and that page does
// not change then. A 304 would say that there is still no next page, so such a
// page is requested without a condition.
func TestFullPageWithoutANextOneIsNotCached(t *testing.T) {
	rows := func(n int) string {
		return "[" + strings.TrimSuffix(strings.Repeat(`{"id":7},`, n), ",") + "]"
	}
	for _, tt := range []struct {
		rows, perPage int
		link          string
		conditional   bool
	}{
		{29, 0, "", true},
		{30, 0, "", false},
		{30, 0, `<?page=2>; rel="next"`, true},
		{31, 0, "", false},
		{99, 100, "", true},
		{100, 100, "", false},
		{0, 1, "", true},
		{1, 1, "", false},
	} {
		name := fmt.Sprintf("%d rows, per_page %d, link %t", tt.rows, tt.perPage, tt.link != "")
		headers := []string{`ETag: "a"`}
		if tt.link != "" {
			headers = append(headers, "Link: "+tt.link)
		}
		w := answers(answer(200, rows(tt.rows), headers...))
		client := clientOn(t, w)
		for range 2 {
			_, err := client.Deployments.List(t.Context(), "o", "r", ghdeploy.DeploymentListOptions{PerPage: tt.perPage})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		if got := w.requests()[1].Header.Get("If-None-Match") != ""; got != tt.conditional {
			t.Errorf("%s: the second request is conditional: %t, want %t", name, got, tt.conditional)
		}
	}
}
