package conformance

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// row is one line of a file of recorded traffic.
type row struct {
	Source     string `json:"source"`
	RecordedAt string `json:"recorded_at"`
	Cause      string `json:"cause"`
	Request    struct {
		Method string          `json:"method"`
		Path   string          `json:"path"`
		Body   json.RawMessage `json:"body"`
	} `json:"request"`
	Response struct {
		Status  int               `json:"status"`
		Headers map[string]string `json:"headers"`
		Body    json.RawMessage   `json:"body"`
	} `json:"response"`

	line int
	file string
}

// readRows reads a file of recorded traffic, or skips the test where there is
// none.
func readRows(t *testing.T, name string) []*row {
	t.Helper()
	dir := os.Getenv("GHDEPLOY_RECORDED_DIR")
	if dir == "" {
		t.Skipf("GHDEPLOY_RECORDED_DIR is not set: %s was not replayed. Recorded traffic is not part of this repository; see README.md, \"Recorded traffic\".", name)
	}
	file, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close() //nolint:errcheck // read only
	var rows []*row
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		r := &row{line: len(rows) + 1, file: name}
		if err := json.Unmarshal(lines.Bytes(), r); err != nil {
			t.Fatalf("%s:%d: %v", name, r.line, err)
		}
		rows = append(rows, r)
	}
	if err := lines.Err(); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if len(rows) == 0 {
		t.Fatalf("%s is empty", name)
	}
	return rows
}

func (r *row) String() string {
	return fmt.Sprintf("%s:%d %s %s -> %d", r.file, r.line, r.Request.Method, r.Request.Path, r.Response.Status)
}

// path is the recorded path without its query, escaped.
func (r *row) path() string {
	path, _, _ := strings.Cut(r.Request.Path, "?")
	return path
}

func (r *row) query() url.Values {
	_, query, _ := strings.Cut(r.Request.Path, "?")
	values, _ := url.ParseQuery(query)
	return values
}

// requestKeys is the recorded JSON body. Clients that send {} or nothing at
// all with a GET or DELETE mean the same: no key.
func (r *row) requestKeys(t *testing.T) map[string]any {
	t.Helper()
	body := bytes.TrimSpace(r.Request.Body)
	if len(body) == 0 || string(body) == "null" || string(body) == `""` {
		return map[string]any{}
	}
	keys, ok := parse(t, body).(map[string]any)
	if !ok {
		t.Fatalf("%s: the body of the request is no object: %s", r, body)
	}
	return keys
}

// answer is the recorded body as it went over the wire: "null" stands for
// none, and a string for text that is not JSON.
func (r *row) answer() []byte {
	var text *string
	if json.Unmarshal(r.Response.Body, &text) == nil {
		if text == nil {
			return nil
		}
		return []byte(*text)
	}
	return r.Response.Body
}

// reply answers with what was recorded. The bodies were decompressed when they
// were recorded, so what described their old form is left out.
func (r *row) reply(w http.ResponseWriter) {
	for name, value := range r.Response.Headers {
		switch http.CanonicalHeaderKey(name) {
		case "Content-Encoding", "Content-Length", "Transfer-Encoding":
		default:
			w.Header().Set(name, value)
		}
	}
	w.WriteHeader(r.Response.Status)
	w.Write(r.answer())
}

// header is a recorded header, whatever the case of its name.
func (r *row) header(name string) string {
	for n, value := range r.Response.Headers {
		if strings.EqualFold(n, name) {
			return value
		}
	}
	return ""
}

// parse decodes JSON with its numbers as they stand.
func parse(t *testing.T, data []byte) any {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var v any
	if err := decoder.Decode(&v); err != nil {
		t.Fatalf("not JSON: %v: %s", err, data)
	}
	return v
}
