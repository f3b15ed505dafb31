//go:build unix

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// entrance is the load balancer before the receivers. It loses, repeats,
// replays and forges deliveries.
type entrance struct {
	receivers []string
	client    *http.Client
	done      context.Context //nolint:containedctx // ends with the test
	extra     sync.WaitGroup  // additional deliveries

	mu   sync.Mutex
	odds *rand.Rand

	lost, again, replayed, renamed, forged, failed, sent atomic.Int64
	wrong                                                atomic.Pointer[string] // the first wrong response
}

// ServeHTTP is called for each delivery of the server.
func (e *entrance) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	header := r.Header.Clone()
	event := header.Get("X-GitHub-Event")
	if event == "ping" {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	if event == "deployment" && e.chance(5) { // deliver it after later ones
		e.lost.Add(1)
		e.extra.Go(func() {
			pause(e.done, 200*time.Millisecond) // real clock: the receivers are processes
			e.redeliver(header, body)
		})
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	status := e.send(header, body)
	if status == 0 || status >= 500 { // as an operator would redeliver it
		e.failed.Add(1)
		e.extra.Go(func() { e.redeliver(header, body) })
	} else if status != http.StatusNoContent {
		e.complain("a genuine %s got %d", event, status)
	}
	if event == "deployment" {
		e.extra.Go(func() { e.attack(header, body) })
	} else if e.chance(10) { // a signed body with a deployment, under another event name
		e.renamed.Add(1)
		other := header.Clone()
		other.Set("X-GitHub-Event", "deployment")
		e.extra.Go(func() { e.redeliver(other, body) })
	}
	if status == 0 {
		status = http.StatusBadGateway
	}
	w.WriteHeader(status)
}

// attack repeats, replays and forges a genuine delivery.
func (e *entrance) attack(header http.Header, body []byte) {
	if e.chance(15) {
		e.again.Add(1)
		e.redeliver(header, body)
	}
	if e.chance(15) {
		e.replayed.Add(1)
		other := header.Clone()
		other.Set("X-GitHub-Delivery", fmt.Sprintf("replay-%d", e.replayed.Load()))
		e.redeliver(other, body)
	}
	for _, forge := range []func(http.Header) []byte{
		func(http.Header) []byte { return bytes.Replace(body, []byte(`"main"`), []byte(`"evil"`), 1) },
		func(h http.Header) []byte { h.Del("X-Hub-Signature-256"); return body },
		func(h http.Header) []byte {
			h.Set("X-Hub-Signature-256", "sha256="+strings.Repeat("0", 64))
			return body
		},
	} {
		if !e.chance(5) {
			continue
		}
		e.forged.Add(1)
		other := header.Clone()
		if status := e.send(other, forge(other)); status != http.StatusUnauthorized && status != 0 {
			e.complain("a forgery got %d", status)
		}
	}
}

// redeliver sends a delivery until a receiver acknowledges it.
func (e *entrance) redeliver(header http.Header, body []byte) {
	for e.done.Err() == nil {
		switch status := e.send(header, body); {
		case status == http.StatusNoContent:
			return
		case status != 0 && status < 500:
			e.complain("a redelivery got %d", status)
			return
		}
		pause(e.done, 50*time.Millisecond) // real clock: the receivers are processes
	}
}

// send sends a delivery to any receiver. Status 0 is a lost connection.
func (e *entrance) send(header http.Header, body []byte) (status int) {
	e.mu.Lock()
	url := e.receivers[e.odds.IntN(len(e.receivers))]
	e.mu.Unlock()
	r, err := http.NewRequestWithContext(e.done, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		panic(err)
	}
	r.Header = header
	e.sent.Add(1)
	response, err := e.client.Do(r)
	if err != nil {
		return 0
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	return response.StatusCode
}

func (e *entrance) chance(percent int) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.odds.IntN(100) < percent
}

func (e *entrance) complain(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	e.wrong.CompareAndSwap(nil, &text)
}
