package webhook

import (
	"net/http"
	"strconv"
)

// Delivery is what came around an event: the headers that GitHub sends with
// it, and its payload. A header that was not sent is "" or 0.
//
// Only Raw is signed. GUID, Event and the rest are as trustworthy as the
// connection they came over.
//
// GitHub docs: https://docs.github.com/webhooks/webhook-events-and-payloads#delivery-headers
type Delivery struct {
	Event string // X-GitHub-Event, such as "deployment"
	// GUID is X-GitHub-Delivery. A redelivery carries that of the first.
	GUID   string
	HookID int64 // X-GitHub-Hook-ID

	// What the webhook was made on: "repository", "organization",
	// "integration" (a GitHub App), ...; and its id.
	InstallationTargetType string // X-GitHub-Hook-Installation-Target-Type
	InstallationTargetID   int64  // X-GitHub-Hook-Installation-Target-ID

	EnterpriseHost    string // X-GitHub-Enterprise-Host, of GitHub Enterprise Server
	EnterpriseVersion string // X-GitHub-Enterprise-Version, of GitHub Enterprise Server
	Tenant            string // X-GitHub-Tenant, of GHE.com: the SLUG in SLUG.ghe.com

	// Raw is the payload, as JSON. In a form delivery it was taken out of the
	// form. Of a delivery that was refused it is nil.
	Raw []byte
}

// newDelivery reads the headers. A number that is none is 0.
func newDelivery(header http.Header) Delivery {
	number := func(name string) int64 {
		n, err := strconv.ParseInt(get(header, name), 10, 64)
		if err != nil {
			return 0
		}
		return n
	}
	return Delivery{
		Event:                  get(header, "X-GitHub-Event"),
		GUID:                   get(header, "X-GitHub-Delivery"),
		HookID:                 number("X-GitHub-Hook-ID"),
		InstallationTargetType: get(header, "X-GitHub-Hook-Installation-Target-Type"),
		InstallationTargetID:   number("X-GitHub-Hook-Installation-Target-ID"),
		EnterpriseHost:         get(header, "X-GitHub-Enterprise-Host"),
		EnterpriseVersion:      get(header, "X-GitHub-Enterprise-Version"),
		Tenant:                 get(header, "X-GitHub-Tenant"),
	}
}

// Info returns the delivery itself: as an [Event] it is one that this package
// has no type for.
func (d *Delivery) Info() *Delivery { return d }
