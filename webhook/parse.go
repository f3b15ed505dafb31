package webhook

import (
	"bytes"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
)

// MaxBody is the maximum size of the body of a delivery, in bytes. GitHub sends
// no payload above 25 MB. For a form, the limit applies to the encoded text,
// which is longer than the payload.
//
// GitHub docs: https://docs.github.com/webhooks/webhook-events-and-payloads#payload-cap
const MaxBody = 25 << 20

// Parse verifies a delivery and returns its event. body is the body of the
// request, exactly as it was received. The package function [Parse] describes
// the types of the events and how they are decoded.
//
// The error is [ErrTooLarge], [ErrNoSignature], [ErrBadSignature],
// [ErrAmbiguousHeader], [ErrContentType] or a [*DecodeError].
func (v *Verifier) Parse(header http.Header, body []byte) (Event, error) {
	if len(body) > MaxBody {
		return nil, ErrTooLarge
	}
	h := readHeaders(header)
	form, err := precheck(h)
	if err != nil {
		return nil, err
	}
	return v.parse(h, bytes.Clone(body), form) // the event keeps the clone
}

// ParseRequest is [Verifier.Parse] for a request. It reads at most [MaxBody]
// bytes, and nothing if the headers have no well-formed signature. For a lower
// limit, set r.Body to an [http.MaxBytesReader].
//
// The errors are those of Parse, and an error of reading the body.
func (v *Verifier) ParseRequest(r *http.Request) (Event, error) {
	return v.parseRequest(nil, r, MaxBody)
}

// parseRequest is ParseRequest with a limit in bytes. w may be nil; otherwise
// its connection is closed after a body above the limit.
func (v *Verifier) parseRequest(w http.ResponseWriter, r *http.Request, limit int64) (Event, error) {
	if r.ContentLength > limit {
		return nil, ErrTooLarge
	}
	h := readHeaders(r.Header)
	form, err := precheck(h)
	if err != nil {
		return nil, err
	}
	body, err := readBody(w, r, limit)
	if err != nil {
		return nil, err
	}
	return v.parse(h, body, form)
}

func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	// Content-Length is not verified, so it may reserve at most 64 KiB.
	const initial = 64 << 10
	var b bytes.Buffer
	b.Grow(int(min(max(r.ContentLength, 0), limit, initial)) + bytes.MinRead)
	_, err := b.ReadFrom(http.MaxBytesReader(w, r.Body, limit))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return nil, ErrTooLarge
	}
	if err != nil {
		return nil, fmt.Errorf("webhook: reading the body: %w", err)
	}
	return b.Bytes(), nil
}

// precheck checks the headers before the body is read, and reports whether the
// body is a form.
func precheck(h *headers) (form bool, err error) {
	if _, err := h.signature(); err != nil {
		return false, err
	}
	if err := h.check(); err != nil {
		return false, err
	}
	contentType := h.get(contentTypeHeader)
	switch mediaType, _, err := mime.ParseMediaType(contentType); {
	case err == nil && mediaType == "application/json":
		return false, nil
	case err == nil && mediaType == "application/x-www-form-urlencoded":
		return true, nil
	default:
		return false, fmt.Errorf("%w: %s", ErrContentType, quoted(contentType))
	}
}

func (v *Verifier) parse(h *headers, body []byte, form bool) (Event, error) {
	if err := v.verify(h, body); err != nil {
		return nil, err
	}
	delivery := newDelivery(h)
	event, err := decodeDelivery(delivery, body, form)
	if err != nil {
		return nil, &DecodeError{Event: delivery.Event, GUID: delivery.GUID, Err: err}
	}
	return event, nil
}

var errNoEvent = errors.New("the header X-GitHub-Event is missing")

func decodeDelivery(delivery Delivery, body []byte, form bool) (Event, error) {
	if delivery.Event == "" {
		return nil, errNoEvent
	}
	delivery.Raw = body
	if form {
		values, err := url.ParseQuery(string(body))
		if err != nil {
			return nil, err
		}
		if !values.Has("payload") {
			return nil, errors.New(`the form has no field "payload"`)
		}
		delivery.Raw = []byte(values.Get("payload"))
	}
	return decode(delivery)
}
