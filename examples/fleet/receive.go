package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/ghdeploy/ghdeploy/webhook"
)

const (
	eventHeader = "Fleet-Event" // the event's name, which is not in the body
	guidHeader  = "Fleet-Delivery"

	publishWait = 8 * time.Second // GitHub waits 10 seconds for the response
	overhead    = 4 << 10         // maximum size of a message's subject and headers, in bytes
)

// receiver stores verified deliveries in the stream.
type receiver struct {
	broker *broker
	log    *slog.Logger
}

// handler serves GitHub's deliveries at /webhook, and /healthz.
func (r *receiver) handler(verifier *webhook.Verifier) http.Handler {
	hook := webhook.NewHandler(verifier, webhook.Callbacks{OnDeployment: r.store})
	hook.MaxBody = min(webhook.MaxBody, r.broker.conn.MaxPayload()-overhead)
	mux := http.NewServeMux()
	mux.Handle("/webhook", hook)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		if !r.broker.conn.IsConnected() {
			http.Error(w, "not connected to NATS", http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	return mux
}

// store publishes a delivery and returns nil once JetStream has acknowledged
// it.
func (r *receiver) store(ctx context.Context, e *webhook.DeploymentEvent) error {
	owner, repo := e.OwnerRepo()
	if repo == "" || e.Deployment.ID <= 0 {
		return errors.New("the event names no repository or no deployment")
	}
	guid := e.Delivery.GUID[:min(len(e.Delivery.GUID), 100)] // not signed, so it can have any length
	ctx, cancel := context.WithTimeout(ctx, publishWait)
	defer cancel()
	msg := nats.NewMsg(subject(owner, repo, e.Deployment.Environment))
	msg.Header.Set(eventHeader, e.Delivery.Event)
	msg.Header.Set(guidHeader, guid)
	msg.Data = e.Delivery.Raw
	ack, err := r.broker.js.PublishMsg(ctx, msg,
		jetstream.WithMsgID(messageID(e.Delivery.Event, e.Delivery.Raw)), jetstream.WithExpectStream(streamName))
	if err != nil {
		return &notStoredError{err}
	}
	log := r.log.With("delivery", guid, "deployment", e.Deployment.ID)
	if ack.Duplicate {
		log.Info("dropped a duplicate")
	} else {
		log.Info("stored", "sequence", ack.Sequence)
	}
	return nil
}

// notStoredError makes the webhook.Handler respond with 503, as for a full
// queue.
type notStoredError struct{ err error }

func (e *notStoredError) Error() string        { return "the delivery was not stored: " + e.err.Error() }
func (e *notStoredError) Unwrap() error        { return e.err }
func (e *notStoredError) Is(target error) bool { return target == webhook.ErrQueueFull }
