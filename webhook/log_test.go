package webhook_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/ghdeploy/ghdeploy/webhook"
)

// records is a slog.Handler that stores the records.
type records struct{ all []slog.Record }

func (*records) Enabled(context.Context, slog.Level) bool { return true }
func (r *records) Handle(_ context.Context, record slog.Record) error {
	r.all = append(r.all, record)
	return nil
}
func (r *records) WithAttrs([]slog.Attr) slog.Handler { return r }
func (r *records) WithGroup(string) slog.Handler      { return r }

func attributes(record slog.Record) map[string]string {
	all := make(map[string]string)
	record.Attrs(func(a slog.Attr) bool { all[a.Key] = a.Value.String(); return true })
	return all
}

func record(t *testing.T) *records {
	t.Helper()
	old, r := slog.Default(), new(records)
	slog.SetDefault(slog.New(r))
	t.Cleanup(func() { slog.SetDefault(old) })
	return r
}

// A request without a valid signature must not log an error.
func TestRefusalsWithoutASignatureAreLoggedAtDebug(t *testing.T) {
	refusals := map[string]func(r *http.Request){
		"no signature":    func(r *http.Request) { r.Header.Del("X-Hub-Signature-256") },
		"wrong signature": func(r *http.Request) { r.Header.Set("X-Hub-Signature-256", sign("other", []byte(`{}`))) },
		"malformed":       func(r *http.Request) { r.Header.Set("X-Hub-Signature-256", "x") },
		"two events":      func(r *http.Request) { r.Header.Add("X-GitHub-Event", "ping") },
		"content type":    func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") },
		"too large":       func(r *http.Request) { r.ContentLength = webhook.MaxBody + 1 },
		"cut off":         func(r *http.Request) { r.Body = http.MaxBytesReader(nil, r.Body, 1) },
		"connection lost": func(r *http.Request) { r.Body = brokenBody{} },
	}
	for name, change := range refusals {
		for who, onError := range map[string]func(context.Context, *webhook.Delivery, error){
			"no OnError":     nil,
			"OnError panics": func(context.Context, *webhook.Delivery, error) { panic("out of cheese") },
		} {
			logged := record(t)
			h := webhook.NewHandler(newVerifier(t, secret), webhook.Callbacks{OnError: onError})
			r := httptest.NewRequest(http.MethodPost, "/webhook", strings.NewReader(`{}`))
			r.Header = headers("deployment", "1", []byte(`{}`))
			change(r)
			h.ServeHTTP(httptest.NewRecorder(), r)
			if len(logged.all) != 1 || logged.all[0].Level != slog.LevelDebug {
				t.Errorf("%s, %s: %v", name, who, logged.all)
			}
			if want := (webhook.HandlerStats{Unverified: 1}); h.Stats() != want {
				t.Errorf("%s, %s: %+v", name, who, h.Stats())
			}
		}
	}
}

type brokenBody struct{}

func (brokenBody) Read([]byte) (int, error) { return 0, errors.New("connection reset") }
func (brokenBody) Close() error             { return nil }

func TestFailuresWithASignatureAreLoggedAsErrors(t *testing.T) {
	logged := record(t)
	h := webhook.NewHandler(newVerifier(t, secret), webhook.Callbacks{
		OnPing: func(context.Context, *webhook.PingEvent) error { return errors.New("the disk is full") },
	})
	deliver(t, h, "ping", "1", `{}`)
	deliver(t, h, "deployment", "2", `{`)
	deliver(t, h, "star", "3", `{}`)
	if len(logged.all) != 2 || logged.all[0].Level != slog.LevelError || logged.all[1].Level != slog.LevelError {
		t.Errorf("logged %v", logged.all)
	}
	if want := (webhook.HandlerStats{Accepted: 1, Malformed: 1, Failed: 1}); h.Stats() != want {
		t.Errorf("got %+v", h.Stats())
	}
}

func TestLoggedHeadersAreShortAndPrintable(t *testing.T) {
	for value, want := range map[string]string{
		"deployment":                          "deployment",
		"a\nb\r\x00\x1b[31m":                  `a\nb\r\x00\x1b[31m`,
		"a\u202eb\u2066c\u200fd\u2028e\ufeff": `a\u202eb\u2066c\u200fd\u2028e\ufeff`,
		"qä日本":                                "qä日本",
		"\xff\xfe":                            `\xff\xfe`,
		strings.Repeat("x", 197):              strings.Repeat("x", 197),
		strings.Repeat("x", 1<<20):            strings.Repeat("x", 197) + "...",
		strings.Repeat("\n", 1<<10):           strings.Repeat(`\n`, 98) + "...",
		strings.Repeat("x", 195) + "日本語日本語日本語": strings.Repeat("x", 195) + "...",
	} {
		logged := record(t)
		h := webhook.NewHandler(newVerifier(t, secret), webhook.Callbacks{})
		r := httptest.NewRequest(http.MethodPost, "/webhook", strings.NewReader(`{}`))
		r.Header = headers(value, value, []byte(`{}`))
		r.Header.Set("Content-Type", value)
		h.ServeHTTP(httptest.NewRecorder(), r)
		if len(logged.all) != 1 {
			t.Fatalf("logged %v", logged.all)
		}
		got := attributes(logged.all[0])
		if got["event"] != want || got["delivery"] != want || got["error"] != `webhook: content type not supported: "`+want+`"` {
			t.Errorf("%.50q: got %q", value, got)
		}
		if len(got["event"]) > 200 || !utf8.ValidString(got["event"]) {
			t.Errorf("%d bytes: %q", len(got["event"]), got["event"])
		}
		err := &webhook.DecodeError{Event: value, GUID: value, Err: errors.New("why")}
		if text := `webhook: event "` + want + `", delivery "` + want + `": why`; err.Error() != text {
			t.Errorf("got %q", err)
		}
	}
}

// OnError gets every refused delivery, with unchanged headers.
func TestOnErrorGetsEveryRefusal(t *testing.T) {
	logged := record(t)
	var reported []string
	h := webhook.NewHandler(newVerifier(t, secret), webhook.Callbacks{
		OnError: func(_ context.Context, d *webhook.Delivery, err error) {
			reported = append(reported, d.GUID+" "+err.Error())
		},
	})
	r := httptest.NewRequest(http.MethodPost, "/webhook", bytes.NewReader(nil))
	r.Header.Set("X-GitHub-Delivery", strings.Repeat("g", 300))
	for range 3 {
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
	if len(reported) != 3 || !strings.HasPrefix(reported[0], strings.Repeat("g", 300)+" webhook: no signature") || len(logged.all) != 0 {
		t.Errorf("OnError got %q, logged %v", reported, logged.all)
	}
	if h.Stats().Unverified != 3 {
		t.Errorf("got %+v", h.Stats())
	}
}

func TestHandlerMaxBody(t *testing.T) {
	for limit, want := range map[int64]int{
		0: http.StatusNoContent, -1: http.StatusNoContent, webhook.MaxBody + 1: http.StatusNoContent,
		100: http.StatusNoContent, 99: http.StatusRequestEntityTooLarge, 1: http.StatusRequestEntityTooLarge,
	} {
		for _, length := range []int64{100, -1} { // -1: chunked
			h := webhook.NewHandler(newVerifier(t, secret), webhook.Callbacks{OnError: ignore})
			h.MaxBody = limit
			body := "{" + strings.Repeat(" ", 98) + "}"
			r := httptest.NewRequest(http.MethodPost, "/webhook", strings.NewReader(body))
			r.Header = headers("star", "1", []byte(body))
			r.ContentLength = length
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != want {
				t.Errorf("limit %d, length %d: got %d, want %d", limit, length, w.Code, want)
			}
		}
	}
	// The limit is never above the constant.
	h := webhook.NewHandler(newVerifier(t, secret), webhook.Callbacks{OnError: ignore})
	h.MaxBody = 1 << 40
	r := httptest.NewRequest(http.MethodPost, "/webhook", new(endless))
	r.Header = headers("star", "1", nil)
	r.ContentLength = -1
	w := httptest.NewRecorder()
	if h.ServeHTTP(w, r); w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("got %d", w.Code)
	}
}
