package main

import (
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

func (c *control) listRepositories(*http.Request) (any, error) {
	return map[string]any{"repositories": c.server().Repositories()}, nil
}

type requestJSON struct {
	Time         time.Time   `json:"time"`
	Method       string      `json:"method"`
	Host         string      `json:"host"`
	Path         string      `json:"path"`
	Query        url.Values  `json:"query"`
	Headers      http.Header `json:"headers"`
	Body         string      `json:"body"`
	Operation    string      `json:"operation"`
	OperationID  string      `json:"operation_id"`
	Status       int         `json:"status"`
	Milliseconds float64     `json:"duration_ms"`
	Fault        string      `json:"fault,omitempty"`
}

func (c *control) listRequests(*http.Request) (any, error) {
	list := []requestJSON{}
	for _, r := range c.server().Requests() {
		list = append(list, requestJSON{
			r.Time, r.Method, r.Host, r.Path, r.Query, r.Header, r.Body, r.Operation, r.OperationID, r.Status,
			milliseconds(r.Duration), r.Fault,
		})
	}
	return map[string]any{"requests": list}, nil
}

type deliveryJSON struct {
	ID           int64           `json:"id"`
	GUID         string          `json:"guid"`
	HookID       int64           `json:"hook_id"`
	Event        string          `json:"event"`
	Action       string          `json:"action,omitempty"`
	Redelivery   bool            `json:"redelivery"`
	Time         time.Time       `json:"time"`
	URL          string          `json:"url"`
	Headers      http.Header     `json:"headers"`
	Payload      json.RawMessage `json:"payload"`
	Status       int             `json:"status"`
	Response     string          `json:"response"`
	Error        string          `json:"error,omitempty"`
	Milliseconds float64         `json:"duration_ms"`
}

func (c *control) listDeliveries(*http.Request) (any, error) {
	list := []deliveryJSON{}
	for _, d := range c.server().Deliveries() {
		row := deliveryJSON{
			ID: d.ID, GUID: d.GUID, HookID: d.HookID, Event: d.Event, Action: d.Action, Redelivery: d.Redelivery, Time: d.Time,
			URL: d.URL, Headers: d.Header, Payload: json.RawMessage(d.Payload), Status: d.Status, Response: d.Response,
			Milliseconds: milliseconds(d.Duration),
		}
		if d.Err != nil {
			row.Error = d.Err.Error()
		}
		list = append(list, row)
	}
	return map[string]any{"deliveries": list}, nil
}

type deploymentJSON struct {
	ID                    int64           `json:"id"`
	SHA                   string          `json:"sha"`
	Ref                   string          `json:"ref"`
	Task                  string          `json:"task"`
	Payload               json.RawMessage `json:"payload"`
	OriginalEnvironment   string          `json:"original_environment"`
	Environment           string          `json:"environment"`
	Description           string          `json:"description"`
	Creator               string          `json:"creator"`
	TransientEnvironment  bool            `json:"transient_environment"`
	ProductionEnvironment bool            `json:"production_environment"`
	CreatedAt             time.Time       `json:"created_at"`
	UpdatedAt             time.Time       `json:"updated_at"`
	State                 string          `json:"state"`
	Statuses              []statusJSON    `json:"statuses"`
}

type statusJSON struct {
	ID             int64     `json:"id"`
	State          string    `json:"state"`
	Description    string    `json:"description"`
	Environment    string    `json:"environment"`
	TargetURL      string    `json:"target_url"`
	LogURL         string    `json:"log_url"`
	EnvironmentURL string    `json:"environment_url"`
	Creator        string    `json:"creator"`
	CreatedAt      time.Time `json:"created_at"`
}

func (c *control) listDeployments(r *http.Request) (any, error) {
	name, err := c.repository(r)
	if err != nil {
		return nil, err
	}
	var deployments []ghdeploytest.Deployment
	if err := refused(func() { deployments = c.server().Deployments(name) }); err != nil {
		return nil, &controlError{status: http.StatusNotFound, Type: "not_found", Message: err.Error()}
	}
	list := []deploymentJSON{}
	for _, d := range deployments {
		row := deploymentJSON{
			d.ID, d.SHA, d.Ref, d.Task, d.Payload, d.OriginalEnvironment, d.Environment, d.Description, d.Creator,
			d.TransientEnvironment, d.ProductionEnvironment, d.CreatedAt, d.UpdatedAt, d.State(), []statusJSON{},
		}
		for _, st := range d.Statuses {
			row.Statuses = append(row.Statuses, statusJSON{
				st.ID, st.State, st.Description, st.Environment, st.TargetURL, st.LogURL, st.EnvironmentURL, st.Creator, st.CreatedAt,
			})
		}
		list = append(list, row)
	}
	return map[string]any{"deployments": list}, nil
}
