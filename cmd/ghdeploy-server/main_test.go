package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

var program string

// TestMain builds the program once for all tests.
func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "ghdeploy-server")
		if err != nil {
			panic(err)
		}
		defer func() { _ = os.RemoveAll(dir) }()
		program = filepath.Join(dir, "ghdeploy-server")
		if runtime.GOOS == "windows" {
			program += ".exe"
		}
		args := []string{"build", "-o", program, "."}
		if underRace() {
			args = []string{"build", "-race", "-o", program, "."}
		}
		if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
			panic(string(out))
		}
		return m.Run()
	}())
}

// underRace reports whether the tests, and so the program, use the race
// detector.
func underRace() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// running is a running program.
type running struct {
	cmd    *exec.Cmd
	url    string
	out    *bufio.Reader
	errors strings.Builder
}

func start(t *testing.T, args ...string) *running {
	t.Helper()
	p := &running{cmd: exec.Command(program, args...)}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.cmd.Stderr = &p.errors
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	p.out = bufio.NewReader(out)
	first, err := p.out.ReadString('\n')
	if err != nil {
		t.Fatalf("the program printed no address: %v: %s", err, &p.errors)
	}
	p.url = strings.TrimSpace(first)
	return p
}

// stop ends the program with a signal and returns the rest of its output.
func (p *running) stop(t *testing.T, signal os.Signal) string {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("Windows sends no signal to another process")
	}
	if err := p.cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(p.out)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("the program ended with %v: %s", err, &p.errors)
	}
	return string(rest)
}

func (p *running) send(t *testing.T, method, path, token, body string) (status int, responseBody string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, p.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func TestServe(t *testing.T) {
	p := start(t)
	if !regexp.MustCompile(`^http://127\.0\.0\.1:\d+$`).MatchString(p.url) {
		t.Errorf("the first line is %q", p.url)
	}
	const deployments = "/repos/octocat/example/deployments"
	for _, step := range []struct {
		method, path, body string
		want               int
	}{
		{"POST", deployments, `{"ref":"main"}`, 201},
		{"POST", "/api/v3" + deployments + "/6000000001/statuses", `{"state":"success"}`, 201},
		{"GET", deployments + "?per_page=1&environment=production", "", 200},
		{"DELETE", deployments + "/6000000001", "", 204},
		{"GET", "/orgs", "", 404},
	} {
		if got, body := p.send(t, step.method, step.path, "any", step.body); got != step.want {
			t.Errorf("%s %s = %d, want %d: %s", step.method, step.path, got, step.want, body)
		}
	}
	lines := strings.Split(p.stop(t, os.Interrupt), "\n")
	want := []string{
		`POST    /repos/octocat/example/deployments                          201  repos/create-deployment             `,
		`POST    /api/v3/repos/octocat/example/deployments/6000000001/statuses  201  repos/create-deployment-status      `,
		`GET     /repos/octocat/example/deployments?environment=production&per_page=1  200  repos/list-deployments              `,
		`DELETE  /repos/octocat/example/deployments/6000000001               204  repos/delete-deployment             `,
		`GET     /orgs                                                       404  -                                   `,
	}
	if len(lines) != len(want)+1 || lines[len(want)] != "" {
		t.Fatalf("the program printed %q", lines)
	}
	for i, line := range want {
		if !regexp.MustCompile(`^` + regexp.QuoteMeta(line) + ` +\d+\.\d m?s$`).MatchString(lines[i]) {
			t.Errorf("line %d is\n%q, want\n%q and the duration", i+1, lines[i], line)
		}
	}
}

func TestStopsOnSIGTERM(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no SIGTERM to send")
	}
	p := start(t, "-addr", "localhost:0")
	if rest := p.stop(t, syscall.SIGTERM); rest != "" || p.errors.Len() > 0 {
		t.Errorf("the program printed %q and %q", rest, &p.errors)
	}
}

func TestPublic(t *testing.T) {
	p := start(t, "-addr", "0.0.0.0:0", "-public")
	if !strings.HasPrefix(p.url, "http://") {
		t.Errorf("the first line is %q", p.url)
	}
}

func TestWebhook(t *testing.T) {
	got := make(chan *http.Request, 10)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-GitHub-Event") == "deployment_status" {
			w.WriteHeader(http.StatusTeapot)
		}
		got <- r
	}))
	defer receiver.Close()
	p := start(t, "-webhook", receiver.URL+"/hook", "-secret", "s", "-app", "rollout-bot")
	p.send(t, "POST", "/repos/octocat/example/deployments", "any", `{"ref":"main"}`)
	p.send(t, "POST", "/repos/octocat/example/deployments/6000000001/statuses", "any", `{"state":"success"}`)
	// The program is another process, so this timeout uses the real clock.
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for _, event := range []string{"ping", "deployment", "deployment_status"} {
		select {
		case r := <-got:
			if r.Header.Get("X-GitHub-Event") != event || !strings.HasPrefix(r.Header.Get("X-Hub-Signature-256"), "sha256=") ||
				r.Header.Get("X-GitHub-Hook-Installation-Target-Type") != "integration" || r.URL.Path != "/hook" {
				t.Errorf("want %s, got %s %v", event, r.URL, r.Header)
			}
		case <-ctx.Done():
			t.Fatalf("no %s: %s", event, &p.errors)
		}
	}
	p.stop(t, os.Interrupt)
	if !strings.HasPrefix(p.errors.String(), "ghdeploy-server: deployment_status 00000003-") {
		t.Errorf("the line of the failed delivery is %q", &p.errors)
	}
}

// The runs of a seed send events too, with the address that the server listens
// on.
func TestWebhookOfASeededRun(t *testing.T) {
	got := make(chan string, 10)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- r.Header.Get("X-GitHub-Event") + " " + string(body)
	}))
	defer receiver.Close()
	seed := write(t, `{"repositories": [{"full_name": "octocat/example", "runs": [{"environments": ["production"]}]}]}`)
	p := start(t, "-seed", seed, "-webhook", receiver.URL)
	// The program is another process, so this timeout uses the real clock.
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for _, event := range []string{"ping", "deployment", "deployment_status"} {
		select {
		case delivery := <-got:
			if !strings.HasPrefix(delivery, event+" ") || !strings.Contains(delivery, `"`+p.url+`/repos/octocat/example/deployments`) {
				t.Errorf("want %s of %s, got %s", event, p.url, delivery)
			}
		case <-ctx.Done():
			t.Fatalf("no %s: %s", event, &p.errors)
		}
	}
}

// The seed comes from the package comment.
func TestDocumentedSeed(t *testing.T) {
	source, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	_, seed, _ := strings.Cut(string(source), "\n//\t{\n")
	seed, _, _ = strings.Cut(seed, "\n//\n")
	seed = "{\n" + strings.ReplaceAll(seed, "//\t", "")
	if !json.Valid([]byte(seed)) {
		t.Fatalf("not JSON: %s", seed)
	}
	p := start(t, "-seed", write(t, seed))
	for _, step := range []struct {
		token, ref string
		want       int
	}{
		{"all", "topic", 202}, {"all", "clash", 409}, {"all", "red", 409}, {"all", "v1.0.0", 201}, {"app", "main", 201},
		{"reader", "main", 403}, {"other", "main", 401},
	} {
		if got, body := p.send(t, "POST", "/repos/octocat/example/deployments", step.token, `{"ref":"`+step.ref+`"}`); got != step.want {
			t.Errorf("%s deploys %s: %d, want %d: %s", step.token, step.ref, got, step.want, body)
		}
	}
	if got, _ := p.send(t, "GET", "/repos/octocat/secret", "reader", ""); got != 404 {
		t.Errorf("the reader sees the private repository: %d", got)
	}
}

func write(t *testing.T, seed string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "seed.json")
	if err := os.WriteFile(name, []byte(seed), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// run runs the program until it ends.
func run(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	// The program is another process, so this timeout uses the real clock.
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()
}

// The help starts each description with a verb, in lower case and without a
// full stop.
func TestHelp(t *testing.T) {
	for _, flag := range []string{"-h", "-help"} {
		code, help, errs := run(t, flag)
		if code != 0 || errs != "" {
			t.Errorf("%s: exit %d, %q\n%s", flag, code, errs, help)
		}
		_, list, _ := strings.Cut(help, "\nFlags:\n")
		entries := regexp.MustCompile(`(?m)^  (-\S+.*)\n    \t(.*)$`).FindAllStringSubmatch(list, -1)
		var names []string
		for _, entry := range entries {
			names = append(names, entry[1])
			if !regexp.MustCompile(`^(listen|serve|accept|keep|write|start|send|sign|print) `).MatchString(entry[2]) || strings.HasSuffix(entry[2], ".") {
				t.Errorf("%s: %q", entry[1], entry[2])
			}
		}
		want := []string{
			"-addr HOST:PORT", "-app SLUG", "-control HOST:PORT", "-keep N", "-log-format FORMAT", "-public", "-secret TEXT",
			"-seed FILE", "-tls", "-tls-ca FILE", "-version", "-webhook URL",
		}
		if !slices.Equal(names, want) || strings.Count(list, "\n") != 2*len(want) {
			t.Errorf("flags %q, want %q\n%s", names, want, list)
		}
	}
}

func TestVersion(t *testing.T) {
	code, out, errs := run(t, "-version")
	if code != 0 || errs != "" || !regexp.MustCompile(`^ghdeploy-server \S+ go1\.\d+\S*\n$`).MatchString(out) {
		t.Errorf("exit %d, %q, %q", code, out, errs)
	}
}

func TestLogFormatJSON(t *testing.T) {
	p := start(t, "-log-format", "json", "-control", "127.0.0.1:0", "-webhook", "http://127.0.0.1:1/nobody")
	var first struct{ URL, Control string }
	if err := json.Unmarshal([]byte(p.url), &first); err != nil || !strings.HasPrefix(first.URL, "http://127.0.0.1:") || !strings.HasPrefix(first.Control, "http://127.0.0.1:") {
		t.Fatalf("the first line is %s, %v", p.url, err)
	}
	p.url = first.URL
	p.send(t, "GET", "/repos/octocat/example/deployments?environment=a%20b&per_page=1", "any", "")
	p.send(t, "GET", "/none%0A", "any", "")
	lines := strings.Split(p.stop(t, os.Interrupt), "\n")
	if len(lines) != 3 || lines[2] != "" {
		t.Fatalf("the program printed %q", lines)
	}
	timed := regexp.MustCompile(`^\{"time":"\d{4}-[^"]+",(.*),"duration_ms":[\d.]+\}$`)
	for i, want := range []string{
		`"method":"GET","path":"/repos/octocat/example/deployments","query":"environment=a+b\u0026per_page=1","status":200,"operation_id":"repos/list-deployments"`,
		`"method":"GET","path":"/none%0A","status":404`,
	} {
		if got := timed.FindStringSubmatch(lines[i]); len(got) != 2 || got[1] != want {
			t.Errorf("line %d is %s, want %s", i, lines[i], want)
		}
	}
	failed := regexp.MustCompile(`^\{"time":"[^"]+","event":"ping","guid":"[^"]+","error":"[^"]+"\}\n$`)
	if !failed.MatchString(p.errors.String()) {
		t.Errorf("the line of the failed delivery is %q", &p.errors)
	}
}

func TestTLS(t *testing.T) {
	ca := filepath.Join(t.TempDir(), "ca.pem")
	p := start(t, "-addr", "localhost:0", "-tls", "-tls-ca", ca) // the certificate names 127.0.0.1 too
	if !regexp.MustCompile(`^https://(127\.0\.0\.1|\[::1\]):\d+$`).MatchString(p.url) {
		t.Fatalf("the first line is %q", p.url)
	}
	text, err := os.ReadFile(ca)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		t.Fatalf("-tls-ca wrote no certificate: %s", text)
	}
	if strings.Contains(string(text), "PRIVATE") {
		t.Error("-tls-ca wrote a private key")
	}
	get := func(url string, config *tls.Config) (*http.Response, error) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		return (&http.Transport{DisableKeepAlives: true, TLSClientConfig: config, ForceAttemptHTTP2: true}).RoundTrip(r)
	}
	for _, host := range []string{"127.0.0.1", "localhost"} {
		resp, err := get(strings.Replace(p.url, "127.0.0.1", host, 1)+"/repos/octocat/example", &tls.Config{RootCAs: roots})
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if want := strings.Replace(p.url, "127.0.0.1", host, 1) + "/repos/octocat/example"; resp.ProtoMajor != 1 || !strings.Contains(string(body), `"url":"`+want+`"`) {
			t.Errorf("%s %s, want links to %s", resp.Proto, body, want)
		}
	}
	if resp, err := get(p.url, nil); err == nil {
		resp.Body.Close()
		t.Error("a client without the CA certificate got a response")
	}
	if resp, err := get(p.url, &tls.Config{RootCAs: roots, ServerName: "api.github.com"}); err == nil { // no other host
		resp.Body.Close()
		t.Error("the certificate is valid for api.github.com")
	}
}

func TestRefusedFlags(t *testing.T) {
	for _, test := range []struct {
		args []string
		says string
	}{
		{[]string{"-addr", "0.0.0.0:0"}, `-addr "0.0.0.0:0" is not a loopback address`},
		{[]string{"-addr", ":8080"}, "add -public to allow this"},
		{[]string{"-addr", "example.com:80"}, "is not a loopback address"},
		{[]string{"-addr", "8080"}, "write HOST:PORT, like 127.0.0.1:8080"},
		{[]string{"-addr", "127.0.0.1:99999"}, "-addr: "},
		{[]string{"-control", "0.0.0.0:0"}, `-control "0.0.0.0:0" is not a loopback address`},
		{[]string{"-control", "8081"}, `-control "8081": write HOST:PORT`},
		{[]string{"-control", "127.0.0.1:99999"}, "-control: "},
		{[]string{"-addr", "127.0.0.1:48123", "-control", "127.0.0.1:48123"}, "a port of its own"},
		{[]string{"-addr", "127.0.0.1:48123", "-control", "127.0.0.2:48123"}, "a port of its own"},
		{[]string{"-control", "127.0.0.1:0", "-keep", "-1"}, "-keep -1: write 0 to 1000000"},
		{[]string{"-keep", "5"}, "-keep needs -control"},
		{[]string{"-tls-ca", "ca.pem"}, "-tls-ca needs -tls"},
		{[]string{"-tls", "-tls-ca", filepath.Join("no", "ca.pem")}, "-tls-ca: open no"},
		{[]string{"-log-format", "xml"}, `-log-format "xml": write text or json`},
		{[]string{"-version", "now"}, `unexpected argument "now"`},
		{[]string{"-port", "80"}, "-port\nrun ghdeploy-server -h for the flags"},
		{[]string{"seed.json"}, `unexpected argument "seed.json"`},
		{[]string{"-secret", "s"}, "-secret and -app need -webhook"},
		{[]string{"-webhook", "receiver.example"}, `-webhook "receiver.example": write an absolute URL`},
		{[]string{"-seed", filepath.Join("no", "seed.json")}, "seed.json"},
	} {
		code, out, errs := run(t, test.args...)
		if code != 2 || out != "" || !strings.HasPrefix(errs, "ghdeploy-server: ") || !strings.Contains(errs, test.says) ||
			strings.Count(strings.TrimSuffix(errs, "run ghdeploy-server -h for the flags\n"), "\n") != 1 {
			t.Errorf("%q: exit %d, %q, %q, want 2 and one line with %q", test.args, code, out, errs, test.says)
		}
	}
}

// A long seed is read before start gives up: the time must not grow with the
// square of its repositories.
func TestLongSeed(t *testing.T) {
	var seed strings.Builder
	seed.WriteString(`{"repositories": [{"full_name": "octocat/example"}`)
	for i := range 2000 {
		fmt.Fprintf(&seed, ",\n{\"full_name\": \"octocat/r%d\"}", i)
	}
	seed.WriteString("]}")
	p := start(t, "-seed", write(t, seed.String()))
	if got, body := p.send(t, "GET", "/repos/octocat/r1999", "any", ""); got != 200 {
		t.Errorf("%d %s", got, body)
	}
}

func TestRefusedSeeds(t *testing.T) {
	for _, test := range []struct{ seed, says string }{
		{"", `:1: not JSON: unexpected end`},
		{"{\n\"repositories\": [", `:2: not JSON: unexpected end`},
		{"{\n\"repositories\": [}", `:2: not JSON: `},
		{"{}\n{}", `:2: data after the closing brace`},
		{"[]", `:1: want an object`},
		{"{\n\"repos\": []}", `:2: repos: unknown field; there are: repositories, tokens`},
		{"{\"repositories\": [\n{\"full_name\": \"o/r\"},\n{\"full_name\": \"o/s\",\n\"state\": 1}]}", `:4: repositories[1].state: unknown field; there are: full_name, id,`},
		{"{\"repositories\": [\n{\"Full_Name\": \"o/r\"}]}", `:2: repositories[0].Full_Name: unknown field`},
		{"{\"repositories\": [\n{\"full_name\": 7}]}", `:2: repositories[0].full_name: want a string`},
		{"{\"repositories\": [\n{\"full_name\": \"o/r\",\n\"branches\": {}}]}", `:3: repositories[0].branches: want an array`},
		{"{\"repositories\": [{\"full_name\": \"o/r\", \"branches\": [{\"name\": \"b\", \"behind\": \"yes\"}]}]}", `:1: repositories[0].branches[0].behind: want true or false`},
		{"{\"repositories\": [{\"full_name\": \"o/r\", \"id\": \"7\"}]}", `repositories[0].id: want a number`},
		{"{\"repositories\": [{\"full_name\": \"o/r\",\n\"id\": 1e40}]}", `id`},
		{"{\"tokens\": [\n{\"value\": \"a\", \"value\": \"b\"}]}", `:2: tokens[0].value: duplicate field`},
		{"{\"tokens\": [{\"value\": \"a\", \"permissions\": {\"deployments\": true}}]}", `tokens[0].permissions.deployments: want a string`},
		{"{\"tokens\": [\n{\"value\": \"a\",\n\"permissions\": {\"deployment\": \"write\"}}]}", `:3: tokens[0].permissions.deployment: unknown permission; did you mean deployments?`},
		{"{\"tokens\": [\n{\"value\": \"a\",\n\"permissions\": {\"contents\": \"read\",\n\"deploymnets\": \"write\"}}]}", `:4: tokens[0].permissions.deploymnets: unknown permission; did you mean deployments?`},
		{"{\"tokens\": [\n{\"value\": \"a\", \"permissions\": {\"everything\": \"write\"}}]}", `:2: tokens[0].permissions.everything: unknown permission; there are: actions, `},
		{"{\"tokens\": [\n{\"value\": \"a\", \"permissions\": {\"" + strings.Repeat("x", 100_000) + "\": \"write\"}}]}", `: unknown permission; there are: actions, `},
		{"{\"tokens\": [\n{\"value\": \"a\",\n\"permissions\": {\"deployments\": \"wirte\"}}]}", `:3: tokens[0].permissions.deployments: "wirte" is not a level; write read, write or admin`},
		{"{\"repositories\": [{\"full_name\": \"o/r\", \"deployments\": [\n{\"created_at\": \"yesterday\"}]}]}", `:2: repositories[0].deployments[0].created_at: want a time like "2026-04-01T12:00:00Z"`},
		{"{\"repositories\": [{\"full_name\": \"o/r\", \"deployments\": [\n{\"payload\": {]}]}]}", `:2: repositories[0].deployments[0].payload: not JSON`},
		// Errors of the server name the entry of the file and its fields.
		{"{\"repositories\": [\n{\"full_name\": \"o/r\"},\n{\"full_name\": \"nope\"}]}", `:3: repositories[1]: Repository{full_name: "nope"}; write owner/name`},
		{"{\"repositories\": [\n{\"full_name\": \"o/r\"},\n\n{\"full_name\": \"O/R\"}]}", `:4: repositories[1]: the repository O/R was added twice`},
		{"{\"repositories\": [\n{\"full_name\": \"o/r\", \"branches\": [{\"name\": \"main\", \"behind\": true}]}]}", `:2: repositories[0]: main is the default branch and cannot be behind itself; set behind or conflict on another branch`},
		{"{\"repositories\": [{\"full_name\": \"o/r\", \"deployments\": [\n{\"id\": 7},\n{\"id\": 8},\n{\"statuses\": [{\"state\": \"done\"}]},\n{}]}]}", `:4: repositories[0].deployments[2]: Repository{full_name: "o/r"}.deployments[2] has statuses[0] with the state "done"; write waiting`},
		{"{\"tokens\": [\n{\"value\": \"a\"},\n{\"login\": \"b\"}]}", `:3: tokens[1]: Token without value`},
		{"{\"tokens\": [\n{\"value\": \"a\", \"repositories\": [\"o/r\"]}]}", `:2: tokens[0]: a Token names the repository "o/r", which does not exist`},
	} {
		name := write(t, test.seed)
		code, out, errs := run(t, "-seed", name)
		if code != 2 || out != "" || !strings.HasPrefix(errs, "ghdeploy-server: -seed: "+name+":") || !strings.Contains(errs, test.says) ||
			strings.Count(strings.TrimSuffix(errs, "run ghdeploy-server -h for the flags\n"), "\n") != 1 {
			t.Errorf("%s\nexit %d, %q\n%swant %s", test.seed, code, out, errs, test.says)
		}
	}
}
