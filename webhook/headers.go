package webhook

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// The headers of a delivery.
//
// GitHub docs: https://docs.github.com/webhooks/webhook-events-and-payloads#delivery-headers
const (
	signatureHeader   = "X-Hub-Signature-256"
	legacyHeader      = "X-Hub-Signature" // SHA-1
	contentTypeHeader = "Content-Type"
	eventHeader       = "X-GitHub-Event"
	guidHeader        = "X-GitHub-Delivery"
	hookIDHeader      = "X-GitHub-Hook-ID"
	targetTypeHeader  = "X-GitHub-Hook-Installation-Target-Type"
	targetIDHeader    = "X-GitHub-Hook-Installation-Target-ID"
	hostHeader        = "X-GitHub-Enterprise-Host"
	versionHeader     = "X-GitHub-Enterprise-Version"
	tenantHeader      = "X-GitHub-Tenant"
)

// unambiguous are the headers that must not have two different values.
// signature checks signatureHeader.
var unambiguous = []string{
	contentTypeHeader, eventHeader, guidHeader, hookIDHeader, targetTypeHeader, targetIDHeader,
	hostHeader, versionHeader, tenantHeader,
}

// values returns the distinct values of a header, sorted. It ignores the case
// of the name, because some gateways pass names that are not canonical.
func values(header http.Header, name string) []string {
	var all []string
	for key, values := range header {
		if strings.EqualFold(key, name) {
			all = append(all, values...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// get returns the value of a header, or "". If there are several values, it
// always returns the same one.
func get(header http.Header, name string) string {
	for _, value := range values(header, name) {
		if value != "" {
			return value
		}
	}
	return ""
}

// checkHeaders refuses a delivery with two values of one header, because the
// receiver and a proxy before it could read different values.
func checkHeaders(header http.Header) error {
	for _, name := range unambiguous {
		if len(values(header, name)) > 1 {
			return fmt.Errorf("%w: %s", ErrAmbiguousHeader, name)
		}
	}
	return nil
}
