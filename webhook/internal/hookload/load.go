package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/ghdeploy/ghdeploy/webhook"
)

const secret = "the secret of the load"

// load is what is to be done.
type load struct {
	rate, workers, capacity int
	duration                time.Duration
	seed                    uint64
}

// kind is what a delivery is.
type kind int

const (
	genuine   kind = iota // a new GUID
	duplicate             // the GUID of an earlier genuine one
	forged                // a wrong signature; half of them under the GUID of a genuine one to come
)

// delivery is one request.
type delivery struct {
	kind kind
	guid string
}

// mixture is what is sent: 8 of 10 genuine, 1 a duplicate, 1 forged.
func (l load) mixture() []delivery {
	random := rand.New(rand.NewPCG(l.seed, 0)) //nolint:gosec // the same mixture each time; nothing secret depends on it
	all := make([]delivery, int(float64(l.rate)*l.duration.Seconds()))
	next := 0
	guid := func(n int) string { return fmt.Sprintf("%08x-d4dd-11ee-99f2-1d75829a10e7", n) }
	for i := range all {
		switch draw := random.IntN(20); {
		case draw < 2 && next > 0:
			// Half of them right behind the first, while that is queued or being worked.
			n := next - 1
			if draw == 0 {
				n = random.IntN(next)
			}
			all[i] = delivery{duplicate, guid(n)}
		case draw == 2:
			all[i] = delivery{forged, guid(next)}
		case draw == 3:
			all[i] = delivery{forged, fmt.Sprintf("forged-%d", i)}
		default:
			all[i] = delivery{genuine, guid(next)}
			next++
		}
	}
	return all
}

// run sends the load to a receiver, shuts that down, and returns what was seen.
func (l load) run(ctx context.Context) (*figures, error) {
	before := runtime.NumGoroutine()
	f := newFigures()
	r, err := startReceiver(ctx, l, f)
	if err != nil {
		return nil, err
	}
	l.send(ctx, r.url, f)
	err = r.stop(ctx)
	f.goroutines = leftGoroutines(before)
	return f, err
}

// receiver is what is under load.
type receiver struct {
	server *http.Server
	queue  *webhook.Queue
	url    string
	served chan error
}

func startReceiver(ctx context.Context, l load, f *figures) (*receiver, error) {
	verifier, err := webhook.NewVerifier("an older secret", secret)
	if err != nil {
		return nil, err
	}
	queue, err := webhook.NewQueue(webhook.Callbacks{
		OnDeployment: func(ctx context.Context, e *webhook.DeploymentEvent) error {
			return f.work(ctx, e.Delivery.GUID, e.Deployment.ID)
		},
		OnError: func(_ context.Context, _ *webhook.Delivery, err error) { f.told(err) },
	}, webhook.QueueOptions{Workers: l.workers, Capacity: l.capacity, Remember: 1_000_000})
	if err != nil {
		return nil, err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &receiver{
		server: &http.Server{Handler: webhook.NewHandler(verifier, queue.Callbacks()), ReadHeaderTimeout: time.Minute},
		queue:  queue,
		url:    "http://" + listener.Addr().String() + "/webhook",
		served: make(chan error, 1),
	}
	go func() { r.served <- r.server.Serve(listener) }()
	return r, nil
}

func (r *receiver) stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := r.server.Shutdown(ctx); err != nil {
		return err
	}
	if err := <-r.served; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	_, err := r.queue.Shutdown(ctx)
	return err
}

// send sends the mixture at the rate, and again, at its end, what got a 503 or
// failed: as somebody would by hand. What was accepted it only waits for: a
// delivery that the queue had lost would else be made good.
func (l load) send(ctx context.Context, url string, f *figures) {
	transport := &http.Transport{MaxIdleConnsPerHost: 256}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: 30 * time.Second}

	var wg sync.WaitGroup
	f.began = time.Now()
	for i, d := range l.mixture() {
		time.Sleep(time.Until(f.began.Add(time.Duration(i) * time.Second / time.Duration(l.rate))))
		wg.Go(func() { f.sent(d, post(ctx, client, url, d)) })
	}
	f.took = time.Since(f.began)
	wg.Wait()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		again, waiting := f.unworked()
		if len(again)+waiting == 0 {
			return
		}
		for _, d := range again {
			f.resent(d, post(ctx, client, url, d))
		}
		time.Sleep(10 * time.Millisecond) // until some of it is worked
	}
}

// reply is the answer to one delivery.
type reply struct {
	status int
	took   time.Duration
	err    error
}

func post(ctx context.Context, client *http.Client, url string, d delivery) reply {
	body := payload(d.guid)
	key := secret
	if d.kind == forged {
		key = "somebody else's"
	}
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(body))
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return reply{err: err}
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-GitHub-Event", "deployment")
	r.Header.Set("X-GitHub-Delivery", d.guid)
	r.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	start := time.Now()
	resp, err := client.Do(r)
	if err != nil {
		return reply{err: err}
	}
	_, err = io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	return reply{status: resp.StatusCode, took: time.Since(start), err: err}
}

// payload is about as long as GitHub's, and names the delivery in its id.
func payload(guid string) string {
	var n int64
	_, _ = fmt.Sscanf(guid, "%x", &n) // a forged one has none
	return fmt.Sprintf(`{"action":"created","deployment":{"id":%d,"ref":"main","environment":"production","description":%q},`+
		`"repository":{"name":"shop","full_name":"acme/shop","owner":{"login":"acme"}}}`, n+1, strings.Repeat("x", 8000))
}

// leftGoroutines returns how many goroutines more there are than before, once
// those that are about to end have.
func leftGoroutines(before int) int {
	for range 500 {
		if runtime.NumGoroutine() <= before {
			return 0
		}
		time.Sleep(10 * time.Millisecond)
	}
	return runtime.NumGoroutine() - before
}
