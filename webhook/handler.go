package webhook

import (
	"errors"
	"net/http"
)

// Handler receives GitHub's deliveries. It is safe for concurrent use. Make one
// with [NewHandler]; the zero Handler refuses everything.
//
// It answers
//
//   - 204 when the callback returned nil, and for an event without a callback;
//   - 400 for a payload that cannot be read;
//   - 401 without a valid signature, and says no more than that;
//   - 405 for anything but a POST;
//   - 413 for a body above [MaxBody];
//   - 415 for a content type that is neither JSON nor a form;
//   - 500 when the callback failed, 503 when a [Queue] does not take the delivery.
//
// GitHub waits 10 seconds for the answer (GitHub Enterprise Server: 30) and
// then counts the delivery as failed. A callback that takes longer belongs
// behind a [Queue].
//
// A body is read only if it claims to be signed, but the claim may be anybody's,
// and the reading lasts as long as the [http.Server] allows: give that a
// ReadTimeout.
//
// GitHub docs: https://docs.github.com/webhooks/using-webhooks/best-practices-for-using-webhooks
type Handler struct {
	verifier *Verifier
	on       Callbacks
}

// NewHandler returns a Handler that calls back for each delivery that the
// verifier accepts. A nil verifier accepts nothing.
func NewHandler(verifier *Verifier, on Callbacks) *Handler {
	return &Handler{verifier: verifier, on: on}
}

// ServeHTTP receives one delivery.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		answer(w, http.StatusMethodNotAllowed)
		return
	}
	event, err := h.verifier.parseRequest(w, r)
	if err != nil {
		refused := newDelivery(r.Header)
		answer(w, refusal(err))
		h.on.report(r.Context(), &refused, err)
		return
	}
	err = errExited // unless the callback returns
	defer func() { h.finish(w, r, event, err) }()
	err = h.on.call(r.Context(), event)
}

// finish answers a delivery that was handed to its callback.
func (h *Handler) finish(w http.ResponseWriter, r *http.Request, event Event, err error) {
	switch {
	case err == nil:
		w.WriteHeader(http.StatusNoContent)
		return
	case errors.Is(err, ErrQueueFull), errors.Is(err, ErrQueueClosed):
		answer(w, http.StatusServiceUnavailable)
	default:
		answer(w, http.StatusInternalServerError)
	}
	h.on.report(r.Context(), event.Info(), err)
}

// refusal is the status that a delivery which cannot be parsed gets.
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

// answer says what the status says and nothing else: whoever sent this may not
// be GitHub.
func answer(w http.ResponseWriter, status int) {
	http.Error(w, http.StatusText(status), status)
}
