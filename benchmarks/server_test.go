package benchmarks

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"
)

// api returns prepared responses with GitHub's headers.
type api struct {
	root   string
	pages  [][]byte    // of the list; they repeat if last is larger
	last   int         // number of the last page
	single []byte      // for every other path
	header http.Header // of every response; shared, so that no side pays for it
}

// newAPI returns an API whose list has last pages. At most 50 of them differ.
func newAPI(v variant, last int) *api {
	a := &api{root: "https://ghe.example.com/api/v3", last: last, single: []byte(v.deployment(4_518_412_576)), header: responseHeader()}
	for n := range min(last, 50) {
		a.pages = append(a.pages, v.page(n+1))
	}
	return a
}

// responseHeader returns the header of a response from GitHub.
func responseHeader() http.Header {
	return http.Header{
		"Date":                   {"Sat, 21 Nov 2026 10:00:00 GMT"},
		"Content-Type":           {"application/json; charset=utf-8"},
		"Cache-Control":          {"private, max-age=60, s-maxage=60"},
		"Vary":                   {"Accept, Authorization, Cookie, X-GitHub-OTP, Accept-Encoding, Accept, X-Requested-With"},
		"Etag":                   {`W/"f010ceb023dbfb253149fa49e817fc71f473e0ecb95b79c7739cc727ee72bc58"`},
		"X-Github-Media-Type":    {"github.v3; format=json"},
		"X-Github-Request-Id":    {"C89C:6B17:E01F61:1183223:5FAD8CAD"},
		"X-Ratelimit-Limit":      {"5000"},
		"X-Ratelimit-Remaining":  {"4984"},
		"X-Ratelimit-Reset":      {"1795258800"},
		"X-Ratelimit-Used":       {"16"},
		"X-Ratelimit-Resource":   {"core"},
		"X-Content-Type-Options": {"nosniff"},
		"Referrer-Policy":        {"origin-when-cross-origin, strict-origin-when-cross-origin"},
	}
}

// respond returns the status, the header and the body for a request.
func (a *api) respond(r *http.Request) (int, http.Header, []byte) {
	switch {
	case r.Method == http.MethodPost:
		return http.StatusCreated, a.header, a.single
	case !strings.HasSuffix(r.URL.Path, "/deployments"):
		return http.StatusOK, a.header, a.single
	}
	query := r.URL.Query()
	n, err := strconv.Atoi(query.Get("page"))
	if err != nil {
		n = 1
	}
	switch perPage := query.Get("per_page"); perPage {
	case strconv.Itoa(rowsPerPage):
		return http.StatusOK, a.linked(perPage, n, a.last), a.pages[(n-1)%len(a.pages)]
	case "1": // the check of Prefetch; the list never changes
		return http.StatusOK, a.linked(perPage, n, a.last*rowsPerPage), []byte("[" + string(a.single) + "]")
	}
	return http.StatusBadRequest, a.header, []byte(`{"message":"the benchmark wants per_page=100"}`)
}

// linked returns the header of page n of a list.
func (a *api) linked(perPage string, n, last int) http.Header {
	if n >= last {
		return a.header
	}
	h := maps.Clone(a.header)
	h["Link"] = []string{fmt.Sprintf(`<%[1]s?per_page=%[2]s&page=%[3]d>; rel="next", <%[1]s?per_page=%[2]s&page=%[4]d>; rel="last"`,
		"https://ghe.example.com/api/v3/repositories/9784987/deployments", perPage, n+1, last)}
	return h
}

// RoundTrip responds in process, without a network.
func (a *api) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return nil, err
		}
		r.Body.Close()
	}
	status, header, body := a.respond(r)
	return &http.Response{
		StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header, Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)), Request: r,
	}, nil
}

// network describes a loopback server.
type network struct {
	latency time.Duration // before each response
	gzip    bool          // responses are compressed, as GitHub does on request
	bits    float64       // per second; 0 is the speed of loopback
}

// serve serves the API on loopback and sets its root.
func (a *api) serve(tb testing.TB, n network) *http.Transport {
	tb.Helper()
	compressed := map[*byte][]byte{}
	if n.gzip {
		for _, page := range a.pages {
			compressed[&page[0]] = compress(tb, page)
		}
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status, header, body := a.respond(r)
		maps.Copy(w.Header(), header)
		if small, ok := compressed[&body[0]]; ok && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			body = small
			w.Header().Set("Content-Encoding", "gzip")
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		// The real clock: a benchmark measures a real connection.
		time.Sleep(n.latency + n.transmission(len(body)))
		w.WriteHeader(status)
		w.Write(body)
	}))
	tb.Cleanup(server.Close)
	a.root = server.URL + "/api/v3"
	return &http.Transport{MaxIdleConnsPerHost: 16, DisableCompression: !n.gzip}
}

// transmission returns the transmission time of a body.
func (n network) transmission(bytes int) time.Duration {
	if n.bits == 0 {
		return 0
	}
	return time.Duration(float64(bytes) * 8 / n.bits * float64(time.Second))
}

func compress(tb testing.TB, data []byte) []byte {
	tb.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(data); err != nil {
		tb.Fatal(err)
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}
