package webhook

import "strconv"

// Delivery holds the headers and the payload of an event. A missing header is
// "" or 0.
//
// The signature covers the body only. Trust GUID, Event and the other headers
// only as far as the connection.
//
// GitHub docs: https://docs.github.com/webhooks/webhook-events-and-payloads#delivery-headers
type Delivery struct {
	Event  string // X-GitHub-Event, such as "deployment"
	GUID   string // X-GitHub-Delivery; a redelivery has the same one
	HookID int64  // X-GitHub-Hook-ID

	// The type and the ID of the resource that the webhook belongs to. The type
	// is "repository", "organization", "integration" (a GitHub App) or another.
	InstallationTargetType string // X-GitHub-Hook-Installation-Target-Type
	InstallationTargetID   int64  // X-GitHub-Hook-Installation-Target-ID

	EnterpriseHost    string // X-GitHub-Enterprise-Host, of GitHub Enterprise Server
	EnterpriseVersion string // X-GitHub-Enterprise-Version, of GitHub Enterprise Server
	Tenant            string // X-GitHub-Tenant, of GHE.com: the SLUG in SLUG.ghe.com

	// Raw is the payload, as JSON: the body, or the field "payload" of a form.
	// It is nil if the delivery was refused.
	Raw []byte

	// Ignored lists the values in Raw whose type differs from GitHub's
	// documentation, as JSON Pointers (RFC 6901) such as "/repository/id".
	// Their fields are zero. [Parse] lists the values that are never ignored.
	// Ignored is nil in almost every delivery.
	Ignored []string
}

// newDelivery reads the headers. A malformed number is 0.
func newDelivery(h *headers) Delivery {
	number := func(name headerName) int64 {
		n, err := strconv.ParseInt(h.get(name), 10, 64)
		if err != nil {
			return 0
		}
		return n
	}
	return Delivery{
		Event:                  h.get(eventHeader),
		GUID:                   h.get(guidHeader),
		HookID:                 number(hookIDHeader),
		InstallationTargetType: h.get(targetTypeHeader),
		InstallationTargetID:   number(targetIDHeader),
		EnterpriseHost:         h.get(hostHeader),
		EnterpriseVersion:      h.get(versionHeader),
		Tenant:                 h.get(tenantHeader),
	}
}

// Info returns d. A Delivery is the [Event] if this package has no type for the
// event's name.
func (d *Delivery) Info() *Delivery { return d }
