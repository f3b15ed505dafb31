package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"sync"
	"time"

	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

// The values of -log-format.
const (
	logText = "text"
	logJSON = "json"
)

// log writes the addresses and the requests to out, and the failed deliveries
// to errs.
type log struct {
	format string

	mu   sync.Mutex
	out  io.Writer
	errs io.Writer
}

// line writes one line: v if the format is JSON, otherwise text.
func (l *log) line(w io.Writer, v any, text string) {
	if l.format == logJSON {
		line, err := json.Marshal(v)
		if err != nil {
			line = []byte(strconv.Quote("the log line cannot be encoded: " + err.Error()))
		}
		text = string(line)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	_, _ = fmt.Fprintln(w, text)
}

// started writes the address of the API, then the address of the control API if
// it is served.
func (l *log) started(api, control string) {
	text := api
	if control != "" {
		text += "\ncontrol " + control
	}
	l.line(l.out, struct {
		URL     string `json:"url"`
		Control string `json:"control,omitempty"`
	}{api, control}, text)
}

// request writes a request. A long path shifts the columns of its own line
// only.
func (l *log) request(r ghdeploytest.Request) {
	path := r.Path
	if query := r.Query.Encode(); query != "" {
		path += "?" + query
	}
	status, operation := "-", "-" // "-" for no response and for an unknown operation
	if r.Status != 0 {
		status = strconv.Itoa(r.Status)
	}
	if r.OperationID != "" {
		operation = r.OperationID
	}
	l.line(l.out, struct {
		Time         time.Time `json:"time"`
		Method       string    `json:"method"`
		Path         string    `json:"path"`
		Query        string    `json:"query,omitempty"`
		Status       int       `json:"status"`
		OperationID  string    `json:"operation_id,omitempty"`
		Milliseconds float64   `json:"duration_ms"`
		Fault        string    `json:"fault,omitempty"`
	}{r.Time, r.Method, r.Path, r.Query.Encode(), r.Status, r.OperationID, milliseconds(r.Duration), r.Fault},
		fmt.Sprintf("%-6s  %-58s  %3s  %-36s  %8s", r.Method, path, status, operation, duration(r.Duration)))
}

// delivery writes a failed delivery.
func (l *log) delivery(d ghdeploytest.Delivery) {
	if d.OK() {
		return
	}
	entry := struct {
		Time   time.Time `json:"time"`
		Event  string    `json:"event"`
		GUID   string    `json:"guid"`
		Status int       `json:"status,omitempty"`
		Error  string    `json:"error,omitempty"`
	}{Time: d.Time, Event: d.Event, GUID: d.GUID, Status: d.Status}
	text := fmt.Sprintf("ghdeploy-server: %s %s: the receiver responded with %d", d.Event, d.GUID, d.Status)
	if d.Err != nil {
		entry.Error = d.Err.Error()
		text = fmt.Sprintf("ghdeploy-server: %s %s: not delivered: %v", d.Event, d.GUID, d.Err)
	}
	l.line(l.errs, entry, text)
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func duration(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%.1f ms", milliseconds(d))
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}
