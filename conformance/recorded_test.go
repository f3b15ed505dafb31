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

// readRows reads a file of recorded traffic. It skips the test if the variable
// is not set.
func readRows(t *testing.T, name string) []*row {
	t.Helper()
	dir := os.Getenv("GHDEPLOY_RECORDED_DIR")
	if dir == "" {
		t.Skipf("GHDEPLOY_RECORDED_DIR is not set: %s was not replayed. Recorded traffic is not in this repository; see README.md, \"Recorded traffic\".", name)
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

// path returns the recorded path, escaped and without its query.
func (r *row) path() string {
	path, _, _ := strings.Cut(r.Request.Path, "?")
	return path
}

func (r *row) query() url.Values {
	_, query, _ := strings.Cut(r.Request.Path, "?")
	values, _ := url.ParseQuery(query)
	return values
}

// requestKeys returns the recorded JSON body. An empty body is equal to {},
// which some clients send with a GET or DELETE.
func (r *row) requestKeys(t *testing.T) map[string]any {
	t.Helper()
	body := bytes.TrimSpace(r.Request.Body)
	if len(body) == 0 || string(body) == "null" || string(body) == `""` {
		return map[string]any{}
	}
	keys, ok := parse(t, body).(map[string]any)
	if !ok {
		t.Fatalf("%s: the body of the request is not an object: %s", r, body)
	}
	return keys
}

// responseBody returns the recorded body as it was sent. In the file, null is
// no body, and a string is a text that is not JSON.
func (r *row) responseBody() []byte {
	var text *string
	if json.Unmarshal(r.Response.Body, &text) == nil {
		if text == nil {
			return nil
		}
		return []byte(*text)
	}
	return r.Response.Body
}

// reply sends the recorded response. It omits the headers of the compressed
// form, because the recorded bodies are decompressed.
func (r *row) reply(w http.ResponseWriter) {
	for name, value := range r.Response.Headers {
		switch http.CanonicalHeaderKey(name) {
		case "Content-Encoding", "Content-Length", "Transfer-Encoding":
		default:
			w.Header().Set(name, value)
		}
	}
	w.WriteHeader(r.Response.Status)
	w.Write(r.responseBody())
}

// header returns a recorded response header. The case of the name is ignored.
func (r *row) header(name string) string {
	for n, value := range r.Response.Headers {
		if strings.EqualFold(n, name) {
			return value
		}
	}
	return ""
}

// parse decodes JSON and keeps its numbers as text.
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
