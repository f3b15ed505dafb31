package ghdeploytest

import (
	"context"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // X-Hub-Signature is an HMAC with it
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Delivery is one attempt to deliver an event to a webhook. [Server.Deliveries]
// lists them.
type Delivery struct {
	// ID identifies the delivery, GUID the event. Other webhooks and
	// redeliveries of the same event have the same GUID.
	ID   int64
	GUID string
	// HookID is the ID of the webhook.
	HookID int64
	// Event is the value of X-GitHub-Event. Action is the member "action" of
	// the payload, "" for a ping.
	Event, Action string
	// Redelivery is true for a delivery that [Server.Redeliver] sent.
	Redelivery bool

	// Time is the time of the event, or of the call of Redeliver, by the
	// server's clock.
	Time time.Time
	URL  string
	// Header and Body are the request as sent. Payload is the JSON: the body
	// itself, or the form field payload.
	Header        http.Header
	Body, Payload string

	// Status and Response are the receiver's status and body. While Status is 0
	// and Err is nil, the delivery is queued or running.
	Status   int
	Response string
	// Err is the reason for a missing response, nil otherwise. It matches
	// [context.DeadlineExceeded] after GitHub's timeout: 10 seconds, or 30 with
	// [Webhook.Enterprise].
	Err      error
	Duration time.Duration
}

// OK reports whether the receiver accepted the delivery: a complete response
// with a 2xx status.
func (d Delivery) OK() bool { return d.Err == nil && d.Status >= 200 && d.Status <= 299 }

// delivery is a log entry and its webhook.
type delivery struct {
	Delivery
	hook *hook
}

const (
	deliveryTimeout   = 10 * time.Second
	enterpriseTimeout = 30 * time.Second
	maxPayload        = 25_000_000 // bytes; a larger payload is not sent
	hookshot          = "GitHub-Hookshot/0d3b10c"
)

// Deliveries returns the deliveries of all webhooks, in the order of their
// events.
func (s *Server) Deliveries() []Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]Delivery, len(s.hooks.log))
	for i, d := range s.hooks.log {
		list[i] = d.Delivery
		list[i].Header = d.Header.Clone()
	}
	return list
}

// WaitDeliveries waits until no delivery is queued or running. Failed
// deliveries count as done. It returns an error only if ctx ends first. After
// [Server.Close] it returns at once.
func (s *Server) WaitDeliveries(ctx context.Context) error {
	for {
		s.mu.Lock()
		if s.hooks.pending == 0 {
			s.mu.Unlock()
			return nil
		}
		if s.hooks.idle == nil {
			s.hooks.idle = make(chan struct{})
		}
		idle := s.hooks.idle
		s.mu.Unlock()
		select {
		case <-idle:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Redeliver sends an event again, with the same GUID and body, to each webhook
// that it was sent to. GitHub redelivers only on request. Redeliver panics if
// no delivery has the GUID.
func (s *Server) Redeliver(guid string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var known []string
	found := false
	for _, d := range slices.Clone(s.hooks.log) {
		if d.Redelivery {
			continue
		}
		known = append(known, d.GUID+" ("+d.Event+")")
		if d.GUID != guid {
			continue
		}
		found = true
		s.enqueue(d.hook, Delivery{
			GUID: guid, Event: d.Event, Action: d.Action, Redelivery: true, Header: d.Header.Clone(), Body: d.Body, Payload: d.Payload,
		})
	}
	if !found {
		panic(fmt.Sprintf("ghdeploytest: Redeliver(%q): this GUID was never delivered; there are: %s", guid, strings.Join(slices.Compact(known), ", ")))
	}
}

// send delivers an event to a webhook. c is the request that caused it. The
// caller holds the lock.
func (s *Server) send(c *call, h *hook, guid, event, action string, payload []byte) {
	if len(payload) > maxPayload {
		return
	}
	d := Delivery{GUID: guid, Event: event, Action: action, Payload: string(payload), Body: string(payload)}
	contentType := "application/json"
	if h.contentType == contentForm {
		contentType = "application/x-www-form-urlencoded"
		d.Body = url.Values{"payload": {d.Payload}}.Encode()
	}
	targetType, target := "repository", int64(0)
	switch {
	case h.app != "":
		targetType, target = "integration", s.state.appID(h.app)
	default:
		target = h.repo.id
	}
	d.Header = http.Header{}
	for name, value := range map[string]string{
		"Accept": "*/*", "Content-Type": contentType, "User-Agent": hookshot,
		"X-GitHub-Event": event, "X-GitHub-Delivery": guid, "X-GitHub-Hook-ID": strconv.FormatInt(h.id, 10),
		"X-GitHub-Hook-Installation-Target-Type": targetType,
		"X-GitHub-Hook-Installation-Target-ID":   strconv.FormatInt(target, 10),
	} {
		d.Header.Set(name, value)
	}
	if h.enterprise != "" {
		d.Header.Set("X-GitHub-Enterprise-Version", h.enterprise)
		if u, err := url.Parse(c.root); err == nil {
			d.Header.Set("X-GitHub-Enterprise-Host", u.Hostname())
		}
	}
	if h.secret != "" {
		d.Header.Set("X-Hub-Signature", "sha1="+sign(sha1.New, h.secret, d.Body))
		d.Header.Set("X-Hub-Signature-256", "sha256="+sign(sha256.New, h.secret, d.Body))
	}
	s.enqueue(h, d)
}

func sign(algorithm func() hash.Hash, secret, body string) string {
	mac := hmac.New(algorithm, []byte(secret))
	mac.Write([]byte(body))
	return hex.EncodeToString(mac.Sum(nil))
}

// enqueue logs a delivery and starts the webhook's goroutine if none runs. The
// caller holds the lock.
func (s *Server) enqueue(h *hook, content Delivery) {
	content.ID, content.HookID, content.URL, content.Time = s.state.ids.next(deliveryIDs), h.id, h.address, s.now()
	d := &delivery{content, h}
	s.hooks.log = newest(s, append(s.hooks.log, d))
	if s.closed {
		d.Err = errClosed
		return
	}
	s.hooks.pending++
	h.queue = append(h.queue, d)
	if h.running {
		return
	}
	h.running = true
	s.active++
	background(s, func(ctx context.Context, stop *context.CancelFunc) { s.work(ctx, stop, h) })
}

// background runs work on a goroutine whose context ends with Close. The caller
// holds the lock. As a variable it keeps contextcheck from asking every caller
// of NewServer for a context.
var background = func(s *Server, work func(ctx context.Context, stop *context.CancelFunc)) {
	ctx, stop := context.WithCancel(context.Background())
	s.sleepers[&stop] = struct{}{}
	go work(ctx, &stop)
}

// work sends the deliveries in a webhook's queue and returns when it is empty,
// so an idle server has no goroutine.
func (s *Server) work(ctx context.Context, stop *context.CancelFunc, h *hook) {
	defer s.end()
	defer (*stop)()
	for {
		s.mu.Lock()
		if len(h.queue) == 0 {
			h.running = false
			delete(s.sleepers, stop)
			s.mu.Unlock()
			return
		}
		d := h.queue[0]
		h.queue = h.queue[1:]
		content := d.Delivery
		s.mu.Unlock()

		start := time.Now()
		status, response, err := h.post(ctx, content)

		content.Duration = time.Since(start)
		content.Status, content.Response, content.Err = status, response, err
		if s.deliveryLog != nil {
			s.deliveryLog(content)
		}
		s.mu.Lock()
		d.Delivery = content
		s.hooks.pending--
		if s.hooks.pending == 0 && s.hooks.idle != nil {
			close(s.hooks.idle)
			s.hooks.idle = nil
		}
		s.mu.Unlock()
	}
}

// timedOut is the error of a delivery without a response within d.
func timedOut(d time.Duration) error {
	return fmt.Errorf("ghdeploytest: the receiver did not respond within %v: %w", d, context.DeadlineExceeded)
}

// post sends one delivery. It follows no redirect.
func (h *hook) post(ctx context.Context, d Delivery) (status int, response string, err error) {
	timeout := deliveryTimeout
	if h.enterprise != "" {
		timeout = enterpriseTimeout
	}
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, timedOut(timeout))
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, d.URL, strings.NewReader(d.Body))
	if err != nil {
		return 0, "", err
	}
	r.Header = d.Header.Clone()
	resp, err := h.transport.RoundTrip(r)
	if err == nil {
		defer resp.Body.Close()
		var body []byte
		body, err = io.ReadAll(io.LimitReader(resp.Body, 1<<20))
		status, response = resp.StatusCode, string(body)
	}
	switch cause := context.Cause(ctx); {
	case err == nil:
	case errors.Is(cause, context.Canceled):
		err = errClosed
	case cause != nil:
		err = cause
	}
	return status, response, err
}
