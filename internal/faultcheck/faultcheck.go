// Package faultcheck shows that no create is carried out twice. A server that
// does to connections what can be done to them stands between a client and the
// truth: the list of creates that were carried out. Each create carries a
// nonce in its payload, so the list tells what came of it.
//
// It knows nothing of the client but how to make one, so it can also be turned
// against a client that is wrong on purpose.
package faultcheck

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"
)

// New makes the client under test: for the API at baseURL, through the given
// http.Client, which it must not wrap in anything that retries.
type New func(client *http.Client, baseURL string) (Client, error)

// Client is the client under test.
type Client interface {
	// Warm makes a GET, whatever its answer says.
	Warm(ctx context.Context)
	// Create makes one create of a deployment. The nonce goes into the payload
	// as {"nonce": "..."}.
	Create(ctx context.Context, nonce string) Result
}

// Result is what a call ended with.
type Result struct {
	ID      int64 // of the deployment, where Err is nil
	Err     error
	Typed   bool // Err is of the client's own types
	Unknown bool // Err says that the outcome is unknown
}

// Attempts is how often the client under test must be set to try.
const Attempts = 4

// Config is one run.
type Config struct {
	Count   int // of creates
	Seed    uint64
	Workers int // creates at the same time; 0 is 8
	New     New

	Only    string        // this fault alone, by its name; "" is all
	Timeout time.Duration // of each attempt; 0 is 30 s, and less for the slow ones
}

// mode is the connection on which a create meets its fault.
type mode int

const (
	fresh mode = iota
	reused
	closedIdle
	http2
)

var modes = [...]mode{fresh, reused, closedIdle, http2}

func (m mode) String() string {
	return [...]string{"HTTP/1.1 fresh", "HTTP/1.1 reused", "HTTP/1.1 idle, closed by server", "HTTP/2"}[m]
}

// outcome is what a call may end with.
type outcome int

const (
	created outcome = iota
	notDone         // an error that says so
	unknown
)

func (o outcome) String() string {
	return [...]string{"created", "not done", "unknown"}[o]
}

type cell struct {
	fault *fault
	mode  mode
}

// Report is what a run found.
type Report struct {
	Violations []string // empty: all is well

	mu     sync.Mutex
	counts map[cell]*[3]int
	total  [3]int
	done   int // creates that were carried out
}

// Run makes the creates and holds each against the truth.
func Run(ctx context.Context, cfg Config) *Report {
	var cells []cell
	for i := range faults {
		for _, m := range modes {
			if faults[i].never[m] == "" && (cfg.Only == "" || cfg.Only == faults[i].name) {
				cells = append(cells, cell{&faults[i], m})
			}
		}
	}
	if cfg.Workers == 0 {
		cfg.Workers = 8
	}
	report := &Report{counts: make(map[cell]*[3]int)}
	truth := &truth{carriedOut: make(map[string][]int64)}
	jobs := make(chan int)
	var workers sync.WaitGroup
	for range cfg.Workers {
		workers.Go(func() {
			for i := range jobs {
				c := cells[i%len(cells)]
				report.check(newTrial(truth, c, cfg, i).run(ctx, cfg.New))
			}
		})
	}
	for i := range cfg.Count {
		jobs <- i
	}
	close(jobs)
	workers.Wait()

	report.done = len(truth.carriedOut)
	for _, c := range cells {
		if report.counts[c] == nil {
			report.violate("%s over %v: nothing was tried", c.fault.name, c.mode)
		}
	}
	slices.Sort(report.Violations)
	return report
}

// finding is one create, as the client and as the truth have it.
type finding struct {
	trial    *trial
	result   Result
	carried  []int64 // the ids of what was carried out
	expected outcome
	attempts int // that reached the server
}

func (r *Report) check(f finding) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := f.trial
	got := created
	switch {
	case f.result.Unknown:
		got = unknown
	case f.result.Err != nil:
		got = notDone
	}
	if r.counts[t.cell] == nil {
		r.counts[t.cell] = new([3]int)
	}
	r.counts[t.cell][got]++
	r.total[got]++

	violate := func(format string, args ...any) {
		r.violate("%s over %v (%s): %s; the client says: %v", t.fault.name, t.mode, t.nonce, fmt.Sprintf(format, args...), f.result.Err)
	}
	if len(f.carried) > 1 {
		violate("carried out %d times", len(f.carried))
	}
	switch {
	case f.result.Err != nil && !f.result.Typed:
		violate("the error is not typed")
	case got == created && (len(f.carried) == 0 || f.carried[0] != f.result.ID):
		violate("deployment %d is returned, %v were made", f.result.ID, f.carried)
	case got == notDone && len(f.carried) > 0:
		violate("an error says that nothing was done, and it was")
	case got != f.expected:
		violate("the outcome is %q, and should be %q", got, f.expected)
	case f.attempts > Attempts && f.trial.fault.kind != limited:
		violate("it was sent %d times", f.attempts)
	}
}

func (r *Report) violate(format string, args ...any) {
	r.Violations = append(r.Violations, fmt.Sprintf(format, args...))
}

// WriteTo prints the matrix, and why a cell of it cannot exist.
func (r *Report) WriteTo(w io.Writer) (int64, error) {
	var rows, notes []string
	row := []string{"created / not done / unknown"}
	for _, m := range modes {
		row = append(row, m.String())
	}
	rows = append(rows, strings.Join(row, "\t"))
	for i := range faults {
		row = []string{faults[i].name}
		for _, m := range modes {
			text := "EMPTY"
			if why := faults[i].never[m]; why != "" {
				if !slices.Contains(notes, why) {
					notes = append(notes, why)
				}
				text = fmt.Sprintf("n/a [%d]", slices.Index(notes, why)+1)
			} else if n := r.counts[cell{&faults[i], m}]; n != nil {
				text = fmt.Sprintf("%d / %d / %d", n[created], n[notDone], n[unknown])
			}
			row = append(row, text)
		}
		rows = append(rows, strings.Join(row, "\t"))
	}
	for i, why := range notes {
		rows = append(rows, fmt.Sprintf("[%d] %s", i+1, why))
	}
	rows = append(rows, fmt.Sprintf("%d creates: %d created, %d not done, %d unknown; %d were carried out, %d violations\n",
		r.total[created]+r.total[notDone]+r.total[unknown], r.total[created], r.total[notDone], r.total[unknown], r.done, len(r.Violations)))

	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	n, err := io.WriteString(table, strings.Join(rows, "\n"))
	if err != nil {
		return int64(n), err
	}
	return int64(n), table.Flush()
}

// truth is what was carried out.
type truth struct {
	mu         sync.Mutex
	last       int64
	carriedOut map[string][]int64 // ids by nonce
}

func (t *truth) carryOut(nonce string) int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last++
	t.carriedOut[nonce] = append(t.carriedOut[nonce], t.last)
	return t.last
}

func (t *truth) of(nonce string) []int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.carriedOut[nonce]
}

// trial is one create and the fault that it meets.
type trial struct {
	cell
	truth *truth
	nonce string
	times int  // this many attempts meet the fault
	done  bool // the work is done all the same, where the fault leaves that open
	early bool // before the client gives up, where it does
	warm  bool // the connection has carried a request before
	pause time.Duration

	timeout time.Duration // of each attempt
}

func newTrial(truth *truth, c cell, cfg Config, i int) *trial {
	random := rand.New(rand.NewPCG(cfg.Seed, uint64(i))) //nolint:gosec // repeatable, and no secret
	t := &trial{
		cell:  c,
		truth: truth,
		nonce: fmt.Sprintf("%d-%d", cfg.Seed, i),
		times: []int{1, 2, 3, Attempts, 1 << 30}[random.IntN(5)],
		done:  random.IntN(2) == 0,
		early: random.IntN(2) == 0,
		warm:  c.mode == reused || c.mode == closedIdle || c.mode == http2 && random.IntN(2) == 0,
		pause: time.Duration(random.IntN(300)) * time.Microsecond,

		timeout: cmp.Or(c.fault.timeout, cfg.Timeout, long),
	}
	if c.fault.where == dialing && c.mode == http2 {
		t.warm = false // a connection that stands is not dialled
	}
	return t
}

// run makes the one create and returns when no trace of it is left.
func (t *trial) run(ctx context.Context, newClient New) finding {
	s := newServer(t)
	httpClient := s.client()
	client, err := newClient(httpClient, s.url())
	if err != nil {
		s.stop(httpClient)
		return finding{trial: t, result: Result{Err: fmt.Errorf("faultcheck: %w", err)}}
	}
	if t.warm {
		client.Warm(ctx)
	}
	if t.mode == closedIdle {
		close(s.closeIdle)
		time.Sleep(t.pause) // sometimes the client has noticed, and sometimes not
	}
	var onDead atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) { onDead.Store(onDead.Load() || t.mode == closedIdle && info.Reused) },
	})
	result := client.Create(ctx, t.nonce)
	s.stop(httpClient)

	expected := t.fault.expected(t)
	seen := int(s.seen.Load())
	switch {
	case onDead.Load() && seen == 0:
		// It went out on the dead connection, for all the client can know:
		// also where net/http then dialled, and that failed.
		expected = unknown
	case t.fault.kind == slow && seen == 0 && result.Err != nil && !result.Unknown:
		expected = notDone // on a busy machine: it had not been sent when its time was up
	}
	return finding{trial: t, result: result, carried: t.truth.of(t.nonce), expected: expected, attempts: seen}
}
