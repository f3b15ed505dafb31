package ghdeploytest

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// The events that a webhook can subscribe to. A ping is always sent.
const (
	eventPing           = "ping"
	eventDeployment     = "deployment"
	eventStatus         = "deployment_status"
	eventReview         = "deployment_review"
	eventProtectionRule = "deployment_protection_rule"
)

var (
	repositoryEvents = []string{eventDeployment, eventStatus}
	appEvents        = []string{eventDeployment, eventStatus, eventReview, eventProtectionRule}
)

// Webhook is a webhook of a repository or of an app. Pass it to [WithWebhook]
// or [Server.AddWebhook].
type Webhook struct {
	// URL is the address that receives the deliveries. Required without
	// Handler. With Handler it is only the address in the request,
	// https://receiver.test/ by default.
	URL string
	// Handler, if set, receives the deliveries in process. It needs no socket,
	// so it works inside testing/synctest.
	Handler http.Handler
	// Transport, if set, sends the deliveries to URL. The default opens a new
	// connection for each delivery. Cannot be combined with Handler.
	Transport http.RoundTripper
	// Secret signs the deliveries. Without it they have no signature.
	Secret string
	// Events are the events to send: deployment, deployment_status and, with
	// App, deployment_review and deployment_protection_rule. Nil means all that
	// the webhook can have. A ping is always sent.
	Events []string
	// ContentType is json or form. The default is json. form sends the JSON as
	// the form field payload.
	ContentType string
	// Repository is the full name of the repository whose events are sent. The
	// default is every repository. Without App, each repository then gets its
	// own webhook with its own ID and ping, as on GitHub.
	Repository string
	// App is the slug of a GitHub App. It makes this the webhook of that app:
	// payloads name the installation. Only an app's webhook gets the review
	// events, as on GitHub.
	App string
	// Enterprise is a release of GitHub Enterprise Server, like 3.17.2. It
	// makes this a webhook of such a server: the deliveries name the release
	// and the host, and time out after 30 seconds. The URLs in them have the
	// host of the request that caused the event.
	Enterprise string
}

const (
	contentJSON = "json"
	contentForm = "form"
)

// WithWebhook adds a webhook before the runs of a [Repository] start, so it
// receives their events. The ping is sent in the background and may arrive
// after [NewServer] returns.
func WithWebhook(w Webhook) Option {
	return func(s *Server, _ *Seed) { s.hooks.setup = append(s.hooks.setup, w) }
}

// AddWebhook adds a webhook to a running server and sends its ping. It panics
// if the webhook is invalid.
//
// Deliveries are sent in the background. Those of one webhook are sent one at a
// time in the order of their events; GitHub promises no order. A failed
// delivery is not retried; use [Server.Redeliver].
func (s *Server) AddWebhook(w Webhook) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		panic("ghdeploytest: AddWebhook was called after Close; call it before")
	}
	s.addWebhook(w)
}

// hooks is the data of the webhooks, guarded by Server.mu.
type hooks struct {
	setup []Webhook // from the options, until the repositories are added
	list  []*hook
	log   []*delivery

	events  int64         // counts GUIDs
	pending int           // deliveries that are queued or running
	idle    chan struct{} // made by WaitDeliveries, closed when pending reaches 0
}

// hook is an added webhook.
type hook struct {
	id          int64
	address     string
	secret      string
	contentType string
	events      []string
	all         bool        // Events was nil
	repo        *repository // nil for every repository
	app         string      // "" for a repository's webhook
	enterprise  string      // release; "" for github.com
	transport   http.RoundTripper
	createdAt   time.Time

	queue   []*delivery
	running bool // a goroutine works on the queue
}

// The kinds of IDs of webhooks.
const (
	hookIDs     = 50_000_000_000
	deliveryIDs = 51_000_000_000
)

// addWebhook checks and adds a webhook. The caller holds the lock.
func (s *Server) addWebhook(w Webhook) {
	may, kind := repositoryEvents, "the webhook of a repository"
	if w.App != "" {
		may, kind = appEvents, "the webhook of an app"
	}
	for _, event := range w.Events {
		switch {
		case slices.Contains(may, event):
		case slices.Contains(appEvents, event):
			panic(fmt.Sprintf("ghdeploytest: Webhook{Events: %q}: GitHub sends this event to apps only; set App to the slug of an app", event))
		default:
			panic(fmt.Sprintf("ghdeploytest: Webhook{Events: %q}; %s may have: %s", event, kind, strings.Join(may, ", ")))
		}
	}
	switch w.ContentType {
	case "":
		w.ContentType = contentJSON
	case contentJSON, contentForm:
	default:
		panic(fmt.Sprintf("ghdeploytest: Webhook{ContentType: %q}; write json or form", w.ContentType))
	}
	h := hook{
		address: w.address(), secret: w.Secret, contentType: w.ContentType,
		events: w.Events, all: w.Events == nil, app: w.App, enterprise: w.Enterprise, transport: s.carrier(w), createdAt: s.now().UTC(),
	}
	if h.all {
		h.events = may
	}
	var of []*repository
	switch {
	case w.Repository != "":
		of = []*repository{s.mustFind("Webhook", w.Repository)}
	case w.App != "":
		of = []*repository{nil}
	default:
		of = s.state.repositories
	}
	for _, r := range of {
		each := h
		each.id, each.repo = s.state.ids.next(hookIDs), r
		s.hooks.list = append(s.hooks.list, &each)
		s.emitPing(&each)
	}
}

// address returns the address of the deliveries.
func (w Webhook) address() string {
	if w.URL == "" && w.Handler != nil {
		return "https://receiver.test/"
	}
	u, err := url.Parse(w.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		panic(fmt.Sprintf("ghdeploytest: Webhook{URL: %q}; write a whole address, like http://127.0.0.1:8080/hook, or set Handler", w.URL))
	}
	return w.URL
}

// carrier returns the transport of the deliveries.
func (s *Server) carrier(w Webhook) http.RoundTripper {
	switch {
	case w.Handler != nil && w.Transport != nil:
		panic("ghdeploytest: Webhook with Handler and Transport; set one of them")
	case w.Handler != nil:
		return receiver{s, w.Handler}
	case w.Transport != nil:
		return w.Transport
	}
	// Connections are not reused, so none remains after Close. GitHub does not
	// request compression.
	return &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true, DisableCompression: true}
}

// wants reports whether the webhook subscribes to an event of a repository.
func (h *hook) wants(event string, r *repository) bool {
	return slices.Contains(h.events, event) && (h.repo == nil || h.repo == r)
}
