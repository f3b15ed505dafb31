package ghdeploytest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/ghdeploy/ghdeploy/ghdeploytest"
	"github.com/ghdeploy/ghdeploy/webhook"
)

// NewRequest returns a signed delivery for the test of a receiver.
func ExampleWebhook_NewRequest() {
	// The receiver under test.
	verifier, err := webhook.NewVerifier("It's a Secret to Everybody")
	if err != nil {
		fmt.Println(err)
		return
	}
	receiver := webhook.NewHandler(verifier, webhook.Callbacks{
		OnDeployment: func(_ context.Context, e *webhook.DeploymentEvent) error {
			fmt.Println("deploying", e.Deployment.Ref, "to", e.Deployment.Environment)
			return nil
		},
		OnError: func(_ context.Context, _ *webhook.Delivery, err error) { fmt.Println(err) },
	})

	hook := ghdeploytest.Webhook{Secret: "It's a Secret to Everybody"}
	w := httptest.NewRecorder()
	receiver.ServeHTTP(w, hook.NewRequest("deployment", map[string]any{
		"action":     "created",
		"deployment": map[string]any{"id": 42, "ref": "v1.4.0", "environment": "production"},
	}))
	fmt.Println(w.Code)

	forged := ghdeploytest.Webhook{Secret: "a guess"}
	w = httptest.NewRecorder()
	receiver.ServeHTTP(w, forged.NewRequest("deployment", `{"action":"created"}`))
	fmt.Println(w.Code)
	// Output:
	// deploying v1.4.0 to production
	// 204
	// webhook: the signature does not match
	// 401
}

func TestNewRequest(t *testing.T) {
	// GitHub's documented signature of this body.
	const secret, text, signature = "It's a Secret to Everybody", "Hello, World!", "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
	for _, payload := range []any{text, []byte(text), json.RawMessage(text)} {
		r := ghdeploytest.Webhook{Secret: secret}.NewRequest("deployment", payload)
		body, err := io.ReadAll(r.Body)
		if err != nil || string(body) != text || r.Header.Get("X-Hub-Signature-256") != signature {
			t.Errorf("%T: %q, %v, %s", payload, body, err, r.Header.Get("X-Hub-Signature-256"))
		}
		if r.Method != http.MethodPost || r.URL.String() != "https://receiver.test/" || r.ContentLength != int64(len(text)) {
			t.Errorf("%T: %s %s, %d bytes", payload, r.Method, r.URL, r.ContentLength)
		}
	}

	first := ghdeploytest.Webhook{Secret: secret}.NewRequest("ping", struct {
		Zen string `json:"zen"`
	}{"Half measures are as bad as nothing at all."})
	body, err := io.ReadAll(first.Body)
	if err != nil || string(body) != `{"zen":"Half measures are as bad as nothing at all."}` {
		t.Errorf("got %s, %v", body, err)
	}
	for name, want := range map[string]string{
		"Content-Type": "application/json", "X-GitHub-Event": "ping", "X-GitHub-Hook-ID": "1",
		"X-GitHub-Hook-Installation-Target-Type": "repository", "X-GitHub-Hook-Installation-Target-ID": "1", "X-GitHub-Enterprise-Version": "",
	} {
		if got := first.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	second := ghdeploytest.Webhook{}.NewRequest("ping", nil)
	if a, b := first.Header.Get("X-GitHub-Delivery"), second.Header.Get("X-GitHub-Delivery"); a == b || len(a) != 36 {
		t.Errorf("want two different GUIDs, got %q and %q", a, b)
	}
	if second.Header.Get("X-Hub-Signature-256") != "" || second.Header.Get("X-Hub-Signature") != "" {
		t.Error("the request is signed without a secret")
	}
}

// For every kind of webhook the request has the headers of the server's
// deliveries. It can also be sent over a socket.
func TestNewRequestMatchesDeliveries(t *testing.T) {
	for name, hook := range map[string]ghdeploytest.Webhook{
		"a repository's":  {Secret: "s"},
		"an unsigned one": {},
		"a form":          {Secret: "s", ContentType: "form"},
		"an app's":        {Secret: "s", App: "gate"},
		"an enterprise's": {Secret: "s", Enterprise: "3.17.2"},
	} {
		t.Run(name, func(t *testing.T) {
			var got []http.Header
			receiver := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				header := r.Header.Clone()
				delete(header, "Content-Length")
				delete(header, "Accept-Encoding") // set by the test's client
				delete(header, "Connection")
				if err := r.ParseForm(); err != nil {
					t.Error(err)
				}
				if strings.Contains(header.Get("Content-Type"), "form") != (r.PostForm.Get("payload") != "") {
					t.Errorf("form values %v", r.PostForm)
				}
				got = append(got, header)
			})
			socket := httptest.NewServer(receiver)
			defer socket.Close()
			hook.URL = socket.URL + "/hook?a=b"
			srv := ghdeploytest.NewServer(
				ghdeploytest.WithSeed(ghdeploytest.Seed{Apps: []ghdeploytest.App{{Slug: "gate"}}, Repositories: []ghdeploytest.Repository{{FullName: "acme/shop"}}}),
				ghdeploytest.WithWebhook(hook))
			defer srv.Close()
			if err := srv.WaitDeliveries(t.Context()); err != nil {
				t.Fatal(err)
			}
			resp, err := socket.Client().Do(hook.NewRequest("ping", `{"zen":"a&b"}`))
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if len(got) != 2 {
				t.Fatalf("%d deliveries arrived", len(got))
			}
			for name := range got[0] {
				if got[1].Get(name) == "" {
					t.Errorf("NewRequest lacks the server's header %s", name)
				}
			}
			for name := range got[1] {
				if got[0].Get(name) == "" {
					t.Errorf("NewRequest has the header %s, which the server does not send", name)
				}
			}
			for _, name := range []string{"Content-Type", "User-Agent", "X-Github-Event", "X-Github-Hook-Installation-Target-Type", "X-Github-Enterprise-Version"} {
				if got[0].Get(name) != got[1].Get(name) {
					t.Errorf("%s is %q, the server sends %q", name, got[1].Get(name), got[0].Get(name))
				}
			}
		})
	}
}

func TestNewRequestPanics(t *testing.T) {
	for want, call := range map[string]func(){
		"the event is empty":            func() { ghdeploytest.Webhook{}.NewRequest("", nil) },
		"the payload cannot be encoded": func() { ghdeploytest.Webhook{}.NewRequest("ping", func() {}) },
		"write json or form":            func() { ghdeploytest.Webhook{ContentType: "xml"}.NewRequest("ping", nil) },
		"write a whole address":         func() { ghdeploytest.Webhook{URL: "receiver"}.NewRequest("ping", nil) },
	} {
		func() {
			defer func() {
				if text := fmt.Sprint(recover()); !strings.Contains(text, want) || !strings.HasPrefix(text, "ghdeploytest: ") {
					t.Errorf("got %q, want %q", text, want)
				}
			}()
			call()
		}()
	}
}

// The payload of a form is unchanged, and the signature covers the form.
func TestNewRequestOfAForm(t *testing.T) {
	const payload = `{"deployment":{"ref":"a&b=c+d %","environment":"qä"}}`
	verifier, err := webhook.NewVerifier("s")
	if err != nil {
		t.Fatal(err)
	}
	r := ghdeploytest.Webhook{Secret: "s", ContentType: "form"}.NewRequest("deployment", payload)
	e, err := verifier.ParseRequest(r)
	if err != nil || string(e.Info().Raw) != payload {
		t.Errorf("got %v, %v", e, err)
	}
	r = ghdeploytest.Webhook{Secret: "s", ContentType: "form"}.NewRequest("deployment", payload)
	r.Body = io.NopCloser(strings.NewReader("payload=" + url.QueryEscape("{}")))
	if _, err := verifier.ParseRequest(r); !errors.Is(err, webhook.ErrBadSignature) {
		t.Errorf("a form with another payload: %v", err)
	}
}
