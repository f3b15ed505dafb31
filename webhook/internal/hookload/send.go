package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/ghdeploy/ghdeploy/webhook"
)

// sender sends deliveries as GitHub does. It sends those of one environment one
// after the other, so that it knows the order in which they were accepted.
type sender struct {
	load      load
	url       string
	seen      *figures
	transport *http.Transport
	client    *http.Client
}

func newSender(l load, url string, f *figures) *sender {
	transport := &http.Transport{MaxIdleConnsPerHost: 256}
	return &sender{l, url, f, transport, &http.Client{Transport: transport, Timeout: 30 * time.Second}}
}

func (s *sender) close() { s.transport.CloseIdleConnections() }

// send sends the mixture at the rate. If the queue is shut down, the last
// quarter comes after that, on a slow machine too.
func (s *sender) send(ctx context.Context) {
	type planned struct {
		delivery
		at    time.Duration
		after <-chan struct{} // nil: at once
	}
	plans := make([][]planned, s.load.environments)
	for i, d := range s.load.mixture() {
		p := planned{delivery: d, at: time.Duration(i) * time.Second / time.Duration(s.load.rate)}
		if s.load.shutdown && i >= s.load.size()*3/4 {
			p.after = s.seen.shutdown
		}
		environment := s.load.environmentOf(d.id)
		plans[environment] = append(plans[environment], p)
	}
	var wg sync.WaitGroup
	began := time.Now()
	for _, plan := range plans {
		wg.Go(func() {
			for _, p := range plan {
				time.Sleep(time.Until(began.Add(p.at)))
				if p.after != nil {
					<-p.after
				}
				s.deliver(ctx, p.delivery)
			}
		})
	}
	wg.Wait()
	s.seen.took = time.Since(began)
}

// redeliver redelivers what got a 503 or failed, until all of it is finished.
// It omits accepted deliveries, because a redelivery would hide a loss.
func (s *sender) redeliver(ctx context.Context, queue *webhook.Queue) {
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		if stats := queue.Stats(); stats.Waiting+stats.Running > 0 {
			time.Sleep(10 * time.Millisecond)
			continue
		}
		s.seen.idle()
		failed := s.seen.unfinished()
		if len(failed) == 0 {
			return
		}
		for _, d := range failed {
			s.deliver(ctx, d)
		}
	}
}

func (s *sender) deliver(ctx context.Context, d delivery) {
	s.seen.sending(d)
	s.seen.sent(d, s.post(ctx, d))
}

// reply is the response to one delivery.
type reply struct {
	status int
	took   time.Duration
	err    error
}

func (s *sender) post(ctx context.Context, d delivery) reply {
	body := s.load.payload(d.id)
	key := secret
	if d.kind == forged {
		key = "another secret"
	}
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(body))
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, strings.NewReader(body))
	if err != nil {
		return reply{err: err}
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-GitHub-Event", "deployment")
	r.Header.Set("X-GitHub-Delivery", d.guid)
	r.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	start := time.Now()
	resp, err := s.client.Do(r)
	if err != nil {
		return reply{err: err}
	}
	_, err = io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	return reply{status: resp.StatusCode, took: time.Since(start), err: err}
}
