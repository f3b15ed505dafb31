package ghdeploy

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ghdeploy/ghdeploy/internal/faultcheck"
)

// notProcessedFaults are the faults that HTTP/2 reports as not processed.
// net/http distinguishes them only in the text of its error, which can change.
var notProcessedFaults = []string{"REFUSED_STREAM", "GOAWAY below the stream"}

// The client recognizes the errors of this Go release: it retries a POST, and
// the result agrees with the server's record.
func TestNotProcessedIsRecognised(t *testing.T) {
	t.Parallel()
	for _, fault := range notProcessedFaults {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			creates := new(recorder)
			report := faultcheck.Run(t.Context(), faultcheck.Config{
				Count: 24, Seed: 4, Fault: fault, Method: http.MethodPost, Transport: "plain", New: creates.clients(nil),
			})
			for _, v := range report.Violations {
				t.Error(v)
			}
			// Each first attempt fails, so a successful create was retried.
			if !slices.Contains(creates.errs, nil) {
				t.Error("no create was retried; net/http has another text for this fault")
			}
		})
	}
}

// With any other text a POST is of unknown outcome after one attempt. The test
// rewords the errors of this Go release.
func TestRewordedErrorsAreUnknown(t *testing.T) {
	t.Parallel()
	replace := func(old, replacement string) func(string) string {
		return func(text string) string { return strings.Replace(text, old, replacement, 1) }
	}
	rewordings := map[string]func(string) string{
		"the prefix is gone":      replace("http2: ", ""),
		"another prefix":          replace("http2: ", "net/http: "),
		"another case of a word":  replace("Transport: ", "transport: "),
		"a word before the text":  func(text string) string { return "proxy: " + text },
		"cannot replay":           replace("cannot retry", "cannot replay"),
		"another case":            strings.ToLower,
		"no brackets":             strings.NewReplacer("[", "", "]", "").Replace,
		"quotes for brackets":     strings.NewReplacer("[", `"`, "]", `"`).Replace,
		"another end":             replace("after Request.Body was written", "after the body was written"),
		"the cause alone":         func(text string) string { return between(text, "[", "]") },
		"a cause around the code": strings.NewReplacer("[", "[error: ").Replace,
		"another code":            strings.NewReplacer("REFUSED_STREAM", "STREAM_REFUSED", "GOAWAY", "GO_AWAY").Replace,
		"more of the code":        strings.NewReplacer("REFUSED_STREAM", "REFUSED_STREAMS", "GOAWAY", "GOAWAY_NOW").Replace,
		"no code":                 strings.NewReplacer("REFUSED_STREAM", "", "GOAWAY", "").Replace,
		"another stream error":    strings.NewReplacer("stream error: ", "stream: ", "graceful shutdown", "shutdown").Replace,
		"an empty cause":          func(text string) string { return strings.Replace(text, between(text, "[", "]"), "", 1) },
		"no text":                 func(string) string { return "" },
	}
	for name, reword := range rewordings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, fault := range notProcessedFaults {
				creates, reworded := new(recorder), new(atomic.Int64)
				faultcheck.Run(t.Context(), faultcheck.Config{
					Count: 6, Seed: 5, Fault: fault, Method: http.MethodPost, Transport: "plain",
					New: creates.clients(func(next http.RoundTripper) http.RoundTripper {
						return rewording(next, reword, reworded)
					}),
				})
				if reworded.Load() == 0 {
					t.Errorf("%s: no error was reworded", fault)
				}
				for _, err := range creates.errs {
					e, ok := errors.AsType[*Error](err)
					if !ok || !errors.Is(err, ErrOutcomeUnknown) || e.Attempts != 1 {
						t.Errorf("%s: %v, want ErrOutcomeUnknown after one attempt", fault, err)
					}
				}
			}
		})
	}
}

// between returns the text between the first left and the last right.
func between(text, left, right string) string {
	_, text, _ = strings.Cut(text, left)
	return text[:max(0, strings.LastIndex(text, right))]
}

// rewording changes the text of a transport's errors, and counts the changed
// ones. The first request of a connection fails with this module's own error.
func rewording(next http.RoundTripper, reword func(string) string, reworded *atomic.Int64) RoundTripFunc {
	return func(r *http.Request) (*http.Response, error) {
		resp, err := next.RoundTrip(r)
		if err == nil {
			return resp, nil
		}
		text := reword(err.Error())
		if text != err.Error() {
			reworded.Add(1)
			err = errors.New(text)
		}
		return nil, err
	}
}

// recorder makes clients for faultcheck and records the errors of their
// creates.
type recorder struct {
	mu   sync.Mutex
	errs []error
}

// clients returns clients whose transport is wrapped in wrap, unless it is nil.
func (r *recorder) clients(wrap func(http.RoundTripper) http.RoundTripper) faultcheck.New {
	return func(httpClient *http.Client, baseURL string) (faultcheck.Client, error) {
		if wrap != nil {
			httpClient = &http.Client{Transport: wrap(httpClient.Transport), Timeout: httpClient.Timeout}
		}
		client, err := NewClient(WithBaseURL(baseURL), WithHTTPClient(httpClient), WithRetry(RetryPolicy{
			MaxAttempts: faultcheck.Attempts, MinBackoff: time.Millisecond, MaxBackoff: time.Millisecond,
		}))
		return recorded{underCheck{Client: client}, r}, err
	}
}

type recorded struct {
	underCheck
	recorder *recorder
}

func (c recorded) Create(ctx context.Context, nonce string) faultcheck.Result {
	result := c.underCheck.Create(ctx, nonce)
	c.recorder.mu.Lock()
	defer c.recorder.mu.Unlock()
	c.recorder.errs = append(c.recorder.errs, result.Err)
	return result
}
