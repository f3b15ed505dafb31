package main

import (
	"cmp"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/ghdeploy/ghdeploy/ghdeploytest"
	"github.com/ghdeploy/ghdeploy/webhook"
)

var quiet = slog.New(slog.DiscardHandler)

// testBroker returns a broker with an embedded server in a directory of the
// test.
func testBroker(t *testing.T, change func(*brokerConfig)) *broker {
	t.Helper()
	c := brokerConfig{store: filepath.Join(t.TempDir(), "nats"), partitions: 4, replicas: 1, window: time.Hour, ackWait: 2 * time.Second}
	if change != nil {
		change(&c)
	}
	b, err := open(t.Context(), c, "test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.close)
	return b
}

const testSecret = "test-secret"

// testReceiver returns the handler of a receiver.
func testReceiver(t *testing.T, b *broker) http.Handler {
	t.Helper()
	verifier, err := webhook.NewVerifier(testSecret)
	if err != nil {
		t.Fatal(err)
	}
	return (&receiver{b, quiet}).handler(verifier)
}

// payload returns a deployment event with the keys that the fleet needs.
func payload(id int64, environment, extra string) string {
	return fmt.Sprintf(`{"action": "created", "deployment": {"id": %d, "ref": "main", "environment": %q, "created_at": "2026-11-01T00:00:00Z"},
		"repository": {"id": 1, "name": "example", "full_name": "octocat/example", "owner": {"login": "octocat"}}, "extra": %q}`, id, environment, extra)
}

// deliver sends a delivery to a receiver. It signs with the right secret if
// secret is "".
func deliver(t *testing.T, to http.Handler, event, body, secret string) *httptest.ResponseRecorder {
	t.Helper()
	r := ghdeploytest.Webhook{Secret: cmp.Or(secret, testSecret), URL: "https://receiver.test/webhook"}.NewRequest(event, body)
	w := httptest.NewRecorder()
	to.ServeHTTP(w, r)
	return w
}

func messages(t *testing.T, b *broker) uint64 {
	t.Helper()
	info, err := b.stream.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return info.State.Msgs
}

func TestReceive(t *testing.T) {
	b := testBroker(t, nil)
	door := testReceiver(t, b)
	large := payload(3, "e", strings.Repeat("x", int(b.conn.MaxPayload())))
	for _, test := range []struct {
		name, event, body, secret string
		status                    int
		stored                    uint64 // messages in the stream afterwards
	}{
		{"genuine", "deployment", payload(1, "a.b > *", ""), "", 204, 1},
		{"replayed", "deployment", payload(1, "a.b > *", ""), "", 204, 1},
		{"changed", "deployment", payload(1, "a.b > *", "x"), "", 204, 2},
		{"forged", "deployment", payload(2, "e", ""), "guess", 401, 2},
		{"another event", "deployment_status", payload(2, "e", ""), "", 204, 2},
		{"ping", "ping", `{"zen": "x"}`, "", 204, 2},
		{"without a repository", "deployment", `{"deployment": {"id": 1, "environment": "e"}}`, "", 500, 2},
		{"without an id", "deployment", payload(0, "e", ""), "", 500, 2},
		{"larger than a message", "deployment", large, "", 413, 2},
		{"almost as large", "deployment", large[:len(large)-overhead-1000] + `"}`, "", 204, 3},
	} {
		w := deliver(t, door, test.event, test.body, test.secret)
		if stored := messages(t, b); w.Code != test.status || stored != test.stored {
			t.Errorf("%s: %d, %d stored; want %d, %d", test.name, w.Code, stored, test.status, test.stored)
		}
	}
	msg, err := b.stream.GetMsg(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(strings.TrimPrefix(msg.Subject, "deploy."), ".")
	if rest != "octocat.example.a%2eb%20%3e%20%2a" || string(msg.Data) != payload(1, "a.b > *", "") || msg.Header.Get(eventHeader) != "deployment" {
		t.Errorf("stored %s %v %s", msg.Subject, msg.Header, msg.Data)
	}
}

// TestReceiveWithoutJetStream: a delivery that is not stored gets a 503.
func TestReceiveWithoutJetStream(t *testing.T) {
	b := testBroker(t, nil)
	door := testReceiver(t, b)
	health := func() int {
		w := httptest.NewRecorder()
		door.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/healthz", http.NoBody))
		return w.Code
	}
	if got := health(); got != 204 {
		t.Errorf("healthz is %d", got)
	}
	if err := b.js.DeleteStream(t.Context(), streamName); err != nil {
		t.Fatal(err)
	}
	if w := deliver(t, door, "deployment", payload(1, "e", ""), ""); w.Code != 503 {
		t.Errorf("without a stream: %d", w.Code)
	}
	b.embedded.Shutdown()
	b.embedded.WaitForShutdown()
	for b.conn.IsConnected() && t.Context().Err() == nil {
		pause(t.Context(), time.Millisecond) // real clock: a real connection
	}
	if w := deliver(t, door, "deployment", payload(1, "e", ""), ""); w.Code != 503 {
		t.Errorf("without a server: %d", w.Code)
	}
	if got := health(); got != 503 {
		t.Errorf("healthz is %d without a server", got)
	}
}

// TestRestart: the IDs of acknowledged messages survive a restart of the
// server.
func TestRestart(t *testing.T) {
	store := filepath.Join(t.TempDir(), "nats")
	for i, want := range []uint64{2, 2} {
		b := testBroker(t, func(c *brokerConfig) { c.store = store })
		door := testReceiver(t, b)
		for id := range int64(2) {
			if w := deliver(t, door, "deployment", payload(id+1, fmt.Sprint("e", id), ""), ""); w.Code != 204 {
				t.Errorf("start %d: %d", i, w.Code)
			}
		}
		if got := messages(t, b); got != want {
			t.Errorf("start %d: %d messages, want %d", i, got, want)
		}
		for _, consumer := range b.partitions {
			for {
				batch, err := consumer.FetchNoWait(1)
				if err != nil {
					t.Fatal(err)
				}
				msg, more := <-batch.Messages()
				if !more {
					break
				}
				if i > 0 {
					t.Errorf("redelivered %s", msg.Subject())
				}
				if err := msg.DoubleAck(t.Context()); err != nil {
					t.Error(err)
				}
			}
		}
		b.close()
	}
}

// TestPartitions: an environment has one partition, and a partition delivers
// one message at a time, in order.
func TestPartitions(t *testing.T) {
	b := testBroker(t, func(c *brokerConfig) { c.ackWait = time.Minute })
	door := testReceiver(t, b)
	for id := int64(1); id <= 40; id++ {
		environment := fmt.Sprint("env ", id%8)
		if id%3 == 0 {
			environment = strings.ToUpper(environment)
		}
		if w := deliver(t, door, "deployment", payload(id, environment, ""), ""); w.Code != 204 {
			t.Fatal(w.Code)
		}
	}
	fetch := func(consumer jetstream.Consumer) jetstream.Msg {
		batch, err := consumer.Fetch(2, jetstream.FetchMaxWait(50*time.Millisecond))
		if err != nil {
			t.Fatal(err)
		}
		var first jetstream.Msg
		for msg := range batch.Messages() {
			if first != nil {
				t.Errorf("%s and %s at once", first.Subject(), msg.Subject())
			}
			first = msg
		}
		return first
	}
	seen, partitionOf := 0, map[string]int{}
	for i, consumer := range b.partitions {
		last := map[string]int64{}
		for msg := fetch(consumer); msg != nil; msg = fetch(consumer) {
			event, err := webhook.Parse(msg.Headers().Get(eventHeader), msg.Data())
			if err != nil {
				t.Fatal(err)
			}
			d := event.(*webhook.DeploymentEvent).Deployment
			environment := strings.ToLower(d.Environment)
			if other, known := partitionOf[environment]; known && other != i {
				t.Errorf("%s is in the partitions %d and %d", environment, other, i)
			}
			if d.ID <= last[environment] {
				t.Errorf("%s: %d after %d", environment, d.ID, last[environment])
			}
			partitionOf[environment], last[environment] = i, d.ID
			if err := msg.DoubleAck(t.Context()); err != nil {
				t.Fatal(err)
			}
			seen++
		}
	}
	if seen != 40 || len(partitionOf) != 8 {
		t.Errorf("%d messages of %d environments", seen, len(partitionOf))
	}
}

func TestOpenRefuses(t *testing.T) {
	b := testBroker(t, func(c *brokerConfig) { c.listen = "127.0.0.1:0" })
	good := brokerConfig{url: b.embedded.ClientURL(), partitions: 4, replicas: 1, window: time.Hour, ackWait: 2 * time.Second}
	for want, change := range map[string]func(*brokerConfig){
		`has "4" partitions and -partitions is 8`: func(c *brokerConfig) { c.partitions = 8 },
		"has the ack wait 2s and -ack-wait is 5s": func(c *brokerConfig) { c.ackWait = 5 * time.Second },
		"-ack-wait and -window at least 1s":       func(c *brokerConfig) { c.ackWait = 0 },
		"connecting to NATS":                      func(c *brokerConfig) { c.url = "nats://127.0.0.1:1" },
		"-listen: ":                               func(c *brokerConfig) { c.url, c.listen, c.store = "", "4222", t.TempDir() },
		"is not a number":                         func(c *brokerConfig) { c.url, c.listen, c.store = "", ":nats", t.TempDir() },
	} {
		c := good
		change(&c)
		other, err := open(t.Context(), c, "test")
		if err == nil {
			other.close()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("open = %v, want %s", err, want)
		}
	}
	other, err := open(t.Context(), good, "test")
	if err != nil {
		t.Fatal(err)
	}
	other.close()
}

func TestParse(t *testing.T) {
	for args, want := range map[string]string{
		"":                      "",
		"demo":                  "",
		"receive work":          "",
		"work -nats nats://x":   "",
		"receive -listen :4222": "",
		"demo -takes 1s":        "demo takes no other role",
		"receive demo":          "demo takes no other role",
		"deploy":                `unknown role "deploy"`,
		"-nats nats://x":        "name a role",
		"work":                  "a single role needs -nats, or -listen",
		"work -nats x receive":  `unexpected argument "receive"`,
		"work -tenants 5":       "flag provided but not defined",
	} {
		_, err := parse(strings.Fields(args), io.Discard)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("parse(%s) = %v, want %q", args, err, want)
		}
	}
}

func TestRunRefuses(t *testing.T) {
	t.Setenv("WEBHOOK_SECRET", "")
	c, err := parse([]string{"receive", "-nats", "nats://127.0.0.1:1"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), c, quiet); err == nil || !strings.HasPrefix(err.Error(), "WEBHOOK_SECRET: ") {
		t.Errorf("run without a secret = %v", err)
	}
}
