package ghdeploytest

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// The events that a webhook can ask for. A ping comes unasked.
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

// Webhook describes a webhook: which events the server sends, and where to. Hand it to [WithWebhook] or to
// [Server.AddWebhook].
type Webhook struct {
	// URL is where the deliveries are posted. Required without Handler. With Handler it is the address that the
	// handler sees, by default https://receiver.test/.
	URL string
	// Handler, if set, receives the deliveries in process: without a socket, so also inside testing/synctest.
	Handler http.Handler
	// Transport, if set, carries the deliveries to URL. The default opens a connection for each. Not with Handler.
	Transport http.RoundTripper
	// Secret signs the deliveries. Without one they carry no signature.
	Secret string
	// Events are the events to send: deployment, deployment_status and, for an app, deployment_review and
	// deployment_protection_rule. Nil is all that the webhook may have. A ping is always sent.
	Events []string
	// ContentType is json, the default, or form: the JSON in the field payload of a form.
	ContentType string
	// Repository is the full name of the repository whose events are sent. The default is every repository of the
	// server; without App that is a webhook for each, as on GitHub, with an id and a ping of its own.
	Repository string
	// App is the slug of a GitHub App. It makes this the app's webhook: the payloads name the installation, and the
	// events of reviews are sent too, which GitHub keeps for apps.
	App string
	// Enterprise is the release of a GitHub Enterprise Server, like 3.17.2. It makes this the webhook of one: the
	// deliveries name the release and the host, and wait 30 seconds for an answer. The addresses in them are those of
	// the request that caused the event.
	Enterprise string
}

const (
	contentJSON = "json"
	contentForm = "form"
)

// WithWebhook adds a webhook from the start: before the runs of a [Repository] begin, so it gets their events. Its ping
// is under way when [NewServer] returns.
func WithWebhook(w Webhook) Option {
	return func(s *Server, _ *Seed) { s.hooks.setup = append(s.hooks.setup, w) }
}

// AddWebhook adds a webhook to a running server and sends its ping. A webhook that cannot be meant panics.
//
// Deliveries are sent in the background, for each webhook one after the other in the order of their events; GitHub
// promises no order. A delivery that fails is not sent again: see [Server.Redeliver].
func (s *Server) AddWebhook(w Webhook) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		panic("ghdeploytest: AddWebhook was called after Close; add it while the server runs")
	}
	s.addWebhook(w)
}

// hooks is what the server knows about webhooks, guarded by Server.mu.
type hooks struct {
	setup []Webhook // from the options, until the repositories are there
	list  []*hook
	log   []*delivery

	events  int64         // numbers the GUIDs
	pending int           // deliveries that are not over
	idle    chan struct{} // made by WaitDeliveries, closed when pending reaches 0
}

// hook is a webhook in force.
type hook struct {
	id          int64
	address     string
	secret      string
	contentType string
	events      []string
	all         bool        // it asked for no events by name
	repo        *repository // nil = every one
	app         string      // "" = the repository's own webhook
	enterprise  string      // release, "" = github.com
	transport   http.RoundTripper
	createdAt   time.Time

	queue   []*delivery
	running bool // somebody works on the queue
}

// The kinds of ids that webhooks add.
const (
	hookIDs     = 50_000_000_000
	deliveryIDs = 51_000_000_000
)

// addWebhook checks a webhook and puts it in force. The caller holds the lock.
func (s *Server) addWebhook(w Webhook) {
	may, kind := repositoryEvents, "the webhook of a repository"
	if w.App != "" {
		may, kind = appEvents, "the webhook of an app"
	}
	for _, event := range w.Events {
		switch {
		case slices.Contains(may, event):
		case slices.Contains(appEvents, event):
			panic(fmt.Sprintf("ghdeploytest: Webhook{Events: %q}: GitHub sends that to apps only; set App to the slug of one", event))
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

// address is where the deliveries go.
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

// carrier is what carries the deliveries.
func (s *Server) carrier(w Webhook) http.RoundTripper {
	switch {
	case w.Handler != nil && w.Transport != nil:
		panic("ghdeploytest: Webhook with Handler and Transport; a handler needs nothing that carries, set one of them")
	case w.Handler != nil:
		return receiver{s, w.Handler}
	case w.Transport != nil:
		return w.Transport
	}
	// No connection is kept, so that none is left after Close; and GitHub does not ask for compression.
	return &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true, DisableCompression: true}
}

// wants reports whether the webhook is to get an event of a repository.
func (h *hook) wants(event string, r *repository) bool {
	return slices.Contains(h.events, event) && (h.repo == nil || h.repo == r)
}
