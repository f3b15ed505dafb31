package webhook_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/ghdeploy/ghdeploy/webhook"
)

// The body is not read if the headers are refused.
func TestBodyIsNotReadBeforeTheHeadersAreValid(t *testing.T) {
	for _, signature := range []string{
		"x", "sha256=", "sha256=00", "sha256=" + strings.Repeat("0", 63), "sha256=" + strings.Repeat("0", 65), "sha256=" + strings.Repeat("g", 64),
		strings.Repeat("0", 64), "SHA256=" + strings.Repeat("0", 64), "sha1=01dc10d0c83e72ed246219cdd91669667fe2ca59", "sha256= " + strings.Repeat("0", 62),
	} {
		r := httptest.NewRequest(http.MethodPost, "/webhook", iotest.ErrReader(errors.New("it was read")))
		r.Header = headers("deployment", "1", nil)
		r.Header.Set("X-Hub-Signature-256", signature)
		if _, err := newVerifier(t, secret).ParseRequest(r); !errors.Is(err, webhook.ErrBadSignature) || !strings.Contains(err.Error(), "64 hexadecimal digits") {
			t.Errorf("%q: %v", signature, err)
		}
	}
	// With a well-formed signature the body is read.
	r := httptest.NewRequest(http.MethodPost, "/webhook", iotest.ErrReader(io.ErrUnexpectedEOF))
	r.Header = headers("deployment", "1", nil)
	r.Header.Set("X-Hub-Signature-256", "sha256="+strings.Repeat("0", 64))
	if _, err := newVerifier(t, secret).ParseRequest(r); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a well-formed signature: %v", err)
	}
}

// A receiver and a proxy before it must not read different values.
func TestTwoValuesOfAHeaderAreRefused(t *testing.T) {
	body := []byte(`{}`)
	for name, other := range map[string]string{
		"Content-Type": "application/x-www-form-urlencoded", "X-GitHub-Event": "ping", "X-GitHub-Delivery": "2", "X-GitHub-Hook-ID": "7",
		"X-GitHub-Hook-Installation-Target-Type": "integration", "X-GitHub-Hook-Installation-Target-ID": "8",
		"X-GitHub-Enterprise-Host": "b.example", "X-GitHub-Enterprise-Version": "3.18", "X-GitHub-Tenant": "b",
	} {
		first := func() http.Header {
			h := headers("deployment", "1", body)
			for name, value := range map[string]string{
				"X-GitHub-Enterprise-Host": "a.example", "X-GitHub-Enterprise-Version": "3.17", "X-GitHub-Tenant": "a",
			} {
				h.Set(name, value)
			}
			return h
		}
		for spelling, add := range map[string]func(http.Header, string){
			"the same spelling": func(h http.Header, value string) { h.Add(name, value) },
			"another spelling":  func(h http.Header, value string) { h[strings.ToLower(name)] = []string{value} },
			"a third spelling":  func(h http.Header, value string) { h[strings.ToUpper(name)] = []string{value} },
		} {
			for range 20 { // map order is random
				h := first()
				add(h, other)
				if e, err := newVerifier(t, secret).Parse(h, body); e != nil || !errors.Is(err, webhook.ErrAmbiguousHeader) || !strings.Contains(err.Error(), name) {
					t.Fatalf("%s in %s: got %v, %v", name, spelling, e, err)
				}
			}
			h := first()
			add(h, h.Get(name))
			if _, err := newVerifier(t, secret).Parse(h, body); err != nil {
				t.Errorf("the same %s in %s: %v", name, spelling, err)
			}
		}
	}
	h := headers("deployment", "1", body)
	h["Accept"], h["accept"] = []string{"*/*"}, []string{"text/html"} // the package does not read Accept
	if _, err := newVerifier(t, secret).Parse(h, body); err != nil {
		t.Errorf("Accept: %v", err)
	}
}

func TestTwoValuesOfAHeaderAreA400(t *testing.T) {
	var reported error
	h := webhook.NewHandler(newVerifier(t, secret), webhook.Callbacks{
		OnDeployment: func(context.Context, *webhook.DeploymentEvent) error { t.Error("it was called"); return nil },
		OnError:      func(_ context.Context, _ *webhook.Delivery, err error) { reported = err },
	})
	r := httptest.NewRequest(http.MethodPost, "/webhook", strings.NewReader(`{}`))
	r.Header = headers("deployment", "1", []byte(`{}`))
	r.Header.Add("X-GitHub-Event", "ping")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != http.StatusBadRequest || !errors.Is(reported, webhook.ErrAmbiguousHeader) {
		t.Errorf("got %d, %v", w.Code, reported)
	}
}

// Of several values the same one is reported each time, and the caller's header
// keeps its order.
func TestReportedHeaderIsTheSameEachTime(t *testing.T) {
	for range 20 {
		var reported string
		h := webhook.NewHandler(newVerifier(t, secret), webhook.Callbacks{
			OnError: func(_ context.Context, d *webhook.Delivery, _ error) { reported = d.Event },
		})
		r := httptest.NewRequest(http.MethodPost, "/webhook", strings.NewReader(`{}`))
		r.Header = headers("deployment", "1", []byte(`{}`))
		r.Header["X-Github-Event"] = []string{"ping", "deployment"}
		r.Header["x-github-event"] = []string{"check_run"}
		h.ServeHTTP(httptest.NewRecorder(), r)
		if reported != "check_run" {
			t.Errorf("reported %q", reported)
		}
		if got := r.Header["X-Github-Event"]; got[0] != "ping" || got[1] != "deployment" {
			t.Errorf("the header is now %q", got)
		}
	}
}
