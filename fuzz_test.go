package ghdeploy

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/ghdeploy/ghdeploy/internal/wire"
)

func FuzzLinks(f *testing.F) {
	for _, header := range []string{
		`<https://api.github.com/repositories/1/deployments?page=2>; rel="next", <https://api.github.com/repositories/1/deployments?page=9>; rel="last"`,
		`<?page=2>; rel=next,`,
		`<https://docs.github.com/rest>; rel="deprecation"; type="text/html", <?page=3>; rel="next"`,
		`<https://api.github.com/x?after=abc>; rel="next"`,
		`<?page=99999999999999999999>; rel="next"`,
		`<?page=-1>; rel="next prev"`,
		`<?page=2>; title="a, <?page=7>; rel=next"; rel="next"`,
		`<?page=2>; title="\""; rel="next"`,
		`<<<<>>>>,;,;"`,
	} {
		f.Add(header, 1)
	}
	f.Fuzz(func(t *testing.T, header string, number int) {
		links := parseLinks([]string{header})
		for rel, page := range links {
			if page < 0 || page > math.MaxInt32 {
				t.Errorf("%s names page %d", rel, page)
			}
		}
		// Another header before or after it has no effect.
		other := `<https://docs.github.com/?page=77>; rel="unheard-of"`
		for _, headers := range [][]string{{header, other}, {other, header}} {
			with := parseLinks(headers)
			if _, ok := links["unheard-of"]; !ok {
				delete(with, "unheard-of")
			}
			if _, ok := links["unheard-of"]; !ok && !reflect.DeepEqual(with, links) {
				t.Errorf("%q is parsed as %v with another header, alone as %v", header, with, links)
			}
		}
		var page Page[*Deployment]
		page.setLinks(http.Header{"Link": {header}}, number)
		if page.NextPage != 0 && page.NextPage != brokenNextPage && page.NextPage <= max(number, 1) {
			t.Errorf("page %d is followed by %d", number, page.NextPage)
		}
	})
}

func FuzzErrorBody(f *testing.F) {
	const token = "ghs_16C7e42F292c6912E7710c838347Ae178B4a"
	for _, body := range []string{
		`{"message":"Not Found","documentation_url":"https://docs.github.com/rest","status":"404"}`,
		`{"message":"Validation Failed","errors":[{"resource":"Deployment","field":"ref","code":"custom","message":"no"}]}`,
		`{"message":"Validation Failed","errors":["one","two"]}`,
		`{"message":"Validation Failed","errors":"one"}`,
		`{"message":"Conflict: Commit status checks failed for main.","errors":[{"contexts":[{"context":"ci","state":"failure"}],"resource":"Deployment","field":"required_contexts","code":"invalid"}]}`,
		`{"message":"Conflict merging main into topic."}`,
		`{"message":"You have exceeded a secondary rate limit."}`,
		`{"message":["a",{"b":1}],"errors":{"a":[]}}`,
		`{"message":"` + token + `","errors":["` + token + `"]}`,
		`{"message":"ghs\u005f16C7e42F292c6912E7710c838347Ae178B4a"}`,
		`<html><body>Unicorn!</body></html>`,
		`{"message":"cut o`, `null`, `[]`, `"text"`, "\xff\xfe", "",
		strings.Repeat(`{"errors":[`, 300),
	} {
		for _, status := range []int{202, 302, 403, 404, 409, 422, 429, 500, 502} {
			f.Add(status, []byte(body), "ABCD:1234")
		}
	}
	f.Fuzz(func(t *testing.T, status int, body []byte, header string) {
		status = 100 + int(uint(status)%900)
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodDelete} {
			var redact redactor
			redact.add(token)
			a := &response{
				method: method,
				path:   "/repos/o/r/deployments",
				status: status,
				header: http.Header{
					"X-Github-Request-Id":           {header},
					"X-Github-Sso":                  {"required; url=" + header},
					"X-Accepted-Github-Permissions": {header},
					"Location":                      {header},
				},
				body:      body,
				attempts:  1,
				uncertain: status >= 500,
				redact:    redact,
			}
			a.header = redact.header(a.header)
			a.errorBody = parseErrorBody(body, redact)
			a.limit = parseLimit(status, a.header, a.errorBody, time.Unix(1e9, 0))
			err := check(operation{method: method}, a)
			if err == nil {
				if status < 200 || status > 299 {
					t.Fatalf("a %d: no error", status)
				}
				err = malformed(a, nil)
			}
			e, ok := errors.AsType[*Error](err)
			if !ok {
				t.Fatalf("%T is not an *Error", err)
			}
			text := err.Error()
			switch {
			case len(e.Body) > maxErrorBody:
				t.Errorf("the error keeps %d bytes of the body", len(e.Body))
			case e.StatusCode != status:
				t.Errorf("the status is %d, want %d", e.StatusCode, status)
			case !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }):
				t.Errorf("the text is not one printable line: %q", text)
			case len(text) > 10_000:
				t.Errorf("the text has %d bytes", len(text))
			}
			for _, shown := range []string{text, fmt.Sprintf("%+v %#v", e, e), string(e.Body), e.LogValue().String()} {
				if strings.Contains(shown, token) {
					t.Errorf("the token is in %q", shown)
				}
			}
			if unknown := errors.Is(err, ErrOutcomeUnknown); unknown != (method == http.MethodPost && (status >= 500 || status < 300 && status >= 200)) {
				t.Errorf("%s %d: outcome unknown is %t", method, status, unknown)
			}
		}
	})
}

func FuzzRateLimit(f *testing.F) {
	for _, v := range []string{"", "0", "60", "-1", "1e9", "1000000000", "9223372036854775808", "NaN", "Wed, 21 Oct 2015 07:28:00 GMT", " 5 ", "0x10", "253402300800", "+7"} {
		f.Add(429, v, v, v, v, v, "")
		f.Add(403, v, "1700000000", "0", "5000", "Tue, 14 Nov 2023 22:13:20 GMT", "You have exceeded a secondary rate limit")
		f.Add(403, "", v, "0", v, v, "API rate limit exceeded")
	}
	now := time.Date(2023, 11, 14, 22, 13, 20, 0, time.UTC)
	f.Fuzz(func(t *testing.T, status int, after, reset, remaining, limit, date, message string) {
		h := http.Header{}
		h.Set("Retry-After", after)
		h.Set("X-RateLimit-Reset", reset)
		h.Set("X-RateLimit-Remaining", remaining)
		h.Set("X-RateLimit-Limit", limit)
		h.Set("X-RateLimit-Used", limit)
		h.Set("Date", date)
		rate, ok := parseRate(h)
		if rate.Limit < 0 || rate.Remaining < 0 || rate.Used < 0 || !ok && rate != (Rate{}) {
			t.Errorf("parseRate: %+v, %t", rate, ok)
		}
		if _, err := rate.Reset.MarshalText(); err != nil {
			t.Errorf("the reset is not a time that prints: %v", err)
		}
		if wait, ok := retryAfter(h, now); wait < 0 || wait > longestHold || !ok && wait != 0 {
			t.Errorf("retryAfter: %v, %t", wait, ok)
		}
		l := parseLimit(status, h, errorBody{message: message}, now)
		if l == nil {
			if status == http.StatusTooManyRequests {
				t.Error("a 429 is not a limit")
			}
			return
		}
		switch {
		case status != http.StatusTooManyRequests && status != http.StatusForbidden:
			t.Errorf("a %d is a limit", status)
		case l.RetryAfter < 0 || l.RetryAfter > longestHold || !l.RetryAt.Equal(now.Add(l.RetryAfter)):
			t.Errorf("retry after %v, at %v", l.RetryAfter, l.RetryAt)
		case !l.Secondary && remaining != "0":
			t.Errorf("a primary limit with %q remaining", remaining)
		}
	})
}

func FuzzPayload(f *testing.F) {
	for _, data := range []string{
		`{}`, `{"a":{"b":[1,2.5,-3e400,null,true]}}`, `"text"`, `"{\"a\":1}"`, `""`, `null`, `"null"`, `[1]`, `3`,
		`{"a":1,"a":2}`, "\"\xff\"", `"\ud800"`, `{"\u0000":"\u2028"}`, ` {"a" : 1 } `, strings.Repeat("[", 100) + strings.Repeat("]", 100),
	} {
		f.Add([]byte(data))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		// Any content is safe to read.
		p := Payload(data)
		for _, v := range []any{new(any), new(string), new(int), new(map[string]any), new(struct{ A []string }), new(Payload)} {
			p.Decode(v) //nolint:errcheck // an error is allowed
		}
		text, isString := p.Text()
		if isString {
			var want string
			if err := json.Unmarshal(data, &want); err != nil || want != text {
				t.Errorf("Text is %q, encoding/json says %q, %v", text, want, err)
			}
		}
		if !json.Valid(data) {
			return
		}
		// Decoding copies the payload unchanged.
		response := []byte(`{"id":1,"payload":` + string(data) + `}`)
		var d Deployment
		if err := wire.Decode(response, &d); err != nil {
			t.Fatalf("wire.Decode: %v", err)
		}
		clear(response)
		if want := bytes.TrimSpace(data); !bytes.Equal(d.Payload, want) {
			t.Errorf("the payload is %q, want %q", d.Payload, want)
		}
		// A request contains the same value, or is refused.
		body, err := DeploymentRequest{Ref: "main", Payload: Payload(bytes.Clone(data))}.body()
		first := bytes.TrimSpace(data)[0]
		if wanted := first == '{' || first == '"' || first == 'n'; (err == nil) != wanted {
			t.Fatalf("body of %q: %v", data, err)
		}
		if err != nil {
			if !errors.Is(err, ErrInvalidArgument) {
				t.Errorf("body: %v, want ErrInvalidArgument", err)
			}
			return
		}
		sent, err := wire.Encode(body)
		if err != nil {
			t.Fatalf("wire.Encode: %v", err)
		}
		var got struct{ Payload any }
		var want any
		if decodeNumbers(t, sent, &got); !reflect.DeepEqual(got.Payload, decodeNumbers(t, data, &want)) {
			t.Errorf("%s is sent as %s", data, sent)
		}
	})
}

// decodeNumbers decodes JSON without converting numbers. If v is an *any, it
// returns the value.
func decodeNumbers(t *testing.T, data []byte, v any) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(v); err != nil {
		t.Fatalf("%q is not JSON: %v", data, err)
	}
	if p, ok := v.(*any); ok {
		return *p
	}
	return nil
}

func FuzzPathElement(f *testing.F) {
	for _, name := range []string{
		"production", "prod/eu", "overflowing-luck / production", "a%2Fb", "%2e%2e", "..", ".", "", "...", "a//b", "/", "//", "a/../b",
		"TGS: TGMC", "ü/😀", "\xff", "\x00", "a?b", "a#b", "a;b", "a b+c", "*", "{x}", "%", "a\r\nHost: evil", "..;", `\`, "~",
	} {
		f.Add("octocat", "example", name)
		f.Add(name, name, name)
	}
	type arrived struct{ owner, repo, environment string }
	var got []arrived
	mux := http.NewServeMux()
	mux.HandleFunc("DELETE /api/v3/repos/{owner}/{repo}/environments/{environment}", func(_ http.ResponseWriter, r *http.Request) {
		got = append(got, arrived{r.PathValue("owner"), r.PathValue("repo"), r.PathValue("environment")})
	})
	client, err := NewClient(WithBaseURL("https://ghe.example.com/api/v3/"))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, owner, repo, environment string) {
		path := environmentPath(owner, repo, environment)
		escaped, err := path.below("")
		if err != nil {
			if !errors.Is(err, ErrInvalidArgument) {
				t.Errorf("%v, want ErrInvalidArgument", err)
			}
			return
		}
		req, _, err := client.core.newRequest(t.Context(), operation{method: http.MethodDelete, path: path})
		if err != nil {
			t.Fatalf("newRequest: %v", err)
		}
		// The request as a server reads it.
		var wire bytes.Buffer
		if err := req.Write(&wire); err != nil {
			t.Fatalf("write: %v", err)
		}
		received, err := http.ReadRequest(bufio.NewReader(&wire))
		if err != nil {
			t.Fatalf("read: %v", err)
		}
		got = nil
		recorder := httptest.NewRecorder()
		mux.ServeHTTP(recorder, received)
		if environment == "/" {
			// ServeMux treats a final %2F as the end of the path.
			if escaped != "/repos/"+url.PathEscape(owner)+"/"+url.PathEscape(repo)+"/environments/%2F" {
				t.Errorf("the path is %q", escaped)
			}
			return
		}
		if want := (arrived{owner, repo, environment}); len(got) != 1 || got[0] != want {
			t.Errorf("%q arrived as %q (%d), want %q", escaped, got, recorder.Code, want)
		}
	})
}

func FuzzBaseURL(f *testing.F) {
	for _, base := range []string{
		"https://api.github.com/", "https://api.github.com", "https://ghe.example.com/api/v3", "http://127.0.0.1:8080/prefix/",
		"https://user:sesame-street@example.com/", "https://example.com/?q", "https://example.com/#f", "ftp://example.com", "example.com",
		"https://", "https://:443", "https://[::1]:8443/x", "https://[fe80::1%25eth0]/", "https://ex ample.com", "https://example.com/a b",
		"https://example.com/%2e%2e/x", "https://example.com/a/../b", "https://example.com//x//", "https://example.com/%zz", "https://EXAMPLE.com:0443/",
		"https://example.com:99999/", "https://example.com:/", "https://münchen.example/", "https://example.com/ü", `https://example.com\@evil.com/`,
		"https://exa%41mple.com/", "https://example.com/a;b=c", "https://a.b\x7f/", "//example.com/x", "https:example.com",
		"[::%25\xff]", "https://[::%25é]/",
	} {
		f.Add(base)
	}
	f.Fuzz(func(t *testing.T, base string) {
		client, err := NewClient(WithBaseURL(base))
		if err != nil {
			if !errors.Is(err, ErrInvalidArgument) {
				t.Errorf("%v, want ErrInvalidArgument", err)
			}
			if strings.Contains(base, "sesame-street@") && strings.Contains(err.Error(), "sesame-street") {
				t.Errorf("the password is in %v", err)
			}
		} else {
			want, err := url.Parse(base)
			if err != nil {
				t.Fatalf("NewClient accepted %q: %v", base, err)
			}
			keepsBase(t, client, want.Host, strings.TrimSuffix(want.EscapedPath(), "/"))
		}
		if client, err = NewClient(WithHost(base)); err == nil {
			u, err := url.Parse(client.core.base)
			if err != nil {
				t.Fatalf("WithHost(%q) has the base %q: %v", base, client.core.base, err)
			}
			keepsBase(t, client, u.Host, u.EscapedPath())
		} else if !errors.Is(err, ErrInvalidArgument) {
			t.Errorf("%v, want ErrInvalidArgument", err)
		}
	})
}

// keepsBase checks that a request goes to the host and has the path prefix.
func keepsBase(t *testing.T, client *Client, host, prefix string) {
	t.Helper()
	req, _, err := client.core.newRequest(t.Context(), operation{
		method: http.MethodGet, path: repositoryPath("octocat", "example", "deployments"), query: DeploymentListOptions{Ref: "a&b"},
	})
	if err != nil {
		t.Fatalf("the base %q makes no request: %v", client.core.base, err)
	}
	// An empty port is omitted.
	if !strings.EqualFold(req.URL.Host, strings.TrimSuffix(host, ":")) || req.URL.User != nil || req.URL.Fragment != "" {
		t.Errorf("the request goes to %v, want the host %q", req.URL, host)
	}
	var wire bytes.Buffer
	if err := req.Write(&wire); err != nil {
		t.Fatalf("the base %q makes no request: %v", client.core.base, err)
	}
	received, err := http.ReadRequest(bufio.NewReader(&wire))
	if err != nil {
		t.Fatalf("the request of the base %q cannot be read: %v", client.core.base, err)
	}
	io.Copy(io.Discard, received.Body) //nolint:errcheck // a GET has none
	if want := prefix + "/repos/octocat/example/deployments?ref=a%26b"; received.RequestURI != want {
		t.Errorf("the request URI is %q, want %q", received.RequestURI, want)
	}
}
