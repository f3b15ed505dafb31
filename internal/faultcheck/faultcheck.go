// Package faultcheck checks that a client reports the outcome of each write
// correctly. The client sends its requests to a server that fails in every way
// a connection can fail. Each result is compared with the server's record of
// the requests that it executed. The client is a parameter, so the package can
// also check a client that is wrong on purpose.
//
// The rules of the three methods:
//
//   - A POST, which creates a deployment, is executed at most once, whatever
//     the client returns. With a nil error it was executed once, and the result
//     is the deployment that the server created. With an error that is not
//     "outcome unknown" it was not executed.
//   - A PUT, which sets a value, may be executed several times. With a nil
//     error it was executed at least once. With a 3xx, a 4xx or a rate limit as
//     the error it was not executed. After any other error (a failed connection
//     or a 5xx) the outcome is unknown.
//   - A DELETE follows the rules of a PUT. A nil error means that this call
//     deleted the object. ErrNotFound after this call deleted it is a
//     violation.
//
// For each method, an error has one of the client's own types. A 4xx is
// returned with its status and is not retried. Each fault has a set of allowed
// outcomes. A timeout may end any call with short attempts: timing is never the
// reason for a violation.
//
// Each fault is tested with each method, on four kinds of connection, through
// two transports of the caller: *http.Transport itself, and one that rebuilds
// each request, so that net/http can replay its body without the client.
package faultcheck

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"time"
)

// New creates the client under test for the API at baseURL. It must use the
// given http.Client without a wrapper that retries.
type New func(client *http.Client, baseURL string) (Client, error)

// Client is the client under test.
type Client interface {
	// Warm sends a GET and ignores its result.
	Warm(ctx context.Context)
	// Create creates a deployment whose payload is {"nonce": nonce}.
	Create(ctx context.Context, nonce string) Result
	// Update sends a PUT with the body {"name": nonce}. The response has the
	// same name and an "id".
	Update(ctx context.Context, nonce string) Result
	// Delete deletes an object. The server also supports GET for its path.
	Delete(ctx context.Context) Result
}

// Result is the result of a call.
type Result struct {
	ID      int64 // of the deployment; 0 except for Create with a nil Err
	Err     error
	Typed   bool // Err is of the client's own types
	Unknown bool // Err says that the outcome is unknown
	Limited bool // Err is a rate limit
	Timeout bool // Err is the timeout of an attempt
	Status  int  // of the response; 0 is no response
}

// Attempts is the maximum number of attempts of the client under test.
const Attempts = 4

// Config is one run. An empty Fault, Method or Transport selects all.
type Config struct {
	Count   int // number of calls
	Seed    uint64
	Workers int // calls at the same time; 0 is 8
	New     New

	Fault     string        // the fault's name
	Method    string        // POST, PUT or DELETE
	Transport string        // "plain" or "rebuilding"
	Timeout   time.Duration // of each attempt; 0 is 30 s, and less for some faults
}

// mode is the kind of connection on which the fault occurs.
type mode int

const (
	fresh mode = iota
	reused
	closedIdle
	http2
)

var modes = [...]mode{fresh, reused, closedIdle, http2}

func (m mode) String() string {
	return [...]string{"HTTP/1.1 new", "HTTP/1.1 reused", "HTTP/1.1 idle, closed by the server", "HTTP/2"}[m]
}

var methods = [...]string{http.MethodPost, http.MethodPut, http.MethodDelete}

// cell is one combination of fault, method, transport and connection.
type cell struct {
	fault   *fault
	method  string
	rebuilt bool // the transport rebuilds each request
	mode    mode
}

func (c cell) transport() string {
	if c.rebuilt {
		return "rebuilding"
	}
	return "plain"
}

// cells returns the combinations that a configuration selects.
func (cfg Config) cells() []cell {
	var cells []cell
	for i := range faults {
		for _, method := range methods {
			for _, rebuilt := range []bool{false, true} {
				for _, m := range modes {
					c := cell{&faults[i], method, rebuilt, m}
					if c.impossible() == "" && selects(cfg.Fault, c.fault.name) && selects(cfg.Method, method) && selects(cfg.Transport, c.transport()) {
						cells = append(cells, c)
					}
				}
			}
		}
	}
	return cells
}

func selects(filter, value string) bool { return filter == "" || filter == value }

// Run makes the calls and checks each result against the server's record.
func Run(ctx context.Context, cfg Config) *Report {
	if cfg.Workers == 0 {
		cfg.Workers = 8
	}
	cells := cfg.cells()
	report := &Report{counts: make(map[cell]*[3]int)}
	if len(cells) == 0 {
		report.violate("no fault matches the filters %q, %q and %q", cfg.Fault, cfg.Method, cfg.Transport)
		return report
	}
	jobs := make(chan int)
	var workers sync.WaitGroup
	for range cfg.Workers {
		workers.Go(func() {
			for i := range jobs {
				report.check(newTrial(cells[i%len(cells)], cfg, i).run(ctx, cfg.New))
			}
		})
	}
	for i := range cfg.Count {
		jobs <- i
	}
	close(jobs)
	workers.Wait()

	for _, c := range cells {
		if report.counts[c] == nil {
			report.violate("%v: no call was made", c)
		}
	}
	slices.Sort(report.Violations)
	return report
}
