package faultcheck

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
)

// Report is the result of a run.
type Report struct {
	Violations []string // empty if no rule was broken

	mu       sync.Mutex
	counts   map[cell]*[3]int
	total    [3]int
	executed int // calls with at least one executed request
	most     int // maximum number of requests of one call
}

func (r *Report) check(f finding) {
	r.mu.Lock()
	defer r.mu.Unlock()
	got := f.result.outcome(f.trial.method)
	if r.counts[f.trial.cell] == nil {
		r.counts[f.trial.cell] = new([3]int)
	}
	r.counts[f.trial.cell][got]++
	r.total[got]++
	if len(f.executed) > 0 {
		r.executed++
	}
	r.most = max(r.most, f.attempts)
	for _, text := range f.violations() {
		r.violate("%v (%s): %s; the client returned: %v", f.trial.cell, f.trial.nonce, text, f.result.Err)
	}
}

func (r *Report) violate(format string, args ...any) {
	r.Violations = append(r.Violations, fmt.Sprintf(format, args...))
}

func (c cell) String() string {
	return fmt.Sprintf("%s, %s, over %v, %s transport", c.method, c.fault.name, c.mode, c.transport())
}

// WriteTo prints one table for each method, with notes on impossible cells.
func (r *Report) WriteTo(w io.Writer) (int64, error) {
	var b strings.Builder
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	var notes []string
	for _, method := range methods {
		r.writeTable(table, method, &notes)
	}
	if err := table.Flush(); err != nil {
		return 0, err
	}
	fmt.Fprintln(&b, "Each cell: done/not done/unknown. Connections: new, reused and idle but closed by the server")
	fmt.Fprintln(&b, "over HTTP/1.1 (H1), and HTTP/2 (H2). R: through a transport that rebuilds each request.")
	for i, why := range notes {
		fmt.Fprintf(&b, "[%d] %s\n", i+1, why)
	}
	fmt.Fprintf(&b, "%d calls: %d done, %d not done, %d unknown; %d violations\n",
		r.total[done]+r.total[notDone]+r.total[unknown], r.total[done], r.total[notDone], r.total[unknown], len(r.Violations))
	fmt.Fprintf(&b, "%d calls were executed; no call sent more than %d requests\n", r.executed, r.most)
	n, err := io.WriteString(w, b.String())
	return int64(n), err
}

// writeTable prints the table of one method and collects its notes.
func (r *Report) writeTable(w io.Writer, method string, notes *[]string) {
	fmt.Fprintln(w, method+"\tH1 new\tH1 reused\tH1 closed\tH2\tR: new\treused\tclosed\tH2") //nolint:errcheck // a strings.Builder
	for i := range faults {
		row := []string{faults[i].name}
		for _, rebuilt := range []bool{false, true} {
			for _, m := range modes {
				row = append(row, r.text(cell{&faults[i], method, rebuilt, m}, notes))
			}
		}
		fmt.Fprintln(w, strings.Join(row, "\t")) //nolint:errcheck // see above
	}
	fmt.Fprintln(w) //nolint:errcheck // see above
}

func (r *Report) text(c cell, notes *[]string) string {
	if why := c.impossible(); why != "" {
		if !slices.Contains(*notes, why) {
			*notes = append(*notes, why)
		}
		return fmt.Sprintf("[%d]", slices.Index(*notes, why)+1)
	}
	n := r.counts[c]
	if n == nil {
		return "EMPTY"
	}
	return fmt.Sprintf("%d/%d/%d", n[done], n[notDone], n[unknown])
}
