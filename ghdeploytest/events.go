package ghdeploytest

import (
	"encoding/base64"
	"fmt"
	"strings"
)

// The JSON of the events. An object that the API has too has the same form
// here.

// aboutJSON holds the members that the payloads of all events share.
type aboutJSON struct {
	Repository   map[string]any    `json:"repository,omitempty"`
	Organization *organizationJSON `json:"organization,omitempty"`
	Sender       *userJSON         `json:"sender,omitempty"`
	Installation *installationJSON `json:"installation,omitempty"`
}

type installationJSON struct {
	ID     int64  `json:"id"`
	NodeID string `json:"node_id"`
}

type organizationJSON struct {
	Login            string  `json:"login"`
	ID               int64   `json:"id"`
	NodeID           string  `json:"node_id"`
	URL              string  `json:"url"`
	ReposURL         string  `json:"repos_url"`
	EventsURL        string  `json:"events_url"`
	HooksURL         string  `json:"hooks_url"`
	IssuesURL        string  `json:"issues_url"`
	MembersURL       string  `json:"members_url"`
	PublicMembersURL string  `json:"public_members_url"`
	AvatarURL        string  `json:"avatar_url"`
	Description      *string `json:"description"`
}

type deploymentEventJSON struct {
	Action     string         `json:"action"`
	Deployment deploymentJSON `json:"deployment"`
	// Null for a deployment that no workflow run created.
	Workflow    *workflowJSON    `json:"workflow"`
	WorkflowRun *workflowRunJSON `json:"workflow_run"`
	aboutJSON
}

type statusEventJSON struct {
	Action           string         `json:"action"`
	DeploymentStatus statusJSON     `json:"deployment_status"`
	Deployment       deploymentJSON `json:"deployment"`
	aboutJSON
}

type pingEventJSON struct {
	Zen    string   `json:"zen"`
	HookID int64    `json:"hook_id"`
	Hook   hookJSON `json:"hook"`
	aboutJSON
}

type hookJSON struct {
	Type          string            `json:"type"`
	ID            int64             `json:"id"`
	Name          string            `json:"name"`
	Active        bool              `json:"active"`
	AppID         int64             `json:"app_id,omitempty"`
	Events        []string          `json:"events"`
	Config        map[string]string `json:"config"`
	UpdatedAt     string            `json:"updated_at"`
	CreatedAt     string            `json:"created_at"`
	URL           string            `json:"url,omitempty"`
	TestURL       string            `json:"test_url,omitempty"`
	PingURL       string            `json:"ping_url,omitempty"`
	DeliveriesURL string            `json:"deliveries_url"`
	LastResponse  *lastResponseJSON `json:"last_response,omitempty"`
}

type lastResponseJSON struct {
	Code    *int    `json:"code"`
	Status  string  `json:"status"`
	Message *string `json:"message"`
}

// serverCall stands for the request when the server acts by itself, as the bot
// of GitHub Actions.
func (s *Server) serverCall(r *repository) *call {
	base := s.address
	switch {
	case s.named != "":
		base = s.named
	case base != "":
	case s.given != nil:
		base = "http://" + s.given.Addr().String()
	default:
		base = strings.TrimSuffix(BaseURL, "/")
	}
	return &call{root: base, base: base, repo: r, now: s.now().UTC(), apiVersion: apiVersions[0], actor: actor{&Token{App: "github-actions"}}}
}

// emit sends an event to the webhooks that subscribe to it. The caller holds
// the lock and has already changed the state.
func (s *Server) emit(c *call, event, action string, payload func(aboutJSON) any) {
	s.emitTo(c, event, action, func(*hook) bool { return true }, payload)
}

// emitTo is emit for the webhooks for which to returns true.
func (s *Server) emitTo(c *call, event, action string, to func(*hook) bool, payload func(aboutJSON) any) {
	guid := ""
	for _, h := range s.hooks.list {
		if !h.wants(event, c.repo) || !to(h) {
			continue
		}
		if guid == "" {
			guid = s.nextGUID()
		}
		sender := s.user(c, c.actor.login())
		about := aboutJSON{Repository: s.eventRepository(c), Sender: &sender, Installation: s.installation(h)}
		s.send(c, h, guid, event, action, encode(payload(about)))
	}
}

// nextGUID returns a GUID in GitHub's form, numbered by event.
func (s *Server) nextGUID() string {
	s.hooks.events++
	return fmt.Sprintf("%08x-d0e5-11f1-8a7e-9d3c5b2f4a60", s.hooks.events)
}

func (s *Server) emitDeployment(c *call, d *deployment) {
	s.emit(c, eventDeployment, "created", func(about aboutJSON) any {
		event := deploymentEventJSON{Action: "created", Deployment: s.deploymentJSON(c, d), aboutJSON: about}
		if run := c.repo.runOf(d); run != nil {
			workflow, of := s.workflow(c, run), s.workflowRun(c, run)
			event.Workflow, event.WorkflowRun = &workflow, &of
		}
		return event
	})
}

// emitStatus sends deployment_status. GitHub sends none for the state inactive.
func (s *Server) emitStatus(c *call, d *deployment, st *deploymentStatus) {
	if st.state == "inactive" {
		return
	}
	s.emit(c, eventStatus, "created", func(about aboutJSON) any {
		return statusEventJSON{Action: "created", DeploymentStatus: s.statusJSON(c, d, st), Deployment: s.deploymentJSON(c, d), aboutJSON: about}
	})
}

// emitPing sends the ping of a new webhook, whatever its events are.
func (s *Server) emitPing(h *hook) {
	c := s.serverCall(h.repo)
	events := h.events
	if h.all && h.app == "" {
		events = []string{"*"}
	}
	config := map[string]string{"content_type": h.contentType, "url": h.address, "insecure_ssl": "0"}
	if h.secret != "" {
		config["secret"] = "********"
	}
	ping := pingEventJSON{Zen: "Anything added dilutes everything else.", HookID: h.id, Hook: hookJSON{
		Type: "Repository", ID: h.id, Name: "web", Active: true, Events: events, Config: config,
		CreatedAt: timestamp(h.createdAt), UpdatedAt: timestamp(h.createdAt),
	}}
	if h.app != "" {
		ping.Hook.Type, ping.Hook.AppID = "App", s.state.appID(h.app)
		ping.Hook.DeliveriesURL = c.base + "/app/hook/deliveries"
	} else {
		c.actor = actor{&Token{Login: h.repo.owner}}
		self := c.repoURL(fmt.Sprintf("/hooks/%d", h.id))
		ping.Hook.URL, ping.Hook.TestURL = self, self+"/test"
		ping.Hook.PingURL, ping.Hook.DeliveriesURL = self+"/pings", self+"/deliveries"
		ping.Hook.LastResponse = &lastResponseJSON{Status: "unused"}
		owner := s.user(c, h.repo.owner)
		ping.aboutJSON = aboutJSON{Repository: s.eventRepository(c), Sender: &owner}
	}
	s.send(c, h, s.nextGUID(), eventPing, "", encode(ping))
}

// eventRepository is the repository in an event: without the caller's
// permissions and without the members that only GET of the repository has.
func (s *Server) eventRepository(c *call) map[string]any {
	anybody := *c
	anybody.actor, anybody.apiVersion = actor{}, apiVersions[0]
	body := s.repositoryJSON(&anybody)
	delete(body, "network_count")
	delete(body, "subscribers_count")
	body["custom_properties"] = struct{}{}
	return body
}

func (s *Server) installation(h *hook) *installationJSON {
	if h.app == "" {
		return nil
	}
	id := s.state.userID(h.app + "[bot]") // the same ID as in the primary rate limit's message
	return &installationJSON{id, base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "023:IntegrationInstallation%d", id))}
}

func (s *Server) organization(c *call) *organizationJSON {
	login := c.repo.owner
	id := s.state.userID(login)
	api := c.base + "/orgs/" + login
	return &organizationJSON{
		Login: login, ID: id, NodeID: nodeID("O", id), URL: api, ReposURL: api + "/repos", EventsURL: api + "/events",
		HooksURL: api + "/hooks", IssuesURL: api + "/issues", MembersURL: api + "/members{/member}",
		PublicMembersURL: api + "/public_members{/member}",
		AvatarURL:        fmt.Sprintf("https://avatars.githubusercontent.com/u/%d?v=4", id),
	}
}
