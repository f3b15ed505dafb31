package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

// The events of two deployments, and a SIGTERM during the second one.
func TestFinishesItsWorkOnSIGTERM(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	p := start(t, server, "-workers", "1", "-takes", "300ms")
	server.AddWebhook(ghdeploytest.Webhook{URL: p.url, Secret: secret})

	// One after the other to one environment: the later makes the earlier
	// inactive.
	first := create(t, server, "staging")
	p.waitFor("msg=reported", "state=success")
	second := create(t, server, "staging")
	p.waitFor("msg=reported", "state=success")
	expect(t, server, first, "in_progress success inactive")
	expect(t, server, second, "in_progress success")
	delivered(t, server)

	for _, d := range server.Deliveries() {
		if d.Event == "deployment" {
			server.Redeliver(d.GUID)
			p.waitFor(`msg="duplicate delivery dropped"`, d.GUID)
		}
	}
	forged := ghdeploytest.Webhook{URL: p.url, Secret: "another"}.NewRequest("deployment", `{"deployment":{"id":1}}`)
	if status, _ := send(t, forged); status != http.StatusUnauthorized {
		t.Errorf("a forged delivery got %d", status)
	}

	var previews []*ghdeploy.Deployment
	for i := range 4 {
		previews = append(previews, create(t, server, fmt.Sprintf("preview-%d", i)))
	}
	delivered(t, server) // acknowledged, so no delivery may be lost
	p.waitFor("msg=deploying")
	p.stop(0)
	for _, d := range previews {
		expect(t, server, d, "in_progress success")
	}
	expect(t, server, second, "in_progress success")
}

// A deployment that does not finish in time gets error. The waiting ones are
// logged, and deployed after the next start.
func TestEndsWhatIsNotFinishedInTime(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	p := start(t, server, "-workers", "1", "-takes", "1h", "-grace", "50ms")
	server.AddWebhook(ghdeploytest.Webhook{URL: p.url, Secret: secret})
	running := create(t, server, "staging")
	p.waitFor("msg=deploying")
	waiting := create(t, server, "production")
	delivered(t, server)
	p.stop(1)
	expect(t, server, running, "in_progress error")
	expect(t, server, waiting, "")
	for _, d := range server.Deliveries() {
		logged := strings.Contains(p.seen.String(), `msg="not finished: the next start reconciles it" delivery=`+d.GUID)
		if logged != (d.Event == "deployment") {
			t.Errorf("%s %s logged: %v\n%s", d.Event, d.GUID, logged, &p.seen)
		}
	}

	p = start(t, server, "-takes", "1ms")
	p.waitForEach("state=success", waiting)
	p.stop(0)
	expect(t, server, running, "in_progress error")
	expect(t, server, waiting, "in_progress success")
}

func TestReconcilesAfterSIGKILL(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	p := start(t, server, "-workers", "1", "-takes", "1h")
	server.AddWebhook(ghdeploytest.Webhook{URL: p.url, Secret: secret})
	running := create(t, server, "staging")
	p.waitFor("msg=deploying")
	waiting := create(t, server, "production")
	preview := create(t, server, "preview")
	delivered(t, server)
	foreign, done := create(t, server, "foreign"), create(t, server, "done")
	report(t, server, foreign, ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateInProgress, Description: "Deploying by another"})
	report(t, server, done, ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateFailure})
	p.end(syscall.SIGKILL)
	later := create(t, server, "production") // its delivery fails

	p = start(t, server, "-workers", "1", "-takes", "1ms")
	p.waitForEach("msg=", running, waiting, preview, later, foreign)
	p.stop(0)
	expect(t, server, running, "in_progress error")
	expect(t, server, waiting, "inactive")
	expect(t, server, preview, "in_progress success")
	expect(t, server, later, "in_progress success")
	expect(t, server, foreign, "in_progress")
	expect(t, server, done, "failure")
	for _, reason := range []string{
		`reason="its run was interrupted"`,
		fmt.Sprintf(`reason="superseded by deployment %d"`, later.ID),
		`reason="it has the status in_progress \"Deploying by another\""`,
	} {
		if !strings.Contains(p.seen.String(), reason) {
			t.Errorf("the log lacks %s\n%s", reason, &p.seen)
		}
	}

	// The third start has nothing to do.
	p = start(t, server, "-takes", "1ms")
	p.waitFor("msg=reconciled", "found=1") // foreign
	p.stop(0)
	expect(t, server, running, "in_progress error")
	expect(t, server, preview, "in_progress success")
}

// The API fails from the middle of a deployment until the program has ended.
func TestSIGTERMDuringAnOutage(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	p := start(t, server, "-takes", "1ms", "-grace", "1s", "-report", "500ms")
	server.AddWebhook(ghdeploytest.Webhook{URL: p.url, Secret: secret})
	begun := func(ghdeploytest.Request) bool {
		all := server.Deployments(repo)
		return len(all) > 0 && len(all[0].Statuses) > 0
	}
	server.Inject(ghdeploytest.Fault{Operation: ghdeploytest.AnyOperation, Match: begun, Times: ghdeploytest.Always, Effect: ghdeploytest.Respond(http.StatusBadGateway, "")})
	d := create(t, server, "staging")
	p.waitFor("msg=deploying")
	p.stop(1)
	expect(t, server, d, "in_progress")
	for _, text := range []string{
		fmt.Sprintf("deployment=%d environment=staging state=success", d.ID),
		`msg="the outcome was not reported"`,
		fmt.Sprintf("the outcome of these deployments was not reported: [%d]", d.ID),
	} {
		if !strings.Contains(p.seen.String(), text) {
			t.Errorf("the log lacks %s\n%s", text, &p.seen)
		}
	}

	server.ClearFaults()
	p = start(t, server, "-takes", "1ms")
	p.waitForEach("state=error", d)
	p.stop(0)
	expect(t, server, d, "in_progress error")
}

// The API fails before the start. No delivery was accepted, so none is lost.
func TestSIGTERMWhileReconciling(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	server.Inject(ghdeploytest.Fault{Operation: ghdeploytest.AnyOperation, Times: ghdeploytest.Always, Effect: ghdeploytest.Respond(http.StatusBadGateway, "")})
	p := start(t, server)
	p.waitFor("retrying")
	p.stop(0)
}

// A 502 on in_progress neither stops the deployment nor repeats it.
func TestBadGatewayOnInProgress(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	p := start(t, server, "-takes", "1ms")
	server.AddWebhook(ghdeploytest.Webhook{URL: p.url, Secret: secret})
	server.Inject(ghdeploytest.Fault{Operation: postStatus, Match: state(ghdeploy.StateInProgress), Effect: ghdeploytest.Respond(http.StatusBadGateway, "")})
	d := create(t, server, "staging")
	p.waitForEach("state=success", d)
	p.stop(0)
	expect(t, server, d, "in_progress success")
	if n := p.deployed(d); n != 1 {
		t.Errorf("deployed %d times", n)
	}
}

// A rate limit on the outcome delays it.
func TestRateLimitOnTheOutcome(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	p := start(t, server, "-takes", "1ms")
	server.AddWebhook(ghdeploytest.Webhook{URL: p.url, Secret: secret})
	server.Inject(ghdeploytest.Fault{
		Operation: postStatus, Match: state(ghdeploy.StateSuccess), Times: 2,
		Effect: ghdeploytest.Respond(http.StatusForbidden, `{"message":"You have exceeded a secondary rate limit."}`).WithHeader("Retry-After", "1"),
	})
	d := create(t, server, "staging")
	p.waitForEach("state=success", d)
	p.stop(0)
	expect(t, server, d, "in_progress success")
}

// One delivery is replayed under new GUIDs: immediately, later, and to a new
// process, which does not remember it.
func TestReplayDeploysOnce(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	p := start(t, server, "-takes", "300ms")
	server.AddWebhook(ghdeploytest.Webhook{URL: p.url, Secret: secret})
	d := create(t, server, "staging")
	delivered(t, server)
	var payload string
	for _, delivery := range server.Deliveries() {
		if delivery.Event == "deployment" {
			payload = delivery.Payload
		}
	}
	replay := func(to *process, payload string) {
		t.Helper()
		request := ghdeploytest.Webhook{URL: to.url, Secret: secret}.NewRequest("deployment", payload)
		if status, body := send(t, request); status != http.StatusNoContent {
			t.Errorf("the replay got %d %s", status, body)
		}
	}
	for range 4 {
		replay(p, payload)
	}
	replay(p, " "+payload) // another body of the same deployment
	p.waitFor("state=success")
	p.waitFor("msg=\"not deployed\"", `reason="it has the status success \"\""`)
	p.stop(0)

	restarted := start(t, server, "-takes", "1ms")
	restarted.waitFor("msg=reconciled", "found=0")
	replay(restarted, payload)
	restarted.waitFor("msg=\"not deployed\"", `reason="it has the status success \"\""`)
	restarted.stop(0)
	expect(t, server, d, "in_progress success")
	if n := p.deployed(d) + restarted.deployed(d); n != 1 {
		t.Errorf("deployed %d times", n)
	}
}

// A client that sends its request slowly does not delay the shutdown.
func TestSlowConnectionIsCut(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	p := start(t, server, "-takes", "1ms", "-grace", "500ms")
	server.AddWebhook(ghdeploytest.Webhook{URL: p.url, Secret: secret})
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimSuffix(strings.TrimPrefix(p.url, "http://"), "/webhook"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := fmt.Fprintf(conn, "POST /webhook HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nX-GitHub-Event: deployment\r\n"+
		"X-Hub-Signature-256: sha256=%064d\r\nContent-Length: 1000\r\n\r\n{", 0); err != nil {
		t.Fatal(err)
	}
	d := create(t, server, "staging")
	p.waitFor("state=success")
	p.stop(0)
	expect(t, server, d, "in_progress success")
}

func TestSecondSignalEndsItAtOnce(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	p := start(t, server, "-takes", "1h", "-grace", "1h")
	server.AddWebhook(ghdeploytest.Webhook{URL: p.url, Secret: secret})
	create(t, server, "staging")
	p.waitFor("msg=deploying")
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	p.waitFor(`msg="shutting down"`)
	p.end(syscall.SIGTERM)
	if status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGTERM {
		t.Errorf("%v\n%s", p.cmd.ProcessState, &p.seen)
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	p := start(t, server, "-workers", "1", "-capacity", "1", "-takes", "1h", "-grace", "1ms")
	p.waitFor("msg=reconciled")
	server.AddWebhook(ghdeploytest.Webhook{URL: p.url, Secret: secret})
	create(t, server, "staging")
	p.waitFor("msg=deploying")
	create(t, server, "production")
	create(t, server, "preview") // the queue is full
	if err := server.WaitDeliveries(t.Context()); err != nil {
		t.Fatal(err)
	}
	send(t, ghdeploytest.Webhook{URL: p.url, Secret: "another"}.NewRequest("deployment", `{}`))
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, strings.Replace(p.url, "/webhook", "/healthz", 1), nil)
	if err != nil {
		t.Fatal(err)
	}
	status, body := send(t, request)
	var health map[string]any
	if err := json.Unmarshal([]byte(body), &health); err != nil {
		t.Fatal(err)
	}
	if oldest, _ := health["oldest_seconds"].(float64); oldest <= 0 {
		t.Errorf("oldest_seconds is %v", oldest)
	}
	delete(health, "oldest_seconds")
	want := "map[duplicates:0 failed:0 finished:0 malformed:0 reconciled:true refused:1 running:1 unreported:0 unverified:1 waiting:1]"
	if got := fmt.Sprint(health); status != http.StatusOK || got != want {
		t.Errorf("%d %s\nwant %s", status, got, want)
	}
	p.stop(1)
}

func TestRefusesToStart(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	for _, test := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"no repository", nil, 1, "-repo OWNER/NAME"},
		{"not a repository", []string{"-repo", "shop"}, 1, "-repo: "},
		{"an empty environment", []string{"-repo", repo, "-environment", ""}, 2, "-environment"},
		{"negative workers", []string{"-repo", repo, "-workers", "-1"}, 1, "Workers is -1"},
		{"negative capacity", []string{"-repo", repo, "-capacity", "-1"}, 1, "Capacity is -1"},
		{"an unknown repository", []string{"-repo", "acme/other", "-addr", "127.0.0.1:0"}, 1, "reconcile acme/other"},
		{"an invalid address", []string{"-repo", repo, "-addr", "127.0.0.1:port"}, 1, "port"},
		{"no secret", []string{"WEBHOOK_SECRET=", "-repo", repo}, 1, "WEBHOOK_SECRET"},
		{"no token", []string{"GITHUB_TOKEN=", "-repo", repo}, 1, "GITHUB_TOKEN"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := launch(t, server.URL(), test.args...)
			if code := p.exit(); code != test.code || !strings.Contains(p.seen.String(), test.want) {
				t.Errorf("exit code %d, want %d and %q\n%s", code, test.code, test.want, &p.seen)
			}
		})
	}
}

func report(t *testing.T, server *ghdeploytest.Server, d *ghdeploy.Deployment, status ghdeploy.DeploymentStatusRequest) {
	t.Helper()
	if _, err := server.Client().Statuses.Create(t.Context(), "acme", "shop", d.ID, status); err != nil {
		t.Fatal(err)
	}
}

// send sends a request and returns the status and the body of the response.
func send(t *testing.T, r *http.Request) (int, string) {
	t.Helper()
	resp, err := (&http.Client{Timeout: time.Minute}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}
