package ghdeploy

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"
)

// hostileClient returns a client of a server that can write anything as its
// response. Each attempt ends after the timeout.
func hostileClient(t *testing.T, timeout time.Duration, respond func(*http.Request, *wireEnd)) *Client {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close() //nolint:errcheck // an error has no effect here
				r, w := bufio.NewReader(conn), &wireEnd{bufio.NewWriterSize(conn, 64<<10)}
				for {
					req, err := http.ReadRequest(r)
					if err != nil {
						return
					}
					discard(req.Body)
					respond(req, w)
					if w.Flush() != nil || req.Header.Get("Connection") == "close" {
						return
					}
				}
			}()
		}
	}()
	transport := &http.Transport{}
	t.Cleanup(func() {
		listener.Close() //nolint:errcheck // it only stops listening
		transport.CloseIdleConnections()
	})
	client, err := NewClient(
		WithBaseURL("http://"+listener.Addr().String()+"/api/v3"),
		WithHTTPClient(&http.Client{Transport: transport, Timeout: timeout}),
		WithRetry(RetryPolicy{MaxAttempts: 2, MinBackoff: time.Millisecond, MaxBackoff: time.Millisecond}),
	)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// wireEnd is a server's end of a connection.
type wireEnd struct{ *bufio.Writer }

// write reports whether the client still reads.
func (w *wireEnd) write(text string) bool {
	_, err := w.WriteString(text)
	return err == nil
}

// repeat writes n bytes of text, or until the client stops reading.
func repeat(w *wireEnd, text string, n int64) {
	block := strings.Repeat(text, max(1, 64<<10/len(text)))
	for sent := int64(0); sent < n && w.write(block); {
		sent += int64(len(block))
	}
}

const (
	gigabyte = 1 << 30
	endless  = 1 << 62
	mebibyte = 1 << 20
)

// bomb returns a gigabyte of spaces, compressed.
func bomb(t *testing.T) []byte {
	t.Helper()
	var member bytes.Buffer
	w, err := gzip.NewWriterLevel(&member, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(bytes.Repeat([]byte(" "), 16*mebibyte)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return bytes.Repeat(member.Bytes(), 64)
}

// Each hostile response leads to a typed error in bounded memory and time. The
// servers sleep on the real clock, because synctest does not cover sockets.
func TestHostileServer(t *testing.T) {
	packed := bomb(t)
	head := func(w *wireEnd, header string) { w.write("HTTP/1.1 200 OK\r\n" + header + "\r\n\r\n") }
	whole := func(w *wireEnd, open, text, closing string, size int) {
		body := open + strings.Repeat(text, size/len(text)) + closing
		head(w, fmt.Sprintf("Content-Length: %d", len(body)))
		w.write(body)
	}
	tests := map[string]struct {
		respond func(*http.Request, *wireEnd)
		timeout time.Duration
		want    error
		memory  uint64 // maximum MiB allocated by each of two calls
	}{
		"1 GB announced": {func(_ *http.Request, w *wireEnd) {
			head(w, "Content-Length: 1073741824")
			repeat(w, " ", gigabyte)
		}, 0, ErrTooLarge, 4},
		"1 GB in chunks": {func(_ *http.Request, w *wireEnd) {
			head(w, "Transfer-Encoding: chunked")
			repeat(w, "400\r\n"+strings.Repeat(" ", 0x400)+"\r\n", gigabyte)
		}, 0, ErrTooLarge, 384},
		"1 GB until the end of the connection": {func(_ *http.Request, w *wireEnd) {
			head(w, "Connection: close")
			repeat(w, "[", gigabyte)
		}, 0, ErrTooLarge, 384},
		"1 GB of an error": {func(_ *http.Request, w *wireEnd) {
			w.write("HTTP/1.1 422 Unprocessable Entity\r\n\r\n{\"message\":\"")
			repeat(w, "a", gigabyte)
		}, 0, ErrValidation, 4},
		"a gzip bomb": {func(_ *http.Request, w *wireEnd) {
			head(w, fmt.Sprintf("Content-Encoding: gzip\r\nContent-Length: %d", len(packed)))
			w.write(string(packed))
		}, 0, ErrTooLarge, 384},
		"invalid gzip": {func(_ *http.Request, w *wireEnd) {
			head(w, "Content-Encoding: gzip\r\nContent-Length: 11")
			w.write("hello world")
		}, 0, gzip.ErrHeader, 4},
		"a byte every 5 ms": {func(_ *http.Request, w *wireEnd) {
			head(w, "Content-Length: 1000000")
			for w.Flush() == nil {
				w.write(" ")
				time.Sleep(5 * time.Millisecond)
			}
		}, 100 * time.Millisecond, ErrAttemptTimeout, 8},
		"a header every 5 ms": {func(_ *http.Request, w *wireEnd) {
			w.write("HTTP/1.1 200 OK\r\n")
			for w.Flush() == nil {
				w.write("X: y\r\n")
				time.Sleep(5 * time.Millisecond)
			}
		}, 100 * time.Millisecond, ErrAttemptTimeout, 4},
		"no response": {func(*http.Request, *wireEnd) {
			time.Sleep(300 * time.Millisecond)
		}, 50 * time.Millisecond, ErrAttemptTimeout, 4},
		"headers without end": {func(_ *http.Request, w *wireEnd) {
			w.write("HTTP/1.1 200 OK\r\n")
			repeat(w, "X-Header: "+strings.Repeat("x", 1000)+"\r\n", endless)
		}, 0, nil, 384},
		"a header without end": {func(_ *http.Request, w *wireEnd) {
			w.write("HTTP/1.1 200 OK\r\nX-Header: ")
			repeat(w, "x", endless)
		}, 0, nil, 384},
		"interim responses without end": {func(_ *http.Request, w *wireEnd) {
			repeat(w, "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", endless)
		}, 0, nil, 384},
		"trailers without end": {func(_ *http.Request, w *wireEnd) {
			head(w, "Transfer-Encoding: chunked\r\nTrailer: X")
			w.write("8\r\n{\"id\":1}\r\n0\r\n")
			repeat(w, "X: y\r\n", endless)
		}, 0, nil, 8},
		"two Content-Lengths": {func(_ *http.Request, w *wireEnd) {
			head(w, "Content-Length: 3\r\nContent-Length: 4")
		}, 0, nil, 4},
		"a negative length": {func(_ *http.Request, w *wireEnd) { head(w, "Content-Length: -1") }, 0, nil, 4},
		"not HTTP": {func(_ *http.Request, w *wireEnd) {
			w.write("SSH-2.0-OpenSSH_9.9\r\n")
		}, 0, nil, 4},
		"nesting without end": {func(_ *http.Request, w *wireEnd) {
			whole(w, `{"id":1,"payload":`, "[", "", 4*mebibyte)
		}, 0, ErrMalformedResponse, 64},
		"nested lists only": {func(_ *http.Request, w *wireEnd) {
			whole(w, "", "[{\"payload\":", "", 4*mebibyte)
		}, 0, ErrMalformedResponse, 64},
		"a member many times": {func(_ *http.Request, w *wireEnd) {
			whole(w, `{`, `"id":0,`, `"id":0}`, 4*mebibyte)
		}, 0, ErrMalformedResponse, 64},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			before := runtime.NumGoroutine()
			timeout := tt.timeout
			if timeout == 0 {
				timeout = time.Minute // long enough for a busy machine
			}
			t.Run("", func(t *testing.T) { // its clean-up runs before the goroutines are counted
				client := hostileClient(t, timeout, tt.respond)
				var start, end runtime.MemStats
				for what, call := range map[string]func() error{
					"list": func() error {
						_, err := client.Deployments.List(t.Context(), "octocat", "example", DeploymentListOptions{})
						return err
					},
					"POST": func() error {
						_, err := client.Deployments.Create(t.Context(), "octocat", "example", DeploymentRequest{Ref: "main"})
						return err
					},
				} {
					runtime.GC()
					runtime.ReadMemStats(&start)
					began := time.Now()
					err := call()
					took := time.Since(began)
					runtime.ReadMemStats(&end)
					allocated := (end.TotalAlloc - start.TotalAlloc) / mebibyte
					t.Logf("%s: %d MiB allocated, heap %d MiB, %v: %v", what, allocated, end.HeapSys/mebibyte, took.Round(time.Millisecond), err)

					if _, ok := errors.AsType[*Error](err); !ok {
						t.Errorf("%s: %T is no *Error: %v", what, err, err)
					}
					if tt.want != nil && !errors.Is(err, tt.want) {
						t.Errorf("%s: %v, want %v", what, err, tt.want)
					}
					if what == "POST" && errors.Is(err, ErrOutcomeUnknown) == errors.Is(tt.want, ErrValidation) {
						t.Errorf("POST: %v, want ErrOutcomeUnknown unless the status is a refusal", err)
					}
					if allocated > tt.memory {
						t.Errorf("%s allocated %d MiB, want at most %d", what, allocated, tt.memory)
					}
					if took > 30*time.Second {
						t.Errorf("%s took %v", what, took)
					}
				}
			})
			goroutinesEnd(t, before)
		})
	}
}

// goroutinesEnd waits until no more goroutines run than before. Those of
// sockets end on the real clock.
func goroutinesEnd(t *testing.T, before int) {
	t.Helper()
	for range 500 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	stacks := make([]byte, mebibyte)
	t.Errorf("%d goroutines before, %d now:\n%s", before, runtime.NumGoroutine(), stacks[:runtime.Stack(stacks, true)])
}

// An odd value with a clear meaning is accepted. Any other is an error.
func TestHostileValues(t *testing.T) {
	tests := map[string]struct {
		body string
		want string // ID and Ref
		err  error
	}{
		"a name twice":           {`{"id":1,"ref":"a","ref":"b"}`, "1 b", nil},
		"an id twice":            {`{"id":1,"id":2}`, "2 ", nil},
		"invalid UTF-8":          {"{\"id\":1,\"ref\":\"a\xff\"}", "1 a\ufffd", nil},
		"half a surrogate":       {`{"id":1,"ref":"\ud800"}`, "1 \ufffd", nil},
		"the largest id":         {`{"id":9223372036854775807}`, "9223372036854775807 ", nil},
		"an id of 2^63":          {`{"id":9223372036854775808}`, "", ErrMalformedResponse},
		"an id of 1e400":         {`{"id":1e400}`, "", ErrMalformedResponse},
		"an id of 1.5":           {`{"id":1.5}`, "", ErrMalformedResponse},
		"an id of text":          {`{"id":"1"}`, "", ErrMalformedResponse},
		"an id of 0":             {`{"id":0}`, "", ErrMalformedResponse},
		"a negative id":          {`{"id":-1}`, "", ErrMalformedResponse},
		"no id":                  {`{"ref":"main"}`, "", ErrMalformedResponse},
		"a null":                 {`null`, "", ErrMalformedResponse},
		"an array":               {`[]`, "", ErrMalformedResponse},
		"two values":             {`{"id":1}{"id":2}`, "", ErrMalformedResponse},
		"an invalid time":        {`{"id":1,"created_at":"yesterday"}`, "", ErrMalformedResponse},
		"a byte order mark":      {"\ufeff{\"id\":1}", "", ErrMalformedResponse},
		"a name in another case": {`{"ID":1}`, "", ErrMalformedResponse},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			client := inProcessClient(t, func(*http.Request) (*canned, error) { return reply(200, tt.body), nil })
			d, err := client.Deployments.Get(t.Context(), "octocat", "example", 1)
			if !errors.Is(err, tt.err) {
				t.Fatalf("error = %v, want %v", err, tt.err)
			}
			if err == nil && fmt.Sprint(d.ID, " ", d.Ref) != tt.want {
				t.Errorf("got %d %q, want %q", d.ID, d.Ref, tt.want)
			}
		})
	}
}

func TestHostilePages(t *testing.T) {
	tests := map[string]struct {
		link func(page int) string
		rows func(page int) string
		want error
		most int // maximum number of requests
	}{
		"the same next page each time": {
			func(int) string { return `<?page=2>; rel="next"` },
			func(page int) string { return fmt.Sprintf(`[{"id":%d}]`, page) },
			ErrPagination, 2,
		},
		"a page number that goes back": {
			func(page int) string { return fmt.Sprintf(`<?page=%d>; rel="next"`, []int{0, 2, 3, 1}[page]) },
			func(page int) string { return fmt.Sprintf(`[{"id":%d}]`, page) },
			ErrPagination, 3,
		},
		"the same rows on each page": {
			func(page int) string { return fmt.Sprintf(`<?page=%d>; rel="next"`, page+1) },
			func(int) string { return `[{"id":7}]` },
			ErrPagination, 12,
		},
		"empty pages without end": {
			func(page int) string { return fmt.Sprintf(`<?page=%d>; rel="next"`, page+1) },
			func(int) string { return `[]` },
			ErrPagination, 12,
		},
		"a next without a number": {
			func(int) string { return `<https://evil.example.com/?after=x>; rel="next"` },
			func(page int) string { return fmt.Sprintf(`[{"id":%d}]`, page) },
			ErrPagination, 1,
		},
		"the largest number": {
			func(int) string { return `<?page=99999999999999999999>; rel="next"` },
			func(page int) string { return fmt.Sprintf(`[{"id":%d}]`, page) },
			ErrPagination, 1,
		},
		"a header of a megabyte": {
			func(int) string { return strings.Repeat(`<?page=2>; rel="other", `, 40_000) },
			func(int) string { return `[{"id":1}]` },
			nil, 1,
		},
		"a header of a megabyte of quotes": {
			func(int) string { return strings.Repeat(`<?page=2>; rel="`, 60_000) },
			func(int) string { return `[{"id":1}]` },
			nil, 1,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			requests := 0
			client := inProcessClient(t, func(r *http.Request) (*canned, error) {
				requests++
				page := 1
				fmt.Sscan(r.URL.Query().Get("page"), &page) //nolint:errcheck // the first page has none
				if r.URL.Host != "ghe.example.com" {
					t.Errorf("a request goes to %s", r.URL.Host)
				}
				return reply(200, tt.rows(page), "Link: "+tt.link(page)), nil
			})
			began := time.Now()
			var last error
			for _, err := range client.Deployments.All(t.Context(), "octocat", "example", DeploymentListOptions{}) {
				last = err
			}
			if !errors.Is(last, tt.want) || requests > tt.most {
				t.Errorf("%v after %d requests, want %v within %d", last, requests, tt.want, tt.most)
			}
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}

// A walk over endless pages ends with the context.
func TestEndlessPagesEndWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	client := inProcessClient(t, func(r *http.Request) (*canned, error) {
		page := 1
		fmt.Sscan(r.URL.Query().Get("page"), &page) //nolint:errcheck // the first page has none
		return reply(200, fmt.Sprintf(`[{"id":%d}]`, page), fmt.Sprintf(`Link: <?page=%d>; rel="next"`, page+1)), nil
	})
	var rows int
	var last error
	for _, err := range client.Deployments.All(ctx, "octocat", "example", DeploymentListOptions{}) {
		if last = err; err == nil {
			rows++
		}
		if rows == 5000 {
			cancel()
		}
	}
	if rows != 5000 || !errors.Is(last, context.Canceled) {
		t.Errorf("%d rows, then %v; want 5000, then context.Canceled", rows, last)
	}
}
