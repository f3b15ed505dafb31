package main

import (
	"fmt"
	"io"
	"strconv"
	"sync"
	"time"

	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

// requestLog prints a line for each request. The columns are as wide as most of what stands in them; a longer path
// moves its own line only.
func requestLog(w io.Writer) func(ghdeploytest.Request) {
	var mu sync.Mutex
	return func(r ghdeploytest.Request) {
		path := r.Path
		if query := r.Query.Encode(); query != "" {
			path += "?" + query
		}
		status, operation := "-", "-" // no answer, no such operation
		if r.Status != 0 {
			status = strconv.Itoa(r.Status)
		}
		if r.OperationID != "" {
			operation = r.OperationID
		}
		mu.Lock()
		defer mu.Unlock()
		_, _ = fmt.Fprintf(w, "%-6s  %-58s  %3s  %-36s  %8s\n", r.Method, path, status, operation, duration(r.Duration))
	}
}

// failures prints a line for each delivery that its receiver did not take.
func failures(w io.Writer) func(ghdeploytest.Delivery) {
	var mu sync.Mutex
	return func(d ghdeploytest.Delivery) {
		if d.OK() {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		if d.Err != nil {
			_, _ = fmt.Fprintf(w, "ghdeploy-server: %s %s was not delivered: %v\n", d.Event, d.GUID, d.Err)
		} else {
			_, _ = fmt.Fprintf(w, "ghdeploy-server: %s %s was answered with %d\n", d.Event, d.GUID, d.Status)
		}
	}
}

func duration(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000)
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}
