package webhook

import (
	"errors"
	"log/slog"
	"net/http"
)

// Handler is the [http.Handler] of GitHub's deliveries. It is safe for
// concurrent use. Create one with [NewHandler]; the zero Handler refuses all
// deliveries.
//
// It responds with
//
//   - 204 if the callback returned nil, or the event has no callback;
//   - 400 if the payload cannot be decoded, or a header has two values;
//   - 401 without a valid signature;
//   - 405 if the method is not POST;
//   - 413 if the body is larger than MaxBody;
//   - 415 if the content type is neither JSON nor a form;
//   - 500 if the callback failed, 503 if a [Queue] does not accept the
//     delivery.
//
// GitHub waits 10 seconds for the response (GitHub Enterprise Server: 30) and
// then counts the delivery as failed. Put a [Queue] before a callback that can
// take longer.
//
// The Handler reads a body only if the request has a well-formed signature.
// Anyone can send such a request, and send it slowly: set the ReadTimeout of
// the [http.Server].
//
// GitHub docs: https://docs.github.com/webhooks/using-webhooks/best-practices-for-using-webhooks
type Handler struct {
	// MaxBody is the maximum size of a body, in bytes. Set it before the first
	// request. The default and the maximum are the constant [MaxBody]; a number
	// below 1 or above the maximum has no effect. Deployment events are rarely
	// larger than 50 KB, but a deployment's payload has no documented limit.
	MaxBody int64

	verifier *Verifier
	on       Callbacks
	counts   handlerCounts
}

// NewHandler returns a Handler that calls a callback for each delivery that the
// verifier accepts. A nil verifier accepts no delivery.
func NewHandler(verifier *Verifier, on Callbacks) *Handler {
	return &Handler{verifier: verifier, on: on}
}

// ServeHTTP receives one delivery.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		respond(w, http.StatusMethodNotAllowed)
		return
	}
	limit := int64(MaxBody)
	if h.MaxBody > 0 {
		limit = min(limit, h.MaxBody)
	}
	event, err := h.verifier.parseRequest(w, r, limit)
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	err = errExited // unless the callback returns
	defer func() { h.finish(w, r, event, err) }()
	err = h.on.call(r.Context(), event)
}

// refuse responds to a delivery that cannot be parsed.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, err error) {
	level, count := slog.LevelDebug, &h.counts.unverified
	if malformed := (*DecodeError)(nil); errors.As(err, &malformed) {
		level, count = slog.LevelError, &h.counts.malformed
	}
	count.Add(1)
	respond(w, refusal(err))
	refused := newDelivery(readHeaders(r.Header))
	h.on.report(r.Context(), &refused, err, level)
}

// finish responds to a delivery whose callback was called.
func (h *Handler) finish(w http.ResponseWriter, r *http.Request, event Event, err error) {
	switch {
	case err == nil:
		h.counts.accepted.Add(1)
		w.WriteHeader(http.StatusNoContent)
		return
	case errors.Is(err, ErrQueueFull), errors.Is(err, ErrQueueClosed):
		respond(w, http.StatusServiceUnavailable)
	default:
		respond(w, http.StatusInternalServerError)
	}
	h.counts.failed.Add(1)
	h.on.report(r.Context(), event.Info(), err, slog.LevelError)
}

// refusal is the status for a delivery that cannot be parsed.
func refusal(err error) int {
	switch {
	case errors.Is(err, ErrNoSignature), errors.Is(err, ErrBadSignature):
		return http.StatusUnauthorized
	case errors.Is(err, ErrTooLarge):
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, ErrContentType):
		return http.StatusUnsupportedMediaType
	default:
		return http.StatusBadRequest
	}
}

// respond sends the text of the status and nothing else, because the sender
// may not be GitHub.
func respond(w http.ResponseWriter, status int) {
	http.Error(w, http.StatusText(status), status)
}
