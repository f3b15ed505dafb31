package webhook

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// headerName is a header of a delivery.
//
// GitHub docs: https://docs.github.com/webhooks/webhook-events-and-payloads#delivery-headers
type headerName int

const (
	signatureHeader headerName = iota
	legacyHeader               // SHA-1
	contentTypeHeader
	eventHeader
	guidHeader
	hookIDHeader
	targetTypeHeader
	targetIDHeader
	hostHeader
	versionHeader
	tenantHeader
)

var headerNames = [...]string{
	signatureHeader:   "X-Hub-Signature-256",
	legacyHeader:      "X-Hub-Signature",
	contentTypeHeader: "Content-Type",
	eventHeader:       "X-GitHub-Event",
	guidHeader:        "X-GitHub-Delivery",
	hookIDHeader:      "X-GitHub-Hook-ID",
	targetTypeHeader:  "X-GitHub-Hook-Installation-Target-Type",
	targetIDHeader:    "X-GitHub-Hook-Installation-Target-ID",
	hostHeader:        "X-GitHub-Enterprise-Host",
	versionHeader:     "X-GitHub-Enterprise-Version",
	tenantHeader:      "X-GitHub-Tenant",
}

func (n headerName) String() string { return headerNames[n] }

// headers holds the distinct values of each header, sorted.
type headers [len(headerNames)][]string

// readHeaders reads the headers of a delivery. It ignores the case of their
// names, because some gateways pass names that are not canonical.
func readHeaders(header http.Header) *headers {
	h := new(headers)
	for key, values := range header {
		for name := range h {
			if strings.EqualFold(key, headerNames[name]) {
				h[name] = merge(h[name], values)
			}
		}
	}
	return h
}

func merge(some, more []string) []string {
	if len(some) == 0 && len(more) == 1 {
		return more
	}
	all := slices.Concat(some, more)
	slices.Sort(all)
	return slices.Compact(all)
}

// get returns the value of a header, or "". If there are several values, it
// always returns the same one.
func (h *headers) get(name headerName) string {
	for _, value := range h[name] {
		if value != "" {
			return value
		}
	}
	return ""
}

// check refuses a delivery with two values of one header, because the receiver
// and a proxy before it could read different ones. signature checks its header.
func (h *headers) check() error {
	for name := contentTypeHeader; int(name) < len(h); name++ {
		if len(h[name]) > 1 {
			return fmt.Errorf("%w: %s", ErrAmbiguousHeader, name)
		}
	}
	return nil
}
