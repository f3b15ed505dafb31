package webhook

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"

	"github.com/ghdeploy/ghdeploy/internal/wire"
)

// MaxBody is the most that is read of one delivery, in bytes: GitHub sends no
// payload above 25 MB. Of a form it counts the encoded text, which is longer.
//
// GitHub docs: https://docs.github.com/webhooks/webhook-events-and-payloads#payload-cap
const MaxBody = 25 << 20

// Parse verifies a delivery and returns its event: a [*DeploymentEvent],
// [*DeploymentStatusEvent], [*DeploymentReviewEvent],
// [*DeploymentProtectionRuleEvent], [*PingEvent], or, of any other name, the
// [*Delivery] alone. body is the request's, exactly as it came.
//
// The error is [ErrTooLarge], [ErrNoSignature], [ErrContentType],
// [ErrBadSignature] or a [*DecodeError]. An action or a key that this package
// does not know is no error, and neither is one that is missing or null.
func (v *Verifier) Parse(header http.Header, body []byte) (Event, error) {
	if len(body) > MaxBody {
		return nil, ErrTooLarge
	}
	form, err := precheck(header)
	if err != nil {
		return nil, err
	}
	return v.parse(header, bytes.Clone(body), form) // the event keeps it
}

// ParseRequest is [Verifier.Parse] for a request: it reads the body, at most
// [MaxBody] of it, and only of a request that carries a signature. An error of
// reading is returned besides those of Parse.
func (v *Verifier) ParseRequest(r *http.Request) (Event, error) {
	return v.parseRequest(nil, r)
}

// parseRequest tells w, unless that is nil, of a body above the bound.
func (v *Verifier) parseRequest(w http.ResponseWriter, r *http.Request) (Event, error) {
	if r.ContentLength > MaxBody {
		return nil, ErrTooLarge
	}
	form, err := precheck(r.Header)
	if err != nil {
		return nil, err
	}
	body, err := readBody(w, r)
	if err != nil {
		return nil, err
	}
	return v.parse(r.Header, body, form)
}

func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return nil, ErrTooLarge
	}
	if err != nil {
		return nil, fmt.Errorf("webhook: reading the body: %w", err)
	}
	return body, nil
}

// precheck is what the headers alone tell, before anything is read: whether
// there is a signature at all, and whether the body is a form.
func precheck(header http.Header) (form bool, err error) {
	if _, err := signature(header); errors.Is(err, ErrNoSignature) {
		return false, err
	}
	contentType := get(header, "Content-Type")
	switch mediaType, _, err := mime.ParseMediaType(contentType); {
	case err == nil && mediaType == "application/json":
		return false, nil
	case err == nil && mediaType == "application/x-www-form-urlencoded":
		return true, nil
	default:
		return false, fmt.Errorf("%w: %q", ErrContentType, contentType)
	}
}

func (v *Verifier) parse(header http.Header, body []byte, form bool) (Event, error) {
	if err := v.Verify(header, body); err != nil {
		return nil, err
	}
	delivery := newDelivery(header)
	event, err := decode(delivery, body, form)
	if err != nil {
		return nil, &DecodeError{Event: delivery.Event, GUID: delivery.GUID, Err: err}
	}
	return event, nil
}

var (
	errNoEvent  = errors.New("the header X-GitHub-Event is missing")
	errNoObject = errors.New("the payload is not a JSON object")
)

func decode(delivery Delivery, body []byte, form bool) (Event, error) {
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
	event := newEvent(delivery)
	if other, ok := event.(*Delivery); ok {
		return other, nil
	}
	// A null would decode into an event as well, and is none.
	if trimmed := bytes.TrimLeft(delivery.Raw, " \t\r\n"); len(trimmed) == 0 || trimmed[0] != '{' {
		return nil, errNoObject
	}
	if err := wire.Decode(delivery.Raw, event); err != nil {
		return nil, err
	}
	return event, nil
}
